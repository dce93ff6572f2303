"""The SYSPRO stand-in behind the words that all stand-ins share."""

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
from engine.sandbox.syspro import COMPANY_PASSWORD, PASSWORD, Syspro, by_object
from engine.sandbox.syspro_seed import table_of
from engine.sandbox.web_messages import operation_path

_DOCUMENTS = ("ap_invoice.*", "ap_adjustment.*", "gl_journal.*", "supplier.*")


class SysproStand:
    """SYSPRO over HTTP; `server` is the stand-in itself."""

    def __init__(self, clock: Clock) -> None:
        self.server = Syspro(clock=clock, random=Random(1))

    @property
    def settings(self) -> Mapping[str, str]:
        """`site` is the origin with the path of the REST service, `odata_site` that of the read side."""
        username, password = self.server.odata_login
        return {
            "site": self.server.url,
            "operator": next(iter(self.server.sessions.operators)),
            "operator_password": PASSWORD,
            "company": self.server.sessions.company,
            "company_password": COMPANY_PASSWORD,
            "odata_site": self.server.odata_url,
            "odata_username": username,
            "odata_password": password,
            "max_url_bytes": "8000",
            "supplier_table": "ApSupplier",
            "invoice_table": "ApInvoice",
            "distribution_table": "ApJnlDistrib",
            "journal_table": "GenJournalCtl",
            "cost_center_table": "GenCostCentre",
            "posting_period": "C",
            "ignore_warnings": "N",
            "front_username": "",
            "front_password": "",
        }

    def seed(self, data: Mapping[str, Any], base: Path) -> None:
        try:
            self.server.seed(**data)
        except ValueError as error:
            raise UsageError(f"The SYSPRO stand-in can't hold this: {error}") from error

    def fault(self, kind: str, at: str, nth: int, value: str | None) -> None:
        try:
            self.server.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))
        except ValueError as error:
            raise UsageError(str(error)) from error

    def rows(self, name: str) -> list[dict[str, Any]]:
        try:
            table = table_of(name)
        except ValueError as error:
            raise UsageError(f"The SYSPRO stand-in has no rows of this: {error}") from error
        whole = {"ApInvoice": self.server.invoices, "GenJournalCtl": self.server.journals}
        return whole[table]() if table in whole else self.server.rows(table)

    def files(self, pattern: str) -> dict[str, bytes]:
        return {}

    def commits(self) -> int:
        """Invoices, adjustments and journals posted, suppliers added and changed."""
        return sum(len(self.server.history.effects(what)) for what in _DOCUMENTS)

    def calls(self, at: str = "*") -> int:
        calls = [(operation_path(call.path), by_object(call.path, call.query)) for call in self.server.history.calls()]
        return sum(matches_path(path, at) or matches_path(also, at) for path, also in calls)

    def complaints(self) -> list[str]:
        ignored = [f"a real server would pass over this in silence: {what}" for what in sorted(self.server.ignored)]
        return [*ignored, *(f"its own mistake:\n{crash}" for crash in self.server.crashes)]

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.stop()


class SysproODataStand(SysproStand):
    """The same company as its read side shows it, for a spec that names only that."""
