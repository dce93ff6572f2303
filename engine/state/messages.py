"""Messages on their way: written before they are sent, tried again with growing pauses, each sent by one process only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, update

from engine.state.codec import moment, stamp
from engine.state.database import Database
from engine.state.ledger_desk import Desk
from engine.state.tables_service import message as messages

_M = messages.c
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""Between two tries; the last one again and again, until the message is a day old."""
GIVEN_UP_AFTER = timedelta(days=1)
IN_HAND = timedelta(minutes=5)
"""How long whoever took a message has for it: longer than any try, short enough that a process killed meanwhile loses no message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A digest for one address. `state`: waiting, sent, failed."""

    id: str
    integration: str
    name: str
    address: int
    subject: str
    body: str
    state: str
    tries: int
    error: str
    created_at: datetime
    not_before: datetime | None
    sent_at: datetime | None


def due(desk: Desk, integration: str, most: int = 20) -> list[Message]:
    """Messages that may be sent now, the oldest first."""
    asked = select(messages).where(
        _M.tenant == desk.tenant, _M.integration == integration, _M.state == "waiting",
        _M.not_before <= stamp(desk.clock()),
    )  # fmt: skip
    with desk.database.look() as connection:
        return [_message_of(row) for row in connection.execute(asked.order_by(_M.created_at, _M.id).limit(most))]


def failed_in(database: Database, tenant: str, since: datetime) -> list[Message]:
    """Messages that were given up since then, the newest first; of a database that is only looked at."""
    asked = select(messages).where(_M.tenant == tenant, _M.state == "failed", _M.created_at >= stamp(since))
    with database.look() as connection:
        return [_message_of(row) for row in connection.execute(asked.order_by(_M.created_at.desc(), _M.id))]


def take(desk: Desk, message: Message) -> bool:
    """Whether it is the caller's to send now: only one of those who saw it may."""
    values = {"tries": message.tries + 1, "not_before": stamp(desk.clock() + IN_HAND)}
    with desk.database.write() as connection:
        mine = update(messages).where(*_same(desk, message, message.tries), _M.state == "waiting")
        return connection.execute(mine.values(**values)).rowcount == 1


def sent(desk: Desk, message: Message) -> None:
    """It was taken over by the other side."""
    now = stamp(desk.clock())
    with desk.trail.writing() as work:
        mine = update(messages).where(*_same(desk, message, message.tries + 1))
        work.connection.execute(mine.values(state="sent", sent_at=now, error=""))
        work.tell("alert sent", detail={"to": message.name, "address": message.address + 1, "subject": message.subject})


def failed(desk: Desk, message: Message, error: str) -> bool:
    """It was not: it is tried again later, or given up when it is too old; whether it was."""
    now, said = desk.clock(), desk.clean(error)
    again = now + PAUSES[min(message.tries, len(PAUSES) - 1)]
    given_up = again - message.created_at > GIVEN_UP_AFTER
    values = {"error": said, "state": "failed" if given_up else "waiting", "not_before": stamp(again)}
    with desk.trail.writing() as work:
        work.connection.execute(update(messages).where(*_same(desk, message, message.tries + 1)).values(**values))
        if given_up:
            detail = {"to": message.name, "address": message.address + 1, "reason": said, "try": message.tries + 1}
            work.tell("alert not sent", detail=detail)
    return given_up


def listed(desk: Desk, *, integration: str | None = None, most: int = 100) -> list[Message]:
    """The newest messages, sent ones included."""
    asked = select(messages).where(_M.tenant == desk.tenant)
    if integration is not None:
        asked = asked.where(_M.integration == integration)
    with desk.database.look() as connection:
        return [_message_of(row) for row in connection.execute(asked.order_by(_M.created_at.desc(), _M.id).limit(most))]


def unsent(desk: Desk) -> list[Message]:
    """Messages that could not be sent so far, or at all; for whoever examines the installation."""
    asked = select(messages).where(
        _M.tenant == desk.tenant, _M.state != "sent", (_M.error != "") | (_M.state == "failed")
    )
    with desk.database.look() as connection:
        return [_message_of(row) for row in connection.execute(asked.order_by(_M.created_at.desc()).limit(100))]


def _same(desk: Desk, message: Message, tries: int) -> tuple[Any, ...]:
    return _M.tenant == desk.tenant, _M.id == message.id, _M.tries == tries


def _message_of(row: Row[Any]) -> Message:
    return Message(
        id=row.id, integration=row.integration, name=row.name, address=row.address, subject=row.subject,
        body=row.body, state=row.state, tries=row.tries, error=row.error, created_at=moment(row.created_at),
        not_before=moment(row.not_before), sent_at=moment(row.sent_at),
    )  # fmt: skip
