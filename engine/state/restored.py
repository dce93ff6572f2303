"""That an older state was restored, remembered in it: for the runs that come first after it, and for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select

from engine.state import tables
from engine.state.database import Database
from engine.state.heads import Behind
from engine.state.ledger_desk import Desk

_COUNTER = tables.counter.c
_START = datetime(1970, 1, 1, tzinfo=UTC)
_AT, _OF, _MISSING = "restored: at", "restored: state of", "restored: lines missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Restored:
    """When it was noticed, of when the state was (None: it was empty), how many lines of the trail were missing."""

    noticed_at: datetime
    state_of: datetime | None
    missing: int


def note_restored(desk: Desk, found: Behind) -> None:
    """Remembers it, with its line in the trail."""
    now = desk.clock()
    kept = {
        _AT: _micros(now),
        _OF: _micros(found.state_of) if found.state_of is not None else 0,
        _MISSING: found.missing,
    }
    with desk.trail.writing() as work:
        here = (_COUNTER.tenant == desk.tenant, _COUNTER.name.in_(kept))
        work.connection.execute(delete(tables.counter).where(*here))
        rows = [{"tenant": desk.tenant, "name": name, "value": value} for name, value in kept.items()]
        work.connection.execute(insert(tables.counter), rows)
        detail = {"missing": found.missing, "state_of": found.state_of, "written_until": found.noted_at}
        work.tell("restored", detail={name: str(value) for name, value in detail.items()} | {"missing": found.missing})


def last_restored(desk: Desk) -> Restored | None:
    """The last time it happened."""
    return restored_in(desk.database, desk.tenant)


def restored_in(database: Database, tenant: str) -> Restored | None:
    """The same of a database that is only looked at."""
    asked = select(_COUNTER.name, _COUNTER.value).where(
        _COUNTER.tenant == tenant, _COUNTER.name.in_((_AT, _OF, _MISSING))
    )
    with database.look() as connection:
        kept: dict[str, int] = {row.name: row.value for row in connection.execute(asked)}
    if _AT not in kept:
        return None
    of = kept.get(_OF)
    return Restored(
        noticed_at=_START + timedelta(microseconds=kept[_AT]),
        state_of=_START + timedelta(microseconds=of) if of else None,
        missing=kept.get(_MISSING, 0),
    )


def _micros(moment: datetime) -> int:
    """Exact, for a run may have ended in the same second."""
    return (moment - _START) // timedelta(microseconds=1)
