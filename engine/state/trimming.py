"""What only grows and is needed for a time only: ended firings, processes long gone, ended logins, messages sent, alerts closed.

Keys, hashes, states, references and the trail are none of it: they keep a document from being posted twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, or_, select, tuple_, update

from engine.state import tables, tables_service
from engine.state.codec import stamp
from engine.state.inserting import add
from engine.state.ledger_desk import Desk

PIECE = 2000
"""Rows in one transaction."""
FIRINGS, MESSAGES, ALERTS, SIGHTINGS, APPROVALS = (timedelta(days=90),) * 5
WORKERS = timedelta(days=7)
LOGINS = timedelta(days=1)
"""A login lasts half a day at most."""
_OVER = ("done", "failed", "skipped", "superseded")


def trim(desk: Desk, *, emptied: Collection[str] = (), piece: int = PIECE) -> Mapping[str, int]:
    """Takes it out, a piece a transaction; how many rows of each table went.

    `emptied`: flows whose files always leave their folder once they are read, so that a name seen long ago is there no more.
    """
    now = desk.clock()
    gone: dict[str, int] = {}
    for table, over in _due(desk, now, emptied):
        many = _take_out(desk, table, over, piece)
        if many:
            gone[table.name] = many
    return gone


def _due(desk: Desk, now: datetime, emptied: Collection[str]) -> list[tuple[Table, ColumnElement[bool]]]:
    firing, alert, message = tables_service.firing.c, tables_service.alert.c, tables_service.message.c
    worker, login, asked = tables_service.worker.c, tables_service.login.c, tables_service.approval.c
    seen = tables.sighting.c

    def before(length: timedelta) -> str:
        return stamp(now - length)

    return [
        (tables_service.firing, and_(firing.state.in_(_OVER), firing.ended_at < before(FIRINGS))),
        (tables_service.worker, worker.seen_at < before(WORKERS)),
        (tables_service.login, login.created_at < before(LOGINS)),
        (tables_service.alert, and_(alert.state == "closed", alert.closed_at < before(ALERTS))),
        (
            tables_service.message,
            or_(
                and_(message.state == "sent", message.sent_at < before(MESSAGES)),
                and_(message.state == "failed", message.created_at < before(MESSAGES)),
            ),
        ),
        (tables_service.approval, asked.asked_at < before(APPROVALS)),
        (tables.sighting, and_(seen.source.in_(sorted(emptied)), seen.first_seen < before(SIGHTINGS))),
    ]


def _take_out(desk: Desk, table: Table, over: ColumnElement[bool], piece: int) -> int:
    key = [column for column in table.primary_key if column.name != "tenant"]
    asked = select(*key).where(table.c.tenant == desk.tenant, over).limit(piece)
    many = 0
    while True:
        with desk.database.write() as connection:
            names: list[Any] = [tuple(row) for row in connection.execute(asked)]
            if names:
                one_of_them = tuple_(*key).in_(names)
                connection.execute(delete(table).where(table.c.tenant == desk.tenant, over, one_of_them))
        many += len(names)
        if len(names) < piece:
            return many


def claim_day(desk: Desk, task: str, day: int) -> bool:
    """True for the first who asks for a task on a day (its ordinal), whatever process that is; never true for an earlier day."""
    counter = tables.counter
    here = (counter.c.tenant == desk.tenant, counter.c.name == task)
    with desk.database.write() as connection:
        claim = update(counter).where(*here, counter.c.value < day).values(value=day)
        return bool(connection.execute(claim).rowcount)


def day_of(desk: Desk, task: str, first: int) -> int:
    """The last day the task was done on; `first`, which is then kept, where it never was."""
    counter = tables.counter
    asked = select(counter.c.value).where(counter.c.tenant == desk.tenant, counter.c.name == task)
    with desk.database.look() as connection:
        found: int | None = connection.execute(asked).scalar_one_or_none()
    if found is not None:
        return found
    with desk.database.write() as connection:
        found = connection.execute(asked).scalar_one_or_none()
        if found is None:
            add(connection, counter, {"tenant": desk.tenant, "name": task, "value": first})
    return first if found is None else found


def give_back_day(desk: Desk, task: str, day: int, before: int) -> None:
    """It could not be done now after all: somebody may claim it again."""
    counter = tables.counter
    here = (counter.c.tenant == desk.tenant, counter.c.name == task, counter.c.value == day)
    with desk.database.write() as connection:
        connection.execute(update(counter).where(*here).values(value=before))
