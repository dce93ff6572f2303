"""What has been waiting to be started, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from engine.state.codec import moment, stamp
from engine.state.database import Database
from engine.state.tables_service import firing

_F = firing.c


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A start that could have begun at `since`, and why it did not, where that is known."""

    flow: str
    since: datetime
    reason: str


def waiting(database: Database, tenant: str, before: datetime) -> list[Waiting]:
    """Starts that could have begun before then, and whose flow is not at work; the oldest first."""
    at_work = select(_F.flow).where(_F.tenant == tenant, _F.state == "running")
    since = func.coalesce(_F.not_before, _F.queued_at)
    asked = (
        select(_F.flow, since.label("since"), _F.reason)
        .where(_F.tenant == tenant, _F.state == "queued", since < stamp(before), _F.flow.not_in(at_work))
        .order_by(since)
    )
    with database.look() as connection:
        rows = connection.execute(asked).all()
    return [Waiting(flow=row.flow, since=moment(row.since), reason=row.reason) for row in rows]
