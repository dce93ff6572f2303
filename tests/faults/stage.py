"""Where a schedule plays: one clock, one random source, processes that can die at any seam, and a trace of it all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
DEADLINE = timedelta(seconds=60)
DURABLE = frozenset({
    "abandoned", "bad_parcel", "change", "claim", "counter", "end_run", "intend", "outbox_build", "outbox_done",
    "outbox_held", "outbox_sending", "outbox_unsent", "receipt", "start_run",
})  # fmt: skip
"""The ledger's writes: a process may die, or be overtaken, before and after each of them."""


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


@dataclass
class Stage:
    """Everything two processes share. `chance` decides alone, and only whoever has the turn draws from it."""

    seed: int
    chance: Random = field(init=False)
    now: datetime = START
    skew: float = 0.0
    stormy: bool = True
    trace: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    later: list[tuple[datetime, str, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)

    def clock(self) -> datetime:
        return self.now

    def wall(self) -> datetime:
        """What the machine's clock shows: somebody may have set it."""
        return self.now + timedelta(seconds=self.skew)

    def forward(self, seconds: float) -> None:
        """Moves time on; what was put off lands when its moment has come."""
        end = self.now + timedelta(seconds=seconds)
        for entry in sorted((one for one in self.later if one[0] <= end), key=lambda one: one[0]):
            self.later.remove(entry)
            self.now = entry[0]
            self.note(f"lands: {entry[1]}")
            entry[2]()
        self.now = end

    def put_off(self, seconds: float, what: str, work: Callable[[], None]) -> None:
        self.later.append((self.now + timedelta(seconds=seconds), what, work))

    def note(self, line: str) -> None:
        self.trace.append(f"{(self.now - START).total_seconds():g}s {line}")

    def often(self, share: float) -> bool:
        """A drawn yes or no; always no when the storm is over."""
        return self.stormy and self.chance.random() < share

    def draw(self, weights: dict[str, float]) -> str:
        """One of the words by weight; the first when the storm is over."""
        words = list(weights)
        if not self.stormy:
            return words[0]
        return self.chance.choices(words, list(weights.values()))[0]


class Turns:
    """Two processes at once, one step at a time: whose turn it is changes only at a seam, as drawn."""

    def __init__(self, stage: Stage, patience: float) -> None:
        self._stage = stage
        self._changed = threading.Condition()
        self._alive: list[str] = []
        self.current = ""
        self._left = patience
        self._errors: list[BaseException] = []

    def play(self, *parts: tuple[str, Callable[[], None]]) -> None:
        """Runs the parts to their ends."""
        self._alive = [name for name, _ in parts]
        self.current = self._alive[0]
        threads = [threading.Thread(target=self._part, args=part) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _part(self, name: str, act: Callable[[], None]) -> None:
        self._wait_for(name)
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - told by `play`, in the thread that waits
            self._errors.append(error)
        finally:
            with self._changed:
                self._alive.remove(name)
                self.current = self._alive[0] if self._alive else ""
                self._changed.notify_all()

    def seam(self, name: str) -> None:
        """Perhaps the other one goes on from here, perhaps after a while in which this one stood still."""
        if len(self._alive) < 2 or self._stage.chance.random() > 0.25:
            return
        if self._left and self._stage.chance.random() < 0.3:
            pause = min(self._left, self._stage.chance.choice((1.0, 5.0, 20.0)))
            self._left -= pause
            self._stage.forward(pause)
        with self._changed:
            self.current = next(other for other in self._alive if other != name)
            self._stage.note(f"{name} stands still, {self.current} goes on")
            self._changed.notify_all()
        self._wait_for(name)

    def _wait_for(self, name: str) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.current == name, timeout=60):
                raise RuntimeError(f"{name} never got its turn")


@dataclass
class Process:
    """One life of the engine. `mortal` is the chance of dying at a seam; `plan` says what happens at one for certain.

    `full`: from now on no commit succeeds. `stops`: at so many seams from here it is stopped, and `meanwhile` happens.
    `sends_until`: the deadline of the call in hand, counted from before its intent. `answers` of the stage say the same
    of the target's next answers.
    """

    name: str
    stage: Stage
    mortal: float = 0.0
    turns: Turns | None = None
    dead: bool = False
    plan: dict[str, Callable[[Process], None]] = field(default_factory=dict)
    full: bool = False
    stops: int = 0
    meanwhile: Callable[[Process], None] = lambda _process: None
    sends_until: datetime = START

    def seam(self, where: str) -> None:
        """A point between two durable or wire actions: the process may die here, or stand still."""
        if self.dead:
            raise Killed
        self.stage.note(f"{self.name} {where}")
        for start in [start for start in self.plan if where.startswith(start)]:
            self.plan.pop(start)(self)
        if self.stops:
            self.stops -= 1
            if not self.stops:
                self.stage.note(f"{self.name} STOPPED at {where}")
                self.meanwhile(self)
                self.stage.note(f"{self.name} goes on")
        if self.stage.often(self.mortal):
            self.die(where)
        if self.turns is not None:
            self.turns.seam(self.name)

    def die(self, where: str) -> None:
        self.dead = True
        self.stage.note(f"{self.name} KILLED at {where}")
        raise Killed

    def sleep(self, seconds: float) -> None:
        self.seam(f"sleeps {seconds:.2f}")
        self.stage.forward(seconds)


class Seamed:
    """The ledger as it is, with a seam before and after each of its writes."""

    def __init__(self, ledger: Any, process: Process) -> None:
        self._ledger = ledger
        self._process = process

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._ledger, name)
        if name not in DURABLE:
            return member

        def called(*given: Any, **named: Any) -> Any:
            if name == "intend":
                self._process.sends_until = self._process.stage.now + DEADLINE
            self._process.seam(f"before {name}")
            result = member(*given, **named)
            self._process.seam(f"{name} done")
            return result

        return called
