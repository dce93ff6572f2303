"""Finding documents, their attempts, and how much stands where."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from sqlalchemy import and_, func, not_, select, tuple_

from engine.contracts import Document, State
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.facts import Attempt, Tally
from engine.state.ledger_delivery import attempt_identity
from engine.state.ledger_desk import Desk, normal

_ROW, _ATTEMPT, _WORD, _LINE = tables.document.c, tables.attempt.c, tables.identifier.c, tables.trail.c
_PARCEL, _RUN = tables.parcel.c, tables.run.c
_SOME = 500


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
    limit: int


def document(desk: Desk, key: str, version: int | None) -> Document | None:
    asked = select(tables.document).where(_ROW.tenant == desk.tenant, _ROW.key == key)
    if version is not None:
        asked = asked.where(_ROW.version == version)
    with desk.database.look() as connection:
        row = connection.execute(asked.order_by(_ROW.version.desc()).limit(1)).one_or_none()
    return None if row is None else desk.read(row)


def find(desk: Desk, wanted: Asked) -> list[Document]:
    asked = select(tables.document).where(_ROW.tenant == desk.tenant)
    exact = {_ROW.flow: wanted.flow, _ROW.key: wanted.key, _ROW.parcel_id: wanted.parcel}
    asked = asked.where(*(column == value for column, value in exact.items() if value is not None))
    if wanted.states is not None:
        asked = asked.where(_ROW.state.in_([state.value for state in wanted.states]))
    if wanted.since is not None:
        asked = asked.where(_ROW.updated_at >= stamp(wanted.since))
    if wanted.identifier is not None:
        named = select(_WORD.key, _WORD.version).where(_WORD.tenant == desk.tenant)
        named = named.where(_WORD.value == normal(wanted.identifier))
        asked = asked.where(tuple_(_ROW.key, _ROW.version).in_(named))
    if wanted.run is not None:
        touched = select(_LINE.key).where(_LINE.tenant == desk.tenant, _LINE.run == wanted.run, _LINE.key != "")
        asked = asked.where(_ROW.key.in_(touched))
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_ROW.updated_at.desc(), _ROW.seq).limit(wanted.limit)).all()
    return [desk.read(row) for row in rows]


def states(desk: Desk, keys: Sequence[str]) -> dict[str, State]:
    found: dict[str, State] = {}
    asked = select(_ROW.key, _ROW.state).where(_ROW.tenant == desk.tenant).order_by(_ROW.version)
    with desk.database.look() as connection:
        for start in range(0, len(keys), _SOME):
            rows = connection.execute(asked.where(_ROW.key.in_(keys[start : start + _SOME])))
            found |= {key: State(state) for key, state in rows}
    return found


def tally(
    desk: Desk, flow: str | None, read_by: str | None, read_before: str | None, among: Collection[State] | None
) -> dict[State, Tally]:
    asked = select(_ROW.state, _ROW.amount, func.count()).where(_ROW.tenant == desk.tenant)
    if among is not None:
        asked = asked.where(_ROW.state.in_([state.value for state in among]))
    for run, within in ((read_by, True), (read_before, False)):
        if run is not None:
            parcels = select(_PARCEL.id).where(_PARCEL.tenant == desk.tenant, _PARCEL.run == run)
            if flow is not None:
                parcels = parcels.where(_PARCEL.flow == flow)
            # a parcel of which an earlier run took a part holds documents that this run did not read
            began = select(_RUN.started_at).where(_RUN.tenant == desk.tenant, _RUN.id == run).scalar_subquery()
            its = and_(_ROW.parcel_id.in_(parcels), func.coalesce(_ROW.created_at >= began, True))
            asked = asked.where(its if within else not_(its))
    if flow is not None:
        asked = asked.where(_ROW.flow == flow)
    counts: dict[State, int] = {}
    amounts: dict[State, Decimal] = {}
    with desk.database.look() as connection:
        for name, amount, many in connection.execute(asked.group_by(_ROW.state, _ROW.amount)):
            state = State(name)
            counts[state] = counts.get(state, 0) + many
            amounts[state] = amounts.get(state, Decimal()) + _exact(amount) * many
    return {state: Tally(documents=counts[state], amount=amounts[state]) for state in State if state in counts}


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
        answered = row.response_sealed
        found.append(
            Attempt(
                key=row.key, version=row.version, step=row.step, epoch=row.epoch, number=row.number,
                spec_sha=row.spec_sha, request_sha=row.request_sha,
                request=desk.vault.open(row.request_sealed, *identity, "request"),
                started_at=moment(row.started_at), deadline_at=moment(row.deadline_at), outcome=row.outcome,
                status=row.status,
                response=b"" if answered is None else desk.vault.open(answered, *identity, "response"),
                finished_at=moment(row.finished_at),
            )
        )  # fmt: skip
    return found
