"""Many callers, one durable transaction: the price of an fsync is shared by everything that waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from engine.errors import MlconnectorError
from engine.state.trail import Trail, Work

_LARGEST = 200
T = TypeVar("T")


@dataclass(slots=True)
class _Job:
    act: Callable[[Work], Any]
    answer: Future[Any] = field(default_factory=Future)


class GroupCommit:
    """Runs pieces of work in the order they come, as many as are waiting in one transaction.

    A piece that raises a MlconnectorError must have written nothing: it fails alone. Any other error undoes the
    transaction, and its pieces run again one by one, so they must bear running twice. A failed commit fails all.
    """

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self.commits = 0

    def run(self, act: Callable[[Work], T]) -> T:
        """Returns what `act` returned once it is durable."""
        job = _Job(act)
        with self._lock:
            if self._closed:
                raise RuntimeError("the ledger is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="group-commit", daemon=True)
                self._thread.start()
            self._queue.put(job)
        result: T = job.answer.result()
        return result

    def waiting(self) -> int:
        """How many pieces of work wait for the transaction in hand to end."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finishes what is waiting and ends the thread; may be called again."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs, ends = self._gather(job)
            self._commit(jobs)
            if ends:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        jobs = [first]
        while len(jobs) < _LARGEST:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _commit(self, jobs: list[_Job]) -> None:
        results: list[tuple[Any, MlconnectorError | None]] = []
        try:
            with self._trail.writing() as work:
                results.extend(_attempt(work, job) for job in jobs)
            self.commits += 1
        except BaseException as error:  # noqa: BLE001 - every caller is waiting for an answer
            if len(jobs) > 1 and len(results) < len(jobs):
                for job in jobs:
                    self._commit([job])
                return
            for job in jobs:
                job.answer.set_exception(error)
            return
        for job, (value, refusal) in zip(jobs, results, strict=True):
            if refusal is None:
                job.answer.set_result(value)
            else:
                job.answer.set_exception(refusal)


def _attempt(work: Work, job: _Job) -> tuple[Any, MlconnectorError | None]:
    told = len(work.lines)
    try:
        return job.act(work), None
    except MlconnectorError as refusal:
        del work.lines[told:]
        return None, refusal
