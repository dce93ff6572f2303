"""What the overview shows of every flow, each figure by an index: a million documents cost it no more than a thousand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, Text, column, func, select, text, true, values
from sqlalchemy.sql.selectable import CTE

from engine.contracts import State
from engine.state import tables
from engine.state.codec import decode_plain, moment
from engine.state.facts import Run
from engine.state.ledger_desk import Desk
from engine.state.tally import add_up

GOING = (State.READY, State.PROBING, State.SENDING)
_ROW, _RUN = tables.document.c, tables.run.c
_STOPPED = text(f"document.{tables.STOPPED}")
"""Literally as the index has it: with its states as parameters no planner could tell that the index holds them all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Documents of a flow in one state. `since`: the oldest of them changed, or arrived where they go on by themselves."""

    flow: str
    state: State
    documents: int
    amount: Decimal
    since: datetime | None


def stopped(desk: Desk) -> list[Standing]:
    """Documents that do not go on by themselves, by flow and state, with their amounts added up exactly."""
    asked = select(_ROW.flow, _ROW.state, _ROW.amount, _ROW.updated_at).where(_ROW.tenant == desk.tenant, _STOPPED)
    found: dict[tuple[str, str], tuple[list[str], list[str | None]]] = defaultdict(lambda: ([], []))
    with desk.database.look() as connection:
        for flow, state, amount, at in connection.execute(asked).all():
            times, amounts = found[flow, state]
            times.append(at)
            amounts.append(amount)
    return [
        Standing(flow=flow, state=State(state), documents=len(times), amount=add_up(amounts), since=moment(min(times)))
        for (flow, state), (times, amounts) in found.items()
    ]


def going(desk: Desk, flows: Collection[str]) -> list[Standing]:
    """Documents on their way: how many, and since when the first of each state is there. Amounts are not added up."""
    if not flows:
        return []
    wanted = _named(flows)
    states = values(column("state", Text), name="states").data([(state.value,) for state in GOING]).cte("states")
    mine = (_ROW.tenant == desk.tenant, _ROW.flow == wanted.c.flow, _ROW.state == states.c.state)
    many = select(func.count()).where(*mine).scalar_subquery().label("many")
    first = select(_ROW.created_at).where(*mine).order_by(_ROW.seq).limit(1).scalar_subquery()
    with desk.database.look() as connection:
        asked = select(wanted.c.flow, states.c.state, many, first.label("since"))
        rows = connection.execute(asked.select_from(wanted.join(states, true()))).all()
    return [
        Standing(flow=row.flow, state=State(row.state), documents=row.many, amount=Decimal(0), since=moment(row.since))
        for row in rows
        if row.many
    ]


def last_runs(desk: Desk, flows: Collection[str]) -> dict[str, Run]:
    """The newest run of each flow, ended or not; flows that never ran are left out."""
    if not flows:
        return {}
    wanted = _named(flows)
    newest = select(_RUN.id).where(_RUN.tenant == desk.tenant, _RUN.flow == wanted.c.flow)
    newest = newest.order_by(_RUN.started_at.desc()).limit(1)
    ids = select(newest.scalar_subquery().label("id")).select_from(wanted).cte("newest")
    asked = select(tables.run).join(ids, _RUN.id == ids.c.id).where(_RUN.tenant == desk.tenant)
    with desk.database.look() as connection:
        return {row.flow: _run(row) for row in connection.execute(asked)}


def last_successes(desk: Desk, flows: Collection[str]) -> Mapping[str, datetime]:
    """When each flow last ended a run without trouble; those that never did are left out."""
    if not flows:
        return {}
    wanted = _named(flows)
    ended = select(_RUN.ended_at).where(_RUN.tenant == desk.tenant, _RUN.flow == wanted.c.flow, _RUN.ok.is_(True))
    ended = ended.where(_RUN.ended_at.is_not(None)).order_by(_RUN.started_at.desc()).limit(1)
    asked: Select[Any] = select(wanted.c.flow, ended.scalar_subquery())
    with desk.database.look() as connection:
        return {flow: moment(at) for flow, at in connection.execute(asked) if at is not None}


def _named(flows: Collection[str]) -> CTE:
    return values(column("flow", Text), name="wanted").data([(flow,) for flow in sorted(flows)]).cte("wanted")


def _run(row: Any) -> Run:
    return Run(
        id=row.id, flow=row.flow, mode=row.mode, spec_sha=row.spec_sha, started_at=moment(row.started_at),
        ended_at=moment(row.ended_at), outcome=row.outcome, ok=row.ok, summary=decode_plain(row.summary),
    )  # fmt: skip
