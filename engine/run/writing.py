"""Delivers everything that is due, several documents at once where the target allows it."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from datetime import datetime, timedelta

from engine.contracts import Document, State
from engine.errors import MlconnectorError, SetupError, TransientError
from engine.run.deliver import Delivery
from engine.run.seams import Progress, Seams
from engine.run.watching import about
from engine.state.ledger import Ledger
from engine.state.locks import owner_id

log = logging.getLogger(__name__)

DUE_AGAIN = (State.READY, State.IN_DOUBT)
PATIENCE = timedelta(seconds=30)
"""A run waits so long in all for documents that will be due in a moment (a second look, a short back-off)."""
_LOOK = 1.0
"""Seconds between two looks whether to stop, while it waits."""


class Turns:
    """At most so many documents at the target at once. One whose last call is answered makes room while the ledger is told."""

    def __init__(self, at_once: int) -> None:
        self._free = threading.Semaphore(at_once)

    @contextmanager
    def one(self) -> Iterator[Callable[[], None]]:
        """A turn, and the way to give it back before the end."""
        self._free.acquire()
        held = [self._free]

        def give_back() -> None:
            if held:
                held.pop().release()

        try:
            yield give_back
        finally:
            give_back()


class Writing:
    """One flow's delivery loop."""

    def __init__(
        self,
        flow_id: str,
        ledger: Ledger,
        delivery: Delivery,
        at_once: int,
        seams: Seams,
        progress: Progress,
        under_way: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._flow = flow_id
        self._ledger = ledger
        self._delivery = delivery
        self._at_once = max(1, at_once)
        self._turns = Turns(self._at_once)
        self._seams = seams
        self._progress = progress
        self._under_way = under_way
        self._broken: MlconnectorError | None = None
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._unfinished: dict[tuple[str, int], str] = {}

    def run(self, run_id: str, stopping: Callable[[], bool], key: str | None = None) -> Counter[str]:
        """Until nothing is due (with `key`: of that document); returns where documents went.

        Raises SetupError once the documents in hand are put back, when the connection is wrong for all; TransientError
        when the ledger can't be written: the next run takes back what was in hand.
        """
        waited = timedelta(0)
        while not stopping() and self._broken is None:
            self._drain(run_id, stopping, key)
            pause = self._due_within(PATIENCE - waited, key)
            if pause is None:
                break
            waited += pause
            self._rest(pause.total_seconds(), stopping)
        if self._broken is not None:
            raise self._broken
        return +self._outcomes

    def _drain(self, run_id: str, stopping: Callable[[], bool], key: str | None) -> None:
        # Some wait for the ledger while others are at the target; one at a time means one in hand.
        in_hand = 1 if self._at_once == 1 else self._at_once + 1 + self._at_once // 4
        room, failed = threading.Semaphore(in_hand), deque[BaseException]()

        def ended(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                failed.append(error)
            room.release()

        with ThreadPoolExecutor(in_hand, thread_name_prefix="deliver") as pool:
            for document in self._claimed(run_id, stopping, key):
                room.acquire()
                if failed:
                    break
                # what a service's log says of this thread it says of those too
                pool.submit(copy_context().run, self._one, document, stopping).add_done_callback(ended)
        if failed:
            raise failed[0]

    def _claimed(self, run_id: str, stopping: Callable[[], bool], key: str | None) -> Iterator[Document]:
        """Due documents, claimed a few at a time so that little is in hand when the process dies."""
        while not stopping() and self._broken is None:
            now = self._seams.clock()
            batch = self._ledger.claim(self._flow, now, self._at_once * 2, owner=owner_id(), run_id=run_id, key=key)
            if not batch:
                return
            yield from batch

    def _rest(self, seconds: float, stopping: Callable[[], bool]) -> None:
        while seconds > 0 and not stopping():
            self._seams.sleep(min(seconds, _LOOK))
            seconds -= _LOOK

    def _one(self, document: Document, stopping: Callable[[], bool]) -> None:
        with self._turns.one() as give_back:
            if self._broken is not None or stopping():
                self._put_back(document)
                return
            self._advance(document, give_back)

    def _advance(self, document: Document, give_back: Callable[[], None]) -> None:
        try:
            with about(document), self._under_way():
                after = self._delivery.advance(document, give_back)
        except (SetupError, TransientError) as error:  # of the latter only the ledger's own come so far
            self._broken = error
            return
        except Exception as error:
            log.error(
                "a bug while delivering %s: %s; it is kept",
                document.number,
                error,
                exc_info=log.isEnabledFor(logging.DEBUG),
            )
            self._keep(document)
            return
        self._count(after)
        figures = {"flow": self._flow, "number": after.number, "state": after.state.value, "reason": after.reason}
        self._progress("delivered", figures)

    def _count(self, after: Document) -> None:
        """Each document once, where it stands last: one that comes again in this run is counted anew."""
        identity = (after.key, after.version)
        with self._lock:
            before = self._unfinished.pop(identity, None)
            if before is not None:
                self._outcomes[before] -= 1
            self._outcomes[after.state.value] += 1
            if after.state not in {State.POSTED, State.ADOPTED}:
                self._unfinished[identity] = after.state.value

    def _put_back(self, document: Document) -> None:
        """Untouched: nobody must take it for the last work of a process that died."""
        self._ledger.change(document, State.READY if document.state is State.PROBING else State.IN_DOUBT)

    def _keep(self, document: Document) -> None:
        """Fail closed: an unknown error never posts. What was being sent is in doubt, the rest is held."""
        latest = self._ledger.document(document.key, document.version) or document
        doubtful = latest.state in {State.SENDING, State.IN_DOUBT}
        to = State.IN_DOUBT if doubtful else State.HELD
        reason = "An unexpected error in mlconnector; see the log"
        if doubtful:  # the request may be under way: nobody looks before it can have landed
            self._ledger.change(latest, to, reason=reason, step="", settle=self._delivery.settle)
        else:
            self._ledger.change(latest, to, reason=reason)

    def _due_within(self, patience: timedelta, key: str | None) -> timedelta | None:
        """How long until the next document (with `key`: that one) is due, if that is soon."""
        soonest = self._ledger.next_due(self._flow) if key is None else self._turn_of(key)
        if soonest is None:
            return None
        pause = max(soonest - self._seams.clock(), timedelta(milliseconds=50))
        return pause if pause <= patience else None

    def _turn_of(self, key: str) -> datetime | None:
        document = self._ledger.document(key)
        return document.not_before if document is not None and document.state in DUE_AGAIN else None
