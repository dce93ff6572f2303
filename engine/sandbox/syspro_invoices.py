"""APSTIN of the SYSPRO stand-in: AP invoices and adjustments with their ledger distribution, an answer for each item.

Stricter readings where nothing public tells: the value of an invoice is above 0; a credit above the open balance is a
warning; all items of a call share one journal; receipts (GRN) are unknown, as none can be planted; taxes are never
calculated here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

from engine.sandbox.syspro_answers import (
    EXISTS,
    INVALID,
    NOT_FOUND,
    OUT_OF_BALANCE,
    WARNED,
    FieldError,
    Trouble,
    add,
    add_error,
    root_of,
)  # fmt: skip
from engine.sandbox.syspro_rules import Period
from engine.sandbox.syspro_seed import CURRENCY, due_date
from engine.sandbox.syspro_store import Row, Store
from engine.sandbox.syspro_xml import Fields, check_shape, expect_root, read_options, shape

_NAME = "PostApInvoice"
_OPTIONS: Mapping[str, str] = {
    "PostingPeriod": "CPB", "IgnoreWarnings": "NYW", "ApplyIfEntireDocumentValid": "YN", "ValidateOnly": "NY",
    "LedgerDistributionCurrency": "LF", "AutomaticTaxCalculation": "NY",
}  # fmt: skip
_PARAMETERS = shape(
    "Parameters",
    Parameters=shape(
        "PostingPeriod IgnoreWarnings ApplyIfEntireDocumentValid ValidateOnly PostZeroAdjustments DefaultDiscountDate "
        "DefaultDueDate LedgerDistributionCurrency AutomaticTaxCalculation PermissibleTaxVariance ApArContraTrx "
        "IgnoreAnalysis"
    ),
)
_DOCUMENT = shape(
    "Item+",
    Item=shape(
        "Supplier TransactionCode Branch Invoice TransactionValue FreightCharge MiscellaneousCharge Notation "
        "TransactionReference JournalNotation DiscountBasis DiscountableValue DiscountPercentageValue DiscountAdjustment "
        "InvoiceDate DueDate DiscountDate ExchRateAtEntry FixedExchRate TaxBasis TaxCode TaxValue SecondTax* GrnDetails+ "
        "LedgerDistribution+",
        GrnDetails=shape("GrnDetailKey GrnMatchType GrnMatchValue GrnPartialMatchQuantity GrnPartialMatchValue"),
        LedgerDistribution=shape(
            "LedgerCode PasswordForLedgerCode LedgerTaxCode LedgerNotation LedgerValue AnalysisEntry?"
        ),
    ),
)
_SIGNS: Mapping[str, int] = {"I": 1, "A": 1, "C": -1, "D": 1}
_TAX_CODES = frozenset({"", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"})


@dataclass(kw_only=True)
class _Item:
    """One item as judged: what would be stored, and what is wrong with it."""

    supplier: str
    invoice: str
    code: str
    value: Decimal
    row: Row
    lines: list[Row]
    errors: list[FieldError]
    waved: list[FieldError] = field(default_factory=list)


def post_invoices(store: Store, parameters: ET.Element, document: ET.Element, operator: str) -> ET.Element:
    """Judge every item, store what may be stored, and answer item by item."""
    for root, wanted in ((parameters, _PARAMETERS), (document, _DOCUMENT)):
        expect_root(root, _NAME)
        check_shape(root, wanted, strict=store.rules.strict_elements, ignored=store.ignored)
    options = read_options(parameters, _OPTIONS)
    if options["AutomaticTaxCalculation"] == "Y":
        raise Trouble("No tax codes are set up for automatic tax calculation")
    period = store.period("CPB".index(options["PostingPeriod"]))
    if not store.is_open(period):
        raise Trouble(f"The AP period {period[0]:04d}/{period[1]:02d} is closed")
    items = _judge(store, document, options, period)
    if not items:
        raise Trouble("The document holds no Item")
    refused = options["ApplyIfEntireDocumentValid"] == "Y" and any(item.errors for item in items)
    good = [] if refused else [item for item in items if not item.errors]
    if good and options["ValidateOnly"] == "N":
        journal = store.next_number("ap_journal")
        entries = 0
        for item in good:
            entries = _apply(store, item, journal, entries, operator)
    return _answer(store, items, len(good))


def _judge(store: Store, document: ET.Element, options: Mapping[str, str], period: Period) -> list[_Item]:
    """The items in their order; one sees the good ones before it as if they were stored."""
    items: list[_Item] = []
    coming: dict[tuple[str, str], Decimal] = {}
    for element in document.findall("Item"):
        item = _judge_item(store, Fields(element=element, errors=[]), coming, period)
        if options["IgnoreWarnings"] != "N":
            warnings = [error for error in item.errors if error.warning]
            item.errors = [error for error in item.errors if not error.warning]
            item.waved = warnings if options["IgnoreWarnings"] == "W" else []
        if not item.errors:
            key = (item.supplier, item.invoice)
            coming[key] = (_balance(store, key, coming) or Decimal(0)) + item.value * _SIGNS[item.code]
        items.append(item)
    return items


def _balance(store: Store, key: tuple[str, str], coming: Mapping[tuple[str, str], Decimal]) -> Decimal | None:
    if key in coming:
        return coming[key]
    row = store.get("ApInvoice", *key)
    return None if row is None else row["MthInvBal1"]


def _judge_item(store: Store, given: Fields, coming: Mapping[tuple[str, str], Decimal], period: Period) -> _Item:
    supplier, invoice = given.needed("Supplier"), given.needed("Invoice")
    code = given.one_of("TransactionCode", _SIGNS, "I")
    value, tax = given.money("TransactionValue"), given.money("TaxValue")
    _check_supplier(store, given, supplier)
    balance = _balance(store, (supplier, invoice), coming)
    if code == "I" and balance is not None:
        given.wrong("Invoice", EXISTS, f"Invoice '{invoice}' already exists for supplier '{supplier}'")
    if code != "I" and balance is None and invoice:
        given.wrong("Invoice", NOT_FOUND, f"Invoice '{invoice}' not found for supplier '{supplier}'")
    if value <= 0 and code != "A":
        given.wrong("TransactionValue", INVALID, "TransactionValue must be greater than zero")
    if code == "C" and balance is not None and value > balance:
        given.wrong("TransactionValue", WARNED, f"The credit exceeds the balance {balance:f}", warning=True)
    _check_details(given)
    lines = _read_lines(store, given, value - tax)
    row = _invoice_row(store, given, value, tax, period)
    return _Item(supplier=supplier, invoice=invoice, code=code, value=value, row=row, lines=lines, errors=given.errors)


def _check_supplier(store: Store, given: Fields, supplier: str) -> None:
    row = store.get("ApSupplier", supplier)
    if row is None and supplier:
        given.wrong("Supplier", NOT_FOUND, f"Supplier '{supplier}' not found")
    if row is not None and row["OnHold"] == "Y":
        given.wrong("Supplier", WARNED, f"Supplier '{supplier}' is on hold", warning=True)


def _check_details(given: Fields) -> None:
    for name in ("FreightCharge", "MiscellaneousCharge", "DiscountableValue", "DiscountAdjustment"):
        given.money(name)
    given.one_of("TaxBasis", {"E", "I"}, "E")
    given.one_of("TaxCode", _TAX_CODES, "")
    given.one_of("DiscountBasis", {"", "T", "P", "V"}, "")
    for receipt in given.inner("GrnDetails"):
        key = receipt.needed("GrnDetailKey")
        receipt.wrong("GrnDetailKey", NOT_FOUND, f"GRN '{key}' not found")


def _read_lines(store: Store, given: Fields, wanted: Decimal) -> list[Row]:
    """The ledger distribution; an error unless it adds up to the value without tax."""
    lines: list[Row] = []
    for line in given.inner("LedgerDistribution"):
        code = line.needed("LedgerCode")
        if code and store.get("GenMaster", code) is None:
            line.wrong("LedgerCode", NOT_FOUND, f"Ledger code '{code}' not found")
        lines.append({"GlCode": code, "Notation": line.raw("LedgerNotation"), "DistrValue": line.money("LedgerValue")})
    total = sum((line["DistrValue"] for line in lines), Decimal(0))
    if total != wanted:
        text = f"The ledger distribution of {total:f} does not equal the value without tax of {wanted:f}"
        given.wrong("TransactionValue", OUT_OF_BALANCE, text)
    return lines


def _invoice_row(store: Store, given: Fields, value: Decimal, tax: Decimal, period: Period) -> Row:
    supplier = given.raw("Supplier")
    day: date = given.day("InvoiceDate") or store.today()
    return {
        "Supplier": supplier,
        "Invoice": given.raw("Invoice"),
        "OrigInvValue": value,
        "MthInvBal1": value,
        "TaxValue": tax,
        "InvoiceDate": day,
        "DueDate": given.day("DueDate") or due_date(store, supplier, day),
        "DiscountDate": given.day("DiscountDate"),
        "PostDate": store.today(),
        "Reference": given.raw("TransactionReference"),
        "Notation": given.raw("JournalNotation") or given.raw("Notation"),
        "Branch": given.raw("Branch"),
        "Currency": (store.get("ApSupplier", supplier) or {}).get("Currency", CURRENCY),
        "TrnYear": f"{period[0]:04d}",
        "TrnMonth": f"{period[1]:02d}",
    }


def _apply(store: Store, item: _Item, journal: str, entries: int, operator: str) -> int:
    """Store one item; the entries the journal has now."""
    year, month = item.row["TrnYear"], item.row["TrnMonth"]
    item.row["Journal"] = journal
    before = store.get("ApInvoice", item.supplier, item.invoice)
    if before is None:
        store.put("ApInvoice", item.row)
    else:
        balance = before["MthInvBal1"] + item.value * _SIGNS[item.code]
        store.put("ApInvoice", {**before, "MthInvBal1": balance})
    for number, line in enumerate(item.lines, entries + 1):
        place = {"TrnYear": year, "TrnMonth": month, "Journal": journal, "EntryNumber": number}
        store.put("ApJnlDistrib", {**place, "Supplier": item.supplier, "Invoice": item.invoice, **line})
    store.history.record(
        "ap_invoice.posted" if item.code == "I" else "ap_adjustment.posted",
        f"{item.supplier}/{item.invoice}",
        code=item.code,
        value=item.value,
        tax=item.row["TaxValue"],
        journal=f"{year}/{month}/{journal}",
        reference=item.row["Reference"],
        lines=[dict(line) for line in item.lines],
        operator=operator,
    )
    return entries + len(item.lines)


def _answer(store: Store, items: Sequence[_Item], good: int) -> ET.Element:
    """The items with what became of each: only one that is stored has a journal."""
    root = root_of(store.rules, _NAME)
    numbered = list(enumerate(items, 1))
    for number, item in numbered if store.rules.items_in_order else reversed(numbered):
        element = ET.SubElement(root, "Item")
        key = ET.SubElement(element, "Key")
        add(key, "Supplier", item.supplier)
        add(key, "Invoice", item.invoice)
        if "Journal" in item.row:
            for name in ("Journal", "TrnYear", "TrnMonth"):
                add(key, name, item.row[name])
        for error in item.errors:
            add_error(element, error)
        for error in item.waved:
            add_error(element, error, waved=True)
        add(element, "ItemNumber", f"{number:06d}")
    _count(store, root, items, good)
    return root


def _count(store: Store, root: ET.Element, items: Sequence[_Item], good: int) -> None:
    """What the call came to; an item that was validated only counts as processed."""
    invalid = sum(bool(item.errors) for item in items)
    if not invalid and not store.rules.status_of_items:
        return
    rejected = sum(bool(item.errors) and all(error.warning for error in item.errors) for item in items)
    waved = sum(bool(item.waved) for item in items)
    status = ET.SubElement(root, "StatusOfItems")
    add(status, "ItemsProcessed", f"{good:05d}")
    add(status, "ItemsInvalid", f"{invalid:05d}")
    if rejected:
        add(status, "ItemsRejectedWithWarnings", f"{rejected:05d}")
    if waved:
        add(status, "ItemsProcessedWithWarnings", f"{waved:05d}")
