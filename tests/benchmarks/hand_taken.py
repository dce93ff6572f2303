"""The yardstick of intake: documents of a file mapped, hashed and written to SQLite in one transaction, by hand.

What it promises as the engine does: each key once for ever, also against what came in other files (looked up in batches); a hash of the
content, so that the same document again is told from a changed one; the mapped document as JSON; the file's own hash, so that it is not
read twice; all of a file or nothing, durable when it returns (WAL, synchronous FULL). What the `bare` one leaves out: its documents stand
in the clear (the engine seals each with AES-256-GCM), no copy of what was read beside what was mapped, no trail of signed lines, no
search by identifiers; the one with the `same` promises has these four. Both leave out: versions, quarantine of single documents,
acknowledgements, masked secrets, any other layout; and their database is locked from the first document to the last.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import hand_csv
import hand_files
import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Record = dict[str, Any]
_encode = msgspec.json.Encoder(order="sorted").encode
_plain = msgspec.json.encode


def _map(record: Record, names: tuple[str, ...], of_line: tuple[str, ...]) -> Record:
    party, number, day, amount, text = names
    worth, said, account = of_line
    made = {
        "Party": record[party],
        "Number": record[number],
        "Day": record[day],
        "Amount": record[amount],
        "Text": record[text],
        "lines": [
            {"Text": each[said], "Amount": each[worth], "Account": each.get(account)} for each in record["lines"]
        ],
    }
    if not made["Number"] or len(made["Number"]) > 50 or len(made["Party"]) > 60 or len(made["Text"] or "") > 100:
        raise ValueError(f"`{made['Number']}` is missing or too long")
    if any(
        amount.as_tuple().exponent < -2 or abs(amount) >= 10**16
        for amount in (made["Amount"], *(each["Amount"] for each in made["lines"]))
    ):
        raise ValueError(f"`{made['Number']}` has an amount of more than two decimals")
    return made


MAPS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "rows": (("VendorID", "InvoiceNum", "InvoiceDate", "Amount", "VendorName"), ("Amount", "LineDesc", "Account")),
    "xml": (("vendor", "number", "date", "total", "name"), ("amount", "text", "account")),
    "x12": (("payee", "number", "date", "amount", "payer"), ("paid", "invoice", "")),
    "fixed": (("vendor", "number", "date", "total", "name"), ("amount", "text", "account")),
}
READERS: dict[str, Callable[[Path], Iterator[Record]]] = {**hand_files.READERS, "rows": hand_csv.documents}


class Safe:
    """What the `same` promises take: sealing bound to the key, and a chain of signed lines."""

    def __init__(self) -> None:
        self._cipher, self._key, self._last = AESGCM(os.urandom(32)), os.urandom(32), b""

    def seal(self, data: bytes, key: str) -> bytes:
        """Encrypted for this document."""
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, data, key.encode())

    def line(self, key: str, sha: str, place: str) -> tuple[str, str, bytes]:
        """A line of the trail with its signature over the one before."""
        told = _plain({"event": "received", "key": key, "file": sha, "state": "ready", "place": place}).decode()
        self._last = hmac.digest(self._key, self._last + told.encode(), "sha256")
        return key, told, self._last


def take(path: Path, form: str, database: Path, safe: Safe | None = None) -> tuple[int, str]:
    """Takes a file in; returns how many documents were new, and what they add up to."""
    store = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-16000"):
        store.execute(f"PRAGMA {pragma}")
    store.execute("CREATE TABLE IF NOT EXISTS taken (sha TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID")
    store.execute(
        "CREATE TABLE IF NOT EXISTS document (n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,"
        " state TEXT NOT NULL, amount TEXT, file TEXT NOT NULL, payload BLOB NOT NULL, source BLOB)"
    )
    store.execute("CREATE TABLE IF NOT EXISTS trail (n INTEGER PRIMARY KEY, key TEXT, line TEXT, signed BLOB)")
    store.execute(
        "CREATE TABLE IF NOT EXISTS identifier (name TEXT, value TEXT, key TEXT, PRIMARY KEY (name, value, key)) WITHOUT ROWID"
    )
    with path.open("rb") as file:
        sha = hashlib.file_digest(file, "sha256").hexdigest()
    store.execute("BEGIN IMMEDIATE")
    try:
        store.execute("INSERT INTO taken VALUES (?, ?)", (sha, path.name))
        made, total = 0, Decimal(0)
        documents = READERS[form](path)
        while some := list(islice(documents, 500)):
            count, amount = _write(store, some, form, sha, safe)
            made, total = made + count, total + amount
        store.execute("COMMIT")
    finally:
        store.close()
    return made, str(total)


def _write(
    store: sqlite3.Connection, some: list[Record], form: str, sha: str, safe: Safe | None
) -> tuple[int, Decimal]:
    names, of_line = MAPS[form]
    keys = [f"{record[names[0]].upper()}|{record[names[1]].upper()}" for record in some]
    marks = ",".join("?" * len(keys))
    known = dict(store.execute(f"SELECT key, hash FROM document WHERE key IN ({marks})", keys))
    rows, lines, found, total = [], [], [], Decimal(0)
    for key, record in zip(keys, some, strict=True):
        digest = hashlib.sha256(_encode(record)).hexdigest()
        if (before := known.get(key)) is not None:
            if before != digest:
                raise ValueError(f"`{key}` came before with other content")
            continue
        made = _map(record, names, of_line)
        payload, source = _plain(made), None
        if safe is not None:
            payload, source = safe.seal(payload, key), safe.seal(_plain(record), key)
            lines.append(safe.line(key, sha, str(len(rows))))
            found.append(("number", made["Number"].upper(), key))
        rows.append((key, digest, "ready", str(made["Amount"]), sha, payload, source))
        total += made["Amount"]
    columns = "key, hash, state, amount, file, payload, source"
    store.executemany(f"INSERT INTO document ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    store.executemany("INSERT INTO trail (key, line, signed) VALUES (?, ?, ?)", lines)
    store.executemany("INSERT INTO identifier VALUES (?, ?, ?)", found)
    return len(rows), total
