"""What a run did, as data: printed as text or JSON by the command line, kept with the run in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.contracts import State
from engine.redaction import one_line
from engine.run.show import as_json

NEEDS_A_PERSON = (State.HELD, State.CONFLICT, State.QUARANTINED, State.REJECTED, State.IN_DOUBT)
"""States that end a run with exit code 3: not everything that came in is in the target."""


ARRIVED = (State.POSTED.value, State.ADOPTED.value)


@dataclass(slots=True)
class FlowSummary:
    """One flow of a run. `read` = `passed_over` + `seen` + the documents by state; amounts likewise, where declared."""

    flow: str
    title: str = ""
    run_id: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    amounts: dict[str, str] = field(default_factory=dict)
    earlier: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    bad_files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: str = ""
    exit_code: int = 0

    @property
    def outcome(self) -> str:
        """One word for a list of runs: an empty run is its own outcome, not a success that moved nothing."""
        if self.error:
            return "stopped"
        if self.exit_code:
            return "partial"
        return "done" if self.counts["read"] or self.moved else "empty"

    def conclude(self) -> None:
        """Sets the exit code from what could not be delivered now, and from what needs a person."""
        waiting = any(self.counts[state.value] or self.moved[state.value] for state in NEEDS_A_PERSON)
        if not self.exit_code and self.moved[State.READY.value]:
            self.exit_code = 4
        if not self.exit_code and (waiting or self.bad_files):
            self.exit_code = 3

    def lines(self) -> list[str]:
        """The flow's account: what came in, where it went, with amounts; then what needs a person."""
        if self.error:
            return [f"{self.flow}: stopped: {self.error}"]
        parts = [self._part(name) for name in self.counts if name != "read" and self.counts[name]]
        came = f"{self.counts['read']} in" + (f" = {' + '.join(parts)}" if parts else "")
        told = [f"{self.flow}: {'nothing new' if self.outcome == 'empty' else came}"]
        now = self.moved - Counter({state: count for state, count in self.counts.items() if state != "read"})
        left = [f"{count} {state} now" for state, count in now.items() if state in ARRIVED]
        left += [f"{count} {state.replace('_', ' ')}" for state, count in self.earlier.items() if count]
        if left:
            told.append(f"  from earlier runs: {', '.join(left)}")
        return [*told, *(f"  bad file {bad}" for bad in self.bad_files), *(f"  {note}" for note in self.notes)]

    def _part(self, name: str) -> str:
        amount = self.amounts.get(name)
        return f"{self.counts[name]} {name.replace('_', ' ')}" + (f" ({amount})" if amount else "")

    def plain(self) -> dict[str, Any]:
        """For `--format json` and the run's row."""
        return {
            "flow": self.flow,
            "run": self.run_id,
            "outcome": self.outcome,
            "counts": dict(self.counts),
            "amounts": self.amounts,
            "delivered": dict(self.moved),
            "earlier": dict(self.earlier),
            "bad_files": self.bad_files,
            "notes": self.notes,
            "error": self.error,
            "exit_code": self.exit_code,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """All flows of one `run`."""

    integration: str
    flows: Sequence[FlowSummary]
    trail_head: str = ""
    stopped: int = 0

    @property
    def exit_code(self) -> int:
        """130 or 143 when a signal stopped it, else the gravest of its flows."""
        if self.stopped:
            return self.stopped
        gravity: Mapping[int, int] = {0: 0, 3: 1, 4: 2, 5: 3, 70: 4}
        return max((flow.exit_code for flow in self.flows), key=lambda code: gravity.get(code, 4), default=0)

    def render(self, form: str) -> str:
        """`text` or `json`."""
        if form == "json":
            return as_json(self.plain())
        lines = [line for flow in self.flows for line in flow.lines()]
        if self.stopped:
            lines.append("stopped by a signal: the next run goes on from here")
        return "\n".join([*map(one_line, lines), f"trail head {self.trail_head}"])

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "integration": self.integration,
            "exit_code": self.exit_code,
            "flows": [flow.plain() for flow in self.flows],
            "trail_head": self.trail_head,
        }
