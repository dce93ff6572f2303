"""Runs and counters."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, insert, select, update

from engine.state import tables
from engine.state.codec import decode_plain, encode_plain, moment
from engine.state.facts import Run
from engine.state.ledger_desk import Desk, now_text
from engine.state.trail import Work

_RUN, _COUNTER = tables.run.c, tables.counter.c


def start(desk: Desk, work: Work, flow: str, mode: str, spec_sha: str) -> str:
    now = desk.clock()
    run_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
    row = {"tenant": desk.tenant, "id": run_id, "flow": flow, "mode": mode, "spec_sha": spec_sha}
    work.connection.execute(insert(tables.run).values(**row, started_at=now_text(desk)))
    work.tell("run started", flow=flow, run=run_id, detail={"mode": mode, "spec": spec_sha})
    return run_id


def end(desk: Desk, work: Work, run_id: str, outcome: str, summary: Mapping[str, Any], *, ok: bool) -> None:
    text = encode_plain(desk.trail.redactor.data(dict(summary)))
    change = (
        update(tables.run)
        .where(_RUN.tenant == desk.tenant, _RUN.id == run_id)
        .values(outcome=outcome, ok=ok, summary=text, ended_at=now_text(desk))
        .returning(_RUN.flow)
    )
    flow = work.connection.execute(change).scalar_one_or_none() or ""
    work.tell("run ended", flow=flow, run=run_id, detail={"outcome": outcome, **summary})


def last(desk: Desk, flow: str, *, ok: bool, mode: str | None) -> Run | None:
    asked = select(tables.run).where(_RUN.tenant == desk.tenant, _RUN.flow == flow, _RUN.ended_at.is_not(None))
    if ok:
        asked = asked.where(_RUN.ok.is_(True))
    if mode is not None:
        asked = asked.where(_RUN.mode == mode)
    with desk.database.look() as connection:
        row = connection.execute(asked.order_by(_RUN.started_at.desc()).limit(1)).one_or_none()
    return None if row is None else run_of(row)


def runs(desk: Desk, flow: str | None, limit: int) -> list[Run]:
    asked = select(tables.run).where(_RUN.tenant == desk.tenant)
    if flow is not None:
        asked = asked.where(_RUN.flow == flow)
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_RUN.started_at.desc()).limit(limit)).all()
    return [run_of(row) for row in rows]


def count_on(desk: Desk, work: Work, name: str) -> int:
    return take_numbers(desk, work, f"named {name}", 1)


def take_numbers(desk: Desk, work: Work, name: str, many: int) -> int:
    """Takes `many` numbers of a counter; returns the last of them."""
    change = (
        update(tables.counter)
        .where(_COUNTER.tenant == desk.tenant, _COUNTER.name == name)
        .values(value=_COUNTER.value + many)
        .returning(_COUNTER.value)
    )
    value = work.connection.execute(change).scalar_one_or_none()
    if value is None:
        first = {"tenant": desk.tenant, "name": name, "value": 0}
        if work.connection.dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import insert as insert_or_not

            work.connection.execute(insert_or_not(tables.counter).on_conflict_do_nothing(), first)
        else:
            work.connection.execute(insert(tables.counter), first)
        value = work.connection.execute(change).scalar_one()
    return int(value)


def run_of(row: Row[Any]) -> Run:
    """The run of a row."""
    return Run(
        id=row.id, flow=row.flow, mode=row.mode, spec_sha=row.spec_sha, started_at=moment(row.started_at),
        ended_at=moment(row.ended_at), outcome=row.outcome, ok=row.ok, summary=decode_plain(row.summary),
    )  # fmt: skip
