"""A world for one integration: both stand-ins running, a workspace, and a clock that jumps instead of waiting."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from engine.contracts import Document
from engine.redaction import Redactor
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.summary import Summary
from engine.run.workspace import Workspace, open_workspace
from engine.sandbox.epicor import Epicor
from engine.sandbox.stampli import INVOICE_COLUMNS, PLAIN, Stampli, Style, render, render_xml
from engine.sandbox.stands import BANK, EpicorStand

from .loading import loaded

SPECS = Path(__file__).parents[2] / "specs"
SPEC = "epicor-kinetic--stampli"
CANARIES = {
    "password": "canary-erp-password-1f0a",
    "client_secret": "canary-client-secret-2c7b",
    "api_key": "canary-api-key-93de",
    "sftp": "canary-sftp-password-55e1",
    "alerts": "mailto://canary-alert-address-77aa",
}
VENDORS = [
    {"VendorNum": 12, "VendorID": "ACME", "Name": "Acme Industrial Supply"},
    {"VendorNum": 13, "VendorID": "NWFRT", "Name": "Northwind Freight"},
]
ACCOUNTS = [
    {"COACode": "MAIN", "GLAccount": "6100|00|10", "AccountDesc": "Office"},
    {"COACode": "MAIN", "GLAccount": "6200|00|00", "AccountDesc": "Freight"},
]


class FakeClock:
    """Time passes only by `sleep` and `forward`; work a stand-in put off lands when its time has come."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self._lock = threading.Lock()
        self._later: list[tuple[datetime, Callable[[], None]]] = []

    def __call__(self) -> datetime:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        self.forward(seconds=seconds)

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        with self._lock:
            self._later.append((self._now + timedelta(seconds=seconds), work))

    def forward(self, **span: float) -> None:
        with self._lock:
            self._now += timedelta(**span)
            due = [work for at, work in self._later if at <= self._now]
            self._later = [(at, work) for at, work in self._later if at > self._now]
        for work in due:
            work()


class World:
    """`run(flows)` is one poll, a quarter of an hour after the one before, by a process of its own as far as memory goes."""

    def __init__(self, stack: ExitStack, folder: Path, *, clock: Any = None, **epicor: Any) -> None:
        self.folder = folder
        self.home = folder / "workspace"
        self.home.mkdir()
        self.clock = clock or FakeClock()
        later = {"later": self.clock.later} if hasattr(self.clock, "later") else {}
        self.stand = EpicorStand(self.clock)
        self.stand.server = self.epicor = Epicor(
            clock=self.clock,
            random=Random(1),
            password=CANARIES["password"],
            client_secret=CANARIES["client_secret"],
            api_key=CANARIES["api_key"],
            seed={"bank_accounts": [BANK], "vendors": VENDORS, "gl_accounts": ACCOUNTS},
            **later,
            **epicor,
        )
        stack.enter_context(self.stand)
        self.stampli = Stampli()
        self.stampli.server.password = CANARIES["sftp"]
        stack.enter_context(self.stampli)
        self.spec = self._copy_specs()
        self.environ = self._environ()
        self.redactor = Redactor()
        self.secrets = {
            "epicor.client_secret": CANARIES["client_secret"],
            "epicor.api_key": CANARIES["api_key"],
            "epicor.password": CANARIES["password"],
            "stampli.password": CANARIES["sftp"],
            "stampli.private_key": self.stampli.server.private_key,
            "alerts.ap_team": CANARIES["alerts"],
        }
        self.store_secrets()
        self.ran = 0

    def _copy_specs(self) -> Path:
        shutil.copytree(SPECS, self.folder / "specs")
        return self.folder / "specs" / f"{SPEC}.yaml"

    def _environ(self) -> dict[str, str]:
        return {
            "EPICOR_SITE": self.epicor.url,
            "EPICOR_COMPANY": self.epicor.company,
            "EPICOR_TOKEN_URL": self.epicor.token_url,
            "EPICOR_CLIENT_ID": self.epicor.logins.client_id,
            "EPICOR_USER": self.epicor.logins.username,
            "STAMPLI_HOST": self.stampli.server.host,
            "STAMPLI_PORT": str(self.stampli.server.port),
            "STAMPLI_USER": self.stampli.server.username,
            "STAMPLI_HOST_KEY": self.stampli.server.host_key_line,
        }

    # What a person prepares

    def store_secrets(self) -> None:
        with self.workspace() as workspace:
            for name, value in self.secrets.items():
                workspace.vault.set(name, value)

    def change(self, file: str, *pairs: tuple[str, str]) -> None:
        """Edits a copied spec file; `file` is relative to specs/, empty for the integration itself."""
        path = self.spec.parent / file if file else self.spec
        text = path.read_text()
        for old, new in pairs:
            assert old in text, f"{old!r} is not in {path.name}"
            text = text.replace(old, new)
        path.write_text(text)

    def keep_on(self, url: str) -> None:
        """From now on the ledger is in that database; what a person stores is stored there too."""
        self.environ["MLCONNECTOR_DATABASE_URL"] = url
        self.store_secrets()

    def masters_are_fresh(self, *flows: str) -> None:
        """As if `vendors` (or these flows) had just been synchronised."""
        with self.workspace() as workspace:
            for flow in flows or ("vendors",):
                run = workspace.ledger.start_run(f"{SPEC}/{flow}", "run", "test")
                workspace.ledger.end_run(run, "done", {}, ok=True)

    # What comes in

    def offer(self, name: str, *invoices: Mapping[str, Any], style: Style = PLAIN) -> Path:
        return self.stampli.write(name, render(INVOICE_COLUMNS, invoices, style), modified=self.clock())

    def offer_xml(self, name: str, *invoices: Mapping[str, Any]) -> Path:
        """The same in the XML template."""
        return self.stampli.write(name, render_xml(invoices), modified=self.clock())

    # Running

    def seams(self, **changes: Any) -> Seams:
        given = {
            "clock": self.clock,
            "sleep": self.clock.sleep,
            "random": Random(1).random,
            "environ": self.environ,
            "allow_loopback": True,
        }
        return Seams(**(given | changes))

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        with open_workspace(self.home, seams=self.seams(), redactor=self.redactor, actor="test") as workspace:
            yield workspace

    def run(
        self,
        *flows: str,
        progress: Any = quiet,
        stopping: Any = None,
        seams: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Any:
        if self.ran:
            self.clock.forward(minutes=15)
        self.ran += 1
        with self.workspace() as workspace:
            chosen, outside = Options(flows=flows, **options), self.seams(**(seams or {}))
            return run_spec(loaded(self.spec), workspace, outside, chosen, progress, stopping=stopping)

    def counts(self, result: Summary, flow: str = "invoices") -> dict[str, int]:
        """A flow's figures of one run, `read` aside."""
        summary = next(each for each in result.flows if each.flow == flow)
        assert not summary.error, summary.error
        return {name: count for name, count in summary.counts.items() if name != "read"}

    # What really happened

    def documents(self, number: str) -> list[Document]:
        with self.workspace() as workspace:
            return sorted(workspace.ledger.find_documents(identifier=number), key=lambda d: (d.flow, d.version))

    def document(self, number: str) -> Document:
        found = self.documents(number)
        assert found, f"the ledger has no {number}"
        return found[-1]

    def state(self, number: str) -> str:
        return self.document(number).state.value

    def numbers(self) -> list[str]:
        """The numbers of the invoices in the ERP."""
        return [row["InvoiceNum"] for row in self.epicor.invoices()]

    def calls(self, pattern: str) -> int:
        return len(self.epicor.history.calls(pattern))

    def saved(self, number: str) -> int:
        """How many headers of that number were created and stayed."""
        history = self.epicor.history
        made = [
            e for e in history.effects("ap_invoice.header_saved") if e.detail["new"] and e.key.endswith(f"/{number}")
        ]
        gone = [e for e in history.effects("ap_invoice.deleted") if e.key.endswith(f"/{number}")]
        return len(made) - len(gone)

    def assert_whole(self, number: str, amounts: tuple[str, ...] = ("10.10", "0.20")) -> None:
        """The ERP has exactly one invoice of that number, with these coded lines and no variance, and no more."""
        found = [row for row in self.epicor.invoices() if row["InvoiceNum"] == number]
        assert len(found) == 1, f"{len(found)} invoices {number} in the ERP"
        lines = found[0]["APInvDtls"]
        assert [line["DocExtCost"] for line in lines] == [Decimal(amount) for amount in amounts]
        assert found[0]["DocInvoiceVendorAmt"] == sum(map(Decimal, amounts))
        assert found[0]["DocInvoiceVariance"] == 0
        assert all(expense["GLAccount"] for line in lines for expense in line["APInvExps"])
        assert all(len(line["APInvExps"]) == 1 for line in lines)
        assert self.saved(number) == 1

    def assert_understood(self) -> None:
        """Nothing was sent that a real server would pass over in silence."""
        assert self.stand.complaints() == []

    def outbound(self, folder: str = "") -> list[str]:
        """The finished files in the outbound folder, or below it."""
        place = self.stampli.path(f"/outbound{folder}")
        return sorted(path.name for path in place.iterdir() if path.is_file())


def line(number: int, amount: str, gl: str = "OFFICE", center: str = "CC10") -> dict[str, Any]:
    """One line of an invoice as Stampli exports it."""
    return {
        "line_number": number,
        "line_description": f"line {number}",
        "line_amount": amount,
        "gl_account": gl,
        "cost_center": center,
    }


def invoice(number: str = "00123", *lines: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """An approved invoice of ACME; two lines that make 10.30 unless given."""
    lines = lines or (line(1, "10.10"), line(2, "0.20", "FREIGHT", ""))
    return {
        "document_type": "INVOICE",
        "invoice_number": number,
        "vendor_id": "ACME",
        "vendor_name": "Acme",
        "invoice_date": "2026-02-20",
        "due_date": "2026-03-22",
        "gl_posting_date": "2026-02-28",
        "currency": "USD",
        "invoice_total": str(sum(Decimal(each["line_amount"]) for each in lines)),
        "approval_status": "APPROVED",
        "lines": list(lines),
        **fields,
    }


def payment(number: str = "5001", pays: Mapping[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """A payment of ACME's invoice 00123 over 10.30 unless said otherwise."""
    pays = pays or {"00123": "10.30"}
    return {
        "payment_number": number,
        "payment_date": "2026-03-01",
        "vendor_id": "ACME",
        "currency": "USD",
        "payment_total": str(sum(map(Decimal, pays.values()))),
        "status": "PAID",
        "lines": [{"invoice_number": paid, "amount_applied": amount} for paid, amount in pays.items()],
        **fields,
    }
