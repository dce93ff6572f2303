"""An in-process target that remembers what really happened to it, and fails on command."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from engine.contracts import Document, Found, Guarantee, Intend, Receipt
from engine.errors import InDoubt


@dataclass
class Shelf:
    """Takes a document in two commit steps, `header` and `lines`. `script` maps a step to the errors it raises, in turn.

    A value is (when, error): `before` raises with nothing done, `after` raises although the step was done.
    """

    guarantee: Guarantee = Guarantee.LOOKUP
    settle: timedelta = timedelta(minutes=2)
    one_at_a_time: str | None = None
    at_once: int = 4
    can_undo: bool = True
    unique: bool = False
    headers: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    foreign: dict[str, tuple[str, ...]] = field(default_factory=dict)
    script: dict[str, list[tuple[str, Exception] | None]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def find(self, document: Document) -> Found:
        self._fail("find", "before")
        if document.number in self.foreign:
            return Found(
                matches=1, whole=True, ours=False, reference="theirs", differences=self.foreign[document.number]
            )
        made = self.headers.get(document.number, [])
        if not made:
            return Found(matches=0)
        whole = self.lines.get(document.number, 0) == len(made)
        return Found(
            matches=len(made), whole=whole, ours=made[0] == document.marker, reference=f"shelf/{document.number}"
        )

    def send(self, document: Document, intend: Intend) -> Receipt:
        self._fail("skeleton", "before")
        intend("header")
        self._commit("header", document)
        intend("lines")
        self._commit("lines", document)
        return Receipt(reference=f"shelf/{document.number}")

    def undo(self, document: Document, found: Found) -> None:
        self._fail("undo", "before")
        assert found.ours
        self.headers.pop(document.number, None)
        self.lines.pop(document.number, None)

    def _commit(self, step: str, document: Document) -> None:
        failure = self._next(step)
        if failure and failure[0] == "before":
            raise failure[1]
        self.sent.append(f"{step} {document.number}")
        if step == "header":
            if self.unique and self.headers.get(document.number):
                raise InDoubt("it exists already", duplicate=True)
            self.headers.setdefault(document.number, []).append(document.marker)
        else:
            self.lines[document.number] = self.lines.get(document.number, 0) + 1
        if failure:
            raise failure[1]

    def _fail(self, step: str, when: str) -> None:
        failure = self._next(step)
        if failure and failure[0] == when:
            raise failure[1]

    def _next(self, step: str) -> tuple[str, Exception] | None:
        waiting = self.script.get(step, [])
        return waiting.pop(0) if waiting else None
