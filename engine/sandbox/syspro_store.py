"""What the SYSPRO stand-in has stored: rows by key, counters, periods, and how it all looked a while ago.

Table and column names are those of the vendor's database as far as they are public. `GenCostCentre`, `GenJournalCtl`,
`GenJournalDetail`, `ApJnlDistrib` and `ApInvoicePay` with their columns are not proven: a customer may well have others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from engine.sandbox.history import History
from engine.sandbox.syspro_rules import Period, Rules

Row = dict[str, Any]
_TYPES: Mapping[str, str] = {"": "string", "d": "decimal", "D": "date", "i": "integer"}
_BLANK: Mapping[str, Any] = {"string": "", "decimal": Decimal(0), "date": None, "integer": 0}

SUPPLIER_FIELDS = (
    "SupplierName SupShortName Telephone Fax Contact Branch TermsCode Bank Currency SupAddr1 SupAddr2 SupAddr3 SupAddr4 "
    "SupAddr5 SupPostalCode RemitName RemitAddr1 RemitAddr2 RemitAddr3 RemitAddr4 RemitAddr5 RemitPostalCode "
    "SupplierClass DefTaxCode TaxRegnNum OnHold SupplierType MerchGlCode FreightGlCode PayByEft BankBranch BankAccount "
    "Required1099 PurchOrdAllowed GrnMatchReqd Email Nationality"
)
"""Of APSSSP, in the order of the XSD."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """`columns` has the type of each; the first `keys` of them are the key."""

    name: str
    columns: Mapping[str, str]
    keys: int

    def blank(self) -> Row:
        return {name: _BLANK[kind] for name, kind in self.columns.items()}

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in list(self.columns)[: self.keys])


def _table(name: str, keys: int, columns: str) -> Table:
    pairs = (part.partition(":") for part in columns.split())
    return Table(name=name, columns={column: _TYPES[kind] for column, _, kind in pairs}, keys=keys)


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        _table("ApSupplier", 1, f"Supplier {SUPPLIER_FIELDS}"),
        _table("GenMaster", 1, "GlCode Description AccountType"),
        _table("GenCostCentre", 1, "CostCentre Description"),
        _table(
            "ApInvoice",
            2,
            "Supplier Invoice OrigInvValue:d MthInvBal1:d TaxValue:d InvoiceDate:D DueDate:D DiscountDate:D PostDate:D "
            "Reference Notation Branch Currency InvoiceStatus Journal TrnYear TrnMonth",
        ),
        _table("ApInvoicePay", 3, "Supplier Invoice PaymentNumber PaymentDate:D PaymentReference PaymentValue:d"),
        _table(
            "ApJnlDistrib", 4, "TrnYear TrnMonth Journal EntryNumber:i Supplier Invoice GlCode Notation DistrValue:d"
        ),
        _table(
            "GenJournalCtl",
            3,
            "GlYear GlPeriod GlJournal JnlDate:D Reference Notation JournalType JnlStatus Currency DebitAmount:d "
            "CreditAmount:d NumOfEntries:i",
        ),
        _table(
            "GenJournalDetail",
            4,
            "GlYear GlPeriod GlJournal EntryNumber:i GlCode EntryValue:d EntryDate:D Reference Comment",
        ),
        _table("PorMasterHdr", 1, "PurchaseOrder Supplier OrderStatus Currency OrderEntryDate:D"),
        _table("PorMasterDetail", 2, "PurchaseOrder Line MStockCode MStockDes MOrderQty:d MReceivedQty:d MPrice:d"),
        _table("TblApTerms", 1, "TermsCode Description DueDays:i"),
        _table("ApBank", 1, "Bank Description"),
    )
}


@dataclass(kw_only=True)
class Store:
    """All rows of the company; callers hold `lock` around a whole request."""

    history: History
    clock: Callable[[], datetime]
    random: Random
    rules: Rules
    lock: threading.RLock = field(default_factory=threading.RLock)
    ignored: set[str] = field(default_factory=set)
    _rows: dict[str, dict[tuple[Any, ...], Row]] = field(default_factory=lambda: {name: {} for name in TABLES})
    _log: list[tuple[datetime, str, tuple[Any, ...], Row | None]] = field(default_factory=list)
    _counters: dict[str, int] = field(default_factory=dict)

    def today(self) -> date:
        return self.clock().astimezone(UTC).date()

    def get(self, table: str, *key: Any) -> Row | None:
        return self._rows[table].get(key)

    def rows(self, table: str) -> list[Row]:
        """Copies, in key order."""
        held = self._rows[table]
        return [dict(held[key]) for key in sorted(held)]

    def rows_before(self, table: str, lag: float) -> list[Row]:
        """The rows as they were `lag` seconds ago, in key order."""
        held = dict(self._rows[table])
        since = self.clock() - timedelta(seconds=lag)
        for at, name, key, before in reversed(self._log):
            if lag <= 0 or at <= since:
                break
            if name == table and before is None:
                held.pop(key, None)
            elif name == table and before is not None:
                held[key] = before
        return [dict(held[key]) for key in sorted(held)]

    def put(self, table: str, row: Mapping[str, Any], *, planted: bool = False) -> Row:
        """Store a row, new or changed; text loses what cp1252 does not have. A planted row was always there."""
        kept = {name: self._kept(f"{table}.{name}", value) for name, value in row.items()}
        stored = {**TABLES[table].blank(), **kept}
        key = TABLES[table].key_of(stored)
        if not planted:
            self._log.append((self.clock(), table, key, self._rows[table].get(key)))
        self._rows[table][key] = stored
        return stored

    def next_number(self, counter: str) -> str:
        """The next number of a counter, six digits."""
        self._counters[counter] = self._counters.get(counter, 0) + 1
        return f"{self._counters[counter]:06d}"

    def period(self, back: int = 0) -> Period:
        """The current period, or one `back` months ago."""
        today = self.today()
        months = today.year * 12 + today.month - 1 - back
        return months // 12, months % 12 + 1

    def is_open(self, period: Period) -> bool:
        """The current period and the two before it are open, unless they were closed."""
        closed = self.rules.closed_through
        return self.period(2) <= period <= self.period() and (closed is None or period > closed)

    def _kept(self, where: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        kept = value.encode("cp1252", "replace").decode("cp1252")
        if kept != value:
            self.ignored.add(f"{where}: {value!r} was stored as {kept!r}")
        return kept


def written(value: Any) -> str:
    """A stored value as text: plain decimals, dates as CCYY-MM-DD."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)
