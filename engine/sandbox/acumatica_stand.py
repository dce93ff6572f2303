"""The Acumatica stand-in behind the common words of stand-ins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from engine.contracts import Clock
from engine.errors import UsageError
from engine.sandbox.acumatica import Acumatica, with_method
from engine.sandbox.acumatica_shapes import SHAPES
from engine.sandbox.faults import Fault
from engine.sandbox.history import matches_path
from engine.sandbox.web_messages import operation_path

VERSION = "24.200.001"
_ENTITIES: Mapping[str, str] = {
    "vendors": "Vendor",
    "gl_accounts": "Account",
    "accounts": "Account",
    "subaccounts": "Subaccount",
    "projects": "Project",
    "cost_codes": "CostCode",
    "purchase_orders": "PurchaseOrder",
    "bills": "Bill",
    "ap_bills": "Bill",
    "ap_invoices": "Bill",
    "checks": "Check",
    "ap_payments": "Check",
    "payments_made": "Check",
    "journal_entries": "JournalTransaction",
}
"""Objects of a system file, by any of the names they may have there; an entity's own name does too."""


class AcumaticaStand:
    """Acumatica over HTTP; `server` is the stand-in itself."""

    def __init__(self, clock: Clock) -> None:
        self.server = Acumatica(clock=clock, random=Random(1))
        self._refresh_token = self.server.logins.consent(self.server.tenants[0], {"api", "offline_access"})

    @property
    def settings(self) -> Mapping[str, str]:
        logins = self.server.logins
        return {
            "site": self.server.url,
            "endpoint": self.server.endpoint,
            "version": VERSION,
            "tenant": self.server.tenants[0],
            "api_users": "2",
            "branch": "MAIN",
            "subaccount": "000-000",
            "after_entry": "hold",
            "username": logins.username,
            "password": logins.password,
            "client_id": self.server.client_id,
            "client_secret": logins.client_secret,
            "token_url": self.server.token_url,
            "scope": "api",
            "refresh_token": self._refresh_token,
        }

    def seed(self, data: Mapping[str, Any], base: Path) -> None:
        for name, rows in data.items():
            try:
                self.server.seed(**{_entity(name): rows})
            except ValueError as error:
                raise UsageError(f"The Acumatica stand-in can't hold this: {error}") from error

    def fault(self, kind: str, at: str, nth: int, value: str | None) -> None:
        try:
            self.server.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))
        except ValueError as error:
            raise UsageError(str(error)) from error

    def rows(self, name: str) -> list[dict[str, Any]]:
        return self.server.rows(_entity(name))

    def files(self, pattern: str) -> dict[str, bytes]:
        return {}

    def commits(self) -> int:
        history = self.server.history
        saved = [*history.effects("*.created"), *history.effects("vendor.changed")]  # new vendors and changes alike
        return len(saved) - len(history.effects("*.deleted"))

    def calls(self, at: str = "*") -> int:
        made = ((operation_path(call.path), with_method(call)) for call in self.server.history.calls())
        return sum(matches_path(path, at) or matches_path(known, at) for path, known in made)

    def complaints(self) -> list[str]:
        ignored = [f"a real server would pass over `{name}` in silence" for name in sorted(self.server.ignored)]
        return [*ignored, *(f"its own mistake:\n{crash}" for crash in self.server.crashes)]

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.stop()


def _entity(name: str) -> str:
    entity = _ENTITIES.get(name, name)
    if entity not in SHAPES:
        raise UsageError(f"The Acumatica stand-in has no rows of `{name}`; it has {', '.join(_ENTITIES)}")
    return entity
