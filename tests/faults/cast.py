"""The engine's parts that a schedule plays with. A seeded defect puts a broken one in the place of one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.connections.http import Http
from engine.run.deliver import Delivery
from engine.run.dropping import Dropping
from engine.run.prepare import Preparer
from engine.run.writing import Writing
from engine.sources.listing import ListSource
from engine.state.boot import Boot
from engine.state.group_commit import GroupCommit
from engine.state.ledger import Ledger
from engine.state.locks import flow_lock
from engine.targets.steps import StepTarget

from .inbox import Reader
from .shop import Counter
from .stage import START, Stage


def machine(stage: Stage) -> Callable[[], Boot]:
    """The machine's own clock, which nobody sets."""
    return lambda: Boot("host", "boot", (stage.now - START).total_seconds())


class OneByOne(Writing):
    """The real loop without its threads: what chance decides must be drawn in one order, or a seed would be no proof."""

    def _drain(self, run_id, stopping, key):
        for document in self._claimed(run_id, stopping, key):
            self._one(document, stopping)


@dataclass(frozen=True, kw_only=True)
class Cast:
    """As the product has them, but for `target`, `source` and `boot`, which stand for the world, and no threads in `writing`."""

    ledger: Callable[..., Ledger] = Ledger
    commits: Callable[..., GroupCommit] = GroupCommit
    delivery: Callable[..., Delivery] = Delivery
    writing: Callable[..., Writing] = OneByOne
    dropping: Callable[..., Dropping] = Dropping
    preparer: Callable[..., Preparer] = Preparer
    source: Callable[..., Any] = Reader
    target: Callable[..., Any] = Counter
    boot: Callable[[Stage], Any] = machine
    recovery_settles: bool = True
    http: Callable[..., Http] = Http
    lock: Callable[..., Any] = flow_lock
    steps: Callable[..., StepTarget] = StepTarget
    listing: Callable[..., ListSource] = ListSource


WHOLE = Cast()
"""Nothing is broken."""
