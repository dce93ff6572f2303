"""What sources remember between runs, kept in the ledger: files seen, contents taken in, cursors moved.

A rehearsal (dry run) reads all of it and writes none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.contracts import Clock, FileEntry
from engine.sources.pickup_memory import Seen
from engine.state.facts import Cursor
from engine.state.ledger import Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class FileMemory:
    """The files of one flow."""

    ledger: Ledger
    clock: Clock
    rehearsal: bool = False

    def known_file(self, flow: str, entry: FileEntry) -> str | None:
        """The content a file of this name, size and time had."""
        return self.ledger.known_file(flow, entry)

    def remember(self, flow: str, entry: FileEntry, sha256: str) -> None:
        """From now on this name, size and time mean that content."""
        if not self.rehearsal:
            self.ledger.remember_file(flow, entry, sha256)

    def content(self, flow: str, sha256: str) -> Seen | None:
        """How this flow ended with a content."""
        row = self.ledger.parcel(flow, sha256)
        if row is None or row.state == "partial":
            return None
        return Seen(state="bad" if row.state == "bad" else "done", name=row.name, reason=row.reason)

    def first_seen(self, flow: str, entries: Sequence[FileEntry]) -> Mapping[bytes, datetime]:
        """When each file was first seen as it is now."""
        if self.rehearsal:
            return {entry.name: self.clock() for entry in entries}
        return self.ledger.sightings(flow, entries)

    def readers_done(self, sha256: str, flows: Sequence[str]) -> bool:
        """Whether every flow that reads the file has ended with it; in a rehearsal never, so that no file moves."""
        return not self.rehearsal and self.ledger.readers_done(sha256, flows)

    def put_away(self, sha256: str, flows: Sequence[str]) -> None:
        """For people who ask where a file is."""
        self.ledger.put_away(flows, sha256)


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowCursor:
    """One flow's place in one list."""

    ledger: Ledger
    flow: str
    source: str
    rehearsal: bool = False

    def get(self) -> str | None:
        """Where the last complete pass ended."""
        cursor = self.ledger.cursor(self.flow, self.source)
        return cursor.value if cursor is not None else None

    def set(self, value: str) -> None:
        """Moves on, once every record of the pass is durable."""
        if not self.rehearsal:
            self.ledger.set_cursor(self.flow, self.source, Cursor(value=value))
