"""Many machines: each takes firings from the queue, keeps watch over the others, and takes over what one of them left.

A firing is at work as long as the flow's lock or its worker's lock is held. Both are free when the process died or lost the
database, and then another worker goes on with it, by the protocol of delivery.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from datetime import datetime, timedelta

from engine.errors import AlreadyRunning, MlconnectorError
from engine.service.fleet_hands import Hands
from engine.service.fleet_queue import announcer
from engine.service.local import AT_ONCE
from engine.service.parts import Parts
from engine.service.rounds import Round
from engine.service.working import perform
from engine.state import firings_workers, queue, queue_alive
from engine.state.firings import Firing
from engine.state.locks import Lock, owner_alive, owner_id, worker_lock

_LOG = logging.getLogger(__name__)
WATCH, TIDY = 2.0, 600.0
"""Seconds between two looks at what the others do, and at what is left over of them."""
SURE = 3.0
"""Seconds for which nobody must have held a firing's locks before it is taken from a worker that may live."""
STEADY = 10.0
"""Seconds after this worker's own lock was lost, with the database most likely, in which it judges nobody."""
LOST = timedelta(seconds=10)
"""A firing that waits this long without a job in the queue gets another."""
ELSEWHERE = timedelta(seconds=3)
FORGOTTEN = timedelta(days=1)


class Fleet:
    """The work of one process among many; used as a `Pool` is, but work comes by itself, and so do the looks at the others.

    `parts.firings` tells the queue.
    """

    def __init__(self, parts: Parts, at_once: int = AT_ONCE, *, kind: str = "worker", sure: float = SURE) -> None:
        self._parts = parts
        self._kind = kind
        self._sure = sure
        self._owner = owner_id()
        workspace = parts.workspace
        self._announce = announcer(workspace.tenant)
        self._hands = Hands(workspace.database, workspace.tenant, at_once, self._work)
        self._stop = threading.Event()
        self._watch = [Round("the fleet", WATCH, self.look), Round("the queue", TIDY, self.tidy)]
        self._going: dict[str, Firing] = {}
        self._suspects: dict[tuple[str, int], float] = {}
        self._reminded: dict[str, float] = {}
        self._alive = ExitStack()
        self._lock: Lock | None = None
        self._steady_at = 0.0
        self._started = False

    def start(self) -> None:
        """Takes work from now on. Raises SetupError when the queue's tables are behind, TransientError without a database."""
        queue.make_queue(self._parts.workspace.database)
        self._lock = self._alive.enter_context(worker_lock(self._parts.workspace.database, self._owner))
        self._started = True
        for each in self._watch:
            each.start()
        self._hands.start()

    def fill(self) -> int:
        """Nothing to do: the queue brings the work."""
        return 0

    def going(self) -> list[Firing]:
        """What is in hand."""
        return list(self._going.values())

    def has(self, firing_id: str) -> bool:
        """Whether that one is."""
        return firing_id in self._going

    def stop(self) -> None:
        """Nothing more is started, and every run ends after the document in hand."""
        self._stop.set()
        self._hands.let_go()

    def wait(self, seconds: float | None = None) -> bool:
        """Until every run has ended, or so long; whether they have. What was stopped waits for another worker by then."""
        if not self._started:
            return True
        if not self._hands.wait(seconds):
            return False
        for each in self._watch:
            each.stop()
            each.join()
        try:
            firings_workers.left(self._parts.workspace.desk, self._owner)
        except MlconnectorError as error:
            _LOG.warning("this worker could not be taken off the list: %s", error)
        self._alive.close()
        return True

    # -- working -----------------------------------------------------------------------------------------------------

    def _work(self, firing_id: str) -> None:
        """The job's thread: nothing is raised, the firing's row tells."""
        try:
            self._try(firing_id)
        except MlconnectorError as error:  # the database is away: the watch finds what this left
            _LOG.warning("the firing `%s` was left: %s", firing_id, error)
        except Exception:  # noqa: BLE001 - a bug in one run must not end the others
            _LOG.exception("the firing `%s` was left", firing_id)

    def _try(self, firing_id: str) -> None:
        firings = self._parts.firings
        taken = None if self._stop.is_set() else firings.take(self._owner, firing_id, knows=self._knows)
        if taken is None:
            self._not_taken(firing_id)
            return
        self._going[taken.id] = taken
        try:
            perform(self._parts, taken, stopping=self._stop.is_set)
        finally:
            del self._going[taken.id]
        self._remind(taken.flow)

    def _not_taken(self, firing_id: str) -> None:
        """Somebody else has it, or the flow is at work and tells of it when it ends; what this process can't do goes back."""
        found = self._parts.firings.one(firing_id)
        if found is None or found.state != "queued":
            return
        if self._stop.is_set():
            self._remind(found.flow)
        elif not self._knows(found.flow):
            host = self._owner.partition(":")[0]
            later = self._parts.seams.clock() + ELSEWHERE
            self._remind(found.flow, later, f"`{host}` does not have the spec of `{found.flow}`")

    def _remind(self, flow: str, not_before: datetime | None = None, reason: str = "") -> None:
        desk = self._parts.workspace.desk
        queue_alive.remind(desk, self._announce, flow, not_before=not_before, reason=reason)

    def _knows(self, flow: str) -> bool:
        return self._parts.shelf.flow(flow) is not None

    # -- watching ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Called every few seconds: this process says that it lives, takes over what others left, and finds what was lost."""
        self._keep_alive()
        doing = ", ".join(sorted(each.flow for each in self.going())) or "waiting for work"
        doing = "leaving" if self._stop.is_set() else doing
        firings_workers.seen(self._parts.workspace.desk, self._owner, self._kind, doing)
        running = self._parts.firings.running()
        self._take_back_own(running)
        if time.monotonic() >= self._steady_at:
            self._take_over(running)
        self._find_lost({each.flow for each in running})

    def tidy(self) -> None:
        """Called now and then: forgets processes that went without taking leave, and jobs that nobody will finish."""
        workspace = self._parts.workspace
        queue.drop_abandoned(workspace.database, workspace.tenant)
        for each in firings_workers.workers(workspace.desk):
            if each.seen_at < self._parts.seams.clock() - FORGOTTEN:
                firings_workers.left(workspace.desk, each.owner)

    def _keep_alive(self) -> None:
        """Holds this worker's lock; it is taken anew where the database went away with it."""
        try:
            if self._lock is not None:
                self._lock.check()
                return
        except MlconnectorError as error:
            _LOG.warning("this worker's lock was lost, it is taken anew: %s", error)
        self._lock = None
        self._steady_at = time.monotonic() + STEADY
        self._alive.close()
        try:
            self._lock = self._alive.enter_context(worker_lock(self._parts.workspace.database, self._owner))
        except AlreadyRunning:
            _LOG.info("the server still has the lock of the connection that was lost")

    def _take_back_own(self, running: list[Firing]) -> None:
        """What this process began and could not record the end of waits again."""
        mine = {(each.id, each.attempt) for each in running if each.owner == self._owner and not self.has(each.id)}
        for each in running:
            if (each.id, each.attempt) in mine and self._is_sure(each):
                self._parts.firings.put_back(each, reason="its end could not be recorded")

    def _take_over(self, running: list[Firing]) -> None:
        workspace = self._parts.workspace
        others = [each for each in running if each.owner != self._owner]
        left = queue_alive.stalled(workspace.database, workspace.tenant, others) if others else []
        own = {(each.id, each.attempt) for each in running if each.owner == self._owner}
        still = {(each.id, each.attempt) for each in left} | own
        self._suspects = {key: since for key, since in self._suspects.items() if key in still}
        for each in left:
            if self._is_sure(each) or not owner_alive(each.owner):
                became = self._parts.firings.take_back(each, f"its worker is gone: {_shown(each.owner)}")
                _LOG.warning("`%s` was left by %s: %s", each.flow, _shown(each.owner), became or "taken over already")

    def _is_sure(self, firing: Firing) -> bool:
        """Whether that has been so for a while."""
        now = time.monotonic()
        return now - self._suspects.setdefault((firing.id, firing.attempt), now) >= self._sure

    def _find_lost(self, at_work: set[str]) -> None:
        """What waits, could begin, and stands in no queue: its job was fetched by a process that died at that moment."""
        before = self._parts.seams.clock() - LOST
        waiting = {
            each.id: each.flow
            for each in self._parts.firings.queued()
            if (each.not_before or each.queued_at) < before and each.flow not in at_work
        }
        now = time.monotonic()
        self._reminded = {each: at for each, at in self._reminded.items() if now - at < LOST.total_seconds()}
        asked = [each for each in waiting if each not in self._reminded]
        for firing_id in queue.without_job(self._parts.workspace.database, asked) if asked else []:
            self._reminded[firing_id] = now
            self._remind(waiting[firing_id])


def _shown(owner: str) -> str:
    host, _, rest = owner.partition(":")
    return f"process {rest.partition(':')[0]} on `{host}`"
