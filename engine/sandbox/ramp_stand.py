"""The Ramp stand-in behind the few words every stand-in answers to, and the small company it starts with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from engine.contracts import Clock
from engine.errors import UsageError
from engine.sandbox.faults import Fault
from engine.sandbox.history import matches_path
from engine.sandbox.ramp import SHOWS, Ramp
from engine.sandbox.web_messages import operation_path

PROVIDER = "Epicor Kinetic"
WEBHOOK_SECRET = "ramp-webhook-secret"
OBJECTS: Mapping[str, str] = {
    **{table: table for table in SHOWS if table != "webhooks"},
    "gl_accounts": "accounts",
    "accounting_fields": "fields",
    "cost_centers": "field_options",
    "draft_bills": "drafts",
    "bill_syncs": "bills",
    "bill_payments": "bills",
    "synced_bills": "bills",
}
"""Names a system file may give its objects, and the tables they are rows of."""

_QUIET = ("person.*", "webhook.*", "sync.accepted", "connection.made")
"""Effects that are no document created or changed by a client."""


class RampStand:
    """Ramp over HTTP, with an accounting connection; `server` is the stand-in itself."""

    def __init__(self, clock: Clock) -> None:
        connection = {"remote_provider_name": PROVIDER}
        self.server = Ramp(clock=clock, random=Random(1), seed={"connection": [connection]})

    @property
    def settings(self) -> Mapping[str, str]:
        logins = self.server.logins
        return {
            "site": self.server.url,
            "client_id": logins.client_id,
            "client_secret": logins.client_secret,
            "token_url": self.server.token_url,
            "scope": " ".join(logins.scopes),
            "provider": PROVIDER,
            "entity_id": self.server.rows("entities")[0]["id"],
            "vendor_owner_id": self.server.store.all("users")[0]["id"],
            "webhook_secret": WEBHOOK_SECRET,
            "webhook_secret_before": "ramp-webhook-secret-before",
            "webhook_header": self.server.rules.signature_header,
        }

    def seed(self, data: Mapping[str, Any], base: Path) -> None:
        words = {OBJECTS.get(name, name): rows for name, rows in data.items()}
        try:
            self.server.seed(**words)
        except (ValueError, LookupError, TypeError) as error:
            raise UsageError(f"The Ramp stand-in can't hold this: {error}") from error

    def fault(self, kind: str, at: str, nth: int, value: str | None) -> None:
        try:
            self.server.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))
        except ValueError as error:
            raise UsageError(str(error)) from error

    def rows(self, name: str) -> list[dict[str, Any]]:
        if name not in OBJECTS:
            raise UsageError(f"The Ramp stand-in has no rows of `{name}`; it has {', '.join(OBJECTS)}")
        return self.server.rows(OBJECTS[name])

    def files(self, pattern: str) -> dict[str, bytes]:
        return {}

    def commits(self) -> int:
        effects = self.server.history.effects()
        return sum(not any(matches_path(effect.what, quiet) for quiet in _QUIET) for effect in effects)

    def calls(self, at: str = "*") -> int:
        return sum(matches_path(operation_path(call.path), at) for call in self.server.history.calls())

    def complaints(self) -> list[str]:
        ignored = [f"a real server would pass over `{name}` in silence" for name in sorted(self.server.ignored)]
        return [*ignored, *(f"its own mistake:\n{crash}" for crash in self.server.crashes)]

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.stop()


_LINKED = {"ACME": "Acme Industrial Supply", "NWFRT": "Northwind Freight", "DATALINE": "Dataline Software"}


def _bill(number: str, vendor: str, amount: str, *lines: tuple[str, str, str, str], **more: Any) -> dict[str, Any]:
    """A bill of the company; each line is its memo, amount, account and department."""
    items = [
        {"memo": memo, "amount": part, "coding": {"gl": account, "Department": department}}
        for memo, part, account, department in lines
    ]
    dates = {"issued_at": "2026-03-02", "accounting_date": "2026-03-02", "due_at": "2026-04-01"}
    head = {"invoice_number": number, "vendor": vendor, "amount": amount, "memo": lines[0][0], "line_items": items}
    return {**head, **dates, **more}


COMPANY: Mapping[str, Any] = {
    "accounts": [
        {"id": "6100", "code": "6100", "name": "Office supplies"},
        {"id": "6200", "code": "6200", "name": "Freight in"},
        {"id": "6300", "code": "6300", "name": "Software subscriptions"},
    ],
    "fields": [
        {
            "id": "Department",
            "name": "Department",
            "options": [
                {"id": "00", "value": "Company"},
                {"id": "10", "value": "Plant"},
                {"id": "20", "value": "Sales"},
            ],
        }
    ],
    "accounting_vendors": [{"id": key, "code": key, "name": name} for key, name in _LINKED.items()],
    "vendors": [
        *({"name": name, "accounting_vendor_remote_id": key} for key, name in _LINKED.items()),
        {"name": "Blue Harbor Catering"},
    ],
    "purchase_orders": [
        {"purchase_order_number": "4501", "name": "Racks", "vendor": "ACME", "amount": "900.00"},
    ],
    "bills": [
        _bill("R-1001", "ACME", "120.50", ("Toner", "100.50", "6100", "10"), ("Freight", "20.00", "6200", "10")),
        _bill("R-1002", "NWFRT", "310.00", ("Linehaul", "310.00", "6200", "20")),
        _bill("R-1003", "DATALINE", "1499.99", ("Licences", "1499.99", "6300", "00")),
        _bill("R-1004", "ACME", "-15.25", ("Returned toner", "-15.25", "6100", "10")),
        _bill("R-1005", "Blue Harbor Catering", "88.00", ("Lunch", "88.00", "6100", "20")),
        _bill("R-1006", "NWFRT", "45.00", ("Pallets", "45.00", "6200", "10"), approval_status="PENDING"),
    ],
    "transactions": [
        {"merchant_name": "Acme Industrial Supply", "amount": "900.00", "memo": "PO 4501"},
        {"merchant_name": "Corner Coffee", "amount": "12.40", "memo": None},
    ],
}
"""What it holds when nothing else is given: a credit, a vendor nobody has linked, and a bill not approved among it."""
