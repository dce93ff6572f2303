"""The same world with Ramp in it, and what a company does there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from engine.contracts import Document
from engine.sandbox.faults import Fault
from engine.sandbox.ramp import Ramp
from engine.sandbox.ramp_stand import RampStand

from .world import VENDORS, World

SPEC = "epicor-kinetic--ramp"
SECRET = "canary-ramp-secret-41d7"
WEBHOOK_SECRET = "canary-webhook-secret-80cc"
SEGMENTS = [
    {"SegmentNbr": 1, "SegmentCode": "6100", "SegmentName": "Office supplies", "Category": "Expense"},
    {"SegmentNbr": 1, "SegmentCode": "6200", "SegmentName": "Freight in", "Category": "Expense"},
    {"SegmentNbr": 2, "SegmentCode": "00", "SegmentName": "Main division"},
    {"SegmentNbr": 3, "SegmentCode": "00", "SegmentName": "Company"},
    {"SegmentNbr": 3, "SegmentCode": "10", "SegmentName": "Plant"},
]
MASTERS = ("department_field", "departments", "gl_accounts", "vendors")
TELLING = ("bill_results", "bill_failures")


class RampWorld(World):
    """`ramp` is Ramp: a business with one entity, no accounting connection, and vendors linked to Epicor's."""

    def __init__(self, stack: ExitStack, folder: Path, *, ramp: Mapping[str, Any] | None = None, **epicor: Any) -> None:
        super().__init__(stack, folder, **epicor)
        self.epicor.seed(segments=SEGMENTS)
        self.ramp_stand = RampStand(self.clock)
        self.ramp_stand.server = self.ramp = Ramp(
            clock=self.clock,
            random=Random(7),
            client_secret=SECRET,
            later=self.clock.later,
            sleep=self.clock.sleep,
            **(ramp or {}),
        )
        stack.enter_context(self.ramp_stand)
        self.ramp.seed(
            vendors=[
                {"name": "Acme Industrial Supply", "accounting_vendor_remote_id": "ACME"},
                {"name": "Northwind Freight", "accounting_vendor_remote_id": "NWFRT"},
                {"name": "Blue Harbor Catering"},
            ]
        )
        self.spec = self.folder / "specs" / f"{SPEC}.yaml"
        self.environ |= {
            "RAMP_SITE": self.ramp.url,
            "RAMP_TOKEN_URL": self.ramp.token_url,
            "RAMP_CLIENT_ID": self.ramp.logins.client_id,
            "RAMP_ENTITY": self.ramp.rows("entities")[0]["id"],
        }
        self.secrets |= {"ramp.client_secret": SECRET, "ramp.webhook_secret": WEBHOOK_SECRET}
        self.store_secrets()

    def masters_are_there(self) -> None:
        """As if Epicor's masters had just been brought to Ramp."""
        names = {segment["SegmentCode"]: segment["SegmentName"] for segment in SEGMENTS}
        self.ramp.seed(
            connection=[{"remote_provider_name": "Epicor Kinetic"}],
            accounts=[{"id": code, "code": code, "name": names[code]} for code in ("6100", "6200")],
            fields=[
                {
                    "id": "Department",
                    "name": "Department",
                    "options": [{"id": "00", "value": "Company"}, {"id": "10", "value": "Plant"}],
                }
            ],
            accounting_vendors=[
                {"id": row["VendorID"], "code": row["VendorID"], "name": row["Name"]} for row in VENDORS
            ],
        )
        with self.workspace() as workspace:
            for flow in MASTERS:
                run = workspace.ledger.start_run(f"{SPEC}/{flow}", "run", "test")
                workspace.ledger.end_run(run, "done", {}, ok=True)

    def bill(self, number: str, amount: str = "10.30", *lines: tuple[str, str, str], **more: Any) -> str:
        """A person's approved bill of ACME in Ramp, coded line by line (amount, account, department); its id."""
        lines = lines or ((amount, "6100", "10"),)
        items = [
            {"memo": f"line {place}", "amount": part, "coding": {"gl": account, "Department": department}}
            for place, (part, account, department) in enumerate(lines, 1)
        ]
        dates = {"issued_at": "2026-02-20", "due_at": "2026-03-22", "accounting_date": "2026-02-28"}
        given = {"invoice_number": number, "vendor": "ACME", "amount": amount, "line_items": items, **dates, **more}
        known = {row["id"] for row in self.ramp.rows("bills")}
        self.ramp.seed(bills=[given])
        (made,) = [row["id"] for row in self.ramp.rows("bills") if row["id"] not in known]
        return str(made)

    def correct(self, bill: str, **changes: Any) -> None:
        """A person changes a bill that is there."""
        self.ramp.seed(bills=[{"id": bill, **changes}])

    def in_ramp(self, number: str) -> list[dict[str, Any]]:
        """The bills of that invoice number, as Ramp shows them."""
        return [row for row in self.ramp.rows("bills") if row["invoice_number"] == number]

    def told(self, what: str, bill: str) -> list[Mapping[str, Any]]:
        """What Ramp was told of a bill: `synced` or `sync_failed`."""
        return [effect.detail for effect in self.ramp.history.effects(f"bill.{what}") if effect.key == bill]

    def strike(self, kind: str, at: str, nth: int = 1, value: str | None = None) -> None:
        """Something goes wrong in Ramp."""
        self.ramp.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))

    def now(self, flow: str, number: str) -> Document:
        """The ledger's newest version of a document of one flow."""
        return [one for one in self.documents(number) if one.flow == f"{SPEC}/{flow}"][-1]

    def assert_understood(self) -> None:
        """Nothing was sent that a real server of either side would pass over in silence."""
        assert self.stand.complaints() == []
        assert self.ramp_stand.complaints() == []
