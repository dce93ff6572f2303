"""The world of the SYSPRO integration: its stand-in with the read side, Stampli's folder, a workspace, and a clock that jumps."""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from engine.contracts import Document
from engine.redaction import Redactor
from engine.sandbox.faults import Fault
from engine.sandbox.history import Effect
from engine.sandbox.stampli import INVOICE_COLUMNS, Stampli, render
from engine.sandbox.syspro import Syspro
from engine.sandbox.syspro_seed import SMALL_COMPANY
from engine.sandbox.syspro_stand import SysproStand

from .world import FakeClock, World

SPEC = "syspro--stampli"
OPERATOR = "MLC"
CANARIES = {
    "operator": "canary-operator-password-31c0",
    "company": "canary-company-password-9b7f",
    "odata": "canary-odata-password-e6a4",
    "sftp": "canary-sftp-password-55e1",
    "alerts": "mailto://canary-alert-address-77aa",
}
MASTERS = ("vendors",)


class SysproWorld(World):
    """`erp` is the stand-in; `run`, `document` and the rest are the common world's."""

    def __init__(self, stack: ExitStack, folder: Path, *, clock: Any = None, spec: str = SPEC, **erp: Any) -> None:
        self.folder, self.home = folder, folder / "workspace"
        self.home.mkdir()
        self.clock = clock or FakeClock()
        self.stand = SysproStand(self.clock)
        self.stand.server = self.erp = Syspro(
            clock=self.clock,
            random=Random(1),
            operators={OPERATOR: CANARIES["operator"]},
            company_password=CANARIES["company"],
            odata_login=("odata_mlc", CANARIES["odata"]),
            later=self.clock.later,
            **{"seed": SMALL_COMPANY, **erp},
        )
        stack.enter_context(self.stand)
        self.stampli = Stampli()
        self.stampli.server.password = CANARIES["sftp"]
        stack.enter_context(self.stampli)
        self._copy_specs()
        self.spec = folder / "specs" / f"{spec}.yaml"
        server = self.stampli.server
        self.environ = {
            "SYSPRO_SITE": self.erp.url,
            "SYSPRO_OPERATOR": OPERATOR,
            "SYSPRO_COMPANY": self.erp.sessions.company,
            "SYSPRO_ODATA_SITE": self.erp.odata_url,
            "SYSPRO_ODATA_USER": self.erp.odata_login[0],
            "STAMPLI_HOST": server.host,
            "STAMPLI_PORT": str(server.port),
            "STAMPLI_USER": server.username,
            "STAMPLI_HOST_KEY": server.host_key_line,
        }
        self.redactor = Redactor()
        self.secrets = {
            "syspro.operator_password": CANARIES["operator"],
            "syspro.company_password": CANARIES["company"],
            "syspro.odata_password": CANARIES["odata"],
            "stampli.password": CANARIES["sftp"],
            "alerts.ap_team": CANARIES["alerts"],
        }
        self.store_secrets()
        self.ran = 0

    def strike(self, kind: str, at: str, nth: int = 1, value: str | None = None) -> None:
        """The stand-in does wrong at the nth call of these operations."""
        self.erp.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))

    def masters_are_fresh(self, *flows: str) -> None:
        """As if these flows (the ones invoices need, where none is named) had just succeeded."""
        with self.workspace() as workspace:
            for flow in flows or MASTERS:
                run = workspace.ledger.start_run(f"{self.spec.stem}/{flow}", "run", "test")
                workspace.ledger.end_run(run, "done", {}, ok=True)

    def hand_over(self, name: str, *invoices: dict[str, Any]) -> Path:
        """A file of invoices in the template of this customer, which also names the invoice a credit belongs to."""
        columns = (*INVOICE_COLUMNS, "original_invoice")
        return self.stampli.write(name, render(columns, invoices), modified=self.clock())

    def posted(self, number: str, what: str = "ap_invoice") -> list[Effect]:
        """Each time the ERP posted an invoice (or adjustment) of that number."""
        return [one for one in self.erp.history.effects(f"{what}.posted") if one.key.endswith(f"/{number}")]

    def invoice(self, number: str) -> dict[str, Any]:
        """The one invoice of that number in the ERP."""
        (found,) = [row for row in self.erp.invoices() if row["Invoice"] == number]
        return found

    def now(self, flow: str, number: str) -> Document:
        """The ledger's newest version of a document of one flow."""
        return [one for one in self.documents(number) if one.flow.endswith(f"/{flow}")][-1]

    def assert_whole(self, number: str, amounts: tuple[str, ...] = ("10.10", "0.20")) -> None:
        """The ERP has exactly one invoice of that number, with these entries, posted once."""
        found = self.invoice(number)
        assert [line["DistrValue"] for line in found["LedgerDistribution"]] == [Decimal(amount) for amount in amounts]
        assert found["OrigInvValue"] == sum(map(Decimal, amounts))
        assert len(self.posted(number)) == 1

    def sessions(self) -> list[str]:
        """What happened to sessions, in order."""
        return [effect.what.removeprefix("session.") for effect in self.erp.history.effects("session.*")]

    def trail(self) -> str:
        """Everything the workspace keeps unsealed, as one text."""
        return "".join(path.read_bytes().decode("latin-1") for path in sorted(self.home.rglob("*")) if path.is_file())


def line(number: int, amount: str, gl: str = "10-1000-100") -> dict[str, Any]:
    """One line of an invoice as Stampli exports it."""
    return {"line_number": number, "line_description": f"line {number}", "line_amount": amount, "gl_account": gl}


def invoice(number: str = "00123", *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An approved invoice of supplier 123; two lines that make 10.30 unless given."""
    lines = lines or (line(1, "10.10"), line(2, "0.20", "10-1100-100"))
    return {
        "document_type": "INVOICE",
        "invoice_number": number,
        "vendor_id": "123",
        "vendor_name": "Acme",
        "invoice_date": "2026-02-20",
        "due_date": "2026-03-22",
        "gl_posting_date": "2026-02-28",
        "currency": "USD",
        "invoice_total": str(sum(Decimal(each["line_amount"]) for each in lines)),
        "description": "Toner & paper",
        "approval_status": "APPROVED",
        "lines": list(lines),
        **fields,
    }
