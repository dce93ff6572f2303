"""What a document's state means and what a person can do about it, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.contracts import Document, Guarantee, State
from engine.run.model import Flow

MEANS: Mapping[State, str] = {
    State.READY: "It is mapped and checked, and has its turn at the flow's next run.",
    State.WAITING: "Something it refers to is not there yet. Every run looks again, and it goes on by itself once that is there.",
    State.PROBING: "A run is looking whether the target has it already.",
    State.SENDING: "A run is sending it at this moment.",
    State.IN_DOUBT: "It was sent and the answer was lost. It is not sent again before the target was looked at, which the next runs do.",
    State.POSTED: "It is complete in the target.",
    State.ADOPTED: "The target had it already, complete and equal, so it was not sent.",
    State.REJECTED: "The target refused it. The next runs try a few times more, then a person is asked.",
    State.HELD: "It goes no further until a person decides.",
    State.CONFLICT: "A document of this key is known, and this one says something else. A person decides.",
    State.QUARANTINED: "It could not be mapped. It goes on when its data or the spec is mended and it is mapped again.",
    State.CANCELLED: "It is never posted: a person decided so, or a newer version took its place.",
}

NEXT: Mapping[State, str] = {
    State.WAITING: "Make what is missing, or reject it.",
    State.IN_DOUBT: "Nothing, as long as the target can be reached. Running the flow now looks at once, if it had time to settle.",
    State.REJECTED: "Mend what the reason names in the target and replay it; or mend crosswalk or spec and map it again.",
    State.HELD: "Look what the target shows. Is it there under a reference, note that; is it not, let it be looked up and sent.",
    State.CONFLICT: "Compare the versions. Let this one go on, and what the target shows decides; or reject it.",
    State.QUARANTINED: "Mend crosswalk, data or spec, then map it again.",
}


UNMAPPED = "Mend what the reason names, then map it again."


def next_step(document: Document) -> str:
    """What a person does next; empty where there is nothing to do."""
    if document.state is State.HELD and document.payload is None:
        return UNMAPPED
    return NEXT.get(document.state, "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """Something a person can do now. `needs`: a field that must be filled; `grave`: it can't be taken back."""

    act: str
    button: str
    means: str
    needs: str = ""
    grave: bool = False


_LOOK = Offer(
    act="look", button="Look it up and settle it", means="The next run looks it up first; what it finds decides."
)
_REMAP = Offer(
    act="remap",
    button="Map it again",
    means="With the spec and crosswalks as they are now, from the record as it was read.",
)
_REPLAY = Offer(
    act="replay", button="Replay it", means="As it was mapped. It is looked up first, so it can't be there twice."
)
_SEND = Offer(
    act="send",
    button="Send it",
    means="The next run sends it; is it there already, that is found first.",
    needs="reason",
)
_TWO = Offer(
    act="send",
    button="Ask to send it",
    means="Its target can't be asked what it holds, so another person must confirm it.",
    needs="reason",
)
_POSTED = Offer(
    act="posted",
    button="Count it as posted",
    means="It is in the target already, under this reference.",
    needs="reference",
    grave=True,
)
_REJECT = Offer(act="reject", button="Reject it", means="It is never posted.", needs="reason", grave=True)
_GO_ON = Offer(
    act="go-on", button="Let it go on", means="What the target shows decides what becomes of it.", needs="reason"
)
RUN = Offer(act="run", button="Run the flow now", means="Instead of waiting for its next time.")


def offers(document: Document, flow: Flow | None, *, two: bool) -> list[Offer]:
    """What can be done about it, the likeliest first. `two`: sending it takes two people; without `flow` its spec is not here."""
    mapped, state = document.payload is not None, document.state
    can_map = flow is not None and document.purged_at is None and document.step != "unread"
    remap = [_REMAP] if can_map else []
    blind = flow is not None and not flow.by_file and flow.ways.guarantee is Guarantee.BLIND
    if state is State.HELD:
        looks = [_LOOK] if mapped and not blind and not (flow is not None and flow.by_file) else []
        send = [_TWO if two else _SEND] if mapped else []
        return [*looks, *send, *([] if mapped and two else remap), _POSTED, _REJECT]
    if state is State.CONFLICT:
        return [*([_TWO if two else _GO_ON] if mapped else []), *([] if two else remap), _REJECT]
    if state is State.QUARANTINED:
        return [*remap, _REJECT]
    if state is State.REJECTED:
        return [*([_REPLAY] if mapped else []), *remap, _REJECT]
    if state is State.WAITING:
        return [RUN, *remap, _REJECT]
    if state is State.READY:
        return [RUN, _REJECT]
    return [RUN] if state is State.IN_DOUBT else []
