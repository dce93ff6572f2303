"""What a pickup needs to remember between runs, and what it hands from one step to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from engine.contracts import FileEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """How a flow ended with a content: under which name it came first and, where it was unusable, why."""

    state: Literal["done", "bad"]
    name: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A file as fetched. `trusted`: equal name, size and time will mean equal content."""

    entry: FileEntry
    sha256: str
    path: Path
    trusted: bool


class PickupMemory(Protocol):
    """The ledger, as far as files go."""

    def known_file(self, flow: str, entry: FileEntry) -> str | None:
        """The SHA-256 `remember` kept for exactly this name, size and time, or None."""

    def remember(self, flow: str, entry: FileEntry, sha256: str) -> None:
        """Keeps it: a file of this name, size and time need not be fetched to know its content."""

    def content(self, flow: str, sha256: str) -> Seen | None:
        """How this flow ended with that content: in the ledger (`done`, wherever its file is) or unusable. None before that."""

    def first_seen(self, flow: str, entries: Sequence[FileEntry]) -> Mapping[bytes, datetime]:
        """By name: when the flow first saw each file with this size and time; now, which is then kept, if it never did."""

    def readers_done(self, sha256: str, flows: Sequence[str]) -> bool:
        """Whether every one of these flows ended with that content."""

    def put_away(self, sha256: str, flows: Sequence[str]) -> None:
        """Keeps that the file of that content has left its folder, for the archive or the error folder."""
