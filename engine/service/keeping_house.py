"""Once a day, at a quiet hour: payloads whose time is over go, and so does what was needed for a time only."""

from __future__ import annotations

import logging
from dataclasses import replace

from engine.desk.purging import purge_payloads
from engine.errors import AlreadyRunning, MlconnectorError
from engine.run.model import Integration
from engine.run.workspace import Workspace
from engine.service.parts import Parts
from engine.state.trail import Trail
from engine.state.trimming import claim_day, day_of, give_back_day, trim

log = logging.getLogger(__name__)

QUIET = range(3, 5)
"""Hours (UTC) at which it is done; whoever was off then does it when he is back."""
ACTOR = "retention"
_TRIM = "house: trimmed"


class HouseKeeping:
    """The memory of one tenant kept within its bounds. `tick` is called every minute, by every process that serves."""

    def __init__(self, parts: Parts, *, quiet: range = QUIET) -> None:
        self._parts = parts
        self._quiet = quiet

    def tick(self) -> list[str]:
        """What was done, as sentences; mostly nothing. What can't be done now is tried again at a later tick."""
        said: list[str] = []
        for integration in self._parts.shelf.integrations.values():
            if integration.retention is not None:
                said += self._once_a_day(f"house: purged {integration.name}", integration)
        said += self._once_a_day(_TRIM, None)
        for line in said:
            log.info("%s", line)
        return said

    def _once_a_day(self, task: str, integration: Integration | None) -> list[str]:
        """One task, unless it was done today or its hour has not come; by one process, whatever their number."""
        now = self._parts.seams.clock()
        today = now.toordinal()
        desk = self._parts.workspace.desk
        last = day_of(desk, task, today - 1)
        missed = today - last > 1
        if last >= today or not (missed or now.hour in self._quiet):
            return []
        if not claim_day(desk, task, today):
            return []
        try:
            return [self._purge(integration)] if integration is not None else self._trim()
        except AlreadyRunning:
            give_back_day(desk, task, today, last)
            return []
        except MlconnectorError as error:
            give_back_day(desk, task, today, last)
            log.warning("%s: %s", task, error)
            return []

    def _purge(self, integration: Integration) -> str:
        workspace = _in_its_own_name(self._parts.workspace)
        text, _ = purge_payloads(integration, workspace, older_than=None, dry_run=False, form="text")
        return text.partition("\n")[0]

    def _trim(self) -> list[str]:
        workspace = _in_its_own_name(self._parts.workspace)
        gone = trim(workspace.desk, emptied=self._emptied())
        if not gone:
            return []
        workspace.trail.note("trimmed", detail=dict(gone))
        workspace.trail.flush()
        return ["taken out: " + ", ".join(f"{many:,} of {name}" for name, many in gone.items())]

    def _emptied(self) -> list[str]:
        """Flows whose spec moves every file away, the good and the bad."""
        return [
            flow.id
            for flow in self._parts.shelf.flows()
            if (pickup := flow.source.kind.pickup) is not None
            and pickup.after is not None
            and pickup.after.done is not None
            and pickup.after.bad is not None
        ]


def _in_its_own_name(workspace: Workspace) -> Workspace:
    """The same memory; its lines in the trail say that nobody asked for it in person."""
    desk = workspace.desk
    trail = Trail(
        workspace.database,
        workspace.tenant,
        vault=workspace.vault,
        redactor=workspace.redactor,
        clock=desk.clock,
        actor=ACTOR,
    )
    return replace(workspace, trail=trail, desk=replace(desk, trail=trail, actor=ACTOR), actor=ACTOR)
