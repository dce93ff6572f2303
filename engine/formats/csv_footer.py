"""The footer of a CSV file: rows that are no data, and the control totals they state."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

import re2

from engine.errors import ParcelError
from engine.formats.csv_keys import Footer

Cells = tuple[int, list[str]]
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,10})?")


def without_footer(rows: Iterator[Cells], footer: Footer, names: Sequence[str], delimiter: str) -> Iterator[Cells]:
    """The data rows. Raises ParcelError behind them when the footer is missing or its totals are not those of the data."""
    totals = _Totals(footer, names)
    kept: deque[Cells] = deque()
    if footer.pattern is not None:
        pattern = re2.compile(footer.pattern)
        for row in rows:
            if pattern.search(delimiter.join(row[1])):
                kept.append(row)
            elif kept:
                raise ParcelError("a row follows the footer", place=f"line {row[0]}")
            else:
                totals.add(row)
                yield row
    else:
        filled = set(range(len(names)))
        for row in rows:
            kept.append(row)
            if len(kept) > footer.skip_last:
                totals.add(kept[0])
                filled.intersection_update([n for n, cell in enumerate(kept[0][1]) if cell])
                yield kept.popleft()
        if footer.count is None and footer.sum is None:
            _refuse_data(kept, len(names), filled)
    if len(kept) < max(1, footer.skip_last):
        raise ParcelError("the file ends without its footer: the upload is incomplete", place="end of file")
    totals.check(kept)


def _refuse_data(kept: Iterable[Cells], width: int, filled: set[int]) -> None:
    """Without totals a footer shows itself by its number of cells, or by an empty one where every row of data has text."""
    for line, cells in kept:
        if len(cells) == width and all(cells[n] for n in filled):
            raise ParcelError(
                "the row looks like data and `skip_last` takes it for the footer: is the footer missing? If it is not, say what"
                " it looks like with `pattern`, or what it states with `count` or `sum`",
                place=f"line {line}",
            )


class _Totals:
    """Counts and adds up what goes by."""

    def __init__(self, footer: Footer, names: Sequence[str]) -> None:
        for name in (footer.count, footer.sum):
            if name is not None and name not in names:
                raise ParcelError(f"the footer's column `{name}` is not in the header", place="header")
        self._count_at = names.index(footer.count) if footer.count else None
        self._sum_at = names.index(footer.sum) if footer.sum else None
        self._rows = 0
        self._sum = Decimal(0)

    def add(self, row: Cells) -> None:
        self._rows += 1
        if self._sum_at is not None:
            self._sum += _number(row, self._sum_at)

    def check(self, footers: Sequence[Cells]) -> None:
        for at, counted, what in ((self._count_at, Decimal(self._rows), "rows"), (self._sum_at, self._sum, "the sum")):
            if at is None:
                continue
            stating = [row for row in footers if len(row[1]) > at and row[1][at].strip()]
            if not stating:
                raise ParcelError(f"the footer does not state {what}", place=f"line {footers[-1][0]}")
            stated = _number(stating[-1], at)
            if stated != counted:
                raise ParcelError(
                    f"the footer states {what} {stated} and the data has {counted}: rows are missing or changed",
                    place=f"line {stating[-1][0]}",
                )


def _number(row: Cells, at: int) -> Decimal:
    text = row[1][at].strip() if len(row[1]) > at else ""
    if not _NUMBER.fullmatch(text):
        raise ParcelError(f"`{text[:60]}` is not a number: the control total can't be checked", place=f"line {row[0]}")
    return Decimal(text)
