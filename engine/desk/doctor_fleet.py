"""What `doctor` finds about work that many may share: the queue's tables, and what waits too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.desk.doctor_machine import Finding
from engine.errors import MlconnectorError
from engine.state import queue, queue_waits
from engine.state.database import Database
from engine.state.firings_workers import workers_in

SILENT = timedelta(minutes=1)
"""A process that has not been heard of for so long has ended, or its machine is cut off."""
LONG = timedelta(minutes=15)
_SHOWN = 3


def fleet_findings(database: Database, tenant: str, now: datetime) -> Iterator[Finding]:
    """About a database that has the tables of this version."""
    if not database.is_sqlite:
        yield _queue(database)
    alive = any(now - each.seen_at < SILENT for each in workers_in(database, tenant))
    yield _waiting(database, tenant, now, alive=alive)


def _queue(database: Database) -> Finding:
    if not queue.is_installed():
        said = "its package is not here, so this machine can't work with others"
        advice = "where this machine is to be one of many: `pip install 'mlconnector[scale]'`"
        return Finding(name="queue", state="warn", detail=said, advice=advice)
    try:
        found = queue.standing(database)
    except MlconnectorError as error:
        return Finding(name="queue", state="fail", detail=str(error), advice="mend the database first")
    version = f"{queue.PACKAGE} {queue.packaged().version}"
    if found.unknown:
        said = f"its tables were made by a newer {queue.PACKAGE} than {queue.packaged().version}"
        return Finding(name="queue", state="fail", detail=said, advice="install the same version on every machine")
    if not found.there:
        return Finding(name="queue", state="ok", detail=f"{version}, no tables yet: the first worker makes them")
    if found.missing:
        said = f"{version}, its tables are behind by {len(found.missing)}"
        return Finding(name="queue", state="fail", detail=said, advice="run `mlconnector db upgrade` once")
    return Finding(name="queue", state="ok", detail=f"{version}, its tables are up to date")


def _waiting(database: Database, tenant: str, now: datetime, *, alive: bool) -> Finding:
    late = queue_waits.waiting(database, tenant, now - LONG)
    if not late:
        return Finding(name="waiting", state="ok", detail="no start has been waiting for long")
    shown = "; ".join(
        f"{each.flow} since {each.since:%Y-%m-%d %H:%M:%S} UTC" + (f" ({each.reason})" if each.reason else "")
        for each in late[:_SHOWN]
    )
    more = f"; and {len(late) - _SHOWN} more" if len(late) > _SHOWN else ""
    advice = "start more workers, or let them do more at once (`--at-once`); a flow that is paused waits for a person"
    if not alive:
        advice = "start `mlconnector serve` or `mlconnector worker`: nobody is there to do it"
    return Finding(name="waiting", state="warn", detail=shown + more, advice=advice)
