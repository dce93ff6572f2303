"""APSQRY and GENQGL of the SYSPRO stand-in: a supplier with invoices and payments, and whether a ledger code is right.

Not proven: the names of the `Include…` flags. Invoices are told when a flag with `Invoice` in its name is Y, payments
when one with `Payment` is; nothing is told unasked.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from engine.sandbox.syspro_answers import NOT_FOUND, FieldError, Trouble, add, add_error, root_of
from engine.sandbox.syspro_store import SUPPLIER_FIELDS, Row, Store, written
from engine.sandbox.syspro_xml import check_shape, expect_root, shape

_SUPPLIER_QUERY = shape("Key Option Filter?", Key=shape("Supplier"), Option=shape("Include*"))
_LEDGER_QUERY = shape("key Option? Filter?", key=shape("LedgerCode"))


def query_supplier(store: Store, document: ET.Element) -> ET.Element:
    """`<ApQuery>`; Trouble for an unknown supplier."""
    expect_root(document, "Query")
    check_shape(document, _SUPPLIER_QUERY, strict=store.rules.strict_elements, ignored=store.ignored)
    supplier = (document.findtext("Key/Supplier") or "").strip()
    row = store.get("ApSupplier", supplier)
    if row is None:
        raise Trouble(f"Supplier '{supplier}' not found")
    flags = [flag.tag for option in document.findall("Option") for flag in option if (flag.text or "").strip() == "Y"]
    root = ET.Element("ApQuery", root_of(store.rules, "ApQuery").attrib)
    element = ET.SubElement(root, "Supplier")
    for name in ("Supplier", *SUPPLIER_FIELDS.split()):
        add(element, name, row[name])
    if any("Invoice" in flag for flag in flags):
        for invoice in store.rows("ApInvoice"):
            if invoice["Supplier"] == supplier:
                _tell_invoice(store, element, invoice, payments=any("Payment" in flag for flag in flags))
    return root


def _tell_invoice(store: Store, parent: ET.Element, invoice: Row, *, payments: bool) -> None:
    detail = ET.SubElement(parent, "InvoiceDetail")
    for name, column in (
        ("Invoice", "Invoice"),
        ("InvoiceDate", "InvoiceDate"),
        ("DueDate", "DueDate"),
        ("Reference", "Reference"),
        ("OrigInvValue", "OrigInvValue"),
        ("MthInvBal", "MthInvBal1"),
        ("InvoiceStatus", "InvoiceStatus"),
        ("Journal", "Journal"),
    ):
        add(detail, name, written(invoice[column]))
    key = (invoice["Supplier"], invoice["Invoice"])
    for paid in store.rows("ApInvoicePay") if payments else ():
        if (paid["Supplier"], paid["Invoice"]) == key:
            payment = ET.SubElement(detail, "Payments")
            for name in ("PaymentNumber", "PaymentDate", "PaymentReference", "PaymentValue"):
                add(payment, name, written(paid[name]))


def query_ledger(store: Store, document: ET.Element) -> ET.Element:
    """`<GlQuery>` with the account, or with a field error for a code nobody knows."""
    expect_root(document, "Query")
    check_shape(document, _LEDGER_QUERY, strict=store.rules.strict_elements, ignored=store.ignored)
    code = (document.findtext("key/LedgerCode") or "").strip()
    row = store.get("GenMaster", code)
    root = ET.Element("GlQuery", root_of(store.rules, "GlQuery").attrib)
    if row is None:
        text = f"Ledger code '{code}' not found"
        add_error(root, FieldError(field="LedgerCode", value=code, number=NOT_FOUND, text=text))
        return root
    told = {"LedgerCode": code, "ValidateStructure": "Y", "ValidateFlags": "Y"}
    for name, value in {**told, "AccountType": row["AccountType"], "Description": row["Description"]}.items():
        add(root, name, value)
    return root
