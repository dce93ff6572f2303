"""What a structured format hands over: whole documents, their header and lines together, and findings that stop nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.contracts import BadRow, Line, Nested

__all__ = ["Line", "Nested", "Nesting"]


class Nesting:
    """One pass over a structured file. Iterating starts it; `findings` fill up on the way and are sentences for people.

    `received`: what the sender is to be told of the file, plain data, where the format knows acknowledgements.
    """

    def __init__(
        self, start: Callable[[list[str]], Iterator[Nested | BadRow]], received: list[dict[str, Any]] | None = None
    ) -> None:
        self.findings: list[str] = []
        self.received: list[dict[str, Any]] = received if received is not None else []
        self._start = start

    def __iter__(self) -> Iterator[Nested | BadRow]:
        """Documents in the file's order. Raises ParcelError when the file's structure breaks."""
        return self._start(self.findings)
