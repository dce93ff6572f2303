"""Every step a document can take. The ledger refuses anything that is not here."""

from __future__ import annotations

from engine.contracts import State

S = State

ALLOWED: dict[tuple[State, State], str] = {
    (S.READY, S.WAITING): "something it refers to is missing",
    (S.WAITING, S.READY): "what it waited for is there",
    (S.WAITING, S.WAITING): "still missing",
    (S.WAITING, S.HELD): "waited too long",
    (S.WAITING, S.QUARANTINED): "what it waited for is there, and now it can't be mapped",
    (S.READY, S.PROBING): "claimed",
    (S.PROBING, S.PROBING): "claimed again after its owner died; no effect was possible yet",
    (S.PROBING, S.READY): "the look failed, which is not `absent`",
    (S.PROBING, S.WAITING): "something it refers to is missing",
    (S.PROBING, S.ADOPTED): "found there, complete and equal",
    (S.PROBING, S.REJECTED): "refused before anything could have an effect",
    (S.PROBING, S.HELD): "found with other content or more than once; or the process died on it three times",
    (S.PROBING, S.SENDING): "absent, intent durable",
    (S.READY, S.SENDING): "claimed and built into a file in one transaction",
    (S.SENDING, S.SENDING): "the next commit step of the same attempt",
    (S.SENDING, S.POSTED): "definite success",
    (S.SENDING, S.READY): "certainly not processed",
    (S.SENDING, S.REJECTED): "refused by the target",
    (S.SENDING, S.IN_DOUBT): "anything else; or its owner died",
    (S.SENDING, S.HELD): "half written and refused; or the process died on it three times",
    (S.IN_DOUBT, S.POSTED): "found complete and equal after settle",
    (S.IN_DOUBT, S.SENDING): "absent in two looks after settle, tries left",
    (S.IN_DOUBT, S.PROBING): "header there, lines absent: the next step is a write of its own",
    (S.IN_DOUBT, S.IN_DOUBT): "the look failed, or one look is not enough",
    (S.IN_DOUBT, S.HELD): "can't be looked up, ambiguous, or no tries left",
    (S.REJECTED, S.READY): "next poll, or its data changed",
    (S.REJECTED, S.REJECTED): "mapped again without success",
    (S.REJECTED, S.HELD): "refused too often",
    (S.QUARANTINED, S.READY): "mapped again with success",
    (S.QUARANTINED, S.WAITING): "mapped again; something it refers to is missing",
    (S.QUARANTINED, S.QUARANTINED): "mapped again without success",
    (S.QUARANTINED, S.HELD): "mapped again; a check wants a person",
    (S.READY, S.READY): "mapped again with the current spec",
    (S.READY, S.HELD): "a person stops it",
    (S.REJECTED, S.CANCELLED): "a person decides, or a newer version replaces it",
    (S.READY, S.CANCELLED): "a person decides, or a newer version replaces it",
    (S.WAITING, S.CANCELLED): "a person decides, or a newer version replaces it",
    (S.QUARANTINED, S.CANCELLED): "a person decides, or a newer version replaces it",
    (S.HELD, S.IN_DOUBT): "a person: check again",
    (S.HELD, S.POSTED): "a person attests the target's reference",
    (S.HELD, S.READY): "a person: send",
    (S.HELD, S.CANCELLED): "a person: do not post",
    (S.CONFLICT, S.READY): "a person lets it go on; what the target shows decides",
    (S.CONFLICT, S.CANCELLED): "a person decides, or a newer version replaces it",
    (S.CONFLICT, S.HELD): "a person keeps it for later",
}
"""From, to: when."""

FIRST = frozenset({S.READY, S.WAITING, S.QUARANTINED, S.CONFLICT, S.HELD})
"""What a document can be when it is taken in."""

CLAIMED = frozenset({S.PROBING, S.SENDING})
"""Somebody is at work on it."""

OPEN = frozenset({S.READY, S.WAITING, S.PROBING, S.SENDING, S.IN_DOUBT, S.REJECTED})
"""The engine itself still goes on with it."""

REPLACEABLE = frozenset({S.READY, S.WAITING, S.QUARANTINED, S.REJECTED, S.CONFLICT})
"""Nothing of it can be in the target, so a newer version may take its place."""

BY_PEOPLE = frozenset({
    (S.READY, S.HELD), (S.WAITING, S.HELD), (S.REJECTED, S.HELD), (S.QUARANTINED, S.HELD), (S.CONFLICT, S.HELD),
    (S.IN_DOUBT, S.HELD), (S.HELD, S.IN_DOUBT), (S.HELD, S.POSTED), (S.HELD, S.READY), (S.REJECTED, S.READY),
    (S.WAITING, S.READY), (S.CONFLICT, S.READY), (S.HELD, S.CANCELLED), (S.CONFLICT, S.CANCELLED),
    (S.QUARANTINED, S.CANCELLED), (S.REJECTED, S.CANCELLED), (S.WAITING, S.CANCELLED), (S.READY, S.CANCELLED),
})  # fmt: skip
"""What a person may decide; a QUARANTINED document goes on only by mapping it again."""


REFUSED_BY_PARTNER = (S.POSTED, S.HELD)
ARRIVED_AFTER_ALL = (S.HELD, S.POSTED)
"""What a partner's acknowledgement of a whole file brings about, and nothing else may: it says what no look can tell."""


def allowed(origin: State, to: State) -> bool:
    """Whether the protocol knows this step."""
    return (origin, to) in ALLOWED
