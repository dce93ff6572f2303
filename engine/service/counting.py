"""The figures of the overview, kept up with what happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engine.errors import TransientError
from engine.state import tally

if TYPE_CHECKING:
    from engine.service.parts import Parts

_SWEEP = timedelta(hours=1)


class Counting:
    """Counts on from the trail, a little at a time: a run that writes is never kept waiting for long."""

    def __init__(self, parts: Parts, *, batches: int = 20) -> None:
        self._desk = parts.workspace.desk
        self._batches = batches
        self._swept: datetime | None = None

    def tick(self) -> int:
        """Counts at most so many times a thousand lines; how many there were. A database that is busy is asked again next time."""
        lines = 0
        try:
            for _ in range(self._batches):
                done = tally.count_on(self._desk)
                lines += done
                if not done:
                    break
            self._sweep()
        except TransientError:
            return lines
        return lines

    def _sweep(self) -> None:
        now = self._desk.clock()
        if self._swept is None or now - self._swept >= _SWEEP:
            tally.forget_hours(self._desk)
            self._swept = now
