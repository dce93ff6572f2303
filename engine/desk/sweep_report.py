"""What a sweep found: printed as text or JSON by the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.redaction import one_line
from engine.run.show import as_json

Event = Literal["missing_in_target", "duplicate_in_target", "differs_in_target"]
MOST_SHOWN = 100
"""Differences of a flow that a text tells one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One document the ledger counts as delivered, and what the target shows instead."""

    number: str
    party: str
    amount: str | None
    reference: str
    key: str
    event: Event
    said: str

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class FlowSweep:
    """One flow. `delivered` = `agreed` + differences + `unchecked` + `blind`."""

    flow: str
    delivered: int = 0
    agreed: int = 0
    differences: list[Difference] = field(default_factory=list)
    unchecked: Counter[str] = field(default_factory=Counter)
    blind: int = 0
    why_blind: str = ""
    overdue: int = 0
    overdue_examples: list[str] = field(default_factory=list)

    def fail(self, reason: str, many: int = 1) -> None:
        """Notes documents that could not be checked."""
        if many:
            self.unchecked[reason] += many

    @property
    def failed(self) -> int:
        """How many could not be checked."""
        return self.unchecked.total()

    def lines(self) -> Iterator[str]:
        """The flow's account."""
        if self.why_blind:
            yield f"{self.flow}: {self.blind:,} delivered can't be looked up: {self.why_blind}"
        else:
            yield f"{self.flow}: {self.agreed:,} of {self.delivered:,} agree"
        for each in self.differences[:MOST_SHOWN]:
            party = f" of {each.party}" if each.party else ""
            amount = f" over {each.amount}" if each.amount else ""
            yield f"  {each.number}{party}{amount}: {each.said}"
        if len(self.differences) > MOST_SHOWN:
            yield f"  showing {MOST_SHOWN:,} of {len(self.differences):,}: `--format json` tells all"
        for reason, many in self.unchecked.most_common():
            yield f"  {many:,} could not be checked: {reason}"
        if self.overdue:
            yield f"  {self.overdue:,} older than 24 h and not settled: {', '.join(self.overdue_examples)}{self._more()}"

    def _more(self) -> str:
        return ", … (`mlconnector held list --all`)" if self.overdue > len(self.overdue_examples) else ""

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "flow": self.flow,
            "delivered": self.delivered,
            "agreed": self.agreed,
            "differences": [each.plain() for each in self.differences],
            "not_checked": dict(self.unchecked),
            "cannot_be_looked_up": self.blind,
            "why": self.why_blind,
            "overdue": self.overdue,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """All flows of one `sweep`."""

    integration: str
    days: int
    flows: Sequence[FlowSweep]
    calls: int

    @property
    def exit_code(self) -> int:
        """4 when something could not be checked, 3 when something differs or is overdue, else 0."""
        if any(flow.failed for flow in self.flows):
            return 4
        return 3 if any(flow.differences or flow.overdue for flow in self.flows) else 0

    @property
    def last_line(self) -> str:
        """The figure to publish."""
        agreed, delivered = (sum(getattr(flow, name) for flow in self.flows) for name in ("agreed", "delivered"))
        different, failed = sum(len(flow.differences) for flow in self.flows), sum(flow.failed for flow in self.flows)
        blind = sum(flow.blind for flow in self.flows)
        said = f"reconciled {agreed:,} of {delivered:,}, {different:,} difference{'' if different == 1 else 's'}"
        said += f", {failed:,} could not be checked" if failed else ""
        said += f", {blind:,} can't be looked up" if blind else ""
        return f"{said} ({self.calls:,} call{'' if self.calls == 1 else 's'})"

    def render(self, form: str) -> str:
        """`text` or `json`."""
        if form == "json":
            return as_json(self.plain())
        lines = [line for flow in self.flows for line in flow.lines()]
        if any(flow.differences for flow in self.flows):
            lines.append("Nothing was changed: look in the target, then correct it there or tell who keeps the books.")
        return "\n".join(map(one_line, [*lines, self.last_line]))

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "integration": self.integration,
            "days": self.days,
            "exit_code": self.exit_code,
            "flows": [flow.plain() for flow in self.flows],
            "calls": self.calls,
            "result": self.last_line,
        }
