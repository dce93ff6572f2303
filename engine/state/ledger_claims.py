"""Who works on what: taking documents, and taking them back from the dead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Integer, Row, and_, bindparam, func, literal, or_, select, update

from engine.contracts import Document, State
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.ledger_delivery import observation
from engine.state.ledger_desk import Desk, at, now_text
from engine.state.prepared import Prepared
from engine.state.trail import Work

MOST_CRASHES = 3
_ROW = tables.document.c
_TAKE = (
    update(tables.document)
    .where(_ROW.tenant == bindparam("at_tenant"), _ROW.key == bindparam("at_key"))
    .where(_ROW.version == bindparam("at_version"))
    .values(state=bindparam("to_state"), owner=bindparam("to_owner"), run=bindparam("to_run"), epoch=_ROW.epoch + 1)
    .values(updated_at=bindparam("to_time"), waits_since=None, not_before=None)
    .values(batch=None, batch_place=None)
)
_WATCHED = Prepared(
    select(_ROW.key, _ROW.version, _ROW.settle, _ROW.boot_id, _ROW.boot_due, _ROW.not_before)
    .where(_ROW.tenant == bindparam("tenant"), _ROW.flow == bindparam("flow"), _ROW.owner == "")
    .where(_ROW.state == State.IN_DOUBT.value, _ROW.boot_host == bindparam("host"), _ROW.settle > 0)
)

_NEXT = Prepared(
    select(func.min(_ROW.not_before))
    .where(_ROW.tenant == bindparam("tenant"), _ROW.flow == bindparam("flow"), _ROW.owner == "")
    .where(_ROW.state.in_([literal(state.value) for state in (State.READY, State.IN_DOUBT)]))
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to claim: due documents of a flow, or of these only the ones of that key."""

    flow: str
    now: datetime
    limit: int
    key: str | None = None


def claim(desk: Desk, work: Work, wanted: Wanted, owner: str, run_id: str) -> list[Document]:
    _restart_settles(desk, work, wanted.flow)
    taken: list[Row[Any]] = []
    for state in (State.IN_DOUBT, State.REJECTED, State.READY):  # the few and old before the many and new
        if len(taken) < wanted.limit:
            taken += _due(desk, work, replace(wanted, limit=wanted.limit - len(taken)), state)
    taken.sort(key=lambda row: int(row.seq))
    time = now_text(desk)
    changes = [
        {"at_tenant": desk.tenant, "at_key": row.key, "at_version": row.version, "to_state": _claimed_as(row).value,
         "to_owner": owner, "to_run": run_id or row.run, "to_time": time}
        for row in taken
    ]  # fmt: skip
    if changes:
        work.connection.execute(_TAKE, changes)
    for row in taken:
        _tell(work, row, "claimed", {"from": row.state}, run_id)
    return [
        replace(desk.read(row), state=_claimed_as(row), epoch=row.epoch + 1, not_before=None, updated_at=moment(time))
        for row in taken
    ]


def _claimed_as(row: Row[Any]) -> State:
    return State.IN_DOUBT if row.state == State.IN_DOUBT else State.PROBING


def _due(desk: Desk, work: Work, wanted: Wanted, state: State) -> Sequence[Row[Any]]:
    boot = desk.boot()
    values: dict[str, Any] = {
        "tenant": desk.tenant,
        "flow": wanted.flow,
        "state": state.value,
        "now": stamp(wanted.now),
    }
    values |= {"limit": wanted.limit, "key": wanted.key, "host": boot.host, "boot": boot.id, "seconds": boot.seconds}
    return _due_ones(doubtful=state is State.IN_DOUBT, one=wanted.key is not None).run(work.connection, values)


@cache
def _due_ones(*, doubtful: bool, one: bool) -> Prepared:
    asked = select(tables.document).where(_ROW.tenant == bindparam("tenant"), _ROW.flow == bindparam("flow"))
    if one:
        asked = asked.where(_ROW.key == bindparam("key"))
    asked = asked.where(_ROW.state == bindparam("state"), _ROW.owner == "")
    waited = or_(_ROW.not_before.is_(None), _ROW.not_before <= bindparam("now"))
    if doubtful:
        # the machine's own clock decides for what it saw itself; a wall clock that was set back only delays by one settle
        here = and_(_ROW.boot_host == bindparam("host"), _ROW.boot_id == bindparam("boot"))
        waited = and_(waited, or_(~here, _ROW.boot_due <= bindparam("seconds")))
    most = bindparam("limit", type_=Integer)
    return Prepared(asked.where(waited).order_by(_ROW.seq).limit(most).with_for_update(skip_locked=True))


def _restart_settles(desk: Desk, work: Work, flow: str) -> None:
    """A settle watched before this machine was restarted, or before its wall clock was set back, begins anew."""
    boot, now = desk.boot(), desk.clock()
    asked = _WATCHED.run(work.connection, {"tenant": desk.tenant, "flow": flow, "host": boot.host})
    for row in asked:
        settle = timedelta(microseconds=row.settle)
        other_boot = row.boot_id != boot.id
        if other_boot:
            fresh = observation(desk, settle)
        elif row.boot_due <= boot.seconds and row.not_before is not None and moment(row.not_before) > now + settle:
            fresh = {"not_before": stamp(now)}  # waited long enough by the clock that can't be set
        else:
            continue
        work.connection.execute(update(tables.document).where(*at(desk, row.key, row.version)).values(**fresh))


def _tell(work: Work, row: Row[Any], event: str, detail: dict[str, Any], run_id: str = "") -> None:
    told = {"version": row.version, **detail}
    work.tell(event, key=row.key, parcel=row.parcel_id, flow=row.flow, run=run_id or row.run, detail=told)


def next_due(desk: Desk, flow: str) -> datetime | None:
    """When the next document that nobody works on has its turn; None when none waits. A refused one waits for the next poll."""
    with desk.database.look() as connection:
        due: str | None = _NEXT.run(connection, {"tenant": desk.tenant, "flow": flow})[0][0]
    return moment(due)


def waiting(desk: Desk, flow: str, now: datetime, limit: int) -> list[Document]:
    asked = (
        select(tables.document)
        .where(_ROW.tenant == desk.tenant, _ROW.flow == flow, _ROW.state == State.WAITING.value)
        .where(or_(_ROW.not_before.is_(None), _ROW.not_before <= stamp(now)))
        .order_by(_ROW.seq)
        .limit(limit)
    )
    with desk.database.look() as connection:
        rows = connection.execute(asked).all()
    return [desk.read(row) for row in rows]


def waiting_since(desk: Desk, document: Document) -> datetime | None:
    asked = select(_ROW.waits_since).where(*at(desk, document.key, document.version))
    with desk.database.look() as connection:
        return moment(connection.execute(asked).scalar_one_or_none())


def abandoned(
    desk: Desk, work: Work, flow: str, owner_alive: Callable[[str], bool], settle: timedelta
) -> list[Document]:
    claimed = (State.PROBING.value, State.SENDING.value, State.IN_DOUBT.value)
    asked = (
        select(tables.document)
        .where(_ROW.tenant == desk.tenant, _ROW.flow == flow, _ROW.state.in_(claimed))
        .where(_ROW.owner != "", _ROW.batch.is_(None))
        .order_by(_ROW.seq)
        .with_for_update(skip_locked=True)
    )
    alive: dict[str, bool] = {}
    found = []
    for row in work.connection.execute(asked).all():
        if row.owner not in alive:
            alive[row.owner] = owner_alive(row.owner)
        if not alive[row.owner]:
            found.append(_take_back(desk, work, row, settle))
    return found


def _take_back(desk: Desk, work: Work, row: Row[Any], settle: timedelta) -> Document:
    crashes = row.crashes + 1
    values: dict[str, Any] = {"owner": "", "epoch": row.epoch + 1, "crashes": crashes, "updated_at": now_text(desk)}
    if row.state == State.SENDING:
        values |= observation(desk, settle)
    if crashes >= MOST_CRASHES:
        to = State.HELD
        values |= {"not_before": None, "reason": f"the process died {crashes} times while it worked on this document"}
    elif row.state == State.PROBING:
        to = State.READY
    else:
        to = State.IN_DOUBT
    if row.state == State.SENDING and to is State.IN_DOUBT:
        values["reason"] = "the process died while it was being sent"
    values["state"] = to.value
    work.connection.execute(update(tables.document).where(*at(desk, row.key, row.version)).values(**values))
    _tell(work, row, to.value, {"from": row.state, "owner died": row.owner, "crashes": crashes})
    return replace(
        desk.read(row),
        state=to,
        epoch=row.epoch + 1,
        crashes=crashes,
        reason=values.get("reason", row.reason),
        not_before=moment(values.get("not_before", row.not_before)),
        updated_at=moment(values["updated_at"]),
    )
