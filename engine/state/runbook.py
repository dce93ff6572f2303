"""Runs as people look through them: newest first, page by page, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, tuple_

from engine.state import tables
from engine.state.codec import stamp
from engine.state.facts import Run
from engine.state.ledger_desk import Desk
from engine.state.ledger_runs import run_of
from engine.state.trail import Entry

_RUN = tables.run.c
AT_WORK = "at work"
"""An outcome to ask for: there is none yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What of them is wanted; `before`: older than this place, as `place_of` writes it."""

    flow: str = ""
    outcome: str = ""
    before: str = ""
    most: int = 50


def listed(desk: Desk, asked: Asked) -> Sequence[Run]:
    """Newest first."""
    wanted = select(tables.run).where(_RUN.tenant == desk.tenant)
    if asked.flow:
        wanted = wanted.where(_RUN.flow == asked.flow)
    if asked.outcome:
        wanted = wanted.where(_RUN.outcome == ("" if asked.outcome == AT_WORK else asked.outcome))
    if asked.before:
        at, _, id_ = asked.before.partition(" ")
        wanted = wanted.where(tuple_(_RUN.started_at, _RUN.id) < (at, id_))
    wanted = wanted.order_by(_RUN.started_at.desc(), _RUN.id.desc()).limit(asked.most)
    with desk.database.look() as connection:
        return [run_of(row) for row in connection.execute(wanted)]


def place_of(run: Run) -> str:
    """Where a list goes on after this run."""
    return f"{stamp(run.started_at)} {run.id}"


def one(desk: Desk, run_id: str) -> Run | None:
    """The run of that id."""
    with desk.database.look() as connection:
        wanted = select(tables.run).where(_RUN.tenant == desk.tenant, _RUN.id == run_id)
        row = connection.execute(wanted).one_or_none()
    return None if row is None else run_of(row)


def told_of(desk: Desk, run_id: str, most: int) -> Sequence[Entry]:
    """The last lines of the trail about a run, oldest first."""
    return desk.trail.entries(run=run_id, limit=most)
