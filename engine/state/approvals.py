"""Decisions that one person alone may not take: asked for by one, confirmed or declined by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, delete, insert, select

from engine.contracts import Document, Guarantee, State
from engine.errors import UsageError
from engine.state import tables
from engine.state.codec import moment
from engine.state.ledger_desk import Desk, at, now_text
from engine.state.ledger_people import Decision, decide
from engine.state.tables_service import approval, promise
from engine.state.trail import Work

NEEDS_TWO = (State.HELD, State.CONFLICT)
"""From these, sending to a target that can't be asked may double what is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """Who asked for it, why, and when."""

    by: str
    reason: str
    asked_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`asked`: it waits for another person; `already`: this person had asked; `sent`: `document` goes on."""

    kind: Literal["asked", "already", "sent"]
    asking: Asking
    document: Document | None = None


def remember_guarantee(desk: Desk, flow: str, guarantee: Guarantee) -> None:
    """Keeps what a flow's target allows to promise; costs a look where it is known."""
    if guarantee_of(desk, flow) is guarantee:
        return
    place = (promise.c.tenant == desk.tenant, promise.c.flow == flow)
    with desk.database.write() as connection:
        connection.execute(delete(promise).where(*place))
        connection.execute(insert(promise), {"tenant": desk.tenant, "flow": flow, "guarantee": guarantee.value})


def guarantee_of(desk: Desk, flow: str) -> Guarantee | None:
    """What its last run knew; None for a flow that never ran here."""
    asked = select(promise.c.guarantee).where(promise.c.tenant == desk.tenant, promise.c.flow == flow)
    with desk.database.look() as connection:
        found = connection.execute(asked).scalar_one_or_none()
    return None if found is None else Guarantee(found)


def needs_two(desk: Desk, document: Document) -> bool:
    """Whether sending it is for two people: its target can't be asked what it holds."""
    return document.state in NEEDS_TWO and guarantee_of(desk, document.flow) is Guarantee.BLIND


def asking_of(desk: Desk, document: Document) -> Asking | None:
    """Who has asked to send it; None when nobody has since it last changed."""
    asked = select(approval).where(*_place(desk, document), approval.c.epoch == document.epoch)
    with desk.database.look() as connection:
        row = connection.execute(asked).one_or_none()
    return None if row is None else Asking(by=row.by, reason=row.reason, asked_at=moment(row.asked_at))


def send(desk: Desk, document: Document, reason: str, *, only: Literal["ask", "confirm"] | None = None) -> Answer:
    """The first person's asking, or the second one's word. `only` one of them: then the other is refused.

    Raises UsageError when the document changed meanwhile, for what can't be sent, and without a name and a reason.
    """
    who = desk.actor
    if not desk.clean(reason).strip() or not who.strip():
        raise UsageError("A decision needs a name and a reason: both are kept in the trail")
    with desk.trail.writing() as work:
        asking = _found(desk, work, document)
        if asking is None:
            if only == "confirm":
                raise UsageError(f"Nobody asks to send {document.number} any more")
            return Answer(kind="asked", asking=_ask(desk, work, document, reason))
        if _same(asking.by, who):
            if only == "confirm":
                raise UsageError(f"You asked to send {document.number} yourself: it needs another person")
            return Answer(kind="already", asking=asking)
        if only == "ask":
            raise UsageError(f"{asking.by} has asked to send {document.number} meanwhile: confirm or decline that")
        _drop(desk, work, document)
        detail = {"version": document.version, "asked_by": asking.by, "asked_reason": asking.reason, "by": "person"}
        work.tell("send confirmed", key=document.key, parcel=document.parcel_id, flow=document.flow, detail=detail)
        to = Decision(document.key, document.version, State.READY, who, reason, "")
        return Answer(kind="sent", asking=asking, document=decide(desk, work, to))


def decline(desk: Desk, document: Document, reason: str) -> Asking:
    """It stays as it is, and the asking is gone; whoever asked may take it back so. Raises UsageError when nobody asks."""
    if not desk.clean(reason).strip():
        raise UsageError("A decision needs a name and a reason: both are kept in the trail")
    with desk.trail.writing() as work:
        asking = _found(desk, work, document)
        if asking is None:
            raise UsageError(f"Nobody asks to send {document.number} any more")
        _drop(desk, work, document)
        detail = {"version": document.version, "asked_by": asking.by, "reason": desk.clean(reason), "by": "person"}
        work.tell("send declined", key=document.key, parcel=document.parcel_id, flow=document.flow, detail=detail)
    return asking


def _found(desk: Desk, work: Work, document: Document) -> Asking | None:
    """The asking as it is now, with the document's row locked. Raises UsageError when that is not what the person saw."""
    row = tables.document.c
    now = select(row.state, row.epoch).where(*at(desk, document.key, document.version)).with_for_update()
    found = work.connection.execute(now).one_or_none()
    if found is None or (found.state, found.epoch) != (document.state.value, document.epoch):
        raise UsageError(f"{document.number} was changed by somebody else meanwhile: look at it again")
    if document.payload is None:
        raise UsageError(f"`{document.number or document.key}` was never mapped: replay it with the current spec first")
    asked = select(approval).where(*_place(desk, document))
    asking = work.connection.execute(asked).one_or_none()
    if asking is None or asking.epoch != document.epoch:
        return None
    return Asking(by=asking.by, reason=asking.reason, asked_at=moment(asking.asked_at))


def _ask(desk: Desk, work: Work, document: Document, reason: str) -> Asking:
    _drop(desk, work, document)
    now, why = now_text(desk), desk.clean(reason)
    row = {
        "tenant": desk.tenant, "key": document.key, "version": document.version, "epoch": document.epoch,
        "by": desk.actor, "reason": why, "asked_at": now,
    }  # fmt: skip
    work.connection.execute(insert(approval), row)
    detail = {"version": document.version, "reason": why, "by": "person"}
    work.tell("send asked", key=document.key, parcel=document.parcel_id, flow=document.flow, detail=detail)
    return Asking(by=desk.actor, reason=why, asked_at=moment(now))


def _drop(desk: Desk, work: Work, document: Document) -> None:
    work.connection.execute(delete(approval).where(*_place(desk, document)))


def _place(desk: Desk, document: Document) -> tuple[ColumnElement[bool], ...]:
    here = approval.c
    return here.tenant == desk.tenant, here.key == document.key, here.version == document.version


def _same(one: str, other: str) -> bool:
    """Whether it is one person, however they write their name."""
    return one.strip().casefold() == other.strip().casefold()
