"""Stand-in for Stampli's file exchange: an SFTP server with its folders, and example files to put into them.

The vendor publishes no layout, and customers define their own templates; the columns here are an example made up for
this project. `/outbound` is what Stampli hands over, `/inbound` what it takes in.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.sandbox.faults import Fault, Faults
from engine.sandbox.history import History
from engine.sandbox.sftp_server import SftpServer

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """How a file is written; `columns` replaces the example's, to leave some out, add some or change their order."""

    encoding: str = "utf-8"
    bom: bool = False
    newline: str = "\n"
    delimiter: str = ","
    header: bool = True
    columns: Sequence[str] | None = None


PLAIN = Style()


class Stampli:
    """A running stand-in while used as a context manager; `server` is the SFTP server below it."""

    def __init__(
        self,
        *,
        history: History | None = None,
        faults: Iterable[Fault] = (),
        root: Path | None = None,
        port: int = 0,
    ) -> None:
        self.history = history or History("stampli")
        self.server = SftpServer(root=root, folders=FOLDERS, history=self.history, faults=faults, port=port)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    @property
    def faults(self) -> Faults:
        """What it will still do wrong."""
        return self.server.faults

    def settings(self) -> dict[str, Any]:
        """What a system file needs to reach it: host, port, username, password, private_key, host_key."""
        return {
            "host": self.server.host,
            "port": self.server.port,
            "username": self.server.username,
            "password": self.server.password,
            "private_key": self.server.private_key,
            "host_key": self.server.host_key_line,
        }

    def path(self, folder: str) -> Path:
        """The local path of a served folder or file."""
        return self.server.path(folder)

    def write_invoices(self, name: str, invoices: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row a line of each invoice's `lines`, its other fields repeated; an invoice without lines is one row."""
        return self.write(name, render(INVOICE_COLUMNS, invoices, style))

    def write_payments(self, name: str, payments: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row for each of a payment's `lines`, the invoices it pays."""
        return self.write(name, render(PAYMENT_COLUMNS, payments, style))

    def write_vendors(self, name: str, vendors: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> Path:
        """One row a vendor."""
        return self.write(name, render(VENDOR_COLUMNS, vendors, style))

    def write(self, name: str, data: bytes, *, modified: datetime | None = None, folder: str = "/outbound") -> Path:
        """Any bytes as a finished file, there at once; `modified` sets its time stamp."""
        target = self.path(folder) / name
        half = target.with_name(f".{name}.writing")
        half.write_bytes(data)
        if modified is not None:
            os.utime(half, (modified.timestamp(), modified.timestamp()))
        half.replace(target)
        self.history.record("file.offered", f"{folder}/{name}", sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        return target

    def write_slowly(self, name: str, chunks: Iterable[bytes], *, folder: str = "/outbound") -> Iterator[int]:
        """A file that grows under its final name: each `next()` adds a chunk and tells the size reached."""
        target = self.path(folder) / name
        for chunk in chunks:
            with target.open("ab") as stream:
                stream.write(chunk)
            yield target.stat().st_size

    def inbound(self, pattern: str = "*") -> list[Path]:
        """The finished files that arrived, by name; hidden ones are still being written."""
        return sorted(path for path in self.path("/inbound").glob(pattern) if not path.name.startswith("."))

    def read_inbound(
        self, pattern: str = "*", *, delimiter: str = ",", encoding: str = "utf-8-sig"
    ) -> list[dict[str, str]]:
        """The rows of all CSV files that arrived and match, as dictionaries of text."""
        rows: list[dict[str, str]] = []
        for path in self.inbound(pattern):
            with path.open(encoding=encoding, newline="") as stream:
                rows.extend(csv.DictReader(stream, delimiter=delimiter, strict=True))
        return rows


def render(columns: Sequence[str], documents: Iterable[Mapping[str, Any]], style: Style = PLAIN) -> bytes:
    """A file of documents: header fields repeated on the row of every line, `updated_at` and the rest as given."""
    text = io.StringIO()
    columns = style.columns or columns
    writer = csv.writer(text, delimiter=style.delimiter, lineterminator=style.newline)
    if style.header:
        writer.writerow(columns)
    for document in documents:
        shared = {key: value for key, value in document.items() if key != "lines"}
        for line in document.get("lines") or [{}]:
            row = {**shared, **line}
            writer.writerow([_cell(row.get(column)) for column in columns])
    mark = "\ufeff" if style.bom else ""
    return (mark + text.getvalue()).encode(style.encoding)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)
