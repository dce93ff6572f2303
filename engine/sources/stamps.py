"""Stamps that rise with every change, and the window of a pass over them (the delivery protocol, section 6).

Windows are closed at their beginning and never opened at their end; the cursor is only ever set to a stamp of the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, Protocol

from engine.connections.exchange import Answer
from engine.errors import RecordError, SetupError
from engine.mapping.text import shown
from engine.mapping.types import FieldType
from engine.sources.columns import typed_value

Stamp = Any
"""An int, a datetime (aware, UTC) or a date; of one kind within a list."""

StampType = Literal["integer", "datetime", "date"]


class CursorStore(Protocol):
    """Where one flow's cursor is kept, as text."""

    def get(self) -> str | None:
        """The stamp it stands at, or None before the first pass."""

    def set(self, value: str) -> None:
        """Durable when it returns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What a pass asks for (`since`, None for all), and how far it may push the cursor."""

    since: Stamp | None = None
    cap: Stamp | None = None
    base: Stamp | None = None
    moves: bool = False

    def next_cursor(self, newest: Stamp | None) -> Stamp | None:
        """The cursor after a whole pass that saw `newest`; None leaves it where it is."""
        if not self.moves or newest is None or self.cap is None:
            return None
        reached = min(newest, self.cap)
        return reached if self.base is None else max(self.base, reached)


LOOKED_BACK = timedelta(minutes=10)
COUNTED_BACK = 1000
"""How far before the last pass a run starts again where a flow does not say: a record may be committed behind a later stamp."""


def window(
    *,
    cap: Stamp | None,
    cursor: Stamp | None,
    start: Stamp | None,
    override: Stamp | None,
    lookback: timedelta | int | None,
    lag: timedelta,
    full: bool,
    moves: bool,
) -> Window:
    """The window of the pass to come.

    A cursor beyond `cap` (records were removed, or an older database restored) falls back to it. An operator's later `override`
    would leave a gap behind the cursor, so it moves it only when it begins at the cursor or before it.
    """
    if override is not None and not full:
        closes = moves and cursor is not None and override <= cursor
        return Window(since=override, cap=cap, base=_lower(cursor, cap) if closes else None, moves=closes)
    base = _lower(cursor, cap)
    if full:
        return Window(cap=cap, base=base, moves=moves)
    since = start if base is None else _before(base, lookback, lag)
    return Window(since=since, cap=cap, base=base, moves=moves)


def latest(one: Stamp | None, other: Stamp | None) -> Stamp | None:
    """The later of two stamps; none is earlier than any."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def parse_stamp(value: Any, type_: StampType) -> Stamp | None:
    """A stamp from text (the cursor, an option) or a spec's plain value. Raises SetupError when it is none."""
    if value is None:
        return None
    try:
        stamp = typed_value(value, FieldType(kind=type_))
    except RecordError:
        stamp = None
    if stamp is None:
        raise SetupError(
            f"{shown(value)} is no place to read from: this object's changes are told by {_ARTICLE[type_]}"
        )
    return stamp


def answer_time(answer: Answer | None, type_: StampType, now: datetime | None = None) -> Stamp | None:
    """The source's own clock, by the answer's Date (or `now`), as a stamp of time; None for stamps that count."""
    if type_ == "integer":
        return None
    told = _date_of(answer) if answer is not None else now
    return told if told is None or type_ == "datetime" else told.astimezone(UTC).date()


def _date_of(answer: Answer) -> datetime | None:
    from email.utils import parsedate_to_datetime

    text = next((value for name, value in answer.headers.items() if name.lower() == "date"), None)
    try:
        told = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return told.astimezone(UTC) if told is not None and told.tzinfo else told and told.replace(tzinfo=UTC)


def _lower(cursor: Stamp | None, cap: Stamp | None) -> Stamp | None:
    return cursor if cursor is None or cap is None else min(cursor, cap)


def _before(base: Stamp, lookback: timedelta | int | None, lag: timedelta) -> Stamp:
    """That much earlier. Stamps that count go back by a number only; days go back by whole ones, for midnight is no border."""
    if isinstance(base, int):
        if isinstance(lookback, timedelta):
            raise SetupError("`lookback` is a time, and this object's changes are told by a number: write `1000`")
        return base - (COUNTED_BACK if lookback is None else lookback)
    if lookback is None:
        lookback = LOOKED_BACK
    if isinstance(lookback, int):
        raise SetupError(f"`lookback: {lookback}` is a number, and this object's changes are told by time: write `10m`")
    back = max(lookback, lag)
    if isinstance(base, date) and not isinstance(base, datetime):
        return base - timedelta(days=-(-back // timedelta(days=1)))
    return base - back


_ARTICLE = {"integer": "a number", "datetime": "a date with a time", "date": "a date"}
