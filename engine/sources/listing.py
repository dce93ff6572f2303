"""Reading an object's records from a system, all of them or those changed since the last time (the delivery protocol, section 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from engine.connections.exchange import Exchange, Fixed, Tree
from engine.connections.paging import CursorPager, NextPager, NoPager, OffsetPager, pages
from engine.contracts import BadRow, Clock, Parcel, ParcelOutcome, Record, Row
from engine.errors import RecordError, SetupError, UsageError
from engine.mapping.expressions import Expression
from engine.mapping.text import to_text
from engine.mapping.types import FieldType
from engine.sources.columns import compile_record, typed_value
from engine.sources.stamps import CursorStore, Stamp, Window, answer_time, latest, parse_stamp, window

if TYPE_CHECKING:
    from engine.connections.http import Http

STEP = "list"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What the list is sorted by, and the query that asks for it: a page's border is only certain in a fixed order."""

    by: tuple[str, ...]
    query: dict[str, Tree] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Newest:
    """The query that brings the record with the newest stamp first."""

    query: dict[str, Tree]


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """The field that rises with every change. `query` asks for what is at or after `since`, and takes the place of equal names.

    `lag`: how late a record may appear after its stamp; the flow's `lookback` is at least that.
    """

    field: str
    type: Literal["integer", "datetime", "date"]
    query: dict[str, Tree]
    newest: Newest | None = None
    lag: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListRead(Exchange):
    """How all records of an object are read."""

    records: Expression
    page: OffsetPager | NextPager | CursorPager | NoPager | None = None
    order: Order | None = None
    changed: Changed | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedSince:
    """A flow reads only what changed: from its `start` (`first` reads all), then from the last pass, `lookback` before its end.

    A `lookback` of time is for stamps of time, a number for stamps that count; where nothing is said it is ten minutes or 1000.
    """

    start: Any = "first"
    lookback: timedelta | int | None = None


@dataclass(slots=True)
class _Pass:
    """One pass: its window, fixed before the first page, and what was seen on the way."""

    window: Window
    newest: Stamp | None = None
    complete: bool = False


class ListSource:
    """A Source of one parcel per run: a pass over the list. `since` (an operator's) and `full` take the place of the cursor."""

    def __init__(
        self,
        kind: ListRead,
        http: Http,
        fields: Mapping[str, FieldType],
        cursor: CursorStore,
        changed_since: ChangedSince | None,
        *,
        name: str,
        clock: Clock,
        full: bool = False,
        since: str | None = None,
    ) -> None:
        self._kind = kind
        self._http = http
        self._typed = compile_record(fields)
        self._cursor = cursor
        self._since = changed_since
        self._name = name
        self._clock = clock
        self._full = full
        self._override = since
        if changed_since is not None or since is not None:
            _check(kind, name)

    def parcels(self) -> Iterator[Parcel]:
        """One pass. Raises SetupError, TransientError; `read` raises them too, and RowsMoved when rows never rest."""
        started = self._clock()
        this = _Pass(window=self._window())
        since = this.window.since
        yield Parcel(
            id=f"pass:{self._name}:{'all' if since is None else to_text(since)}:{to_text(started)}",
            kind="pass",
            name=f"{self._name} since {to_text(since)}" if since is not None else f"{self._name}, all",
            read=lambda: self._read(this),
            handle=this,
        )

    def settle(self, parcel: Parcel, outcome: ParcelOutcome) -> None:
        """Moves the cursor once everything read is durable: to the newest stamp seen, never beyond what was there at the start."""
        this = parcel.handle
        if outcome.ok and isinstance(this, _Pass) and this.complete:
            value = this.window.next_cursor(this.newest)
            if value is not None:
                self._cursor.set(to_text(value))

    def _window(self) -> Window:
        changed, since = self._kind.changed, self._since
        if changed is None or (since is None and self._override is None):
            return Window()
        stored = self._cursor.get() if since is not None else None
        start = since.start if since is not None and since.start != "first" else None
        return window(
            cap=self._cap(changed),
            cursor=parse_stamp(stored, changed.type),
            start=parse_stamp(start, changed.type),
            override=parse_stamp(self._override, changed.type),
            lookback=since.lookback if since is not None else timedelta(0),
            lag=changed.lag,
            full=self._full,
            moves=since is not None,
        )

    def _cap(self, changed: Changed) -> Stamp | None:
        """The newest stamp at the source before the pass; None when it has no records. Stamps of the future count as now."""
        kind = self._kind
        query: dict[str, Tree] = {**kind.query, **(kind.order.query if kind.order else {})}
        if changed.newest is not None:
            query |= changed.newest.query
        elif isinstance(kind.page, OffsetPager):
            query[kind.page.limit] = Fixed(1)
        with _asking(self._name):
            answer = self._http.read(replace(kind, query=query), {}, step="newest")
        now = answer_time(answer, changed.type)
        if changed.newest is None:
            if now is None:
                raise SetupError(f"`{self._name}`: answers have no Date header; say `newest` under `changed`")
            return now
        with _asking(self._name):
            records = None if answer.absent or answer.body is None else kind.records(answer.body)
        if not isinstance(records, list):
            raise SetupError(f"`{self._name}`: the answer to `newest` holds no records at `{kind.records.text}`")
        if not records:
            return None
        newest = self._stamp(changed, records[0])
        if newest is None:
            raise SetupError(
                f"`{self._name}`: the newest record has no usable `{changed.field}`; see `newest` under `changed`"
            )
        return min(newest, now or answer_time(None, changed.type, self._clock()) or newest)

    def _read(self, this: _Pass) -> Iterator[Row | BadRow]:
        this.newest, this.complete = None, False
        kind, changed = self._kind, self._kind.changed
        query: dict[str, Tree] = {**kind.query, **(kind.order.query if kind.order else {})}
        scope: dict[str, Any] = {}
        if this.window.since is not None and changed is not None:
            query |= changed.query
            scope["since"] = this.window.since
        order = kind.order.by if kind.order else ()
        walk = pages(self._http, replace(kind, query=query), scope, kind.page, kind.records, order, step=STEP)
        with _asking(self._name):
            for number, records in enumerate(walk, start=1):
                yield from self._rows(number, records, this)
        this.complete = True

    def _rows(self, page: int, records: list[Record], this: _Pass) -> Iterator[Row | BadRow]:
        changed, typed = self._kind.changed, self._typed
        for index, record in enumerate(records, start=1):
            if changed is not None:
                this.newest = latest(this.newest, self._stamp(changed, record))
            place = f"page {page} item {index}"
            try:
                values = typed(record)
            except RecordError as error:
                yield BadRow(place=place, values=record, error=str(error), field=error.field)
            else:
                yield Row(place=place, values=values)

    def _stamp(self, changed: Changed, record: Any) -> Stamp | None:
        """A record's stamp, None when it has none that can be read: such a record is delivered and moves no cursor."""
        try:
            value = record.get(changed.field) if isinstance(record, dict) else None
            return typed_value(value, FieldType(kind=changed.type))
        except RecordError:
            return None


def check_since(kind: ListRead, since: str, name: str) -> None:
    """Whether an operator's `since` means a place in this object's changes. Raises UsageError."""
    try:
        _check(kind, name)
        if kind.changed is not None:
            parse_stamp(since, kind.changed.type)
    except SetupError as error:
        raise UsageError(f"--since: `{name}`: {error}") from None


@contextmanager
def _asking(name: str) -> Iterator[None]:
    """A list that is refused, or is no list, is no word on any document: the connection or the system file is wrong."""
    try:
        yield
    except RecordError as error:
        raise SetupError(f"`{name}` can't be read: {error}") from error


def _check(kind: ListRead, name: str) -> None:
    if kind.changed is None:
        raise SetupError(
            f"`{name}` can't tell what changed: it has no `changed`; leave `changed_since` out to read all"
        )
    if kind.changed.type == "integer" and kind.changed.newest is None:
        raise SetupError(
            f"`{name}`: `changed` of type integer needs `newest`, or a record saved late could be passed over"
        )
