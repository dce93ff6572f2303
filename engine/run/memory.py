"""What sources remember between runs, kept in the ledger: files seen, cursors moved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine.state.facts import Cursor
from engine.state.ledger import Ledger


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """One flow's memory. A rehearsal (dry run) reads it and writes nothing."""

    ledger: Ledger
    flow: str
    rehearsal: bool = False

    def readers_done(self, sha256: str, flows: Collection[str]) -> bool:
        """Whether every flow that reads the file has taken it in."""
        return self.ledger.readers_done(sha256, flows)

    def get(self, source: str) -> Cursor | None:
        """Where the last complete pass ended."""
        return self.ledger.cursor(self.flow, source)

    def set(self, source: str, cursor: Cursor) -> None:
        """Moves the cursor, once every record of the pass is durable."""
        if not self.rehearsal:
            self.ledger.set_cursor(self.flow, source, cursor)
