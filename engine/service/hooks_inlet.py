"""Deliveries made durable: whatever waits while a transaction is under way goes into the next one together."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue

from engine.errors import MlconnectorError, TransientError
from engine.service.parts import Parts
from engine.state.firings import Firing
from engine.state.inbox import Announced, Kept, store_events

log = logging.getLogger(__name__)

MOST_WAITING = 20_000
_LARGEST = 1000
_STORM = 4
"""Deliveries in one transaction that tell of more to come."""

_GATHERED_FOR = 0.02
"""Seconds a storm's transaction waits for more: an fsync and twenty statements are the price of each, whatever is in it."""

_LOOKED_AT = 20
"""Of the newest starts of a flow: some of them were skipped."""

_SWEPT_EVERY = 0.5
_LEAVING = 10.0


@dataclass(frozen=True, slots=True)
class _Job:
    """One delivery. `flow`: what is to run because of it; empty for nothing."""

    announced: Announced
    flow: str
    answer: asyncio.Future[bool]


class Inlet:
    """One thread that writes, for all who wait on the event loop they were put in from."""

    def __init__(self, parts: Parts, seconds: float) -> None:
        self._parts = parts
        self._seconds = seconds
        self._waiting: deque[tuple[float, asyncio.Future[bool]]] = deque()
        self._last = 0
        self._queue: Queue[_Job | None] = Queue(MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, announced: Announced, flow: str) -> asyncio.Future[bool]:
        """Whether it was new, once it is durable and its flow is asked for.

        The future raises what storing raised, and TransientError when its time is over; what had no turn by then is left.
        Raises TransientError where too many wait already, or the process is stopping.
        """
        job = _Job(announced, flow, asyncio.get_running_loop().create_future())
        with self._lock:
            if self._closed:
                raise TransientError("the process is stopping")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="webhooks", daemon=True)
                self._thread.start()
        try:
            self._queue.put_nowait(job)
        except Full:
            raise TransientError(f"{MOST_WAITING} deliveries wait to be stored") from None
        loop = job.answer.get_loop()
        if not self._waiting:
            loop.call_later(min(_SWEPT_EVERY, self._seconds), self._sweep, loop)
        self._waiting.append((loop.time() + self._seconds, job.answer))
        return job.answer

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """On the loop: whose time is over is told so, the others are looked at again; one timer for all of them."""
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= loop.time()):
            _, answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(TransientError("the database is busy"))
        if self._waiting:
            loop.call_later(min(_SWEPT_EVERY, self._seconds), self._sweep, loop)

    def close(self) -> None:
        """Stores what is waiting and ends the thread, unless the database is locked for long; may be called again."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join(_LEAVING)

    def _serve(self) -> None:
        ends = False
        while not ends:
            jobs, ends = self._gather()
            waited_for = [job for job in jobs if not job.answer.done()]
            self._last = len(waited_for)
            if waited_for:
                self._store(waited_for)

    def _gather(self) -> tuple[list[_Job], bool]:
        job, jobs = self._queue.get(), []
        if self._last >= _STORM and not self._closed:
            time.sleep(_GATHERED_FOR)
        while job is not None:
            jobs.append(job)
            if len(jobs) == _LARGEST:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _store(self, jobs: list[_Job]) -> None:
        """All in one transaction; where one of them can't be written as it is, each in its own."""
        try:
            kept = store_events(self._parts.workspace.desk, [job.announced for job in jobs])
            self._ask_for(jobs, kept)
        except MlconnectorError as error:
            _answer(jobs, [error] * len(jobs))
        except Exception as error:  # every sender waits for an answer
            if len(jobs) == 1:
                log.exception("a webhook delivery could not be stored")
                _answer(jobs, [error])
            for job in jobs if len(jobs) > 1 else ():
                self._store([job])
        else:
            _answer(jobs, [each.new for each in kept])

    def _ask_for(self, jobs: list[_Job], kept: Iterable[Kept]) -> None:
        """Each flow once; for an event known before only where no start of the flow waits, or has begun since it came.

        Then its process died between storing the event and asking.
        """
        newest: dict[str, Kept] = {}
        for job, each in zip(jobs, kept, strict=True):
            if not job.flow:
                continue
            seen = newest.get(job.flow)
            if seen is None or (each.new, each.received_at) > (seen.new, seen.received_at):
                newest[job.flow] = each
        for flow, each in newest.items():
            last = [] if each.new else self._parts.firings.listed(flow, limit=_LOOKED_AT)
            if not any(_covers(firing, each) for firing in last):
                self._parts.firings.ask(flow, cause="webhook")


def _covers(firing: Firing, kept: Kept) -> bool:
    return firing.state == "queued" or (firing.started_at is not None and firing.started_at >= kept.received_at)


def _answer(jobs: list[_Job], answers: Sequence[bool | Exception]) -> None:
    """On the loop, once for all of them; a loop that has ended waits for nothing."""

    def tell() -> None:
        for job, answer in zip(jobs, answers, strict=True):
            if job.answer.done():
                continue
            if isinstance(answer, Exception):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)

    with suppress(RuntimeError):  # the loop is closed
        jobs[0].answer.get_loop().call_soon_threadsafe(tell)
