"""Tells the trail about every exchange, and which document it was for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from engine.contracts import Call, Document
from engine.state.trail import Trail

LONGEST_BODY = 1200
"""Characters of a refusal that a trail line keeps. What was sent, and what a good answer shows, is in no line: lines are not sealed."""

_about: ContextVar[Document | None] = ContextVar("about", default=None)


@contextmanager
def about(document: Document) -> Iterator[None]:
    """Exchanges inside belong to this document."""
    token = _about.set(document)
    try:
        yield
    finally:
        _about.reset(token)


@dataclass(frozen=True, kw_only=True, slots=True)
class Watching:
    """Writes calls and file operations of one run to its trail; the trail redacts and caps them."""

    trail: Trail
    flow: str = ""
    run: str = ""

    def call(self, call: Call) -> None:
        """One HTTP exchange, whatever came of it."""
        document = _about.get()
        self.trail.note(
            "call",
            key=document.key if document else "",
            flow=self.flow,
            run=self.run,
            detail={
                "system": call.system,
                "step": call.step,
                "request": f"{call.method} {call.address}",
                "status": call.status,
                "outcome": call.outcome,
                "seconds": round(call.seconds, 3),
                "sent": len(call.request),
                "answer": self._shown(call.response) if call.status is not None and call.status >= 300 else "",
            },
        )

    def _shown(self, body: bytes) -> str:
        """A body masked first and cut then, so that no secret is halved before it is known."""
        text = self.trail.redactor.text(body.decode("utf-8", "replace"))
        return text if len(text) <= LONGEST_BODY else text[:LONGEST_BODY] + "…"

    def file(self, system: str, operation: str, path: str, outcome: str, size: int) -> None:
        """One operation on files; listings and looks are not worth a line when they succeed."""
        if outcome == "ok" and operation in {"list", "look", "stat"}:
            return
        detail = {"system": system, "operation": operation, "path": path, "outcome": outcome, "bytes": size}
        self.trail.note("file", flow=self.flow, run=self.run, detail=detail)
