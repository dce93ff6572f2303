"""What a structured format hands over: whole documents, their header and lines together, and findings that stop nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.contracts import BadRow

Line = tuple[str, Sequence[Any]]
"""Where a line stands (`line 12`, `segment 14`) and its wanted values, None where absent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nested:
    """One document of a file: where it begins, the wanted values of its header, and its lines. Values are text or None."""

    place: str
    header: Sequence[Any]
    lines: Sequence[Line] = ()


class Nesting:
    """One pass over a structured file. Iterating starts it; `findings` fill up on the way and are sentences for people."""

    def __init__(self, start: Callable[[list[str]], Iterator[Nested | BadRow]]) -> None:
        self.findings: list[str] = []
        self._start = start

    def __iter__(self) -> Iterator[Nested | BadRow]:
        """Documents in the file's order. Raises ParcelError when the file's structure breaks."""
        return self._start(self.findings)
