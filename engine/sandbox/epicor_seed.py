"""Filling the Epicor Kinetic stand-in: rows with few columns given, the rest sensible; documents with their lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from engine.sandbox.epicor_gl import new_gl_rows, segments
from engine.sandbox.epicor_store import COA, Row, Store

# The word in a seed, and the table its rows go to.
SEEDS: Mapping[str, str] = {
    "terms": "Terms",
    "bank_accounts": "BankAcct",
    "pay_methods": "PayMethod",
    "gl_accounts": "GLAccount",
    "segments": "COASegValues",
    "vendors": "Vendor",
    "groups": "APInvGrp",
    "payment_groups": "APChkGrp",
    "orders": "POHeader",
    "order_lines": "PODetail",
    "order_releases": "PORel",
    "invoices": "APInvHed",
    "payments": "CheckHed",
}
BASELINE: Mapping[str, Any] = {
    "terms": [{"TermsCode": "N30", "Description": "Net 30", "NumberOfDays": 30}],
    "bank_accounts": [{"BankAcctID": "OPER", "Description": "Operating account"}],
    "pay_methods": [{"PMUID": 1, "Name": "Check"}],
}
_FIXED: Mapping[str, Mapping[str, Any]] = {
    "Terms": {"TermsType": "Invoice", "NumberOfPayments": 1},
    "BankAcct": {"CurrencyCode": "USD"},
    "GLAccount": {"COACode": COA, "Active": True},
    "COASegValues": {"COACode": COA, "SegmentNbr": 1, "ActiveFlag": True},
    "Vendor": {"CurrencyCode": "USD", "TermsCode": "N30", "Approved": True, "PMUID": 1, "Country": "USA"},
    "APChkGrp": {"BankAcctID": "OPER", "PMUID": 1, "CurrencyCode": "USD"},
    "POHeader": {"OpenOrder": True, "Approve": True, "ApprovalStatus": "A", "CurrencyCode": "USD", "TermsCode": "N30"},
    "PODetail": {"OpenLine": True, "OrderQty": Decimal(1), "PUM": "EA", "IUM": "EA"},
    "PORel": {"OpenRelease": True, "PORelNum": 1},
    "APInvHed": {"OpenPayable": True, "CurrencyCode": "USD", "TermsCode": "N30", "ExchangeRate": Decimal(1)},
    "APInvDtl": {"LineType": "M", "VendorQty": Decimal(1), "ScrVendorQty": Decimal(1)},
    "CheckHed": {"BankAcctID": "OPER", "PMUID": 1, "CurrencyCode": "USD", "ManualPrint": True},
    "APTran": {"TranType": "Pay"},
}
_LINES: Mapping[str, str] = {"APInvHed": "lines", "CheckHed": "pays", "POHeader": "lines", "PODetail": "releases"}


def plant(store: Store, seeds: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Store the rows of a seed; ValueError for an unknown word, column or value. Nothing enters the history."""
    unknown = sorted(set(seeds) - set(SEEDS))
    if unknown:
        raise ValueError(f"`{unknown[0]}` cannot be seeded; use one of {', '.join(SEEDS)}")
    with store.transaction():
        for word, table in SEEDS.items():
            for given in seeds.get(word, ()):
                _plant_row(store, table, given)


def _plant_row(store: Store, table: str, given: Mapping[str, Any]) -> None:
    row = store.put(table, _complete(store, table, _typed(store, table, given, _LINES.get(table))))
    _plant_lines(store, table, row, given)


def _complete(store: Store, table: str, given: Row) -> Row:
    row = {**store.tables[table].blank(), "Company": store.company, **_FIXED.get(table, {}), **_dated(store, table)}
    row |= given
    if table == "GLAccount":
        name = given.get("GLAccount") or given.get("GLAccount1") or ""
        row |= {"GLAccount": name, "GLAccount1": name, **segments(name)}
    if table == "Vendor":
        row |= {"VendorID": row["VendorID"].upper(), "VendorNum": row["VendorNum"] or _next_vendor(store)}
        row["Name"] = row["Name"] or row["VendorID"]
        _add_terms(store, row)
    if table == "APInvHed":
        _complete_invoice(store, row)
    if table in {"CheckHed", "APInvHed", "POHeader"}:
        _name_vendor(store, table, row)
    if table == "CheckHed":
        row["HeadNum"] = row["HeadNum"] or store.reserve("HeadNum", 1001)
    if table == "PODetail":
        _complete_order_line(row)
    if table in {"APInvGrp", "APInvHed"}:
        row |= {"FiscalYear": row["ApplyDate"].year, "FiscalPeriod": row["ApplyDate"].month}
    return row


def _complete_invoice(store: Store, row: Row) -> None:
    control = next((row[name] for name in ("ScrDocInvoiceVendorAmt", "DocInvoiceVendorAmt") if row[name]), Decimal(0))
    row |= dict.fromkeys(("ScrDocInvoiceVendorAmt", "DocInvoiceVendorAmt", "InvoiceVendorAmt"), control)
    amounts = ("InvoiceAmt", "DocInvoiceAmt", "InvoiceBal", "DocInvoiceBal", "UnpostedBal")
    row |= {name: row[name] or control for name in amounts}


def _complete_order_line(row: Row) -> None:
    quantity, cost = row["OrderQty"], row["DocUnitCost"] or row["UnitCost"]
    row |= dict.fromkeys(("UnitCost", "DocUnitCost"), cost) | {"XOrderQty": row["XOrderQty"] or quantity}
    total = row["DocExtCost"] or (quantity * cost).quantize(Decimal("0.01"), ROUND_HALF_UP)
    row |= dict.fromkeys(("ExtCost", "DocExtCost"), total)


def _dated(store: Store, table: str) -> Row:
    today, columns = store.today(), store.tables[table].columns
    names = ("ApplyDate", "InvoiceDate", "CheckDate", "OrderDate", "TranDate")
    return {name: today for name in names if name in columns}


def _next_vendor(store: Store) -> int:
    return 1 + max((row["VendorNum"] for row in store.all("Vendor")), default=100)


def _add_terms(store: Store, vendor: Row) -> None:
    code = vendor["TermsCode"]
    if code and store.get("Terms", code, company=vendor["Company"]) is None:
        days = int("".join(sign for sign in code if sign.isdecimal()) or 0)
        given = {"TermsCode": code, "Description": code, "NumberOfDays": days, "Company": vendor["Company"]}
        store.put("Terms", _complete(store, "Terms", given))


def _name_vendor(store: Store, table: str, row: Row) -> None:
    vendor = store.get("Vendor", row["VendorNum"], company=row["Company"])
    if vendor is None:
        raise ValueError(f"{table} of vendor number {row['VendorNum']}: seed the vendor first")
    id_column, name_column = {
        "CheckHed": ("VendorNumVendorID", "Name"),
        "APInvHed": ("VendorNumVendorID", "VendorNumName"),
        "POHeader": ("VendorVendorID", "VendorName"),
    }[table]
    row |= {id_column: vendor["VendorID"], name_column: vendor["Name"]}


def _plant_lines(store: Store, table: str, row: Row, given: Mapping[str, Any]) -> None:
    lines = given.get(_LINES.get(table, ""), ())
    for number, line in enumerate(lines, 1):
        if table == "APInvHed":
            _plant_line(store, row, number, line)
        elif table == "POHeader":
            _plant_row(store, "PODetail", {"PONUM": row["PONum"], "POLine": number, **line})
        elif table == "PODetail":
            shared = {"PONum": row["PONUM"], "POLine": row["POLine"], "PORelNum": number, "RelQty": row["OrderQty"]}
            _plant_row(store, "PORel", {**shared, **line})
        else:
            _plant_tran(store, row, number, line)
    if lines and table == "CheckHed":
        total = sum((tran["DocTranAmt"] for tran in store.below("APTran", *store.key_of(table, row))), Decimal(0))
        names = ("CheckAmt", "DocCheckAmt", "PaymentTotal", "DocPaymentTotal")
        store.put(table, {**row, **{name: row[name] or row["DocCheckAmt"] or total for name in names}})
    if table == "PODetail":
        _add_order_total(store, row)
    if lines and table == "APInvHed":
        total = sum((line["DocExtCost"] for line in store.below("APInvDtl", *store.key_of(table, row))), Decimal(0))
        variance = row["DocInvoiceVendorAmt"] - total
        shown = dict.fromkeys(("InvoiceAmt", "DocInvoiceAmt"), total)
        store.put(table, {**row, **shown, "InvoiceVariance": variance, "DocInvoiceVariance": variance})


def _plant_tran(store: Store, head: Row, number: int, given: Mapping[str, Any]) -> None:
    typed = _typed(store, "APTran", given, None)
    shared = ("Company", "HeadNum", "VendorNum", "CheckNum", "BankAcctID", "GroupID", "Posted")
    base = {**_complete(store, "APTran", {}), **{name: head[name] for name in shared}, "APTranNo": number}
    tran = {**base, "TranDate": head["CheckDate"], **typed}
    store.put("APTran", {**tran, "TranAmt": tran["DocTranAmt"], "DiscAmt": tran["DocDiscAmt"]})


def _add_order_total(store: Store, line: Row) -> None:
    order = store.get("POHeader", line["PONUM"], company=line["Company"])
    if order is not None:
        total = sum(
            (row["DocExtCost"] for row in store.below("PODetail", *store.key_of("POHeader", order))), Decimal(0)
        )
        store.put("POHeader", {**order, "TotalOrder": total, "DocTotalOrder": total})


def _plant_line(store: Store, header: Row, number: int, given: Mapping[str, Any]) -> None:
    typed = _typed(store, "APInvDtl", given, None)
    account = typed.pop("GLAccount", "")
    shared = {name: header[name] for name in ("Company", "VendorNum", "InvoiceNum")}
    line = {**_complete(store, "APInvDtl", {}), **shared, "InvoiceLine": number, **typed}
    cost = line["DocExtCost"] or line["ScrDocExtCost"]
    line |= dict.fromkeys(("ExtCost", "DocExtCost", "ScrDocExtCost", "UnitCost", "DocUnitCost"), cost)
    expense, coded = new_gl_rows(store, store.put("APInvDtl", line))
    if account:
        store.put("APInvExp", {**expense, "GLAccount": account, "ExtGLAccount": account})
        store.put("APInvExpTGLC", {**coded, "GLAccount": account, **segments(account)})


def _typed(store: Store, table: str, given: Mapping[str, Any], lines: str | None) -> Row:
    row: Row = {}
    for name, value in given.items():
        if name == lines:
            continue
        if name not in store.tables[table].columns:
            store.add_column(table, name, _kind_of(value))
        row[name] = typed_value(store.tables[table].columns[name], value, f"{table}.{name}")
    return row


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds: tuple[tuple[type, str], ...] = (
        (int, "integer"),
        (Decimal, "decimal"),
        (datetime, "datetime"),
        (date, "date"),
    )
    return next((kind for known, kind in kinds if isinstance(value, known)), "string")


def typed_value(kind: str, value: Any, where: str) -> Any:
    """A seed's value as the column's type: amounts may be text such as "10.30", dates text such as "2025-01-31"."""
    try:
        if kind == "decimal" and not isinstance(value, float | bool):
            return Decimal(value)
        if kind == "date" and value is not None:
            return value if type(value) is date else date.fromisoformat(str(value)[:10])
        if kind == "datetime" and value is not None:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, InvalidOperation, TypeError):
        raise ValueError(f"`{where}` does not take `{value!r}` as {kind}") from None
    wanted: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
    if kind in wanted and type(value) is not wanted[kind]:
        raise ValueError(f"`{where}` does not take `{value!r}` as {kind}")
    if kind == "decimal":
        raise ValueError(f"`{where}` takes no float; write the amount as text")
    return value
