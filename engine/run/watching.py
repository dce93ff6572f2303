"""Tells the trail about every exchange, and which document it was for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from engine.contracts import Call, Document
from engine.run.seams import Progress, quiet
from engine.state.trail import Trail

LONGEST_BODY = 1200
"""Characters of a refusal that a trail line keeps. What was sent, and what a good answer shows, is in no line: lines are not sealed."""

LONGEST_ANSWER = 4096
"""Bytes of an answer that the attempt keeps, sealed."""


@dataclass(slots=True)
class _Subject:
    """The document an exchange is for, and what was answered to each step since somebody asked."""

    document: Document
    answers: dict[str, bytes] = field(default_factory=dict)


Tap = Callable[[str, str, str], None]
"""Told about every exchange of a session: system, step or file operation, outcome."""

_about: ContextVar[_Subject | None] = ContextVar("about", default=None)


@contextmanager
def about(document: Document) -> Iterator[None]:
    """Exchanges inside belong to this document."""
    token = _about.set(_Subject(document))
    try:
        yield
    finally:
        _about.reset(token)


class Watching:
    """Writes the calls and file operations of a session to its trail; the trail redacts and caps them."""

    def __init__(self, trail: Trail, watch: Progress = quiet) -> None:
        self._trail = trail
        self._watch = watch
        self._flow = self._run = ""
        self.taps: list[Tap] = []

    def now_in(self, flow: str, run: str) -> None:
        """What comes from here on belongs to this run; a session runs one flow after the other."""
        self._flow, self._run = flow, run

    def call(self, call: Call) -> None:
        """One HTTP exchange, whatever came of it."""
        for tap in self.taps:
            tap(call.system, call.step, call.outcome)
        self._watch(
            "call",
            {
                "system": call.system,
                "step": call.step,
                "method": call.method,
                "status": call.status,
                "outcome": call.outcome,
                "seconds": call.seconds,
            },
        )
        subject = _about.get()
        if subject is not None:
            subject.answers[call.step] = self._shown(call.response, LONGEST_ANSWER).encode()[:LONGEST_ANSWER]
        refused = call.status is not None and call.status >= 300
        self._trail.note(
            "call",
            key=subject.document.key if subject else "",
            flow=self._flow,
            run=self._run,
            detail={
                "system": call.system,
                "step": call.step,
                "request": f"{call.method} {call.address}",
                "status": call.status,
                "outcome": call.outcome,
                "seconds": round(call.seconds, 3),
                "sent": len(call.request),
                "answer": self._shown(call.response, LONGEST_BODY) if refused else "",
            },
        )

    @staticmethod
    def answer(step: str) -> bytes:
        """What was answered to that step of the document in hand: masked, cut, for its attempt."""
        subject = _about.get()
        if subject is None:
            return b""
        answered = subject.answers.get(step, b"")
        subject.answers.clear()
        return answered

    def file(self, system: str, operation: str, path: str, outcome: str, size: int) -> None:
        """One operation on files; listings and looks are not worth a line when they succeed."""
        for tap in self.taps:
            tap(system, operation, outcome)
        self._watch("file", {"system": system, "step": operation, "outcome": outcome, "bytes": size})
        if outcome == "ok" and operation in {"list", "look", "stat"}:
            return
        detail = {"system": system, "operation": operation, "path": path, "outcome": outcome, "bytes": size}
        self._trail.note("file", flow=self._flow, run=self._run, detail=detail)

    def _shown(self, body: bytes, most: int) -> str:
        """A body masked first and cut then, so that no secret is halved before it is known."""
        text = self._trail.redactor.text(body.decode("utf-8", "replace"))
        return text if len(text) <= most else text[:most] + "…"
