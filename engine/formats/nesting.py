"""What a structured format hands over: whole documents, their header and lines together, and findings that stop nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.contracts import BadRow, Line, Nested

__all__ = ["Line", "Nested", "Nesting"]


class Nesting:
    """One pass over a structured file. Iterating starts it; `findings` fill up on the way and are sentences for people."""

    def __init__(self, start: Callable[[list[str]], Iterator[Nested | BadRow]]) -> None:
        self.findings: list[str] = []
        self._start = start

    def __iter__(self) -> Iterator[Nested | BadRow]:
        """Documents in the file's order. Raises ParcelError when the file's structure breaks."""
        return self._start(self.findings)
