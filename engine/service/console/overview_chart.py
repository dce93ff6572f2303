"""The last days as bars: numbers for an SVG without styles of its own, and the same numbers for a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.state.tally import add_up

if TYPE_CHECKING:
    from engine.state.tally import Figure

HEIGHT, STEP, WIDTH = 70, 20, 14
_LEAST = Decimal("1.5")
KINDS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("good", "arrived", frozenset({"posted", "adopted"})),
    ("warn", "held, in conflict or quarantined", frozenset({"held", "conflict", "quarantined"})),
    ("bad", "rejected or in doubt", frozenset({"rejected", "in_doubt"})),
)
"""The class of a bar's part, what it is, and the states in it; from the bottom up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One piece of a day's bar."""

    kind: str
    documents: int
    amount: Decimal
    y: str = "0"
    height: str = "0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One day: its bar begins at `x`."""

    date: date
    x: int
    parts: Sequence[Part]

    @property
    def told(self) -> str:
        """For whoever points at it."""
        return f"{self.date:%a %d %b}: " + ", ".join(f"{part.documents:,d} {_WORDS[part.kind]}" for part in self.parts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """All days, the oldest first. `empty` when nothing happened in them."""

    days: Sequence[Day]
    width: int
    most: int

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return self.most == 0


_WORDS = {kind: word for kind, word, _ in KINDS}


def chart(figures: Iterable[Figure], last: date, days: int) -> Chart:
    """The bars of so many days up to `last`."""
    dates = [last - timedelta(days=days - 1 - n) for n in range(days)]
    by_day: dict[str, list[Figure]] = {each.isoformat(): [] for each in dates}
    for figure in figures:
        if figure.day in by_day:
            by_day[figure.day].append(figure)
    plain = [_parts(by_day[each.isoformat()]) for each in dates]
    most = max((sum(part.documents for part in parts) for parts in plain), default=0)
    drawn = [
        Day(date=day, x=n * STEP + 3, parts=_stacked(parts, most))
        for n, (day, parts) in enumerate(zip(dates, plain, strict=True))
    ]
    return Chart(days=drawn, width=days * STEP, most=most)


def _parts(figures: Sequence[Figure]) -> list[Part]:
    found = []
    for kind, _, states in KINDS:
        mine = [each for each in figures if each.state in states]
        found.append(
            Part(kind=kind, documents=sum(each.documents for each in mine), amount=add_up(each.amount for each in mine))
        )
    return found


def _stacked(parts: Sequence[Part], most: int) -> list[Part]:
    """Heights in proportion; what there is at all can be seen."""
    found, bottom = [], Decimal(HEIGHT)
    for part in parts:
        height = max(_LEAST, Decimal(part.documents) * (HEIGHT - 6) / most) if part.documents else Decimal(0)
        bottom -= height
        found.append(
            Part(
                kind=part.kind, documents=part.documents, amount=part.amount, y=f"{bottom:.1f}", height=f"{height:.1f}"
            )
        )
    return found
