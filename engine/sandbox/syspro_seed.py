"""Filling the SYSPRO stand-in: a small company, and rows with few columns given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.sandbox.syspro_store import TABLES, Row, Store

TERMS_DAYS = 30
CURRENCY = "USD"
BASELINE: Mapping[str, Any] = {
    "TblApTerms": [
        {"TermsCode": "30", "Description": "30 days", "DueDays": 30},
        {"TermsCode": "60", "Description": "60 days", "DueDays": 60},
    ],
    "ApBank": [{"Bank": "01", "Description": "Main account"}],
}
_ACCOUNTS = [
    ("10-1000-100", "Office supplies, plant", "E"),
    ("10-1000-200", "Office supplies, sales", "E"),
    ("10-1100-100", "Freight in, plant", "E"),
    ("10-1100-200", "Freight in, sales", "E"),
    ("10-1200-100", "Software subscriptions, plant", "E"),
    ("10-1200-200", "Software subscriptions, sales", "E"),
    ("10-2000-000", "Accounts payable control", "L"),
    ("10-3000-000", "Bank", "A"),
]
SMALL_COMPANY: Mapping[str, Any] = {
    "suppliers": [
        {
            "Supplier": "0000123",
            "SupplierName": "Acme Industrial Supply",
            "SupAddr1": "12 Mill Road",
            "Email": "ap@acme.test",
        },
        {"Supplier": "0000124", "SupplierName": "Northwind Freight", "TermsCode": "60"},
        {"Supplier": "0000125", "SupplierName": "Dataline Software"},
        {"Supplier": "0000126", "SupplierName": "Harbor Facilities", "OnHold": "Y"},
        {"Supplier": "0000127", "SupplierName": "O'Brien & Söhne"},
    ],
    "gl_accounts": [{"GlCode": code, "Description": name, "AccountType": kind} for code, name, kind in _ACCOUNTS],
    "cost_centers": [
        {"CostCentre": "100", "Description": "Plant"},
        {"CostCentre": "200", "Description": "Sales"},
    ],
}
"""What the stand-in holds when a person starts it; named as the stand is asked."""

WORDS: Mapping[str, str] = {
    "suppliers": "ApSupplier",
    "vendors": "ApSupplier",
    "gl_accounts": "GenMaster",
    "cost_centers": "GenCostCentre",
    "ap_invoices": "ApInvoice",
    "invoices": "ApInvoice",
    "payments": "ApInvoicePay",
    "ap_payments": "ApInvoicePay",
    "gl_journals": "GenJournalCtl",
    "journals": "GenJournalCtl",
    "purchase_orders": "PorMasterHdr",
}
"""Words a spec may use for a table; the table's own name is right as well."""

_LINES: Mapping[str, tuple[str, str]] = {"PorMasterHdr": ("PorMasterDetail", "Lines")}
_FIXED: Mapping[str, Mapping[str, Any]] = {
    "ApSupplier": {"TermsCode": "30", "Bank": "01", "Currency": CURRENCY, "OnHold": "N", "SupplierType": "T"},
    "GenMaster": {"AccountType": "E"},
    "ApInvoice": {"Currency": CURRENCY},
    "PorMasterHdr": {"OrderStatus": "4", "Currency": CURRENCY},
}


def table_of(word: str) -> str:
    """The table a word stands for; ValueError for a word nobody knows."""
    table = WORDS.get(word, word)
    if table not in TABLES:
        raise ValueError(f"`{word}` is no table here; use one of {', '.join([*WORDS, *TABLES])}")
    return table


def plant(store: Store, seeds: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Store rows as if they had always been there; a row whose key is there is changed. ValueError for what can't be."""
    for word, rows in seeds.items():
        table = table_of(word)
        for given in rows:
            _plant_row(store, table, given)


def _plant_row(store: Store, table: str, given: Mapping[str, Any]) -> None:
    lines_table, lines_word = _LINES.get(table, ("", ""))
    below = given.get(lines_word, ())
    typed = typed_row(table, {name: value for name, value in given.items() if name != lines_word or not lines_word})
    known = TABLES[table]
    missing = [name for name in list(known.columns)[: known.keys] if typed.get(name) in {None, ""}]
    if missing:
        raise ValueError(f"a row of `{table}` needs `{missing[0]}`")
    there = store.get(table, *known.key_of(typed))
    row = {**known.blank(), **_FIXED.get(table, {}), **(there or {}), **typed}
    if table == "ApInvoice" and there is None:
        _complete_invoice(store, row, typed)
    store.put(table, row, planted=True)
    for number, line in enumerate(below, 1):
        _plant_row(store, lines_table, {"PurchaseOrder": row["PurchaseOrder"], "Line": f"{number:04d}", **line})


def _complete_invoice(store: Store, row: Row, given: Mapping[str, Any]) -> None:
    year, month = store.period()
    day = row["InvoiceDate"] or store.today()
    row |= {"InvoiceDate": day, "DueDate": row["DueDate"] or due_date(store, row["Supplier"], day)}
    row |= {"PostDate": row["PostDate"] or day, "MthInvBal1": given.get("MthInvBal1", row["OrigInvValue"])}
    row |= {"Journal": row["Journal"] or "000000", "TrnYear": row["TrnYear"] or f"{year:04d}"}
    row["TrnMonth"] = row["TrnMonth"] or f"{month:02d}"


def due_date(store: Store, supplier: str, day: date) -> date:
    """By the terms of the supplier."""
    row = store.get("ApSupplier", supplier)
    terms = store.get("TblApTerms", row["TermsCode"]) if row else None
    return date.fromordinal(min(day.toordinal() + (terms["DueDays"] if terms else TERMS_DAYS), date.max.toordinal()))


def typed_row(table: str, given: Mapping[str, Any]) -> Row:
    """The columns given, each as its type; ValueError for an unknown column or a value of another type."""
    columns = TABLES[table].columns
    for name in given:
        if name not in columns:
            raise ValueError(f"`{name}` is no column of `{table}`; there are {', '.join(columns)}")
    return {name: _typed(columns[name], value, f"{table}.{name}") for name, value in given.items()}


def _typed(kind: str, value: Any, where: str) -> Any:
    try:
        if kind == "decimal" and isinstance(value, str | int | Decimal) and not isinstance(value, bool):
            return Decimal(value)
        if kind == "integer" and isinstance(value, str | int) and not isinstance(value, bool):
            return int(value)
        if kind == "date" and isinstance(value, str):
            return date.fromisoformat(value)
    except (ValueError, InvalidOperation):
        pass
    else:
        if (kind == "string" and isinstance(value, str)) or (kind == "date" and isinstance(value, date)):
            return value
    raise ValueError(f"`{where}` does not take `{value}` as {kind}")
