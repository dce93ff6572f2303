"""Saving AP invoices in the Epicor Kinetic stand-in: headers, lines, the GL rows a line gets, totals, deletion."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.sandbox.epicor_dataset import Dataset
from engine.sandbox.epicor_errors import business
from engine.sandbox.epicor_gl import code_row, new_gl_rows
from engine.sandbox.epicor_groups import open_group
from engine.sandbox.epicor_lines import set_cost, set_quantity, set_unit_cost
from engine.sandbox.epicor_store import Row, Store

_CONTROL = ("ScrDocInvoiceVendorAmt", "DocInvoiceVendorAmt", "InvoiceVendorAmt")
_COST = ("ScrDocExtCost", "DocExtCost", "ExtCost")
_UNIT = ("DocUnitCost", "UnitCost")
_QUANTITY = ("ScrVendorQty", "VendorQty")


def save_all(store: Store, dataset: Dataset, *, company: str) -> int:
    """Save every row marked A, U or D and show the saved rows in the dataset; the number of rows saved."""
    count = sum(len(dataset.changed(table)) for table in dataset.tables)
    touched: dict[tuple[Any, ...], Row] = {}
    for row in dataset.changed("APInvHed"):
        header = _save_header(store, row, dataset.method)
        _show(dataset, "APInvHed", row, header)
    for row in dataset.changed("APInvDtl"):
        header = _unposted(store, row, dataset.method)
        _show(dataset, "APInvDtl", row, _save_line(store, row, header, dataset))
        touched[store.key_of("APInvHed", header)] = header
    for row in dataset.changed("APInvExp"):
        _show(dataset, "APInvExp", row, _save_expense(store, row, dataset.method))
    for row in dataset.changed("APInvExpTGLC"):
        coded = code_row(store, row, dataset.method, company)
        _show(dataset, "APInvExpTGLC", row, coded)
        _refresh_rows(store, dataset, "APInvExp")
    for key in touched:
        header_row = store.get("APInvHed", *key[1:], company=company)
        if header_row is not None:
            store.put("APInvHed", _totals(store, header_row))
            _refresh_rows(store, dataset, "APInvHed")
    return count


def _save_header(store: Store, row: Row, method_name: str) -> Row | None:
    stored = store.stored_for("APInvHed", row)
    if row["RowMod"] == "D":
        delete_invoice(store, stored or row)
        return None
    _check_header(store, row, method_name)
    _agree(row, stored, _CONTROL)
    vendor = store.get("Vendor", row["VendorNum"], company=row["Company"])
    assert vendor is not None
    values = {
        **row,
        "VendorNumVendorID": vendor["VendorID"],
        "VendorNumName": vendor["Name"],
        "FiscalYear": row["ApplyDate"].year,
        "FiscalPeriod": row["ApplyDate"].month,
        "Posted": False,
    }
    saved = store.put("APInvHed", _totals(store, values))
    store.note(
        "ap_invoice.header_saved",
        _name(row),
        new=stored is None,
        debit_memo=row["DebitMemo"],
        amount=row["DocInvoiceVendorAmt"],
    )
    return saved


def _check_header(store: Store, row: Row, method_name: str) -> None:
    company = row["Company"]
    vendor = store.get("Vendor", row["VendorNum"], company=company)

    def refuse(message: str, field: str) -> None:
        raise business(message, table="APInvHed", field=field, method=method_name)

    if row["Posted"]:
        refuse(f"Invoice {row['InvoiceNum']} is posted.", "Posted")
    if vendor is None:
        refuse("Invalid Vendor ID.", "VendorNumVendorID")
    elif vendor["Inactive"]:
        refuse(f"Vendor {vendor['VendorID']} is inactive.", "VendorNumVendorID")
    if not row["InvoiceNum"].strip():
        refuse("Invoice Number is required.", "InvoiceNum")
    if len(row["InvoiceNum"]) > 50:
        refuse("Invoice Number is longer than 50 characters.", "InvoiceNum")
    if row["InvoiceDate"] is None:
        refuse("Invoice Date is required.", "InvoiceDate")
    if store.get("Terms", row["TermsCode"], company=company) is None:
        refuse(f"Invalid Terms Code '{row['TermsCode']}'.", "TermsCode")
    closed = store.rules.closed_through
    if row["ApplyDate"] is None or (closed is not None and row["ApplyDate"] <= closed):
        refuse(f"Apply Date {row['ApplyDate']} is not in an open fiscal period.", "ApplyDate")
    open_group(store, row["GroupID"], company=company, method_name=method_name)


def _save_line(store: Store, row: Row, header: Row, dataset: Dataset) -> Row | None:
    if row["RowMod"] == "A" and row["InvoiceLine"] == 0:
        row["InvoiceLine"] = 1 + max((line["InvoiceLine"] for line in lines_of(store, header)[0]), default=0)
    stored = store.stored_for("APInvDtl", row)
    if row["RowMod"] == "D":
        _remove_line(store, stored or row)
        store.note("ap_invoice.line_deleted", _name(row), line=row["InvoiceLine"])
        return None
    _price(row, stored)
    saved = store.put("APInvDtl", {**row, "LineType": row["LineType"] or "M"})
    if stored is None:
        expense, coded = new_gl_rows(store, saved)
        dataset.tables["APInvExp"].append(dict(expense))
        dataset.tables["APInvExpTGLC"].append(dict(coded))
    else:
        for expense in lines_of(store, header, saved["InvoiceLine"])[1]:
            store.put("APInvExp", {**expense, "ExpAmt": saved["ExtCost"], "DocExpAmt": saved["DocExtCost"]})
        _refresh_rows(store, dataset, "APInvExp")
    line, amount = saved["InvoiceLine"], saved["DocExtCost"]
    store.note("ap_invoice.line_saved", _name(row), line=line, amount=amount, new=stored is None)
    return saved


def _price(row: Row, before: Row | None) -> None:
    """Let the written one of quantity, unit cost and extended cost decide; the extended cost weighs most."""
    quantity, unit, cost = _written(row, before, _QUANTITY), _written(row, before, _UNIT), _written(row, before, _COST)
    if quantity is not None:
        row |= dict.fromkeys(_QUANTITY, quantity)
    if cost is not None and unit is not None:
        row |= dict.fromkeys(_UNIT, unit) | dict.fromkeys(_COST, cost)
    elif cost is not None:
        set_cost(row, cost)
    elif unit is not None:
        set_unit_cost(row, unit)
    elif quantity is not None:
        set_quantity(row, quantity)


def _written(row: Row, before: Row | None, names: tuple[str, ...]) -> Decimal | None:
    for name in names:
        if row[name] != (before[name] if before else 0):
            value: Decimal = row[name]
            return value
    return None


def _agree(row: Row, before: Row | None, names: tuple[str, ...]) -> None:
    value = _written(row, before, names)
    if value is not None:
        row |= dict.fromkeys(names, value)


def _save_expense(store: Store, row: Row, method_name: str) -> Row:
    if row["RowMod"] != "U":
        message = "Expense rows come and go with their line."
        raise business(message, table="APInvExp", field="InvExpSeq", method=method_name)
    stored = store.stored_for("APInvExp", row)
    assert stored is not None
    # The account of a line is written on its APInvExpTGLC row only; the expense row just shows it.
    shown = {name: stored[name] for name in ("GLAccount", "GLAccountDesc", "ExtGLAccount")}
    return store.put("APInvExp", {**row, **shown})


def _unposted(store: Store, row: Row, method_name: str) -> Row:
    header = store.get("APInvHed", row["VendorNum"], row["InvoiceNum"], company=row["Company"])
    if header is None:
        message = f"Invoice {_name(row)} has not been saved."
        raise business(message, table="APInvDtl", field="InvoiceNum", method=method_name)
    if header["Posted"]:
        raise business(f"Invoice {_name(row)} is posted.", table="APInvHed", field="Posted", method=method_name)
    return header


def _totals(store: Store, header: Row) -> Row:
    total = sum((line["DocExtCost"] for line in lines_of(store, header)[0]), Decimal(0))
    variance = header["DocInvoiceVendorAmt"] - total
    amounts = dict.fromkeys(("InvoiceAmt", "DocInvoiceAmt", "InvoiceBal", "DocInvoiceBal", "UnpostedBal"), total)
    return {**header, **amounts, "InvoiceVariance": variance, "DocInvoiceVariance": variance}


def lines_of(
    store: Store, header: Mapping[str, Any], line: int | None = None
) -> tuple[list[Row], list[Row], list[Row]]:
    """The stored lines, expense rows and GL rows of an invoice, or of one of its lines, in line order."""
    parent = (header["Company"], header["VendorNum"], header["InvoiceNum"])
    lines = [row for row in store.below("APInvDtl", *parent) if line in {None, row["InvoiceLine"]}]
    expenses = [row for row in store.below("APInvExp", *parent) if line in {None, row["InvoiceLine"]}]
    found = (
        store.get(
            "APInvExpTGLC",
            str(row["VendorNum"]),
            row["InvoiceNum"],
            str(row["InvoiceLine"]),
            str(row["InvExpSeq"]),
            company=row["Company"],
        )
        for row in expenses
    )
    return lines, expenses, [row for row in found if row is not None]


def delete_invoice(store: Store, header: Row) -> None:
    """Remove an invoice with everything below it; 400 when it is posted."""
    if header["Posted"]:
        message = f"Invoice {_name(header)} is posted and cannot be deleted."
        raise business(message, table="APInvHed", field="Posted", method="DeleteByID")
    for line in lines_of(store, header)[0]:
        _remove_line(store, line)
    store.remove("APInvHed", header)
    store.note("ap_invoice.deleted", _name(header))


def _remove_line(store: Store, line: Row) -> None:
    _, expenses, coded = lines_of(store, line, line["InvoiceLine"])
    for table, rows in (("APInvExp", expenses), ("APInvExpTGLC", coded), ("APInvDtl", [line])):
        for row in rows:
            store.remove(table, row)


def _show(dataset: Dataset, table: str, sent: Row, saved: Row | None) -> None:
    rows = dataset.tables[table]
    position = next(index for index, row in enumerate(rows) if row is sent)
    rows[position : position + 1] = [] if saved is None else [dict(saved)]


def _refresh_rows(store: Store, dataset: Dataset, table: str) -> None:
    for position, row in enumerate(dataset.tables[table]):
        stored = store.by_id(row["SysRowID"])
        if stored is not None and row["RowMod"] == "":
            dataset.tables[table][position] = dict(stored)


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['VendorNum']}/{row['InvoiceNum']}"
