"""The queue as the fleet uses it: a job is a firing's id, deferred in the transaction that made the firing wait.

Its locks, heartbeats, retries and periodic tasks are not used: what they promise, our own rows and locks keep.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from engine.errors import TransientError
from engine.state.firings import Announce, Firing
from engine.state.queue import server_address, within_queue

if TYPE_CHECKING:
    from procrastinate import App

    from engine.state.database import Database

TASK = "run_firing"


def queues(tenant: str) -> tuple[str, str]:
    """The queue of what is urgent, and that of backfills, of which a worker never takes as many as it can."""
    return tenant, f"{tenant}:backfill"  # no tenant's name has a colon


def announcer(tenant: str) -> Announce:
    """Defers a job for a firing that waits."""
    from procrastinate import App, SyncPsycopgConnector
    from procrastinate.exceptions import ProcrastinateException

    app = App(connector=SyncPsycopgConnector())  # never opened: it borrows the connection of the firing's transaction
    urgent, backfill = queues(tenant)

    def announce(connection: Any, firing: Firing) -> None:
        with within_queue(connection) as driver:
            task = app.configure_task(
                TASK,
                queue=urgent if firing.priority > 0 else backfill,
                priority=firing.priority,
                schedule_at=firing.not_before,
                connection=driver,
            )
            try:
                task.defer(tenant=tenant, firing=firing.id)
            except ProcrastinateException as error:
                raise TransientError(f"The queue is not available: {error.__cause__ or error}") from error

    return announce


def opened(database: Database, perform: Callable[[str], Awaitable[None]], *, connections: int) -> App:
    """The queue for a worker, to be opened in its event loop; `perform` is called with each firing's id."""
    from procrastinate import App, PsycopgConnector

    address = server_address(database)
    app = App(connector=PsycopgConnector(conninfo="", kwargs=address, min_size=1, max_size=connections, timeout=10.0))

    @app.task(name=TASK)
    async def run_firing(tenant: str, firing: str) -> None:
        await perform(firing)

    return app
