"""A target for dry runs: looks for real where it can, writes nothing, and remembers what would have been sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from engine.contracts import Document, Found, Guarantee, Intend, Receipt, Record, Target
from engine.errors import RecordError, Refused, SetupError, TransientError
from engine.targets.steps_preview import Request


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """One document of a dry run. `sent`: it would be written now; `note` is what a person should know before that."""

    number: str
    key: str
    payload: Record
    requests: tuple[Request, ...] = ()
    sent: bool = False
    note: str = ""


class CapturedTarget:
    """Stands before a real target. `requests` tells what it would put on the wire. Safe to use from several threads."""

    def __init__(self, target: Target, requests: Callable[[Document], Sequence[Request]] | None = None) -> None:
        self._target = target
        self._requests = requests
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

    def find(self, document: Document) -> Found:
        """The real look, which only reads; one that fails counts as absent here and says so in `note`."""
        if self.guarantee is Guarantee.BLIND:
            return Found(matches=0)
        try:
            found = self._target.find(document)
        except (TransientError, SetupError, Refused) as error:
            self._note(document, note=f"preview unavailable: whether it exists already can't be told: {error}")
            return Found(matches=0)
        if found.matches:
            self._note(document, note=_said(found))
        return found

    def send(self, document: Document, intend: Intend) -> Receipt:
        """Remembers it. Nothing goes on the wire, so `intend` is not called."""
        self._note(document, sent=True, requests=self._previewed(document))
        return Receipt(reference="")

    def undo(self, document: Document, found: Found) -> None:
        """A dry run removes nothing. Raises Refused."""
        raise Refused("A dry run removes nothing")

    def _previewed(self, document: Document) -> tuple[Request, ...]:
        try:
            return tuple(self._requests(document)) if self._requests is not None else ()
        except RecordError as error:
            self._note(document, note=f"preview unavailable: {error}")
            return ()

    def _note(
        self, document: Document, *, sent: bool = False, note: str = "", requests: tuple[Request, ...] = ()
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
            )


def _said(found: Found) -> str:
    if found.matches > 1:
        return f"exists already, {found.matches} times"
    name = f" as {found.reference}" if found.reference else ""
    if not found.whole:
        return f"exists already{name}, half-written"
    return f"exists already{name}" + (f" and differs: {'; '.join(found.differences)}" if found.differences else "")
