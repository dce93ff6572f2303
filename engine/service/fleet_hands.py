"""A worker's hands: they take jobs from the queue, as many at once as was said, and do the work of each in a thread.

The queue's own worker ends when its connection does, or a task beside it fails: then another is started, and what is in
hand goes on meanwhile. One hand is kept free of backfills, so that what is urgent never waits for them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from engine.service.fleet_queue import opened, queues

if TYPE_CHECKING:
    from engine.state.database import Database

_LOG = logging.getLogger(__name__)
POLL = 1.0
"""Seconds between looks for jobs that were put off; what is deferred for now is told at once."""
AGAIN = 1.0
LETTING_GO = 0.5


class Hands:
    """`work` does a firing by its id, in a thread, and raises nothing."""

    def __init__(self, database: Database, tenant: str, at_once: int, work: Callable[[str], None]) -> None:
        self._database = database
        self._tenant = tenant
        self._at_once = at_once
        self._work = work
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="firing")
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="fleet-queue", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._wake: asyncio.Event | None = None

    def start(self) -> None:
        """Takes work from now on."""
        self._thread.start()

    def let_go(self) -> None:
        """Takes no more; what is in hand goes on."""
        self._stopping.set()
        if self._loop is not None and self._wake is not None:
            with suppress(RuntimeError):  # it ended by itself
                self._loop.call_soon_threadsafe(self._wake.set)

    def wait(self, seconds: float | None = None) -> bool:
        """Until what is in hand has ended, or so long; whether it has."""
        if self._thread.is_alive():
            self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        ended = threading.Thread(target=self._pool.shutdown, daemon=True)
        ended.start()
        ended.join(seconds)
        return not ended.is_alive()

    async def _serve(self) -> None:
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            try:
                await self._serve_once()
            except Exception as error:  # noqa: BLE001 - the database may be away for a while: whatever it is, it is tried again
                _LOG.warning("the queue is not available, trying again: %s", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), AGAIN)

    async def _serve_once(self) -> None:
        app = opened(self._database, self._perform, connections=4)
        async with app.open_async():
            await _run_until([app.run_worker_async(**asked) for asked in self._shares()], self._wake)

    def _shares(self) -> list[dict[str, Any]]:
        """What each of the queue's workers takes: one hand is for what is urgent only, where there is more than one."""
        urgent, backfill = queues(self._tenant)
        alike: dict[str, Any] = {
            "wait": True,
            "fetch_job_polling_interval": POLL,
            "shutdown_graceful_timeout": LETTING_GO,
            "delete_jobs": "always",
            "install_signal_handlers": False,
        }
        if self._at_once == 1:
            return [{"queues": [urgent, backfill], "concurrency": 1, **alike}]
        return [
            {"queues": [urgent], "concurrency": 1, **alike},
            {"queues": [urgent, backfill], "concurrency": self._at_once - 1, **alike},
        ]

    async def _perform(self, firing_id: str) -> None:
        """The work goes on in its thread when the queue lets go of the job."""
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._pool, self._work, firing_id))


async def _run_until(workers: list[Coroutine[Any, Any, None]], end: asyncio.Event | None) -> None:
    """Runs until `end`, or until one of the workers ends by itself; then all of them end."""
    assert end is not None
    running = [asyncio.create_task(worker) for worker in workers]
    ended = asyncio.create_task(end.wait())
    try:
        await asyncio.wait([*running, ended], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*running, ended):
            task.cancel()
        for outcome in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(outcome, Exception):
                _LOG.warning("a worker of the queue ended: %s", outcome)
