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

QUIET = frozenset({"read", "seen", "passed_over", "ignored"})
"""Figures a headline leaves out: nothing happened to those records."""

ARRIVED = (State.POSTED.value, State.ADOPTED.value)


@dataclass(slots=True)
class FlowSummary:
    """One flow of a run. `read` = `passed_over` + `seen` + the documents by state; amounts likewise, where declared.

    `trouble`: what a person must look at besides documents and files that came in. `passing`: the error may pass by itself.
    """

    flow: str
    title: str = ""
    run_id: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    amounts: dict[str, str] = field(default_factory=dict)
    earlier: Counter[str] = field(default_factory=Counter)
    moved: Counter[str] = field(default_factory=Counter)
    bad_files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    error: str = ""
    exit_code: int = 0
    passing: bool = False

    @property
    def outcome(self) -> str:
        """One word for a list of runs: an empty run is its own outcome, not a success that moved nothing."""
        if self.error:
            return "stopped"
        if self.exit_code:
            return "partial"
        return "done" if self.counts["read"] or self.moved else "empty"

    @property
    def headline(self) -> str:
        """The run in at most 200 bytes, for a list of runs."""
        if self.error:
            return _short(f"stopped: {self.error}")
        parts = [self._part(name) for name in self.counts if name not in QUIET and self.counts[name]]
        parts += [f"{count} {state} now" for state, count in self._late().items()]
        parts += [f"bad file {bad.partition(': ')[0]}" for bad in self.bad_files]
        return _short(", ".join(parts) or ("nothing new" if self.outcome == "empty" else "nothing to deliver"))

    def _late(self) -> Counter[str]:
        """What earlier runs had left and this one delivered."""
        here = Counter({state: count for state, count in self.counts.items() if state != "read"})
        return Counter({state: count for state, count in (self.moved - here).items() if state in ARRIVED})

    def conclude(self) -> None:
        """Sets the exit code from what could not be delivered now, and from what needs a person."""
        waiting = any(self.counts[state.value] or self.moved[state.value] for state in NEEDS_A_PERSON)
        if not self.exit_code and self.moved[State.READY.value]:
            self.exit_code, self.passing = 4, True
        if not self.exit_code and (waiting or self.bad_files or self.trouble):
            self.exit_code = 3

    def lines(self) -> list[str]:
        """The flow's account: what came in, where it went, with amounts; then what needs a person."""
        if self.error:
            return [f"{self.flow}: stopped: {self.error}"]
        parts = [self._part(name) for name in self.counts if name != "read" and self.counts[name]]
        came = f"{self.counts['read']} in" + (f" = {' + '.join(parts)}" if parts else "")
        told = [f"{self.flow}: {'nothing new' if self.outcome == 'empty' else came}"]
        left = [f"{count} {state} now" for state, count in self._late().items()]
        left += [f"{count} {state.replace('_', ' ')}" for state, count in self.earlier.items() if count]
        if left:
            told.append(f"  from earlier runs: {', '.join(left)}")
        bad = [f"bad file {each}" for each in self.bad_files]
        return [*told, *(f"  {each}" for each in (*bad, *self.trouble, *self.notes))]

    def _part(self, name: str) -> str:
        amount = self.amounts.get(name)
        return f"{self.counts[name]} {name.replace('_', ' ')}" + (f" ({amount})" if amount else "")

    def plain(self) -> dict[str, Any]:
        """For `--format json` and the run's row."""
        return {
            "flow": self.flow,
            "run": self.run_id,
            "outcome": self.outcome,
            "headline": self.headline,
            "counts": dict(self.counts),
            "amounts": self.amounts,
            "delivered": dict(self.moved),
            "earlier": dict(self.earlier),
            "bad_files": self.bad_files,
            "trouble": self.trouble,
            "notes": self.notes,
            "error": self.error,
            "exit_code": self.exit_code,
            "passing": self.passing,
        }


def _short(text: str, most: int = 200) -> str:
    """A line of at most so many bytes."""
    raw = one_line(text).encode()
    return raw.decode() if len(raw) <= most else raw[: most - 3].decode("utf-8", "ignore") + "…"


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """All flows of one `run`."""

    integration: str
    flows: Sequence[FlowSummary]
    trail_head: str = ""
    stopped: int = 0
    restored: str = ""

    @property
    def exit_code(self) -> int:
        """130 or 143 when a signal stopped it, else the gravest of its flows."""
        if self.stopped:
            return self.stopped
        gravity: Mapping[int, int] = {0: 0, 3: 1, 4: 2, 5: 3, 70: 4}
        return max((flow.exit_code for flow in self.flows), key=lambda code: gravity.get(code, 4), default=0)

    @property
    def outcome(self) -> str:
        """The flows' outcomes in one word: `empty` only when none of them had anything to do."""
        told = {flow.outcome for flow in self.flows}
        return next((word for word in ("stopped", "partial", "done") if word in told), "empty")

    def render(self, form: str) -> str:
        """`text` or `json`."""
        if form == "json":
            return as_json(self.plain())
        lines = [line for flow in self.flows for line in flow.lines()]
        if self.stopped:
            lines.append("stopped by a signal: the next run goes on from here")
        if self.restored:
            lines.append(self.restored)
        return "\n".join([*map(one_line, lines), f"trail head {self.trail_head}"])

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "integration": self.integration,
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "flows": [flow.plain() for flow in self.flows],
            "trail_head": self.trail_head,
            **({"restored": self.restored} if self.restored else {}),
        }
