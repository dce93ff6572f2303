"""APSSSP of the SYSPRO stand-in: suppliers added and changed, an answer for each item.

Stricter readings: a new supplier needs a name; terms, bank, currency and ledger codes must be known; a code of digits
only has the full width of the company's supplier codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from engine.sandbox.syspro_answers import (
    BLANK,
    EXISTS,
    INVALID,
    NOT_FOUND,
    FieldError,
    Trouble,
    add,
    add_error,
    root_of,
)  # fmt: skip
from engine.sandbox.syspro_seed import CURRENCY
from engine.sandbox.syspro_store import SUPPLIER_FIELDS, Row, Store
from engine.sandbox.syspro_xml import Fields, check_shape, expect_root, read_options, shape

_NAME = "SetupApSupplier"
_OPTIONS: Mapping[str, str] = {"IgnoreWarnings": "NYW", "ApplyIfEntireDocumentValid": "YN", "ValidateOnly": "NY"}
_PARAMETERS = shape("Parameters", Parameters=shape(" ".join(_OPTIONS)))
_DOCUMENT = shape("Item+", Item=shape(f"Key {SUPPLIER_FIELDS}", Key=shape("Supplier")))
_NEW: Mapping[str, str] = {"TermsCode": "30", "Bank": "01", "Currency": CURRENCY, "OnHold": "N", "SupplierType": "T"}
_LETTERS: Mapping[str, str] = {
    "OnHold": "NY", "SupplierType": "PT", "PayByEft": "NY", "Required1099": "NY", "PurchOrdAllowed": "NY",
    "GrnMatchReqd": "NY",
}  # fmt: skip
_TABLES: Mapping[str, str] = {
    "TermsCode": "TblApTerms", "Bank": "ApBank", "MerchGlCode": "GenMaster", "FreightGlCode": "GenMaster",
}  # fmt: skip
_LONGEST = 15

Action = Literal["Add", "Update"]


@dataclass(kw_only=True)
class _Item:
    """One item as judged: the whole row as it would be stored."""

    supplier: str
    row: Row
    errors: list[FieldError]


def set_up_suppliers(
    store: Store, action: Action, parameters: ET.Element, document: ET.Element, operator: str
) -> ET.Element:
    """Judge every item, store what may be stored, and answer item by item."""
    for root, wanted in ((parameters, _PARAMETERS), (document, _DOCUMENT)):
        expect_root(root, _NAME)
        check_shape(root, wanted, strict=store.rules.strict_elements, ignored=store.ignored)
    options = read_options(parameters, _OPTIONS)
    items: list[_Item] = []
    for element in document.findall("Item"):
        adding = {item.supplier for item in items if not item.errors} if action == "Add" else set()
        items.append(_judge(store, action, element, adding))
    if not items:
        raise Trouble("The document holds no Item")
    refused = options["ApplyIfEntireDocumentValid"] == "Y" and any(item.errors for item in items)
    if options["ValidateOnly"] == "N" and not refused:
        for item in items:
            if not item.errors:
                _apply(store, action, item, operator)
    return _answer(store, items)


def _judge(store: Store, action: Action, element: ET.Element, adding: set[str]) -> _Item:
    errors: list[FieldError] = []
    key_element = element.find("Key")
    key = Fields(element=ET.Element("Key") if key_element is None else key_element, errors=errors)
    given = Fields(element=element, errors=errors)
    supplier = key.needed("Supplier")
    there = store.get("ApSupplier", supplier)
    if action == "Add":
        _check_code(store, key, supplier)
        if there is not None or supplier in adding:
            key.wrong("Supplier", EXISTS, f"Supplier '{supplier}' already exists")
    elif there is None and supplier:
        key.wrong("Supplier", NOT_FOUND, f"Supplier '{supplier}' not found")
    said = {name: given.raw(name) for name in SUPPLIER_FIELDS.split() if given.given(name)}
    row: Row = {"Supplier": supplier, **(_NEW if there is None else there), **said}
    for name, default in _NEW.items():
        row[name] = row[name] or default
    if not row.get("SupplierName"):
        given.wrong("SupplierName", BLANK, "SupplierName must not be spaces")
    _check_fields(store, given, row)
    return _Item(supplier=supplier, row=row, errors=errors)


def _check_code(store: Store, key: Fields, supplier: str) -> None:
    width = store.rules.supplier_width
    if supplier.isdigit() and len(supplier) != width:
        key.wrong("Supplier", INVALID, f"Supplier '{supplier}' must be {width} digits with leading zeros")
    if len(supplier) > _LONGEST:
        key.wrong("Supplier", INVALID, f"Supplier '{supplier}' is longer than {_LONGEST} characters")


def _check_fields(store: Store, given: Fields, row: Row) -> None:
    for name, letters in _LETTERS.items():
        given.one_of(name, set(letters), letters[0])
    for name, table in _TABLES.items():
        value = given.raw(name)
        if value and store.get(table, value) is None:
            given.wrong(name, NOT_FOUND, f"{name} '{value}' not found")
    if row["Currency"] != CURRENCY:
        given.wrong("Currency", NOT_FOUND, f"Currency '{row['Currency']}' not found")


def _apply(store: Store, action: Action, item: _Item, operator: str) -> None:
    before = store.get("ApSupplier", item.supplier) or {}
    store.put("ApSupplier", item.row)
    changed = {name: value for name, value in item.row.items() if before.get(name, "") != value}
    what = "supplier.added" if action == "Add" else "supplier.changed"
    store.history.record(what, item.supplier, **changed, operator=operator)


def _answer(store: Store, items: Sequence[_Item]) -> ET.Element:
    """In lower case below the root, as the recorded answer of a setup object is."""
    root = root_of(store.rules, _NAME)
    for item in items:
        element = ET.SubElement(root, "item")
        add(ET.SubElement(element, "key"), "supplier", item.supplier)
        for error in item.errors:
            add_error(element, error, lower=True)
    invalid = sum(bool(item.errors) for item in items)
    if invalid or store.rules.status_of_items:
        status = ET.SubElement(root, "StatusOfItems")
        add(status, "RecordsRead", str(len(items)))
        add(status, "RecordsInvalid", str(invalid))
    return root
