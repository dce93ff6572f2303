"""The other side: a target of each class that keeps its own history, and answers as badly as drawn.

Its history is the only thing a checker believes. It shares no code with the engine but the contract's types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.contracts import Document, Found, Guarantee, Intend, Receipt, State
from engine.errors import InDoubt, Refused, SetupError, TransientError

from .stage import Process, Stage

SETTLE = timedelta(seconds=240)
SEND = {"ok": 10, "lost": 2, "lost_after": 2.5, "late": 2.5, "busy": 1, "refused": 1, "setup": 0.4, "bug_after": 0.3}
LOOK = {"ok": 10, "busy": 1.5, "setup": 0.3}
BLIND = 0.15
"""A look while in doubt sees nothing for 3 s, once for each document: what the second look, 5 s later, is for."""


@dataclass
class Stored:
    """One document in the target."""

    number: str
    marker: str
    amount: str
    at: datetime
    lines: int = 0


@dataclass
class Shop:
    """The target's side of the wire, shared by every process. `history` holds (what, number, amount) as it really happened."""

    stage: Stage
    guarantee: Guarantee
    steps: int = 1
    lag: float = 0.0
    latest: float = 120.0
    stored: list[Stored] = field(default_factory=list)
    history: list[tuple[str, str, str]] = field(default_factory=list)
    settle: timedelta = SETTLE
    send: dict[str, float] = field(default_factory=lambda: dict(SEND))
    look: dict[str, float] = field(default_factory=lambda: dict(LOOK))
    blind: dict[str, datetime] = field(default_factory=dict)

    def header(self, document: Document) -> bool:
        """Whether it was taken; a keyed target refuses a second one, atomically."""
        if self.guarantee is Guarantee.KEYED and any(one.number == document.number for one in self.stored):
            self.history.append(("refused twice", document.number, _amount(document)))
            return False
        one = Stored(document.number, document.marker, _amount(document), self.stage.now)
        self.stored.append(one)
        self.history.append(("made", one.number, one.amount))
        if self.steps == 1:
            one.lines = 1
            self.history.append(("whole", one.number, one.amount))
        return True

    def lines(self, document: Document) -> bool:
        for one in self.stored:
            if one.marker == document.marker:
                one.lines += 1
                self.history.append(("whole" if one.lines == 1 else "lines twice", one.number, one.amount))
                return True
        return False

    def remove(self, document: Document) -> bool:
        """The one that a look showed, by its number there."""
        for one in [one for one in self.stored if one.number == document.number][:1]:
            self.stored.remove(one)
            self.history.append(("removed", one.number, one.amount))
        return True

    def visible(self, number: str) -> list[Stored]:
        """What a look shows: not yet what is younger than the replica's lag, and nothing in a moment of blindness."""
        seen = self.stage.now - timedelta(seconds=self.lag)
        if self.stage.now < self.blind.get(number, self.stage.now):
            return []
        return [one for one in self.stored if one.number == number and one.at <= seen]


class Counter:
    """The target as one process reaches it."""

    one_at_a_time = None
    at_once = 1
    can_undo = True

    def __init__(self, shop: Shop, process: Process) -> None:
        self._shop = shop
        self._process = process
        self._stage = shop.stage
        self.guarantee = shop.guarantee
        self.settle = shop.settle

    def find(self, document: Document) -> Found:
        assert self.guarantee is not Guarantee.BLIND, "a target that can't be asked was asked"
        self._process.seam(f"look {document.number}")
        how = self._stage.answers.pop(f"look {document.number}", "") or self._stage.draw(self._shop.look)
        self._fail(how)
        if document.state is State.IN_DOUBT and document.number not in self._shop.blind and self._stage.often(BLIND):
            self._stage.note(f"look {document.number}: blind for a moment")
            self._shop.blind[document.number] = self._stage.now + timedelta(seconds=3)
        seen = self._shop.visible(document.number)
        self._process.seam(f"look {document.number}: {len(seen)}")
        if not seen:
            return Found(matches=0)
        first = seen[0]
        differences = () if first.amount == _amount(document) else (f"`total` is {first.amount} there",)
        return Found(
            matches=len(seen),
            whole=first.lines > 0,
            ours=first.marker == document.marker,
            reference=f"shop/{first.number}",
            differences=differences,
        )

    def send(self, document: Document, intend: Intend) -> Receipt:
        self._process.seam(f"skeleton {document.number}")
        self._fail(self._stage.draw({**LOOK, "refused": 0.5}))
        intend("header")
        self._commit("header", document, written=False)
        if self._shop.steps > 1:
            intend("lines")
            self._commit("lines", document, written=True)
        return Receipt(reference=f"shop/{document.number}")

    def undo(self, document: Document, found: Found) -> None:
        assert found.ours, "somebody else's document was to be removed"
        self._commit("remove", document, written=False)

    def _commit(self, step: str, document: Document, *, written: bool) -> None:
        """One call with a lasting effect: half of what can go wrong happens before it, half after it."""
        self._process.seam(f"{step} {document.number} goes out")
        act = getattr(self._shop, step)
        how = self._stage.answers.pop(f"{step} {document.number}", "") or self._stage.draw(self._shop.send)
        self._in_time(written=written)
        self._stage.note(f"{step} {document.number}: {how}")
        if how == "late":
            delay = self._stage.chance.uniform(0.5, self._shop.latest)
            self._stage.put_off(delay, f"{step} {document.number}", lambda: act(document))
            raise InDoubt("no answer")
        if how == "lost":
            raise InDoubt("no answer")
        if how in {"busy", "refused", "setup"}:
            self._fail(how, written=written)
        taken = act(document)
        self._process.seam(f"{step} {document.number} is done")
        if how == "lost_after":
            raise InDoubt("no answer")
        if how == "bug_after":
            raise ValueError("a mistake of ours while the answer was read")
        if not taken:
            raise InDoubt("it exists already", duplicate=True)

    def _in_time(self, *, written: bool) -> None:
        """The connection's deadline, counted from before the intent: a request that was held up is not sent."""
        if self._stage.now <= self._process.sends_until:
            return
        self._stage.note("the deadline passed before anything was sent")
        if written:
            raise InDoubt("not sent after an earlier step was saved")
        raise TransientError("the deadline of the call passed before anything was sent")

    def _fail(self, how: str, *, written: bool = False) -> None:
        if how == "busy" and written:
            raise InDoubt("429 after an earlier step was saved")
        if how == "busy":
            raise TransientError("429", after=self._stage.chance.choice((None, 1.0, 30.0, 1e9)))
        if how == "setup":
            raise SetupError("login refused")
        if how == "refused":
            raise Refused("Invalid GL account", half_written=written)


def _amount(document: Document) -> str:
    payload: Any = document.payload or {}
    return str(payload["total"])
