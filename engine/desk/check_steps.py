"""The account of a `check`: every step of a system with how it went, how long it took and what to do next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import MlconnectorError
from engine.redaction import one_line
from engine.run.show import as_json

StepState = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that was tried, or could not be: then it is `skipped`, with the reason, and never ok."""

    name: str
    state: StepState
    detail: str
    advice: str = ""
    ms: int = 0

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {"step": self.name, "state": self.state, "detail": self.detail, "advice": self.advice, "ms": self.ms}


@dataclass(slots=True)
class SystemCheck:
    """One system: its steps in order. After a step that the rest needs has failed, the rest is skipped."""

    alias: str
    name: str
    steps: list[Step] = field(default_factory=list)
    broken: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(step.state != "failed" for step in self.steps)

    def attempt(self, name: str, work: Callable[[], str], *, advice: str, needed: bool = True) -> None:
        """Does the step and notes what `work` says of it, or its error; with `needed`, a failure skips all that follows."""
        if self.broken:
            self.skip(name, f"`{self.broken}` failed")
            return
        started = time.perf_counter()
        try:
            detail, state, then = work(), "ok", ""
        except MlconnectorError as error:
            detail, state, then = str(error), "failed", advice
            self.broken = name if needed else ""
        ms = round((time.perf_counter() - started) * 1000)
        self.add(name, "ok" if state == "ok" else "failed", detail, advice=then, ms=ms)

    def skip(self, name: str, why: str) -> None:
        """Notes a step that could not be tried."""
        self.add(name, "skipped", why)

    def add(self, name: str, state: StepState, detail: str, *, advice: str = "", ms: int = 0) -> None:
        """Notes how a step went."""
        self.steps.append(Step(name=name, state=state, detail=detail, advice=advice, ms=ms))

    def lines(self) -> list[str]:
        """A line a step, with what to do under one that failed."""
        told: list[str] = []
        for step in self.steps:
            took = f" ({step.ms} ms)" if step.state != "skipped" else ""
            told.append(one_line(f"{step.state:<7} {self.alias}: {step.name}: {step.detail}{took}"))
            if step.advice:
                told.append(one_line(f"        what to do: {step.advice}"))
        return told

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "system": self.alias,
            "uses": self.name,
            "ok": self.ok,
            "steps": [step.plain() for step in self.steps],
        }


def render(integration: str, checks: Sequence[SystemCheck], form: str) -> str:
    """`text` or `json`."""
    if form == "json":
        ok = all(check.ok for check in checks)
        return as_json(
            {"integration": integration, "ok": ok, "exit_code": 0 if ok else 4, "systems": [c.plain() for c in checks]}
        )
    return "\n".join(line for check in checks for line in check.lines())
