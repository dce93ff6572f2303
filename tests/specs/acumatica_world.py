"""The world of the Acumatica integration: its stand-in, Stampli's folder, a workspace, and a clock that jumps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from engine.redaction import Redactor
from engine.run.running import Options, run_spec
from engine.run.seams import quiet
from engine.sandbox.acumatica import Acumatica
from engine.sandbox.acumatica_stand import AcumaticaStand
from engine.sandbox.faults import Fault
from engine.sandbox.history import Effect
from engine.sandbox.stampli import Stampli

from .loading import loaded
from .world import FakeClock, World

SPEC = "acumatica--stampli"
CANARIES = {
    "client_secret": "canary-oauth-secret-4d1c",
    "password": "canary-user-password-8e20",
    "sftp": "canary-sftp-password-55e1",
    "alerts": "mailto://canary-alert-address-77aa",
}
SEED: dict[str, Any] = {
    "Vendor": [
        {"VendorID": "ACME", "VendorName": "Acme Industrial Supply", "MainContact": {"Email": "ap@acme.example"}},
        {"VendorID": "NWFRT", "VendorName": "Northwind Freight", "Terms": "15D"},
    ],
    "Account": [{"AccountCD": "61000", "Description": "Freight in", "Type": "Expense"}],
    "Subaccount": [{"SubaccountCD": "CC1-000", "Description": "Office west"}],
    "Project": [{"ProjectID": "X", "Description": "Non-project"}],
    "CostCode": [{"CostCodeID": "0000", "Description": "Unclassified"}],
}
MASTERS = ("vendors", "gl_accounts", "subaccounts")
ALL_MASTERS = (*MASTERS, "projects", "cost_codes", "purchase_orders")


class AcumaticaWorld(World):
    """`erp` is the stand-in; `run`, `offer`, `document` and the rest are the common world's."""

    def __init__(self, stack: ExitStack, folder: Path, *, clock: Any = None, **erp: Any) -> None:
        self.folder, self.home = folder, folder / "workspace"
        self.home.mkdir()
        self.clock = clock or FakeClock()
        self.stand = AcumaticaStand(self.clock)
        self.stand.server = self.erp = Acumatica(
            clock=self.clock,
            random=Random(1),
            password=CANARIES["password"],
            later=self.clock.later,
            **{"seed": SEED, **erp},
        )
        self.erp.logins.client_secret = CANARIES["client_secret"]
        stack.enter_context(self.stand)
        self.stampli = Stampli()
        self.stampli.server.password = CANARIES["sftp"]
        stack.enter_context(self.stampli)
        self._copy_specs()
        self.spec = folder / "specs" / f"{SPEC}.yaml"
        server = self.stampli.server
        self.environ = {
            "ACUMATICA_SITE": self.erp.url,
            "ACUMATICA_TENANT": self.erp.tenants[0],
            "ACUMATICA_CLIENT_ID": self.erp.client_id,
            "ACUMATICA_USER": self.erp.logins.username,
            "STAMPLI_HOST": server.host,
            "STAMPLI_PORT": str(server.port),
            "STAMPLI_USER": server.username,
            "STAMPLI_HOST_KEY": server.host_key_line,
        }
        self.redactor = Redactor()
        self.secrets = {
            "acumatica.client_secret": CANARIES["client_secret"],
            "acumatica.password": CANARIES["password"],
            "acumatica.refresh_token": self.erp.logins.consent(self.erp.tenants[0], {"api", "offline_access"}),
            "stampli.password": CANARIES["sftp"],
            "alerts.ap_team": CANARIES["alerts"],
        }
        self.store_secrets()
        self.ran = 0

    def run(self, *flows: str, progress: Any = quiet, seams: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """As the common world's, but a spec that has not changed is read once: that is most of a run here."""
        self.clock.forward(minutes=15 if self.ran else 0)
        self.ran += 1
        with self.workspace() as workspace:
            chosen = Options(flows=flows, **options)
            return run_spec(loaded(self.spec), workspace, self.seams(**(seams or {})), chosen, progress)

    def log_in_by(self, auth: str) -> None:
        """Edits the integration to another of the system's logins."""
        further = {
            "cookie": "username: {env: ACUMATICA_USER}\n      password: {secret: acumatica.password}",
            "password": "username: {env: ACUMATICA_USER}\n      password: {secret: acumatica.password}\n"
            "      client_id: {env: ACUMATICA_CLIENT_ID}\n      client_secret: {secret: acumatica.client_secret}",
            "refresh_token": "refresh_token: {secret: acumatica.refresh_token}\n"
            "      client_id: {env: ACUMATICA_CLIENT_ID}\n      client_secret: {secret: acumatica.client_secret}",
        }
        usual = (
            "auth: oauth2\n      client_id: {env: ACUMATICA_CLIENT_ID}\n"
            "      client_secret: {secret: acumatica.client_secret}"
        )
        self.change("", (usual, f"auth: {auth}\n      {further[auth]}"))

    def strike(self, kind: str, at: str, nth: int = 1, value: str | None = None) -> None:
        """The stand-in does wrong at the nth call of these operations."""
        self.erp.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))

    def masters_are_fresh(self, *flows: str) -> None:
        """As if these flows (the ones bills need, where none is named) had just succeeded."""
        with self.workspace() as workspace:
            for flow in flows or MASTERS:
                run = workspace.ledger.start_run(f"{SPEC}/{flow}", "run", "test")
                workspace.ledger.end_run(run, "done", {}, ok=True)

    def calls(self, pattern: str) -> int:
        return len(self.erp.history.calls(pattern))

    def bills(self, number: str) -> list[dict[str, Any]]:
        return [row for row in self.erp.bills() if row["VendorRef"] == number]

    def made(self, number: str) -> list[Effect]:
        """Each time a bill of that reference was created, less those deleted again."""
        history = self.erp.history
        gone = {effect.detail["id"] for effect in history.effects("bill.deleted")}
        return [
            effect
            for effect in history.effects("bill.created")
            if effect.detail.get("VendorRef") == number and effect.detail["id"] not in gone
        ]

    def assert_whole(self, number: str, amounts: tuple[str, ...] = ("10.10", "0.20")) -> None:
        """The ERP has exactly one bill of that reference, with these coded lines, and no more."""
        found = self.bills(number)
        assert len(found) == len(self.made(number)) == 1, f"{len(found)} bills {number} in the ERP"
        lines = found[0]["Details"]
        assert [line["ExtendedCost"] for line in lines] == [Decimal(amount) for amount in amounts]
        assert found[0]["Amount"] == sum(map(Decimal, amounts))
        assert all(line["Account"] and line["Subaccount"] for line in lines)

    def assert_logged_out(self) -> None:
        """No seat of the licence is left taken."""
        assert self.erp.sessions.count() == 0

    def assert_understood(self) -> None:
        assert self.stand.complaints() == []


def line(number: int, amount: str, gl: str = "50000", center: str = "", **fields: Any) -> dict[str, Any]:
    """One line of an invoice as Stampli exports it."""
    return {
        "line_number": number,
        "line_description": f"line {number}",
        "line_amount": amount,
        "gl_account": gl,
        "cost_center": center,
        **fields,
    }


def invoice(number: str = "INV-77", *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An approved invoice of ACME; two lines that make 10.30 unless given."""
    lines = lines or (line(1, "10.10"), line(2, "0.20", "61000", "CC1-000"))
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
