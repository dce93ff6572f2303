"""The clock of the house: puts the specs in force on the schedule, and lets what is due wait for whoever does it."""

from __future__ import annotations

import logging
from datetime import datetime

from engine.service.parts import Parts
from engine.service.schedule import due, first, plan_text
from engine.state.firings import Due, Firing, Planned

log = logging.getLogger(__name__)


class Scheduler:
    """Any number of them may tick on one database: each time of each flow is started once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._known: set[str] = set()

    def plan(self) -> None:
        """Flows as they are now take their place on the schedule; those that went lose it, and what waited of them."""
        shelf, firings = self._parts.shelf, self._parts.firings
        self._known |= set(shelf.integrations)
        now, planned, flows = self._parts.seams.clock(), firings.planned(), {flow.id: flow for flow in shelf.flows()}
        wanted = []
        for name, flow in flows.items():
            last_at = planned[name].last_at if name in planned else None
            schedule = flow.kind.schedule
            wanted.append((name, plan_text(schedule), first(schedule, now, last_at)))
        firings.plan_all(wanted)
        firings.forget(flows.keys(), of=self._known)
        for waiting in firings.queued():
            if waiting.flow not in flows and waiting.flow.partition("/")[0] in self._known:
                firings.give_up(waiting, "the flow is no longer in its spec")

    def tick(self) -> list[Firing]:
        """What is due now; returns what waits because of it."""
        queued = self._parts.firings.tick(self._due)
        for each in queued:
            log.info("%s is due%s", each.flow, f" ({each.reason})" if each.reason else "")
        return queued

    def _due(self, planned: Planned, now: datetime) -> Due | None:
        """None for what this process has another version of, or none: then whoever planned it knows."""
        flow = self._parts.shelf.flow(planned.flow)
        schedule = flow.kind.schedule if flow is not None else None
        if schedule is None or plan_text(schedule) != planned.plan:
            return None
        return due(schedule, planned, now)
