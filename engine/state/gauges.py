"""What monitoring asks of the state, each by an index: milliseconds at a million documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CTE, Connection, Select, Table, Text, column, func, literal, select, true, values

from engine.contracts import State
from engine.state import tables, tables_service
from engine.state.codec import moment, stamp
from engine.state.ledger_desk import Desk

OPEN = tuple(state for state in State if state not in {State.POSTED, State.ADOPTED, State.CANCELLED})
WAITING = timedelta(days=7)
"""A file that was seen longer ago and never read was taken away by somebody."""

_LAST_FILES = 200
_DOC, _ATTEMPT, _RUN, _SEEN = tables.document.c, tables.attempt.c, tables.run.c, tables.sighting.c
_BOX, _SECRET = tables.outbox.c, tables.secret.c
_TALLY, _FIRING, _ALERT = tables_service.tally.c, tables_service.firing.c, tables_service.alert.c


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauges:
    """How the state stands now; flows by their ids. `ended` counts up for ever, `queue` is by priority, `alerts` by kind.

    Moments: the `last_success` of a run, the arrival of the `last_document`, the oldest doubt's sending, the oldest file that waits
    to be read or sent, a login token's end by integration and login.
    """

    open: Mapping[tuple[str, str], int]
    ended: Mapping[tuple[str, str], int]
    last_success: Mapping[str, datetime]
    last_document: Mapping[str, datetime]
    in_doubt_since: Mapping[str, datetime]
    file_waits_since: Mapping[str, datetime]
    token_ends: Mapping[str, datetime]
    queue: Mapping[int, int]
    running: int
    alerts: Mapping[str, int]


def look_once(desk: Desk) -> None:
    """Raises TransientError, SetupError when the database can't be asked."""
    with desk.database.look() as connection:
        connection.execute(select(literal(1)))


def gauges(desk: Desk) -> Gauges:
    """All of it, in one look."""
    queued = (_FIRING.tenant == desk.tenant, _FIRING.state == "queued")
    running = (_FIRING.tenant == desk.tenant, _FIRING.state == "running")
    opened = (_ALERT.tenant == desk.tenant, _ALERT.state == "open")
    with desk.database.look() as connection:
        ask = connection.execute
        return Gauges(
            open={(flow, state): many for flow, state, many in ask(counted_open(desk.tenant)) if many},
            ended={(flow, state): int(many) for flow, state, many in ask(_ended(desk.tenant))},
            last_success=_moments(connection, last_success(desk.tenant)),
            last_document=_moments(connection, _newest(desk.tenant)),
            in_doubt_since=_moments(connection, in_doubt_since(desk.tenant)),
            file_waits_since=_earliest(
                _moments(connection, _unread(desk)), _moments(connection, unsent_since(desk.tenant))
            ),
            token_ends=_moments(connection, _tokens(desk.tenant)),
            queue=_pairs(connection, select(_FIRING.priority, func.count()).where(*queued).group_by(_FIRING.priority)),
            running=int(ask(select(func.count()).where(*running)).scalar_one()),
            alerts=_pairs(connection, select(_ALERT.kind, func.count()).where(*opened).group_by(_ALERT.kind)),
        )


def counted_open(tenant: str) -> Select[Any]:
    """Rows of flow, state, how many: of the states that are not the end, which few documents are in."""
    flows, states = _flows_of(tables.document, tenant), _states(OPEN)
    many = select(func.count()).where(
        _DOC.tenant == tenant, _DOC.flow == flows.c.flow, _DOC.state == states.c.state
    )  # fmt: skip
    asked = select(flows.c.flow, states.c.state, many.scalar_subquery()).select_from(flows.join(states, true()))
    return asked.where(flows.c.flow.is_not(None))


def last_document(tenant: str) -> Select[Any]:
    """Rows of flow and the newest arrival in each state: the index ends in the order of arrival."""
    flows, states = _flows_of(tables.document, tenant), _states(tuple(State))
    newest = select(_DOC.created_at).where(
        _DOC.tenant == tenant, _DOC.flow == flows.c.flow, _DOC.state == states.c.state
    )  # fmt: skip
    newest = newest.order_by(_DOC.seq.desc()).limit(1)
    asked = select(flows.c.flow, newest.scalar_subquery().label("at")).select_from(flows.join(states, true()))
    return asked.where(flows.c.flow.is_not(None))


def _newest(tenant: str) -> Select[Any]:
    each = last_document(tenant).subquery()
    return select(each.c.flow, func.max(each.c.at)).group_by(each.c.flow)


def last_success(tenant: str) -> Select[Any]:
    """Rows of flow and when its last good run ended."""
    flows = _flows_of(tables.run, tenant)
    ended = select(_RUN.ended_at).where(_RUN.tenant == tenant, _RUN.flow == flows.c.flow, _RUN.ok.is_(True))
    ended = ended.where(_RUN.ended_at.is_not(None), _RUN.mode == "run").order_by(_RUN.started_at.desc()).limit(1)
    return select(flows.c.flow, ended.scalar_subquery()).where(flows.c.flow.is_not(None))


def in_doubt_since(tenant: str) -> Select[Any]:
    """Rows of flow and when the oldest of its documents in doubt was sent."""
    flows = _flows_of(tables.document, tenant)
    sent = select(func.max(_ATTEMPT.started_at)).where(
        _ATTEMPT.tenant == _DOC.tenant, _ATTEMPT.key == _DOC.key, _ATTEMPT.version == _DOC.version
    )
    oldest = select(func.min(func.coalesce(sent.scalar_subquery(), _DOC.updated_at)))
    oldest = oldest.where(_DOC.tenant == tenant, _DOC.flow == flows.c.flow, _DOC.state == State.IN_DOUBT.value)
    return select(flows.c.flow, oldest.scalar_subquery()).where(flows.c.flow.is_not(None))


def unsent_since(tenant: str) -> Select[Any]:
    """Rows of flow and when the oldest of its latest files that is not placed yet was built."""
    flows = _flows_of(tables.outbox, tenant)
    latest = select(_BOX.built_at, _BOX.state).where(_BOX.tenant == tenant, _BOX.flow == flows.c.flow)
    some = latest.order_by(_BOX.number.desc()).limit(_LAST_FILES).correlate(flows).subquery()
    oldest = select(func.min(some.c.built_at)).where(some.c.state.in_(("built", "sending")))
    return select(flows.c.flow, oldest.scalar_subquery()).where(flows.c.flow.is_not(None))


def _unread(desk: Desk) -> Select[Any]:
    since = stamp(desk.clock() - WAITING)
    asked = select(_SEEN.source, func.min(_SEEN.first_seen)).where(_SEEN.tenant == desk.tenant, _SEEN.sha256 == "")
    return asked.where(_SEEN.first_seen >= since).group_by(_SEEN.source)


def _tokens(tenant: str) -> Select[Any]:
    asked = select(_SECRET.name, _SECRET.expires_at).where(_SECRET.tenant == tenant, _SECRET.kind == "token")
    return asked.where(_SECRET.expires_at.is_not(None))


def _ended(tenant: str) -> Select[Any]:
    asked = select(_TALLY.flow, _TALLY.state, func.sum(_TALLY.documents)).where(_TALLY.tenant == tenant)
    return asked.group_by(_TALLY.flow, _TALLY.state)


def _flows_of(table: Table, tenant: str) -> CTE:
    """The flows of a table whose index begins with tenant and flow: one look each, where DISTINCT reads all of it. The last is NULL."""
    first = select(func.min(table.c.flow).label("flow")).where(table.c.tenant == tenant)
    found = first.cte(f"flows_of_{table.name}", recursive=True)
    after = select(func.min(table.c.flow)).where(table.c.tenant == tenant, table.c.flow > found.c.flow)
    return found.union_all(select(after.scalar_subquery()).where(found.c.flow.is_not(None)))


def _states(some: tuple[State, ...]) -> CTE:
    return values(column("state", Text), name="states").data([(state.value,) for state in some]).cte("states")


def _pairs(connection: Connection, asked: Select[Any]) -> dict[Any, int]:
    return {name: int(many) for name, many in connection.execute(asked)}


def _moments(connection: Connection, asked: Select[Any]) -> dict[str, datetime]:
    return {name: moment(at) for name, at in connection.execute(asked) if at is not None}


def _earliest(*some: Mapping[str, datetime]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for each in some:
        for name, at in each.items():
            found[name] = min(at, found.get(name, at))
    return found
