"""Guessing passwords gets slower with every try, for a name and for an address; whether the name exists makes no difference."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from engine.contracts import Clock

MOST = 5
"""Wrong passwords until a person is locked out."""
LOCK = timedelta(minutes=15)
_MOST_OF_AN_ADDRESS = 50
_REMEMBERED = 10_000
_FIRST, _LONGEST = 0.5, 8.0


class Throttle:
    """Failures of the last quarter of an hour, by name and by address. Safe for threads; forgets the oldest beyond 10,000."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], tuple[int, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, name: str, address: str) -> tuple[float, bool]:
        """Notes a try. Returns how many seconds a refusal has to take, and whether this address has had too many."""
        with self._lock:
            of_name = self._add(("name", name.casefold()[:200]))
            of_address = self._add(("address", address))
        slow = max(of_name, of_address - MOST)
        return min(_LONGEST, _FIRST * 2 ** min(slow - 1, 10)), of_address > _MOST_OF_AN_ADDRESS

    def forget(self, name: str, address: str) -> None:
        """The password was right."""
        with self._lock:
            self._failures.pop(("name", name.casefold()[:200]), None)
            self._failures.pop(("address", address), None)

    def _add(self, at: tuple[str, str]) -> int:
        now = self._clock()
        many, since = self._failures.pop(at, (0, now))
        if since + LOCK <= now:
            many, since = 0, now
        self._failures[at] = (many + 1, since)
        while len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)
        return many + 1


class Entrance:
    """What the logins of one process share. `inside`: how many wait for their answer; only the event loop touches it."""

    def __init__(self, clock: Clock, sleep: Callable[[float], Awaitable[None]]) -> None:
        self.throttle = Throttle(clock)
        self.sleep = sleep
        self.inside = 0
