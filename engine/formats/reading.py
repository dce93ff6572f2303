"""What every format hands over when it reads: rows with their line numbers, and findings that stop nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.contracts import BadRow

Numbered = tuple[int, Sequence[Any]]
"""A physical line number (1-based, of the record's first line) and the wanted values in the order they were asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One column to pick: the names it may go by, the first one is its own. A required one must be in the file."""

    names: tuple[str, ...]
    required: bool = False


class Decoding:
    """One pass over a file. Iterating starts it; `findings` fill up on the way and are sentences for people."""

    def __init__(self, start: Callable[[list[str]], Iterator[Numbered | BadRow]]) -> None:
        self.findings: list[str] = []
        self._start = start

    def __iter__(self) -> Iterator[Numbered | BadRow]:
        return self._start(self.findings)
