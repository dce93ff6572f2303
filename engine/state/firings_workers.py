"""Processes that serve or work, for people to see, and for whoever must judge whether one is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update

from engine.state.codec import moment
from engine.state.database import Database
from engine.state.inserting import add
from engine.state.ledger_desk import Desk, now_text
from engine.state.tables_service import worker

_W = worker.c


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A process. `kind`: serve or worker; `doing`: in plain words; `seen_at`: when it last said that it is there."""

    owner: str
    kind: str
    doing: str
    started_at: datetime
    seen_at: datetime


def seen(desk: Desk, owner: str, kind: str, doing: str) -> None:
    """The process is there."""
    now = now_text(desk)
    mine = update(worker).where(_W.tenant == desk.tenant, _W.owner == owner)
    with desk.database.write() as connection:
        if connection.execute(mine.values(doing=doing, seen_at=now)).rowcount == 0:
            row = {"owner": owner, "kind": kind, "doing": doing, "started_at": now, "seen_at": now}
            add(connection, worker, {"tenant": desk.tenant, **row})


def left(desk: Desk, owner: str) -> None:
    """The process has ended, or is known to be dead."""
    with desk.database.write() as connection:
        connection.execute(delete(worker).where(_W.tenant == desk.tenant, _W.owner == owner))


def workers(desk: Desk) -> list[Worker]:
    """Those that said they are there and did not take leave, the longest at work first."""
    return workers_in(desk.database, desk.tenant)


def workers_in(database: Database, tenant: str) -> list[Worker]:
    """The same of a database that is only looked at."""
    asked = select(worker).where(_W.tenant == tenant).order_by(_W.started_at, _W.owner)
    with database.look() as connection:
        rows = connection.execute(asked).all()
    return [
        Worker(
            owner=row.owner,
            kind=row.kind,
            doing=row.doing,
            started_at=moment(row.started_at),
            seen_at=moment(row.seen_at),
        )
        for row in rows
    ]
