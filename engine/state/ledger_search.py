"""Finding documents, their attempts, and how much stands where."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache

from sqlalchemy import BindParameter, Integer, Text, and_, bindparam, func, literal, not_, select, true, tuple_

from engine.contracts import Document, State
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.facts import Attempt, Tally
from engine.state.ledger_delivery import attempt_identity
from engine.state.ledger_desk import Desk, normal
from engine.state.prepared import Prepared
from engine.state.purged import purged_at

_ROW, _ATTEMPT, _WORD, _LINE = tables.document.c, tables.attempt.c, tables.identifier.c, tables.trail.c
_PARCEL, _RUN = tables.parcel.c, tables.run.c
_SOME = 500
_IN_TARGET = (State.POSTED, State.ADOPTED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What to look for; None does not narrow."""

    flow: str | None
    states: Collection[State] | None
    key: str | None
    identifier: str | None
    parcel: str | None
    run: str | None
    since: datetime | None
    but: str | None
    limit: int


def document(desk: Desk, key: str, version: int | None) -> Document | None:
    asked = select(tables.document).where(_ROW.tenant == desk.tenant, _ROW.key == key)
    if version is not None:
        asked = asked.where(_ROW.version == version)
    with desk.database.look() as connection:
        row = connection.execute(asked.order_by(_ROW.version.desc()).limit(1)).one_or_none()
    return None if row is None else desk.read(row)


def find(desk: Desk, wanted: Asked) -> list[Document]:
    states = None if wanted.states is None else [state.value for state in wanted.states]
    given = {
        "flow": wanted.flow,
        "key": wanted.key,
        "parcel": wanted.parcel,
        "since": stamp(wanted.since),
        "identifier": None if wanted.identifier is None else normal(wanted.identifier),
        "run": wanted.run,
        "but": wanted.but,
    }
    given = {name: value for name, value in given.items() if value is not None}
    values = {"tenant": desk.tenant, "limit": wanted.limit, **given}
    values |= {f"state_{n}": state for n, state in enumerate(states or ())}
    with desk.database.look() as connection:
        rows = _found(frozenset(given), None if states is None else len(states)).run(connection, values)
    return [desk.read(row) for row in rows]


@cache
def _found(given: frozenset[str], states: int | None) -> Prepared:
    """The search by these conditions, and by so many states (None: any)."""
    tenant: BindParameter[str] = bindparam("tenant")
    asked = select(tables.document).where(_ROW.tenant == tenant)
    if states is not None:
        asked = asked.where(_ROW.state.in_([bindparam(f"state_{n}") for n in range(states)]))
    for name, column in (("flow", _ROW.flow), ("key", _ROW.key), ("parcel", _ROW.parcel_id)):
        if name in given:
            asked = asked.where(column == bindparam(name))
    if "but" in given:
        asked = asked.where(_ROW.key != bindparam("but"))
    if "since" in given:
        asked = asked.where(_ROW.updated_at >= bindparam("since"))
    if "identifier" in given:
        named = select(_WORD.key, _WORD.version).where(_WORD.tenant == tenant, _WORD.value == bindparam("identifier"))
        asked = asked.where(tuple_(_ROW.key, _ROW.version).in_(named))
    if "run" in given:
        touched = select(_LINE.key).where(_LINE.tenant == tenant, _LINE.run == bindparam("run"), _LINE.key != "")
        asked = asked.where(_ROW.key.in_(touched))
    most = bindparam("limit", type_=Integer)
    return Prepared(asked.order_by(_ROW.updated_at.desc(), _ROW.seq).limit(most))


def states(desk: Desk, keys: Sequence[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    asked = select(_ROW.key, _ROW.state).where(_ROW.tenant == desk.tenant).order_by(_ROW.version)
    with desk.database.look() as connection:
        for start in range(0, len(keys), _SOME):
            for key, state in connection.execute(asked.where(_ROW.key.in_(keys[start : start + _SOME]))):
                if found.get(key) not in _IN_TARGET:
                    found[key] = State(state)
    return found


def tally(
    desk: Desk, flow: str | None, read_by: str | None, read_before: str | None, among: Collection[State] | None
) -> dict[State, Tally]:
    if among is not None and not among:
        return {}
    states = None if among is None else tuple(sorted(state.value for state in among))
    asked = _tallied(states, by=read_by is not None, before=read_before is not None, one=flow is not None)
    given = {"tenant": desk.tenant, "flow": flow, "by": read_by, "before": read_before}
    counts: dict[State, int] = {}
    amounts: dict[State, Decimal] = {}
    with desk.database.look() as connection:
        for name, amount, many in asked.run(connection, {k: value for k, value in given.items() if value is not None}):
            state = State(name)
            counts[state] = counts.get(state, 0) + many
            amounts[state] = amounts.get(state, Decimal()) + _exact(amount) * many
    return {state: Tally(documents=counts[state], amount=amounts[state]) for state in State if state in counts}


@cache
def _tallied(states: tuple[str, ...] | None, *, by: bool, before: bool, one: bool) -> Prepared:
    tenant, flow, runs = bindparam("tenant", type_=Text), bindparam("flow", type_=Text), {"by": by, "before": before}
    asked = select(_ROW.state, _ROW.amount, func.count()).where(_ROW.tenant == tenant)
    if states is not None:
        asked = asked.where(_ROW.state.in_([literal(state) for state in states]))
    for run in (bindparam(name, type_=Text) for name, wanted in runs.items() if wanted):
        parcels = select(_PARCEL.id).where(_PARCEL.tenant == tenant, _PARCEL.run == run)
        if one:
            parcels = parcels.where(_PARCEL.flow == flow)
        # a parcel of which an earlier run took a part holds documents that this run did not read
        began = select(_RUN.started_at).where(_RUN.tenant == tenant, _RUN.id == run).scalar_subquery()
        its = and_(_ROW.parcel_id.in_(parcels), func.coalesce(_ROW.created_at >= began, true()))
        asked = asked.where(its if run.key == "by" else not_(its))
    if one:
        asked = asked.where(_ROW.flow == flow)
    return Prepared(asked.group_by(_ROW.state, _ROW.amount))


def _exact(amount: str | None) -> Decimal:
    try:
        value = Decimal(amount or "0")
    except InvalidOperation:
        return Decimal()
    return value if value.is_finite() else Decimal()


def attempts(desk: Desk, key: str, version: int | None) -> list[Attempt]:
    asked = select(tables.attempt).where(_ATTEMPT.tenant == desk.tenant, _ATTEMPT.key == key)
    if version is not None:
        asked = asked.where(_ATTEMPT.version == version)
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_ATTEMPT.n)).all()
    found = []
    for row in rows:
        identity = attempt_identity(row.key, row.version, row.epoch, row.number, row.step)
        answered, gone = row.response_sealed, purged_at(row.request_sealed) is not None
        found.append(
            Attempt(
                key=row.key, version=row.version, step=row.step, epoch=row.epoch, number=row.number,
                spec_sha=row.spec_sha, request_sha=row.request_sha,
                request=b"" if gone else desk.vault.open(row.request_sealed, *identity, "request"),
                started_at=moment(row.started_at), deadline_at=moment(row.deadline_at), outcome=row.outcome,
                status=row.status,
                response=b"" if answered is None else desk.vault.open(answered, *identity, "response"),
                finished_at=moment(row.finished_at),
            )
        )  # fmt: skip
    return found
