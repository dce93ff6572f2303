"""The chapters of the demo, in order: each runs real commands and checks what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from engine.contracts import State
from engine.desk.credentials import store_secret
from engine.desk.people import list_held
from engine.desk.validating import validate_paths
from engine.run.model import Integration
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.story import tell, verify
from engine.run.summary import Summary
from engine.run.workspace import Workspace
from engine.sandbox.demo_data import EVENING, SHOWN, SPEC, SPECS, STARTERS
from engine.sandbox.demo_screen import Screen
from engine.sandbox.stands import EpicorStand, StampliStand
from engine.trial.faults import place
from engine.trial.world import SteppedClock, Supplied

DOUBTFUL = "88-1123"
"""The invoice whose answer gets lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What the chapters play with."""

    screen: Screen
    integration: Integration
    epicor: EpicorStand
    stampli: StampliStand
    workspace: Workspace
    seams: Seams
    clock: SteppedClock
    supplied: Supplied

    def run(self) -> Summary:
        """`mlconnector run`, shown as the command and its table."""
        self.screen.command(f"mlconnector run {SHOWN}")
        result = run_spec(SPEC, self.workspace, self.seams, Options(), quiet)
        assert isinstance(result, Summary)  # not a dry run
        self.screen.table(
            "Flows", ("flow", "outcome", "records", "amount"), [_row(flow.plain()) for flow in result.flows]
        )
        return result

    def headers_saved(self, number: str = "*") -> int:
        """How often the ERP stored a new invoice header, by its own history."""
        saved = self.epicor.server.history.effects("ap_invoice.header_saved")
        return sum(bool(e.detail["new"]) for e in saved if number in {"*", e.key.rpartition("/")[2]})


def set_up(stage: Stage) -> None:
    """Stand-ins, their data, the secrets."""
    screen = stage.screen
    screen.chapter("1  Two systems and their credentials")
    stage.epicor.seed(STARTERS["epicor-kinetic"], SPECS)
    stage.stampli.seed(STARTERS["stampli"], SPECS)
    screen.say(f"Epicor stand-in    {stage.epicor.settings['site']}  5 vendors, 10 accounts, no invoices yet")
    address = f"sftp://{stage.stampli.settings['host']}:{stage.stampli.settings['port']}"
    screen.say(f"Stampli stand-in   {address}  2 files with 7 invoices and credit memos in /outbound")
    for name, value in stage.supplied.secrets.items():
        screen.command(f"mlconnector secrets set {name}")
        screen.output(store_secret(stage.workspace, name, value))
    found = b"".join(file.read_bytes() for file in stage.workspace.folder.rglob("*") if file.is_file())
    screen.claim(
        "No secret can be read in the workspace: they are sealed with AES-256-GCM",
        not any(value.encode() in found for value in stage.supplied.secrets.values()),
    )


def validate(stage: Stage) -> None:
    """The spec, checked as a whole."""
    stage.screen.chapter("2  The spec is checked before anything moves")
    stage.screen.command(f"mlconnector validate {SHOWN}")
    text, code = validate_paths([str(SPEC)], form="text", strict=False, data=None)
    stage.screen.output(text.replace(str(SPEC), SHOWN), cut=False)
    stage.screen.claim("The spec holds together", code == 0)


def first_run(stage: Stage) -> None:
    """Master data goes out, invoices come in, what is wrong waits for a person."""
    screen = stage.screen
    screen.chapter("3  The first run: master data out, approved invoices in")
    stage.run()
    _show_invoices(stage)
    _show_files(stage)
    there = {row["InvoiceNum"] for row in stage.epicor.rows("ap_invoices")}
    screen.claim(
        "The four approved, correct documents are in the ERP",
        there == {"INV-20418", "88-1107", "DL-2026-031", "CM-77"},
    )
    screen.claim("Every amount arrived to the cent, lines and header agree", _balanced(stage))
    screen.claim("The credit memo became a debit memo", _invoice(stage, "CM-77").get("DebitMemo") is True)
    screen.claim("The invoice that nobody approved yet was passed over", "INV-20433" not in there)
    screen.claim("All 5 vendors and 10 accounts lie in Stampli's inbound folder", _masters(stage) == (5, 10))
    screen.say("Two documents wait, each for a reason a person can act on:")
    screen.command("mlconnector held list --all")
    screen.output(list_held(stage.workspace, every=True, form="text"))
    states = _states(stage)
    screen.claim("The one whose lines do not add up is held", states.get("HF-553") is State.HELD)
    screen.claim("The one of an unknown vendor waits for the vendor", states.get("NC-1") is State.WAITING)


def second_run(stage: Stage) -> None:
    """Nothing twice."""
    stage.screen.chapter("4  The same run again: nothing is posted twice")
    before = stage.headers_saved()
    stage.stampli.seed({"/outbound/invoices_sent_again.csv": {"file": "samples/demo_invoices_morning.csv"}}, SPECS)
    stage.screen.say("Fifteen minutes later Stampli sends the morning's file once more, under another name.")
    stage.clock.forward(timedelta(minutes=15))
    stage.run()
    stage.screen.claim(
        f"The ERP has stored {before} invoices since the start, and not one more in this run",
        stage.headers_saved() == before == 4,
    )


def lost_answer(stage: Stage) -> None:
    """The answer of the last commit step never arrives."""
    screen = stage.screen
    screen.chapter("5  The worst moment: the ERP saves, and its answer is lost")
    screen.say("A new file arrives. While its invoice is being saved, the line goes dead before the answer comes.")
    stage.stampli.seed(EVENING, SPECS)
    for alias, at, nth in place("code_line", 2, stage.integration, ["invoices"]):
        assert alias == "epicor"  # where the flow writes to
        stage.epicor.fault("lost_answer", at, nth, None)
    stage.clock.forward(timedelta(minutes=15))
    stage.run()
    document = next(iter(stage.workspace.ledger.find_documents(identifier=DOUBTFUL)), None)
    screen.claim(
        "mlconnector does not know whether it was saved, says so, and sends nothing again",
        document is not None and document.state is State.IN_DOUBT and stage.headers_saved(DOUBTFUL) == 1,
    )
    if document is not None:
        screen.output(f"{document.number} is {document.state.value}: {document.reason}")
    screen.say("The next run looks in the ERP before it does anything else.")
    stage.clock.forward(timedelta(minutes=15))
    stage.run()
    screen.claim(
        "It found the invoice there, complete, and settled the doubt", _states(stage).get(DOUBTFUL) is State.POSTED
    )
    screen.claim(
        "The ERP holds it exactly once, and stored it exactly once",
        stage.headers_saved(DOUBTFUL) == 1 and bool(_invoice(stage, DOUBTFUL)),
    )


def audit(stage: Stage) -> None:
    """The story of that invoice."""
    screen = stage.screen
    screen.chapter("6  Where did this invoice come from?")
    screen.command(f"mlconnector audit --invoice {DOUBTFUL}")
    story = tell(stage.workspace, form="text", invoice=DOUBTFUL)
    screen.output(story, most=30)
    header = _invoice(stage, DOUBTFUL)
    reference = f"{header.get('VendorNum')}/{DOUBTFUL}"
    screen.claim("The story ends at the ERP's own key of it", reference in story)
    screen.claim("It begins at the file it came from", "invoices_20260302_1800.csv" in story)
    screen.command("mlconnector audit verify")
    text, code = verify(stage.workspace)
    screen.output(text)
    screen.claim("No line of the trail was changed, removed or reordered", code == 0)
    screen.claim("No secret is in it", not any(value in story for value in stage.supplied.secrets.values()))
    complaints = [*stage.epicor.complaints(), *stage.stampli.complaints()]
    screen.claim("Neither system got a request it did not understand", not complaints)


CHAPTERS: Sequence[Callable[[Stage], None]] = (set_up, validate, first_run, second_run, lost_answer, audit)


def _row(flow: Mapping[str, Any]) -> tuple[str, str, str, str]:
    counts = {name: count for name, count in flow["counts"].items() if count and name != "read"}
    told = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items()]
    told += [f"{count} {name.replace('_', ' ')} from before" for name, count in flow["earlier"].items() if count]
    amounts = [amount for name, amount in flow["amounts"].items() if name in {"posted", "adopted"}]
    total = format(sum(map(Decimal, amounts)), ",") if amounts else ""
    return flow["flow"], flow["error"] or flow["outcome"], ", ".join(told), total


def _show_invoices(stage: Stage) -> None:
    head = ("vendor", "invoice", "date", "amount", "lines coded to")
    rows = [
        (
            row["VendorID"],
            row["InvoiceNum"],
            str(row["InvoiceDate"]),
            format(row["DocInvoiceVendorAmt"], ",.2f"),
            ", ".join(line["GLAccount"] for line in row["APInvDtls"]),
        )
        for row in stage.epicor.rows("ap_invoices")
    ]
    stage.screen.table("AP invoices the ERP now holds", head, rows, right=("amount",))


def _show_files(stage: Stage) -> None:
    for path, data in stage.stampli.files("/inbound/*").items():
        stage.screen.say(f"{path}, as Stampli received it:")
        stage.screen.output("\n".join(data.decode().splitlines()[:3]))


def _balanced(stage: Stage) -> bool:
    return all(
        row["DocInvoiceVendorAmt"] == sum(line["DocExtCost"] for line in row["APInvDtls"])
        for row in stage.epicor.rows("ap_invoices")
    )


def _invoice(stage: Stage, number: str) -> Mapping[str, Any]:
    found = [row for row in stage.epicor.rows("ap_invoices") if row["InvoiceNum"] == number]
    return found[0] if len(found) == 1 else {}


def _masters(stage: Stage) -> tuple[int, int]:
    return len(stage.stampli.rows("vendors")), len(stage.stampli.rows("gl_accounts"))


def _states(stage: Stage) -> dict[str, State]:
    return {document.number: document.state for document in stage.workspace.ledger.find_documents(limit=1000)}
