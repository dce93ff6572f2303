"""The work of one machine: a few flows at once, each in a thread, the most urgent first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from engine.errors import MlconnectorError
from engine.service.parts import Parts
from engine.service.rounds import Round
from engine.service.working import perform
from engine.state.firings import Firing
from engine.state.firings_workers import left, seen, workers
from engine.state.locks import owner_id

log = logging.getLogger(__name__)

AT_ONCE = 4
WATCH = 2.0
"""Seconds between two looks at what is at work."""


class Perform(Protocol):
    """Does a firing that was taken, and writes down what became of it."""

    def __call__(self, parts: Parts, firing: Firing, *, stopping: Callable[[], bool]) -> str:
        """Its state afterwards."""


class Hands(Protocol):
    """Who does what waits: a pool of threads on one machine, or one member of a fleet."""

    def start(self) -> None:
        """Takes up what was left, and takes work from now on."""

    def fill(self) -> int:
        """Starts what may be started now; returns how many that was."""

    def going(self) -> list[Firing]:
        """What is in hand."""

    def stop(self) -> None:
        """Nothing more is started, and every run ends after the document in hand."""

    def wait(self, seconds: float | None = None) -> bool:
        """Until every run has ended, or so long; whether they have."""


class Pool:
    """For the one process that serves an embedded database: what is said to be at work and is not in hand died with another.

    One place is never given to a backfill, where there is more than one. `ended` is called after each run.
    """

    def __init__(
        self,
        parts: Parts,
        at_once: int = AT_ONCE,
        *,
        kind: str = "serve",
        ended: Callable[[], None] = lambda: None,
        perform: Perform = perform,
    ) -> None:
        self._parts = parts
        self._at_once = at_once
        self._kind = kind
        self._ended = ended
        self._act = perform
        self._owner = owner_id()
        self._watch = Round("the watch", WATCH, self.look)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._taking = threading.Lock()
        self._going: dict[str, tuple[Firing, threading.Thread]] = {}

    def start(self) -> None:
        """Takes up what was left."""
        for each in workers(self._parts.workspace.desk):
            left(self._parts.workspace.desk, each.owner)
        self.look()
        self._watch.start()

    def look(self) -> None:
        """Puts back what nobody does, and says that this process is there."""
        with self._taking:
            for firing in self._parts.firings.running():
                if not self.has(firing.id):
                    self._put_back(firing)
        doing = ", ".join(sorted(each.flow for each in self.going())) or "waiting for work"
        seen(self._parts.workspace.desk, self._owner, self._kind, "leaving" if self._stop.is_set() else doing)

    def fill(self) -> int:
        """Starts what may be started now; returns how many that was."""
        started = 0
        with self._taking:
            while not self._stop.is_set() and (lowest := self._room()) is not None:
                firing = self._parts.firings.take(self._owner, lowest=lowest, knows=self._knows)
                if firing is None:
                    break
                self._start(firing)
                started += 1
        return started

    def going(self) -> list[Firing]:
        """What is in hand."""
        with self._lock:
            return [firing for firing, _ in self._going.values()]

    def has(self, firing_id: str) -> bool:
        """Whether that one is."""
        with self._lock:
            return firing_id in self._going

    def stop(self) -> None:
        """Nothing more is started, and every run ends after the document in hand."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Until every run has ended, or so long; whether they have. Then this process takes leave."""
        with self._lock:
            threads = [thread for _, thread in self._going.values()]
        for thread in threads:
            thread.join(seconds)
        if any(thread.is_alive() for thread in threads):
            return False
        self._watch.stop()
        self._watch.join()
        with suppress(MlconnectorError):  # the database is away: the next one to start takes it off the list
            left(self._parts.workspace.desk, self._owner)
        return True

    def _put_back(self, firing: Firing) -> None:
        firings = self._parts.firings
        if firing.owner == self._owner:
            firings.put_back(firing, reason="its end could not be recorded")
            return
        became = firings.take_back(firing, "its process ended in the middle of it")
        log.warning("%s: its process ended in the middle of it: %s", firing.flow, became)

    def _room(self) -> int | None:
        """The least urgent priority there is room for; None when there is none at all."""
        going = self.going()
        if len(going) >= self._at_once:
            return None
        backfills = sum(firing.priority == 0 for firing in going)
        return 0 if backfills < max(1, self._at_once - 1) else 1

    def _knows(self, flow: str) -> bool:
        return self._parts.shelf.flow(flow) is not None

    def _start(self, firing: Firing) -> None:
        thread = threading.Thread(target=self._perform, args=(firing,), name=firing.flow, daemon=True)
        with self._lock:
            self._going[firing.id] = (firing, thread)
        thread.start()

    def _perform(self, firing: Firing) -> None:
        try:
            self._act(self._parts, firing, stopping=self._stop.is_set)
        finally:
            with self._lock:
                self._going.pop(firing.id, None)
            self._ended()
