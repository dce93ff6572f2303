"""Things done again and again, each in a thread of its own: what goes wrong in one is logged, and it goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from engine.errors import MlconnectorError

log = logging.getLogger(__name__)


class Round:
    """`act` every so many seconds, or at once when woken, until `stop`."""

    def __init__(self, name: str, every: float, act: Callable[[], object]) -> None:
        self.name = name
        self._every = every
        self._act = act
        self._wake = threading.Event()
        self._stopping = False
        self._last = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def wake(self) -> None:
        """The next round begins now."""
        self._wake.set()

    def stop(self) -> None:
        """The round in hand is the last one."""
        self._stopping = True
        self._wake.set()

    def join(self, seconds: float | None = None) -> None:
        """Waits for the end."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def is_well(self, seconds: float) -> bool:
        """Whether a round ended without an error lately."""
        return time.monotonic() - self._last < max(seconds, 3 * self._every)

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._act()
                self._last = time.monotonic()
            except MlconnectorError as error:
                log.warning("%s: %s", self.name, error)
            except Exception:
                log.exception("a bug in %s", self.name)
            self._wake.wait(self._every)
            self._wake.clear()
