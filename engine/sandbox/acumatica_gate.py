"""How much the licence of the Acumatica stand-in lets in: requests per minute, at once, sessions, one at a time each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from engine.sandbox.acumatica_errors import Refusal, too_many
from engine.sandbox.acumatica_store import Rules

_MINUTE = timedelta(minutes=1)


class Gate:
    """Counts requests; those over the limit at once wait in a queue of real seconds, then are refused with 429."""

    def __init__(self, rules: Rules, clock: Callable[[], datetime]) -> None:
        self.changed = threading.Condition()
        self.refused = 0
        self._rules = rules
        self._clock = clock
        self._window: deque[datetime] = deque()
        self._running = 0
        self.waiting = 0
        self._closed = False

    def open(self) -> None:
        with self.changed:
            self._closed = False

    def close(self) -> None:
        """Nobody waits any longer."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Holds one of the places for requests at once; 429 when the minute or the queue is full."""
        with self.changed:
            self._count()
            self._take_place()
        try:
            yield
        finally:
            with self.changed:
                self._running -= 1
                self.changed.notify_all()

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Waits, holding `changed`, until it is ready; 429 when that takes too long."""
        if not self.changed.wait_for(lambda: self._closed or ready(), self._rules.queue_seconds) or self._closed:
            raise self._too_many()

    def _count(self) -> None:
        now, limit = self._clock(), self._rules.per_minute
        while self._window and self._window[0] <= now - _MINUTE:
            self._window.popleft()
        if limit is not None and len(self._window) >= limit:
            raise self._too_many()
        self._window.append(now)

    def _take_place(self) -> None:
        if self._running >= self._rules.at_once:
            if self.waiting >= self._rules.queue:
                raise self._too_many()
            self.waiting += 1
            try:
                self.wait_for(lambda: self._running < self._rules.at_once)
            finally:
                self.waiting -= 1
        self._running += 1

    def _too_many(self) -> Refusal:
        self.refused += 1
        return too_many(self._rules.retry_after)
