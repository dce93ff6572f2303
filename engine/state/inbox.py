"""What systems have told us by webhooks: each event once, in the order it was stored, kept for ever."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from engine.state import tables
from engine.state.codec import moment
from engine.state.ledger_desk import Desk, no_nul, now_text
from engine.state.ledger_runs import take_numbers

_EVENT = tables.inbox.c


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event of a source, as stored. `n` rises from event to event; `hint` names the record it is about."""

    n: int
    source: str
    id: str
    type: str
    hint: str
    received_at: datetime


def store_event(desk: Desk, source: str, event: str, kind: str, hint: str, sha256: str) -> bool:
    """Durable when it returns; False for one that was stored before. Raises TransientError when the database can't be written."""
    if _known(desk, source, event):
        return False
    try:
        with desk.trail.writing() as work:
            take_numbers(
                desk, work, f"inbox/{source}", 1
            )  # whoever stores events of this source waits here: n is in order
            last = select(func.max(_EVENT.n)).where(_EVENT.tenant == desk.tenant, _EVENT.source == source)
            # as late as the clock says: a cursor that was moved to another workspace lets nothing slip by
            by_clock = int(desk.clock().timestamp() * 1_000_000)
            row = {
                "tenant": desk.tenant,
                "source": source,
                "event": no_nul(event),
                "n": max(by_clock, (work.connection.execute(last).scalar() or 0) + 1),
                "type": no_nul(kind),
                "hint": no_nul(hint),
                "sha256": sha256,
                "received_at": now_text(desk),
            }
            work.connection.execute(insert(tables.inbox).values(**row))
            work.tell("webhook received", detail={"source": source, "event": event, "type": kind, "about": hint})
    except IntegrityError:  # the same event, by another process at the same moment
        return False
    return True


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


def _known(desk: Desk, source: str, event: str) -> bool:
    place = (_EVENT.tenant == desk.tenant, _EVENT.source == source, _EVENT.event == no_nul(event))
    with desk.database.look() as connection:
        return connection.execute(select(_EVENT.n).where(*place)).first() is not None
