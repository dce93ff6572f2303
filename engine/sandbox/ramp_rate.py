"""The rolling rate limit of the Ramp stand-in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta


class Rate:
    """Lets `count` requests pass in `seconds`; a request beyond that is refused and counts all the same."""

    def __init__(self, count: int, seconds: float, clock: Callable[[], datetime]) -> None:
        self.count = count
        self.span = timedelta(seconds=seconds)
        self._clock = clock
        self._seen: deque[datetime] = deque(maxlen=count + 1)

    def admit(self) -> bool:
        """Counts a request; whether it may pass."""
        now = self._clock()
        self._seen.append(now)
        return len(self._seen) <= self.count or now - self._seen[0] >= self.span

    def wait(self) -> int:
        """Whole seconds after which a request passes again, when none is made until then."""
        if len(self._seen) < self.count:
            return 0
        free = self._seen[-self.count] + self.span - self._clock()
        return max(0, -(-free // timedelta(seconds=1)))
