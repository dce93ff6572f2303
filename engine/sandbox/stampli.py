"""Stand-in for Stampli's file exchange: an SFTP server with its folders, and example files to put into them.

The vendor publishes no layout, and customers define their own templates; the columns here are an example made up for
this project. `/outbound` is what Stampli hands over, `/inbound` what it takes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET  # builds, never parses

from engine.sandbox.file_exchange import PLAIN, FileExchange, Style, cell, render

__all__ = [
    "FOLDERS",
    "INVOICE_COLUMNS",
    "PAYMENT_COLUMNS",
    "PLAIN",
    "VENDOR_COLUMNS",
    "Stampli",
    "Style",
    "render",
    "render_xml",
]

FOLDERS = ("/outbound", "/outbound/archive", "/outbound/error", "/inbound")

INVOICE_COLUMNS = (
    "company_id",
    "invoice_id",
    "document_type",
    "invoice_number",
    "vendor_id",
    "vendor_name",
    "invoice_date",
    "due_date",
    "gl_posting_date",
    "currency",
    "invoice_total",
    "tax_total",
    "freight_total",
    "payment_terms",
    "po_number",
    "description",
    "approval_status",
    "approved_at",
    "approved_by",
    "line_number",
    "line_description",
    "quantity",
    "unit_price",
    "line_amount",
    "gl_account",
    "cost_center",
    "department",
    "project",
    "tax_code",
    "po_line_number",
    "document_url",
    "updated_at",
)
LINE_ELEMENTS = {
    "line_number": "LineNumber",
    "line_description": "Description",
    "quantity": "Quantity",
    "unit_price": "UnitPrice",
    "line_amount": "Amount",
    "gl_account": "GlAccount",
    "cost_center": "CostCenter",
    "department": "Department",
    "project": "Project",
    "tax_code": "TaxCode",
    "po_line_number": "PoLineNumber",
}
"""What the columns of a line are called in the XML template; those of an invoice are spelt `InvoiceNumber` there."""
PAYMENT_COLUMNS = (
    "company_id",
    "payment_id",
    "payment_number",
    "payment_date",
    "payment_method",
    "bank_account",
    "vendor_id",
    "currency",
    "payment_total",
    "status",
    "invoice_number",
    "invoice_id",
    "amount_applied",
    "discount_taken",
    "updated_at",
)


VENDOR_COLUMNS = (
    "company_id",
    "vendor_id",
    "vendor_name",
    "legal_name",
    "status",
    "address1",
    "address2",
    "city",
    "state",
    "postal_code",
    "country",
    "email",
    "phone",
    "payment_terms",
    "currency",
    "tax_id",
    "default_gl_account",
    "updated_at",
)


class Stampli(FileExchange):
    """Stampli's side: files offered in `/outbound`, taken in from `/inbound`."""

    name = "stampli"
    folders = FOLDERS
    offers, takes = "/outbound", "/inbound"

    def write_invoices(self, name: str, invoices: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row a line of each invoice's `lines`, its other fields repeated; an invoice without lines is one row."""
        return self.write(name, render(INVOICE_COLUMNS, invoices, style))

    def write_invoices_xml(self, name: str, invoices: Iterable[Mapping[str, Any]], *, encoding: str = "utf-8") -> Path:
        """The XML template: an element an invoice, its lines inside."""
        return self.write(name, render_xml(invoices, encoding=encoding))

    def write_payments(self, name: str, payments: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row for each of a payment's `lines`, the invoices it pays."""
        return self.write(name, render(PAYMENT_COLUMNS, payments, style))

    def write_vendors(self, name: str, vendors: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row a vendor."""
        return self.write(name, render(VENDOR_COLUMNS, vendors, style))

    def inbound(self, pattern: str = "*") -> list[Path]:
        """The finished files that arrived, by name; hidden ones are still being written."""
        return self.taken(pattern)

    def read_inbound(
        self, pattern: str = "*", *, delimiter: str = ",", encoding: str = "utf-8-sig"
    ) -> list[dict[str, str]]:
        """The rows of all CSV files that arrived and match, as dictionaries of text."""
        return self.read_taken(pattern, delimiter=delimiter, encoding=encoding)


def render_xml(invoices: Iterable[Mapping[str, Any]], *, encoding: str = "utf-8", company_id: str = "1") -> bytes:
    """`StampliExport` with an `Invoice` for each, which has its fields and `Lines`; a field nothing is said of is left out."""
    root = ET.Element("StampliExport", {"company_id": company_id})
    for invoice in invoices:
        element = ET.SubElement(root, "Invoice")
        for column in INVOICE_COLUMNS:
            if column in invoice and column not in {"company_id", *LINE_ELEMENTS}:
                ET.SubElement(element, column.title().replace("_", "")).text = cell(invoice[column])
        lines = ET.SubElement(element, "Lines")
        for line in invoice.get("lines") or ():
            one = ET.SubElement(lines, "Line")
            for column, title in LINE_ELEMENTS.items():
                if column in line:
                    ET.SubElement(one, title).text = cell(line[column])
    ET.indent(root)
    raw: bytes = ET.tostring(root, encoding=encoding, xml_declaration=True)
    return raw
