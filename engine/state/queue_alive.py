"""Who of the fleet is at work, told from the locks the server knows; and what the queue is told again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import text, update

from engine.state.database import Database
from engine.state.firings import Announce
from engine.state.firings_rows import Firing, waiting_of
from engine.state.ledger_desk import Desk
from engine.state.locks import flow_lock_name, lock_key, worker_lock_name
from engine.state.tables_service import firing as firings

_HELD = """
    SELECT (l.classid::bigint << 32) | l.objid::bigint FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND d.datname = current_database()
"""


def stalled(database: Database, tenant: str, running: Iterable[Firing]) -> list[Firing]:
    """Those of the running firings that nobody runs: neither the flow's lock nor its worker's is held.

    Told without taking a lock, which would turn away a run that starts at that moment.
    """
    with database.look() as connection:
        held = set(connection.execute(text(_HELD)).scalars())

    def is_free(name: str) -> bool:
        return lock_key(name) not in held

    return [
        each for each in running if is_free(worker_lock_name(each.owner)) and is_free(flow_lock_name(tenant, each.flow))
    ]


def remind(
    desk: Desk, announce: Announce, flow: str, *, not_before: datetime | None = None, reason: str = ""
) -> Firing | None:
    """Tells the queue again of the flow's start that waits; `reason`: why it did not begin, for people. None where none waits."""
    with desk.database.write() as connection:
        waiting = waiting_of(connection, desk.tenant, flow)
        if waiting is None:
            return None
        if reason and reason != waiting.reason:
            mine = (firings.c.tenant == desk.tenant, firings.c.id == waiting.id, firings.c.state == "queued")
            connection.execute(update(firings).where(*mine).values(reason=desk.clean(reason)))
        announce(connection, replace(waiting, not_before=not_before or waiting.not_before))
    return waiting
