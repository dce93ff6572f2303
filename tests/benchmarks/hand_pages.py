"""The yardstick of the read path: vendors from pages to a CSV file, as a good programmer would write it by hand for this one list.

The same checks as the engine makes: amounts exact, types strict, texts no longer than the target takes, links of the same origin and
never twice, the file whole before it has its name. `seen` adds what a second run needs: a table of keys and content hashes in SQLite.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec

COLUMNS = (
    "company_id", "vendor_id", "vendor_name", "legal_name", "status", "address1", "address2", "city", "postal_code", "email",
    "phone", "payment_terms", "credit_limit", "open_date", "tax_id",
)  # fmt: skip
CENT = Decimal("0.01")


class Vendor(msgspec.Struct):
    """What is used of a record."""

    VendorNum: int
    VendorID: str
    Name: str
    LegalName: str | None
    Address1: str | None
    Address2: str | None
    City: str | None
    State: str | None
    ZIP: str | None
    Country: str | None
    PhoneNum: str | None
    EMailAddress: str | None
    TermsCode: str | None
    CurrencyCode: str | None
    TaxPayerID: str | None
    Inactive: bool
    CreditLimit: Decimal
    OpenDate: str | None


class Page(msgspec.Struct):
    """An answer."""

    value: list[Vendor]
    link: str | None = msgspec.field(default=None, name="@odata.nextLink")


def pages(site: str, many: int) -> Iterator[list[Vendor]]:
    """The records, page by page."""
    decode = msgspec.json.Decoder(Page).decode
    origin = httpx.URL(site)
    seen: set[str] = set()
    with httpx.Client(timeout=60) as client:
        link: str | None = f"{site}/vendors?of={many}"
        while link:
            url = httpx.URL(link)
            if link in seen or (url.scheme, url.host, url.port) != (origin.scheme, origin.host, origin.port):
                raise ValueError(f"`{link}` leads elsewhere, or back")
            seen.add(link)
            answer = client.get(url)
            answer.raise_for_status()
            page = decode(answer.content)
            yield page.value
            link = page.link


def row(vendor: Vendor, days: dict[str, str]) -> tuple[object, ...]:
    """A vendor as the file has it. Raises ValueError for what does not fit."""
    name = vendor.Name.strip()
    amount = vendor.CreditLimit.quantize(CENT)
    opened = vendor.OpenDate
    day = days.get(opened) or _day(opened, days) if opened else None
    texts = (
        vendor.VendorID,
        vendor.LegalName,
        vendor.Address1,
        vendor.Address2,
        vendor.City,
        vendor.ZIP,
        vendor.EMailAddress,
    )
    if (
        not name
        or len(name) > 100
        or amount != vendor.CreditLimit
        or any(t is not None and len(t) > 100 for t in texts)
    ):
        raise ValueError(f"vendor {vendor.VendorID} does not fit")
    return (
        "1", vendor.VendorID, name, vendor.LegalName, "INACTIVE" if vendor.Inactive else "ACTIVE", vendor.Address1, vendor.Address2,
        vendor.City, vendor.ZIP, vendor.EMailAddress, vendor.PhoneNum, vendor.TermsCode, amount, day, vendor.TaxPayerID,
    )  # fmt: skip


def _day(text: str, days: dict[str, str]) -> str:
    year, month, day = map(int, text[:10].split("-"))
    found = days[text] = f"{month:02d}/{day:02d}/{year}"
    return found


class File:
    """Written beside its place, named when it is whole."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / name
        self._part = folder / f".{name}"
        self._file = self._part.open("wb")
        self._digest = hashlib.sha256()
        self._buffer = io.StringIO(newline="")
        self._writer = csv.writer(self._buffer)
        self.add([COLUMNS])

    def add(self, rows: list[tuple[object, ...]]) -> None:
        """Adds rows."""
        self._writer.writerows(rows)
        data = self._buffer.getvalue().encode()
        self._buffer.seek(0)
        self._buffer.truncate()
        self._digest.update(data)
        self._file.write(data)

    def done(self) -> str:
        """The file's hash, once it lies there."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._path)
        return self._digest.hexdigest()


def copy(site: str, many: int, folder: Path) -> str:
    """All vendors to a file; returns its hash."""
    days: dict[str, str] = {}
    file = File(folder, "hand.csv")
    for page in pages(site, many):
        file.add([row(vendor, days) for vendor in page])
    return file.done()


def copy_new(site: str, many: int, folder: Path) -> int:
    """Those not seen with this content before; returns how many. A vendor counts as seen once the file lies there."""
    days: dict[str, str] = {}
    database = sqlite3.connect(folder / "seen.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, hash BLOB) WITHOUT ROWID")
    file: File | None = None
    fresh: list[tuple[str, bytes]] = []
    encode = msgspec.json.encode
    batch: list[Vendor] = []

    def settle(vendors: list[Vendor]) -> None:
        nonlocal file
        marks = ",".join("?" * len(vendors))
        known = dict(
            database.execute(f"SELECT key, hash FROM seen WHERE key IN ({marks})", [v.VendorID for v in vendors])
        )
        rows = []
        for vendor in vendors:
            digest = hashlib.sha256(encode(vendor)).digest()
            if known.get(vendor.VendorID) != digest:
                rows.append(row(vendor, days))
                fresh.append((vendor.VendorID, digest))
        if rows:
            file = file or File(folder, f"hand_{many}.csv")
            file.add(rows)

    for page in pages(site, many):
        batch += page
        if len(batch) >= 500:
            settle(batch)
            batch = []
    if batch:
        settle(batch)
    if file is not None:
        file.done()
        database.execute("BEGIN IMMEDIATE")
        database.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", fresh)
        database.execute("COMMIT")
    database.close()
    return len(fresh)
