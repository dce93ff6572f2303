"""What every format hands over when it reads: rows with their line numbers, and findings that stop nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from engine.contracts import BadRow, Block, Table

Numbered = tuple[int, Sequence[Any]]
"""A physical line number (1-based, of the record's first line) and the wanted values in the order they were asked for."""
BLOCK = 100
"""Rows of a block: few enough to stay in the processor's cache, measured at two thirds of the time of 1,000."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One column to pick: the names it may go by, the first one is its own. A required one must be in the file."""

    names: tuple[str, ...]
    required: bool = False


class Decoding:
    """One pass over a file. `table` or iterating starts it; `findings` fill up on the way and are sentences for people."""

    def __init__(self, open_: Callable[[list[str]], Table], count: int | None = None) -> None:
        self.findings: list[str] = []
        self._open = open_
        self._count = count

    def table(self) -> Table:
        """The rows as they stand, in blocks. Raises ParcelError for a header that can't be used; so do the blocks."""
        return self._open(self.findings)

    def __iter__(self) -> Iterator[Numbered | BadRow]:
        table = self.table()
        pick = picker(table.places[: self._count])
        for block in table.blocks:
            if isinstance(block, BadRow):
                yield block
            else:
                yield from zip(block[0], map(pick, block[1]), strict=True)


def picker(places: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Takes the values at these places, as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: tuple(row[place] for place in places)


def in_blocks(items: Iterable[Numbered | BadRow], size: int = BLOCK) -> Iterator[Block | BadRow]:
    """Single rows put together to blocks; their order with bad rows stays."""
    lines: list[int] = []
    rows: list[Sequence[Any]] = []
    for item in items:
        bad = item.__class__ is BadRow
        if rows and (bad or len(rows) >= size):
            yield lines, rows
            lines, rows = [], []
        if bad:
            yield item  # type: ignore[misc]  # a BadRow
        else:
            lines.append(item[0])  # type: ignore[index]  # no BadRow
            rows.append(item[1])  # type: ignore[index]
    if rows:
        yield lines, rows
