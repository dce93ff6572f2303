"""A firing as data, and how it stands in its row."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from engine.state.codec import decode_plain, encode_plain, moment, stamp
from engine.state.tables_service import firing as firings

Cause = Literal["schedule", "webhook", "person", "again"]
PRIORITY: Mapping[str, int] = {"person": 30, "webhook": 20, "schedule": 10, "again": 10}
"""The most urgent first; whatever reads more than what is new (`full`, `since`) is 0, so that it starves nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A flow's place on the schedule. `next_at`: when it is due; `last_at`: the newest time it was started for."""

    flow: str
    plan: str
    next_at: datetime | None = None
    last_at: datetime | None = None
    paused: bool = False
    said_by: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """What now means for a flow: the time to start it for (None: not now), how many were missed, the next time.

    `last_at`: what counts as the newest time started for where nothing is started now.
    """

    at: datetime | None = None
    missed: int = 0
    next_at: datetime | None = None
    last_at: datetime | None = None
    overlap: str = "skip"

    @property
    def reason(self) -> str:
        """For the firing's row."""
        return f"{self.missed} missed before it" if self.missed else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Firing:
    """One start of a flow. `attempt` counts processes that died of it, `tries` those that could not reach a system."""

    id: str
    flow: str
    at: datetime
    cause: Cause
    state: str
    queued_at: datetime
    priority: int = 0
    attempt: int = 0
    tries: int = 0
    owner: str = ""
    by: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    run: str = ""
    exit_code: int | None = None
    not_before: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    def row(self) -> dict[str, Any]:
        """Its columns, all but the tenant."""
        return {
            "id": self.id, "flow": self.flow, "at": stamp(self.at), "cause": self.cause, "state": self.state,
            "priority": self.priority, "attempt": self.attempt, "tries": self.tries, "owner": self.owner,
            "by": self.by, "options": encode_plain(self.options), "reason": self.reason, "run": self.run,
            "exit_code": self.exit_code, "queued_at": stamp(self.queued_at), "not_before": stamp(self.not_before),
            "started_at": stamp(self.started_at), "ended_at": stamp(self.ended_at),
        }  # fmt: skip


def firing_of(row: Row[Any]) -> Firing:
    """The firing of a row."""
    return Firing(
        id=row.id, flow=row.flow, at=moment(row.at), cause=row.cause, state=row.state, priority=row.priority,
        attempt=row.attempt, tries=row.tries, owner=row.owner, by=row.by,
        options=decode_plain(row.options) if row.options else {}, reason=row.reason, run=row.run,
        exit_code=row.exit_code, queued_at=moment(row.queued_at), not_before=moment(row.not_before),
        started_at=moment(row.started_at), ended_at=moment(row.ended_at),
    )  # fmt: skip


def planned_of(row: Row[Any]) -> Planned:
    """A flow's place on the schedule, of its row."""
    return Planned(
        flow=row.flow, plan=row.plan, next_at=moment(row.next_at), last_at=moment(row.last_at), paused=row.paused,
        said_by=row.said_by,
    )  # fmt: skip


def new_id(now: datetime) -> str:
    """A name for a firing."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def priority_of(cause: str, options: Mapping[str, Any]) -> int:
    """How urgent a start is."""
    return 0 if options.get("full") or options.get("since") else PRIORITY[cause]


def waiting_of(connection: Connection, tenant: str, flow: str) -> Firing | None:
    """The flow's firing that waits."""
    mine = (firings.c.tenant == tenant, firings.c.flow == flow, firings.c.state == "queued")
    row = connection.execute(select(firings).where(*mine)).one_or_none()
    return None if row is None else firing_of(row)


def queue_again(connection: Connection, mine: tuple[Any, ...], again: Firing, reason: str) -> bool:
    """Lets a firing wait once more; False where another of its flow waits already."""
    values = {
        "state": "queued", "owner": "", "attempt": again.attempt, "not_before": stamp(again.not_before),
        "reason": reason, "started_at": None,
    }  # fmt: skip
    try:
        with connection.begin_nested():
            connection.execute(update(firings).where(*mine).values(**values))
    except IntegrityError:
        return False
    return True
