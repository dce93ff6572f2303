"""Stand-in for a trading partner's file server: an SFTP server with its folders, and example files to put into them.

`/outbound` takes what the company sends, `/inbound` offers what the partner sends, `/acks` is for acknowledgements.
The columns are an example made up for this project: every partner has layouts of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from engine.sandbox.file_exchange import PLAIN, FileExchange, Style, render

FOLDERS = ("/inbound", "/outbound", "/acks", "/archive", "/error")

VENDOR_COLUMNS = (
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
)
FIXED_VENDOR = (
    ("vendor_id", 20),
    ("vendor_name", 50),
    ("legal_name", 50),
    ("status", 8),
    ("payment_terms", 4),
    ("currency", 4),
    ("tax_id", 20),
)
FIXED_ADDRESS = (
    ("address1", 40),
    ("address2", 40),
    ("city", 30),
    ("state", 10),
    ("postal_code", 10),
    ("country", 20),
    ("email", 50),
    ("phone", 19),
)
"""Fields of the two record types one behind the other, from the second position on."""
FIXED_LENGTH = 220
CONFIRMATION_COLUMNS = ("vendor_id", "invoice_number", "invoice_date", "invoice_total", "currency", "status")


class Partner(FileExchange):
    """The partner's side: files offered in `/inbound`, taken in from `/outbound`."""

    name = "partner"
    folders = FOLDERS
    offers, takes = "/inbound", "/outbound"

    def write_vendors(self, name: str, vendors: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row a vendor; an empty cell says nothing about that field."""
        return self.write(name, render(VENDOR_COLUMNS, vendors, style))

    def write_vendors_fixed(
        self,
        name: str,
        vendors: Iterable[Mapping[str, Any]],
        *,
        on: date = date(2026, 3, 2),
        encoding: str = "cp1252",
        newline: str = "\r\n",
    ) -> Path:
        """Fixed width: a header with the file's date, a record or two a vendor, a trailer that counts both."""
        text = newline.join([*fixed_vendors(vendors, on), ""])
        return self.write(name, text.encode(encoding))

    def write_confirmations(self, name: str, invoices: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row for each invoice the partner has booked or refused."""
        return self.write(name, render(CONFIRMATION_COLUMNS, invoices, style))


def fixed_vendors(vendors: Iterable[Mapping[str, Any]], on: date) -> list[str]:
    """The records of such a file; a vendor has an address record where it has anything to say in it."""
    found: list[str] = []
    for vendor in vendors:
        found.append(_record("V", FIXED_VENDOR, vendor))
        if any(vendor.get(field) for field, _ in FIXED_ADDRESS):
            found.append(_record("A", FIXED_ADDRESS, vendor))
    count = sum(record.startswith("V") for record in found)
    first = f"H{on:%Y%m%d}NORTHBANK".ljust(FIXED_LENGTH)
    last = f"T{count:08}{len(found):08}".ljust(FIXED_LENGTH)
    return [first, *found, last]


def _record(kind: str, fields: Sequence[tuple[str, int]], values: Mapping[str, Any]) -> str:
    cells = [str(values.get(field) or "").ljust(width) for field, width in fields]
    return (kind + "".join(cells)).ljust(FIXED_LENGTH)
