"""Rows on their way into the ledger, gathered where only this process can reach them.

Nothing is locked while they gather, and memory stays small.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

_PIECE = 500


class Spool:
    """A private scratch file without a name (SQLite unlinks it at once), gone when closed or when the process dies."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-4000"):
            self._scratch.execute(f"PRAGMA {pragma}")
        self._scratch.execute("CREATE TABLE line (n INTEGER PRIMARY KEY, kind TEXT, data BLOB)")
        self._scratch.execute(
            "CREATE TABLE latest (key TEXT PRIMARY KEY, version INT, hash TEXT, state TEXT) WITHOUT ROWID"
        )
        self._scratch.execute("BEGIN")
        self.rows = 0

    def put(self, kind: str, items: Sequence[Any]) -> None:
        """Adds items at the end; plain data and bytes only."""
        encode = msgspec.msgpack.encode
        self._scratch.executemany(
            "INSERT INTO line (kind, data) VALUES (?, ?)", [(kind, encode(item)) for item in items]
        )
        self.rows += len(items)

    def remember(self, latest: Sequence[tuple[str, int, str, str]]) -> None:
        """Key, version, content hash and state of documents that were put here."""
        self._scratch.executemany("INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?)", latest)

    def known(self, keys: Sequence[str]) -> list[tuple[str, int, str, str]]:
        """What was remembered of these keys; at most 500 of them."""
        marks = ",".join("?" * len(keys))
        asked = f"SELECT key, version, hash, state FROM latest WHERE key IN ({marks})"  # noqa: S608 - marks only
        return self._scratch.execute(asked, keys).fetchall()

    def pieces(self) -> Iterator[list[tuple[str, Any]]]:
        """Everything that was put, in order, 500 at a time."""
        decode = msgspec.msgpack.decode
        rows = self._scratch.execute("SELECT kind, data FROM line ORDER BY n")
        while piece := rows.fetchmany(_PIECE):
            yield [(kind, decode(data)) for kind, data in piece]

    def close(self) -> None:
        """Drops it all."""
        self._scratch.close()
