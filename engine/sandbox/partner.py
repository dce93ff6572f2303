"""Stand-in for a trading partner's file server: an SFTP server with its folders, and example files to put into them.

`/outbound` takes what the company sends, `/inbound` offers what the partner sends, `/acks` is for acknowledgements.
The columns are an example made up for this project: every partner has layouts of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
CONFIRMATION_COLUMNS = ("vendor_id", "invoice_number", "invoice_date", "invoice_total", "currency", "status")


class Partner(FileExchange):
    """The partner's side: files offered in `/inbound`, taken in from `/outbound`."""

    name = "partner"
    folders = FOLDERS
    offers, takes = "/inbound", "/outbound"

    def write_vendors(self, name: str, vendors: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row a vendor; an empty cell says nothing about that field."""
        return self.write(name, render(VENDOR_COLUMNS, vendors, style))

    def write_confirmations(self, name: str, invoices: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row for each invoice the partner has booked or refused."""
        return self.write(name, render(CONFIRMATION_COLUMNS, invoices, style))
