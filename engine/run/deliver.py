"""One document to its target, exactly once: claim, look, intend, send, settle (the delivery protocol, sections 4 and 5).

The order of durable writes and sends is written here and nowhere else. Every `ledger.change` and `ledger.intend`
returns only once it is on disk; between an intent and its receipt the request may be on the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Unpack

from engine.connections.deadline import Deadline
from engine.contracts import Clock, Document, Found, Guarantee, Random, State, Target
from engine.errors import InDoubt, RecordError, Refused, SetupError, TransientError
from engine.run.model import IfExists
from engine.run.prepare import NEAR
from engine.state.codec import encode_record
from engine.state.facts import Changes, LostClaim
from engine.state.ledger import Ledger

MAX_SENDS = 3
"""A document in doubt is sent at most so often before a person looks."""
MAX_REFUSALS = 5
"""A refused document is tried at so many polls before a person looks."""
SECOND_LOOK = timedelta(seconds=5)
"""Absence counts only when seen twice, this far apart."""
SENT_OR_SENDING = (State.PROBING, State.SENDING, State.IN_DOUBT, State.POSTED, State.ADOPTED)
"""States of a document that is in the target, or may be in a moment."""
NEXT_POLL = timedelta(minutes=1)
"""A refused document waits at least so long: not twice in one run, but at the next."""
_answered: ContextVar[Callable[[], None]] = ContextVar("answered")
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=15)


class Delivery:
    """Advances claimed documents of one flow. Safe to call from several threads, one document each."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        target: Target,
        if_exists: IfExists,
        clock: Clock,
        random: Random,
        still_ours: Callable[[], None] = lambda: None,
        answer: Callable[[str], bytes] = lambda _step: b"",
        amends: bool = False,
    ) -> None:
        self._ledger = ledger
        self._target = target
        self._if_exists = if_exists
        self._clock = clock
        self._random = random
        self._still_ours = still_ours
        self._answer = answer
        self._amends = amends

    @property
    def settle(self) -> timedelta:
        """How long a request may still land after its answer was lost."""
        return self._target.settle

    def advance(self, document: Document, answered: Callable[[], None] = lambda: None) -> Document:
        """Takes one claimed document as far as it goes now, and returns it as the ledger then has it.

        `answered` is called as soon as it was sent with success: only the ledger is still to be told then.
        Raises SetupError when the connection is wrong for every document; any other outcome is a state.
        """
        _answered.set(answered)
        try:
            if document.state is State.IN_DOUBT:
                return self._resolve(document)
            return self._probe(document)
        except LostClaim:
            return document

    def _probe(self, document: Document) -> Document:
        """PROBING: nothing was sent yet, so every failure to look simply waits (transitions 5 to 8)."""
        near = self._near(document)
        if near is not None:
            reason = f"Possibly the same as {near.number} of {near.party}, which is {near.state.value}: release it if it is not"
            return self._ledger.change(document, State.HELD, step=NEAR, reason=reason)
        if self._target.guarantee is Guarantee.BLIND:
            return self._send(document)
        try:
            found = self._target.find(document)
        except TransientError as error:
            return self._back_off(document, error)
        except SetupError as error:
            self._ledger.change(document, State.READY, reason=str(error))
            raise
        except Refused as error:
            return self._ledger.change(document, State.HELD, reason=f"Looking for it was refused: {error}")
        if found.matches == 0:
            return self._send(document)
        return self._judge(document, found, posted=State.ADOPTED)

    def _near(self, document: Document) -> Document | None:
        """A document sent before whose number differs only in zeros and punctuation, unless a person has looked already."""
        word = document.identifiers.get(NEAR)
        if word is None or document.step == NEAR:
            return None
        others = self._ledger.find_documents(identifier=word, states=SENT_OR_SENDING, but=document.key, limit=10)
        return next((other for other in others if other.kind == document.kind), None)

    def _resolve(self, document: Document) -> Document:
        """IN_DOUBT after `settle`: only looking tells (transitions 15 to 19)."""
        if self._target.guarantee is Guarantee.BLIND:
            return self._hold(document, "It may have been posted, and the target can't be asked: check there by hand")
        try:
            found = self._target.find(document)
        except TransientError as error:
            return self._ledger.change(document, State.IN_DOUBT, not_before=self._later(document), reason=str(error))
        except SetupError as error:
            self._ledger.change(document, State.IN_DOUBT, not_before=self._later(document), reason=str(error))
            raise
        except Refused as error:
            return self._hold(document, f"Looking for it was refused: {error}")
        if found.matches:
            return self._judge(document, found, posted=State.POSTED)
        if document.step != "absent":
            soon = self._clock() + SECOND_LOOK
            return self._ledger.change(document, State.IN_DOUBT, step="absent", not_before=soon)
        if document.turns >= MAX_SENDS:
            reason = f"Sent {document.turns} times, the last time without a clear answer, and not in the target"
            return self._hold(document, reason)
        return self._send(document)

    def _judge(self, document: Document, found: Found, *, posted: State) -> Document:
        """The target has something under this key: ours and whole, half-written, or somebody else's."""
        if found.matches > 1:
            return self._hold(document, f"The target has {found.matches} documents of this key")
        if not found.whole:
            return self._clean_up(document, found, then=None)
        if found.differences and self._amends:
            return self._amend(document, found)
        if found.differences:
            return self._hold(document, "The target has another document of this key: " + "; ".join(found.differences))
        if posted is State.ADOPTED and not found.ours and self._if_exists.same == "hold":
            return self._hold(document, "The target already has this document")
        return self._to(document, posted, reference=found.reference, step="found", reason="")

    def _clean_up(self, document: Document, found: Found, *, then: str | None) -> Document:
        """Removes our half-written document; afterwards it is sent again, or (`then`) rejected with that reason."""
        if not (found.ours and self._target.can_undo):
            return self._hold(
                document, then or "The target has it half-written, and it can't be shown to be ours alone"
            )
        if document.turns >= MAX_SENDS and then is None:
            return self._hold(document, f"Half-written in the target after {document.turns} attempts")
        in_time = Deadline(
            (self._target.settle / 2).total_seconds()
        )  # from before the intent, as for every commit step
        document = self._intend(document, "undo")
        try:
            with in_time:
                self._target.undo(document, found)
            if self._target.find(document).matches:
                return self._doubt(document, "It was undone and the target still shows it")
        except (TransientError, InDoubt) as error:
            return self._doubt(document, f"Undoing a half-written document: {error}")
        except Refused as error:
            return self._hold(document, f"Half-written in the target, and undoing it was refused: {error}")
        except SetupError as error:
            self._doubt(document, str(error))
            raise
        if then is not None:
            return self._reject(document, then)
        return self._send(document)

    def _amend(self, document: Document, found: Found) -> Document:
        """Brings what is there up to date; a doubt is settled by looking, and doing it again does no harm."""
        if document.state is State.IN_DOUBT and document.turns >= MAX_SENDS:
            reason = "; ".join(found.differences)
            return self._hold(document, f"Brought up to date {document.turns} times, and still different: {reason}")
        return self._send(document, found)

    def _send(self, document: Document, found: Found | None = None) -> Document:
        """Writes it, or amends what was `found`. Only a failure before the first intent is certain to have no effect."""
        intents = [document]
        asked: list[str] = []

        def intend(step: str) -> None:
            asked.append(step)
            intents.append(self._intend(intents[-1], step))

        try:
            receipt = (
                self._target.send(document, intend) if found is None else self._target.amend(document, found, intend)
            )
        except Refused as error:
            return self._refused(intents[-1], error)
        except InDoubt as error:
            return self._doubt(intents[-1], str(error))
        except TransientError as error:
            if len(asked) > 1:  # an earlier step did happen, even if the next one's intent could not be written
                return self._doubt(intents[-1], str(error))
            return self._back_off(intents[-1], error)
        except SetupError as error:
            if len(asked) > 1:
                self._doubt(intents[-1], str(error))
            else:
                self._to(intents[-1], State.READY, reason=str(error), tries=_uncounted(intents[-1]))
            raise
        except RecordError as error:
            return self._hold(intents[-1], str(error))
        _answered.get()()
        return self._to(intents[-1], State.POSTED, reference=receipt.reference, step="sent", reason="")

    def _to(self, document: Document, state: State, **fields: Unpack[Changes]) -> Document:
        """The new state, durable; an open attempt is closed with it."""
        if document.state is not State.SENDING:
            return self._ledger.change(document, state, **fields)
        return self._ledger.receipt(
            document, state, outcome=state.value, response=self._answer(document.step), **fields
        )

    def _intend(self, document: Document, step: str) -> Document:
        self._still_ours()
        request = encode_record(document.payload or {})
        answered = self._answer(document.step) if document.state is State.SENDING else b""
        deadline = self._clock() + self._target.settle
        return self._ledger.intend(document, step, request, deadline, answered=answered)

    def _refused(self, document: Document, error: Refused) -> Document:
        """The target said no (transition 11); what it had accepted before is removed first."""
        if not error.half_written or self._amends:  # what was saved is seen at the next poll, and completed
            return self._reject(document, str(error))
        if self._target.guarantee is Guarantee.BLIND:
            return self._doubt(document, f"half-written: {error}")
        try:
            found = self._target.find(document)
        except (TransientError, SetupError, Refused):
            return self._doubt(document, f"Half-written: {error}")
        if found.matches == 0:  # a step was saved, so this look is behind: sent again now, it would be there twice
            return self._doubt(document, f"Half-written, and not to be seen yet: {error}")
        return self._clean_up(document, found, then=str(error))

    def _reject(self, document: Document, reason: str) -> Document:
        """Refused: tried again at later polls, for masters and periods do get mended (transitions 20 and 21)."""
        tries = document.tries + (document.state is State.PROBING)
        if tries - document.forgiven >= MAX_REFUSALS:
            return self._hold(document, reason)
        next_poll = max(self._clock() + NEXT_POLL, self._later(document))
        return self._to(document, State.REJECTED, reason=reason, tries=tries, not_before=next_poll)

    def _doubt(self, document: Document, reason: str) -> Document:
        if self._target.guarantee is Guarantee.BLIND:
            return self._hold(
                document, f"It may have been posted ({reason}), and the target can't be asked: check there by hand"
            )
        return self._to(document, State.IN_DOUBT, step="", reason=reason, settle=self._target.settle)

    def _hold(self, document: Document, reason: str) -> Document:
        return self._to(document, State.HELD, reason=reason)

    def _back_off(self, document: Document, error: TransientError) -> Document:
        """Certainly not processed: its turn comes again, and it does not count as sent (transition 10). A wait asked for is kept."""
        asked = timedelta(seconds=min(error.after or 0.0, LONGEST_WAIT.total_seconds()))
        not_before = max(self._clock() + asked, self._later(document))
        return self._to(document, State.READY, reason=str(error), not_before=not_before, tries=_uncounted(document))

    def _later(self, document: Document) -> datetime:
        """Exponential backoff with jitter, at least half of it."""
        wait = min(FIRST_WAIT * 2 ** min(document.turns, 12), LONGEST_WAIT)
        jittered: timedelta = wait * (0.5 + self._random() / 2)
        return self._clock() + jittered


def _uncounted(document: Document) -> int:
    """Its tries without the one under way: what was certainly not processed was not sent."""
    return document.tries - (document.state is State.SENDING)
