"""Ending when a signal asks for it, at a good moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

STOPPED = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Stop:
    """Set by SIGINT or SIGTERM: what is in hand is finished first."""

    def __init__(self, also: Callable[[], bool] | None) -> None:
        self._also = also
        self.code = 0

    def __call__(self) -> bool:
        return self.code != 0 or (self._also is not None and self._also())

    def ask(self, number: int, _frame: FrameType | None) -> None:
        """The signal handler; a second signal ends at once."""
        if self.code:
            raise KeyboardInterrupt
        self.code = STOPPED.get(signal.Signals(number), 130)


@contextmanager
def stopper(also: Callable[[], bool] | None = None) -> Iterator[Stop]:
    """What a signal has asked for, while inside; also where the process was started to ignore it."""
    stop = Stop(also)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: Mapping[int, Any] = {number: signal.signal(number, stop.ask) for number in STOPPED}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
