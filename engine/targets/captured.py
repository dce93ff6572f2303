"""A target for dry runs: looks for real where it can, writes nothing, and remembers what would have been sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Literal, NamedTuple

from engine.contracts import Document, Found, Guarantee, Intend, Receipt, Record, Target
from engine.errors import RecordError, Refused, SetupError, TransientError
from engine.targets.steps_compare import same
from engine.targets.steps_preview import Request

UNTOLD = "preview unavailable"
"""What stands where nothing can be said: never "no changes"."""


class FieldChange(NamedTuple):
    """One field that is otherwise in the target. `decides`: the flow compares it, so the document would be held."""

    name: str
    there: Any
    here: Any
    decides: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What sending a document would change, against what the target shows; `untold` with the reason where it can't be told."""

    kind: Literal["add", "there", "differs", "half_written", "several", "untold"] = "add"
    reference: str = ""
    fields: tuple[FieldChange, ...] = ()
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """One document of a dry run. `sent`: it would be written now; `note` is what a person should know before that."""

    number: str
    key: str
    payload: Record
    requests: tuple[Request, ...] = ()
    sent: bool = False
    note: str = ""
    change: Change = field(default_factory=Change)


class CapturedTarget:
    """Stands before a real target. `requests` tells what it would put on the wire, `most` how often it may look.

    Safe to use from several threads.
    """

    def __init__(
        self,
        target: Target,
        requests: Callable[[Document, Found | None], Sequence[Request]] | None = None,
        *,
        most: int | None = None,
    ) -> None:
        self._target = target
        self._requests = requests
        self._most = most
        self._looks = 0
        self._captured: dict[str, Captured] = {}
        self._lock = Lock()
        self.guarantee = target.guarantee
        self.settle = target.settle
        self.one_at_a_time = target.one_at_a_time
        self.at_once = target.at_once
        self.can_undo = False

    @property
    def captured(self) -> list[Captured]:
        """What was seen so far, in the order of the first look or send."""
        with self._lock:
            return list(self._captured.values())

    def seen(self, document: Document) -> Captured:
        """What was seen of a document that was looked for and sent."""
        with self._lock:
            return self._captured[document.key]

    @property
    def capped(self) -> bool:
        """Whether it has looked as often as it may."""
        return self._most is not None and self._looks >= self._most

    def find(self, document: Document) -> Found:
        """The real look, which only reads; one that fails counts as absent here and says so in `note`."""
        if self.guarantee is Guarantee.BLIND:
            return Found(matches=0)
        if self.capped:
            self._untold(document, f"the target was looked at {self._most} times, and --max-calls allows no more")
            return Found(matches=0)
        with self._lock:
            self._looks += 1
        try:
            found = self._target.find(document)
        except (TransientError, SetupError, Refused) as error:
            self._untold(document, f"whether it exists already can't be told: {error}")
            return Found(matches=0)
        if found.matches:
            self._note(document, note=_said(found), change=_change(found, document))
        return found

    def send(self, document: Document, intend: Intend) -> Receipt:
        """Remembers it. Nothing goes on the wire, so `intend` is not called."""
        if self.guarantee is Guarantee.BLIND:
            self._untold(document, "this target can't be looked at, so what it holds is not known")
        self._note(document, sent=True, requests=self._previewed(document, None))
        return Receipt(reference="")

    def amend(self, document: Document, found: Found, intend: Intend) -> Receipt:
        """Remembers that it would be brought up to date."""
        self._note(document, sent=True, requests=self._previewed(document, found))
        return Receipt(reference=found.reference)

    def undo(self, document: Document, found: Found) -> None:
        """A dry run removes nothing. Raises Refused."""
        raise Refused("A dry run removes nothing")

    def _previewed(self, document: Document, found: Found | None) -> tuple[Request, ...]:
        try:
            return tuple(self._requests(document, found)) if self._requests is not None else ()
        except RecordError as error:
            self._note(document, note=f"{UNTOLD}: {error}")
            return ()

    def _untold(self, document: Document, why: str) -> None:
        self._note(document, note=f"{UNTOLD}: {why}", change=Change(kind="untold", why=why))

    def _note(
        self,
        document: Document,
        *,
        sent: bool = False,
        note: str = "",
        requests: tuple[Request, ...] = (),
        change: Change | None = None,
    ) -> None:
        with self._lock:
            before = self._captured.get(document.key) or Captured(
                number=document.number, key=document.key, payload=document.payload or {}
            )
            self._captured[document.key] = replace(
                before,
                sent=sent or before.sent,
                note="; ".join(filter(None, (before.note, note))),
                requests=requests or before.requests,
                change=change or before.change,
            )


def _change(found: Found, document: Document) -> Change:
    """Field by field, for every field that both the target shows and the document has."""
    if found.matches > 1:
        return Change(kind="several", why=f"the target has {found.matches} of this key")
    payload = document.payload or {}
    decisive = " ".join(found.differences)
    fields = tuple(
        FieldChange(name, there, payload[name], f"`{name}` is " in decisive)
        for name, there in found.shown.items()
        if name in payload and not same(there, payload[name])
    )
    kind: Literal["half_written", "differs", "there"] = "differs" if fields or found.differences else "there"
    return Change(kind=kind if found.whole else "half_written", reference=found.reference, fields=fields)


def _said(found: Found) -> str:
    if found.matches > 1:
        return f"exists already, {found.matches} times"
    name = f" as {found.reference}" if found.reference else ""
    if not found.whole:
        return f"exists already{name}, half-written"
    return f"exists already{name}" + (f" and differs: {'; '.join(found.differences)}" if found.differences else "")
