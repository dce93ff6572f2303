"""What systems have told us by webhooks: each event once, in the order it was stored, kept for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from engine.state import tables
from engine.state.bulk import insert_rows
from engine.state.codec import moment, stamp
from engine.state.ledger_desk import Desk, no_nul
from engine.state.ledger_runs import take_numbers
from engine.state.trail import Work

_EVENT = tables.inbox.c
_SOME = 500
_Place = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event of a source, as stored. `n` rises from event to event; `hint` names the record it is about."""

    n: int
    source: str
    id: str
    type: str
    hint: str
    received_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Announced:
    """One event of a source (`integration/alias`) before it is stored. `sha256` is that of the body it came in."""

    source: str
    id: str
    type: str
    hint: str
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What became of one: `new`, or known since `received_at`."""

    new: bool
    received_at: datetime


def store_events(desk: Desk, announced: Sequence[Announced]) -> list[Kept]:
    """Stores them in one transaction, in this order, each once; durable when it returns.

    Nothing is written where all are known. Raises TransientError, SetupError when the database can't be written: then none is stored.
    """
    first: dict[_Place, Announced] = {}
    for one in announced:
        first.setdefault(_place(one), one)
    with desk.database.look() as connection:
        known = _known(connection, desk, first)
    fresh = [one for place, one in first.items() if place not in known]
    now = desk.clock()
    stored: set[_Place] = set()
    if fresh:
        with desk.trail.writing() as work:
            stored = _insert(desk, work, fresh, now, known)
    kept = []
    for one in announced:
        place = _place(one)
        kept.append(Kept(new=place in stored, received_at=known.get(place, now)))
        stored.discard(place)
    return kept


def _insert(
    desk: Desk, work: Work, fresh: Sequence[Announced], now: datetime, known: dict[_Place, datetime]
) -> set[_Place]:
    """Adds what is still unknown to whoever stores events of these sources; adds to `known` what another process stored meanwhile."""
    sources = sorted({one.source for one in fresh})
    for source in sources:
        take_numbers(desk, work, f"inbox/{source}", 1)  # whoever stores events of this source waits here: n is in order
    known |= _known(work.connection, desk, [_place(one) for one in fresh])
    # as late as the clock says: a cursor that was moved to another workspace lets nothing slip by
    by_clock = int(now.timestamp() * 1_000_000)
    last = {source: max(by_clock - 1, _last(work.connection, desk, source)) for source in sources}
    rows = []
    for one in fresh:
        if _place(one) in known:
            continue
        last[one.source] += 1
        rows.append(
            {
                "tenant": desk.tenant,
                "source": one.source,
                "event": no_nul(one.id),
                "n": last[one.source],
                "type": no_nul(one.type),
                "hint": no_nul(one.hint),
                "sha256": one.sha256,
                "received_at": stamp(now),
            }
        )
        work.tell(
            "webhook received",
            detail={"source": one.source, "event": one.id, "type": one.type, "about": one.hint},
        )
    insert_rows(work.connection, tables.inbox, rows)
    return {(str(row["source"]), str(row["event"])) for row in rows}


def events_after(desk: Desk, source: str, types: Collection[str], n: int, limit: int) -> list[Event]:
    """The events of these types behind `n`, oldest first."""
    asked = select(tables.inbox).where(_EVENT.tenant == desk.tenant, _EVENT.source == source, _EVENT.n > n)
    asked = asked.where(_EVENT.type.in_(types)).order_by(_EVENT.n).limit(limit)
    with desk.database.look() as connection:
        rows = connection.execute(asked).all()
    return [
        Event(n=row.n, source=source, id=row.event, type=row.type, hint=row.hint, received_at=moment(row.received_at))
        for row in rows
    ]


def _place(one: Announced) -> _Place:
    return one.source, no_nul(one.id)


def _last(connection: Connection, desk: Desk, source: str) -> int:
    asked = select(func.max(_EVENT.n)).where(_EVENT.tenant == desk.tenant, _EVENT.source == source)
    return int(connection.execute(asked).scalar() or 0)


def _known(connection: Connection, desk: Desk, places: Iterable[_Place]) -> dict[_Place, datetime]:
    by_source: dict[str, list[str]] = {}
    for source, event in places:
        by_source.setdefault(source, []).append(event)
    found: dict[_Place, datetime] = {}
    for source, events in by_source.items():
        asked = select(_EVENT.event, _EVENT.received_at).where(_EVENT.tenant == desk.tenant, _EVENT.source == source)
        for start in range(0, len(events), _SOME):
            for row in connection.execute(asked.where(_EVENT.event.in_(events[start : start + _SOME]))):
                found[source, row.event] = moment(row.received_at)
    return found
