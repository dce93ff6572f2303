"""What a dry run found, as data and as text: what would be added, what is there already, what differs field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.redaction import one_line
from engine.run.show import as_json, in_a_line
from engine.targets.captured import UNTOLD
from engine.targets.steps_compare import shown as value_shown

_WORDS = {
    "add": "to add",
    "there": "there already",
    "differs": "there and different",
    "half_written": "there half-written",
    "several": "there several times",
    "untold": UNTOLD,
}


@dataclass(slots=True)
class FlowRehearsal:
    """What one flow would do, what that would change, and how many calls each system had to answer for it."""

    flow: str
    counts: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    documents: list[dict[str, Any]] = field(default_factory=list)
    bad_files: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    error: str = ""
    exit_code: int = 0

    @property
    def total(self) -> int:
        """Documents there are, shown or not."""
        return self.counts.total()

    @property
    def outcome(self) -> str:
        """One word: `stopped`, `partial` (a person would be needed), `done`, or `empty`, when nothing is new."""
        if self.error:
            return "stopped"
        if self.exit_code:
            return "partial"
        return "done" if self.total else "empty"

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "flow": self.flow,
            "outcome": self.outcome,
            "counts": dict(self.counts),
            "changes": dict(self.changes),
            "shown": len(self.documents),
            "total": self.total,
            "documents": self.documents,
            "bad_files": self.bad_files,
            "calls": dict(self.calls),
            "error": self.error,
        }

    def lines(self) -> Iterator[str]:
        """The flow's account: figures first, then each document with what would change."""
        counts = ", ".join(f"{count} {state}" for state, count in self.counts.items()) or "nothing new"
        changes = ", ".join(f"{count} {_WORDS[kind]}" for kind, count in self.changes.items())
        yield f"{self.flow}: {self.error or counts}" + (f" ({changes})" if changes and not self.error else "")
        if self.total > len(self.documents):
            yield f"  showing {len(self.documents)} of {self.total}; the others were not looked up"
        yield from (f"  bad file {bad}" for bad in self.bad_files)
        for shown in self.documents:
            yield f"  {shown['number']} ({shown['from']}): {shown.get('reason') or shown.get('would')}"
            yield from _field_lines(shown.get("change") or {})
            for name, value in (shown.get("document") or {}).items():
                yield f"      {name}: {in_a_line(value)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """What `run --dry-run` prints."""

    integration: str
    flows: Sequence[FlowRehearsal]

    @property
    def exit_code(self) -> int:
        """4 when a flow could not be rehearsed, 3 when a record or file would need a person, else 0."""
        return max((flow.exit_code for flow in self.flows), default=0)

    @property
    def calls(self) -> Counter[str]:
        """What all of it cost, by system."""
        return sum((flow.calls for flow in self.flows), Counter())

    def render(self, form: str) -> str:
        """`text` or `json`."""
        if form == "json":
            flows = [flow.plain() for flow in self.flows]
            cost = {"total": self.calls.total(), "by_system": dict(self.calls)}
            return as_json({"integration": self.integration, "dry_run": True, "calls": cost, "flows": flows})
        blocks = ["\n".join(map(one_line, flow.lines())) for flow in self.flows]
        return "\n\n".join([*blocks, f"{_cost(self.calls)}\nDry run: nothing was written anywhere."])


def _field_lines(change: Mapping[str, Any]) -> Iterator[str]:
    fields: Iterable[Mapping[str, Any]] = change.get("fields") or ()
    for one in fields:
        held = "" if one["decides"] else " (not compared by the flow)"
        yield f"    ~ {one['field']}: {value_shown(one['there'])} there, {value_shown(one['here'])} here{held}"


def _cost(calls: Counter[str]) -> str:
    if not calls:
        return "This preview cost no calls."
    each = ", ".join(f"{system} {count}" for system, count in calls.most_common())
    return f"This preview cost {calls.total()} call{'' if calls.total() == 1 else 's'}: {each}."
