"""Counts that only rise, of rows that change once more after they were written: what can't change any more is counted once."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from engine.state import tables
from engine.state.codec import stamp
from engine.state.firings_rows import PRIORITY
from engine.state.ledger_desk import Desk
from engine.state.tables_service import firing

SETTLED = timedelta(minutes=5)
"""Rows older than this are in nobody's open transaction, and an attempt has ended or its process has."""

_PRIORITIES = tuple({0, *PRIORITY.values()})
"""Each named, so that the index leads to the newest of each."""

_ENDED = ("done", "failed", "skipped", "superseded")
_A, _F = tables.attempt.c, firing.c


class Attempts:
    """Ended attempts by outcome since this was made. Each look reads the last minutes only."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._done: Counter[str] = Counter()
        with desk.database.look() as connection:
            self._from = int(connection.execute(select(func.max(_A.n))).scalar() or 0)

    def counts(self) -> dict[str, int]:
        """Outcome to how many."""
        with self._lock, self._desk.database.look() as connection:
            settled = self._settled(connection)
            if settled > self._from:
                self._done += self._between(connection, self._from, settled)
                self._from = settled
            return dict(self._done + self._between(connection, self._from, None))

    def _settled(self, connection: Connection) -> int:
        """The last attempt before those of the last minutes. Numbers rise with the time they were made, but for a few that overtake."""
        before = stamp(self._desk.clock() - SETTLED)
        young = select(func.min(_A.n)).where(_A.n > self._from, _A.started_at >= before)
        first = connection.execute(young).scalar()
        if first is not None:
            return int(first) - 1
        return int(connection.execute(select(func.max(_A.n))).scalar() or 0)

    def _between(self, connection: Connection, after: int, last: int | None) -> Counter[str]:
        asked = select(_A.outcome, func.count()).where(_A.n > after, _A.tenant == self._desk.tenant, _A.outcome != "")
        if last is not None:
            asked = asked.where(_A.n <= last)
        return _counted(connection, asked.group_by(_A.outcome))


class Starts:
    """Ended firings by result since this was made, and those that were open then."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._done: Counter[str] = Counter()
        with desk.database.look() as connection:
            self._from = self._oldest_open(connection)

    def counts(self) -> dict[str, int]:
        """Result to how many."""
        with self._lock, self._desk.database.look() as connection:
            settled = self._oldest_open(connection)
            if settled > self._from:
                self._done += self._between(connection, self._from, settled)
                self._from = settled
            return dict(self._done + self._between(connection, self._from, None))

    def _oldest_open(self, connection: Connection) -> str:
        """Nothing queued before then can still end; a little before now, for clocks of other machines."""
        asked = select(func.min(_F.queued_at)).where(
            _F.tenant == self._desk.tenant, _F.state.in_(("queued", "running"))
        )
        now = stamp(self._desk.clock() - SETTLED)
        return min(now, connection.execute(asked).scalar() or now)

    def _between(self, connection: Connection, after: str, before: str | None) -> Counter[str]:
        asked = select(_F.state, func.count()).where(
            _F.tenant == self._desk.tenant, _F.state.in_(_ENDED), _F.queued_at >= after
        )
        asked = asked.where(_F.priority.in_(_PRIORITIES))
        if before is not None:
            asked = asked.where(_F.queued_at < before)
        return _counted(connection, asked.group_by(_F.state))


def _counted(connection: Connection, asked: Select[Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, many in connection.execute(asked):
        found[name] = many
    return found
