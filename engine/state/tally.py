"""How many documents came to which state, by flow and day, with their amounts: counted on from the trail, each line once.

Where the count stands is the counter `tally`; it moves in the same transaction as the figures. A document that comes to a
state several times on one day counts once. Hours are kept for two days beside the days, for `the last 24 hours`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, delete, insert, select, update

from engine.contracts import State
from engine.state import tables
from engine.state.codec import stamp
from engine.state.inserting import add
from engine.state.ledger_desk import Desk
from engine.state.tables_service import tally, tally_hour

RECEIVED = "received"
"""Beside the states: every document that came in."""
_COUNTED = (
    State.POSTED, State.ADOPTED, State.REJECTED, State.HELD, State.CONFLICT, State.QUARANTINED, State.CANCELLED,
    State.IN_DOUBT,
)  # fmt: skip
_STATES = frozenset(state.value for state in _COUNTED)
_ONCE = frozenset({RECEIVED})
"""A document comes here once; to the others it may come again and again."""
_EVENTS = frozenset({RECEIVED, "replaced", *_STATES})
_COUNTER = "tally"
_BATCH = 1000
_SOME = 400
_DAY, _HOUR = len("2026-11-21"), len("2026-11-21T06")
_DIGITS = 60
_NUMBER, _STATE = re.compile(r'"version":(\d+)'), re.compile(r'"state":"(\w+)"')
_LINE, _ROW, _COUNT, _T, _H = tables.trail.c, tables.document.c, tables.counter.c, tally.c, tally_hour.c


class Coming(NamedTuple):
    """A document came to a state."""

    n: int
    at: str
    flow: str
    key: str
    version: int
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """So many documents, of so much together. `day` is `2026-11-21`, or with its hour `2026-11-21T06`."""

    flow: str
    day: str
    state: str
    documents: int
    amount: Decimal


def count_on(desk: Desk) -> int:
    """Counts the next thousand lines of the trail; how many there were, 0 once everything is counted."""
    with desk.database.write() as connection:
        start = _begin(desk, connection)
        asked = select(_LINE.n, _LINE.at, _LINE.event, _LINE.key, _LINE.flow, _LINE.detail)
        asked = asked.where(_LINE.tenant == desk.tenant, _LINE.n > start).order_by(_LINE.n).limit(_BATCH)
        lines = connection.execute(asked).all()
        if not lines:
            return 0
        _add(desk, connection, _first_ones(desk, connection, _comings(lines)))
        mine = (_COUNT.tenant == desk.tenant, _COUNT.name == _COUNTER)
        connection.execute(update(tables.counter).where(*mine).values(value=lines[-1].n))
    return len(lines)


def forget_hours(desk: Desk) -> None:
    """Drops what was kept by the hour and is older than two days; the days stay."""
    last = stamp(desk.clock() - timedelta(days=2))[:_HOUR]
    with desk.database.write() as connection:
        connection.execute(delete(tally_hour).where(_H.tenant == desk.tenant, _H.hour < last))


def by_day(desk: Desk, first: date) -> list[Figure]:
    """The figures of every flow since that day, day by day."""
    asked = select(_T.flow, _T.day, _T.state, _T.documents, _T.amount)
    return _figures(desk, asked.where(_T.tenant == desk.tenant, _T.day >= first.isoformat()))


def lately(desk: Desk, hours: int) -> list[Figure]:
    """The figures of the last so many hours, at most 47, the one that goes on included."""
    first = stamp(desk.clock() - timedelta(hours=hours))[:_HOUR]
    asked = select(_H.flow, _H.hour, _H.state, _H.documents, _H.amount)
    return _figures(desk, asked.where(_H.tenant == desk.tenant, _H.hour > first))


def behind(desk: Desk) -> int:
    """How many lines of the trail are not counted yet."""
    with desk.database.look() as connection:
        asked = select(_COUNT.value).where(_COUNT.tenant == desk.tenant, _COUNT.name == _COUNTER)
        counted = connection.execute(asked).scalar_one_or_none() or 0
        end = select(tables.chain.c.n).where(tables.chain.c.tenant == desk.tenant)
        return int((connection.execute(end).scalar_one_or_none() or 0) - counted)


def add_up(amounts: Iterable[str | Decimal | None]) -> Decimal:
    """The sum of amounts with every digit; what is no number counts as nothing."""
    total = Decimal(0)
    with localcontext(prec=_DIGITS):
        for each in amounts:
            total += _number(each)
    return total


def _figures(desk: Desk, asked: Select[Any]) -> list[Figure]:
    with desk.database.look() as connection:
        rows = connection.execute(asked).all()
    return [
        Figure(flow=flow, day=day, state=state, documents=documents, amount=_number(amount))
        for flow, day, state, documents, amount in rows
    ]


def _begin(desk: Desk, connection: Connection) -> int:
    """Where the count stands; the row stays locked, so that two processes never count the same lines."""
    asked = select(_COUNT.value).where(_COUNT.tenant == desk.tenant, _COUNT.name == _COUNTER).with_for_update()
    found = connection.execute(asked).scalar_one_or_none()
    if found is None:
        add(connection, tables.counter, {"tenant": desk.tenant, "name": _COUNTER, "value": 0})
        found = connection.execute(asked).scalar_one()
    return int(found)


def _comings(lines: Sequence[Any]) -> list[Coming]:
    found = []
    for line in lines:
        if line.event not in _EVENTS or not line.key:
            continue
        version, state = _told(line.detail)
        names = (
            {line.event}
            if line.event in _STATES
            else {State.CANCELLED.value}
            if line.event == "replaced"
            else {RECEIVED, state}
        )
        found += [
            Coming(line.n, line.at, line.flow, line.key, version, name)
            for name in sorted(names)
            if name in _STATES or name == RECEIVED
        ]
    return found


def _told(detail: str) -> tuple[int, str]:
    """Version and state of a line; also of one whose detail was too long and is cut."""
    try:
        facts = msgspec.json.decode(detail)
    except msgspec.DecodeError:
        facts = {}
    if "version" in facts:
        return int(facts["version"]), str(facts.get("state", ""))
    text = str(facts.get("cut", ""))
    version, state = _NUMBER.search(text), _STATE.search(text)
    return int(version[1]) if version else 0, state[1] if state else ""


def _first_ones(desk: Desk, connection: Connection, comings: list[Coming]) -> list[Coming]:
    """Without those that came to the same state before on the same day: what is tried again all day is one document."""
    seen: set[tuple[str, str, int, str]] = set()
    again = [coming for coming in comings if coming.state not in _ONCE]
    if again:
        first = min(coming.at for coming in again)[:_DAY]
        seen = _earlier(desk, connection, sorted({coming.key for coming in again}), (first, comings[0].n))
    found = []
    for coming in comings:
        mark = (coming.at[:_DAY], coming.key, coming.version, coming.state)
        if mark not in seen:
            seen.add(mark)
            found.append(coming)
    return found


def _earlier(
    desk: Desk, connection: Connection, keys: list[str], before: tuple[str, int]
) -> set[tuple[str, str, int, str]]:
    """Where these documents came to on that day before that line."""
    found: set[tuple[str, str, int, str]] = set()
    for some in _pieces(keys):
        asked = select(_LINE.n, _LINE.at, _LINE.event, _LINE.key, _LINE.flow, _LINE.detail)
        asked = asked.where(_LINE.tenant == desk.tenant, _LINE.key.in_(some), _LINE.key != "")
        asked = asked.where(_LINE.at >= before[0], _LINE.n < before[1], _LINE.event.in_(sorted(_EVENTS)))
        found |= {(c.at[:_DAY], c.key, c.version, c.state) for c in _comings(connection.execute(asked).all())}
    return found


def _add(desk: Desk, connection: Connection, comings: list[Coming]) -> None:
    """Adds them to their days and hours."""
    rows = _rows(desk, connection, comings)
    for table, at, length in ((tally, _T.day, _DAY), (tally_hour, _H.hour, _HOUR)):
        more: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
        for coming in comings:
            flow, amount = rows.get((coming.key, coming.version), (coming.flow, Decimal(0)))
            many, total = more.get((flow, coming.at[:length], coming.state), (0, Decimal(0)))
            more[flow, coming.at[:length], coming.state] = many + 1, add_up((total, amount))
        for (flow, when, state), (many, total) in sorted(more.items()):
            column = table.c
            here = (column.tenant == desk.tenant, column.flow == flow, at == when, column.state == state)
            old = connection.execute(select(column.documents, column.amount).where(*here)).one_or_none()
            if old is None:
                row = {"tenant": desk.tenant, "flow": flow, at.name: when, "state": state}
                connection.execute(insert(table), row | {"documents": many, "amount": format(total, "f")})
            else:
                new = {"documents": old.documents + many, "amount": format(add_up((old.amount, total)), "f")}
                connection.execute(update(table).where(*here).values(**new))


def _rows(desk: Desk, connection: Connection, comings: list[Coming]) -> dict[tuple[str, int], tuple[str, Decimal]]:
    """Flow and amount of each document, as its row says."""
    found = {}
    for some in _pieces(sorted({coming.key for coming in comings})):
        asked = select(_ROW.key, _ROW.version, _ROW.flow, _ROW.amount)
        for row in connection.execute(asked.where(_ROW.tenant == desk.tenant, _ROW.key.in_(some))):
            found[row.key, row.version] = (row.flow, _number(row.amount))
    return found


def _pieces(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _SOME):
        yield keys[start : start + _SOME]


def _number(text: str | Decimal | None) -> Decimal:
    try:
        number = Decimal(text or 0)
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)
