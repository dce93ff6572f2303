"""What every condition looks with, and how it says what it finds."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.run.model import Flow, Integration
from engine.run.telling import OnError
from engine.run.workspace import Workspace
from engine.state.alerts import Finding
from engine.state.ledger_desk import Desk


@dataclass(frozen=True, kw_only=True, slots=True)
class Eye:
    """One look at one integration."""

    workspace: Workspace
    integration: Integration
    now: datetime

    @property
    def desk(self) -> Desk:
        """Where the ledger is asked."""
        return self.workspace.desk

    def find(self, flow: Flow, kind: str, *, since: datetime, **said: Any) -> Finding:
        """Something wrong with a flow, for whoever its `on_error` names."""
        name = flow.kind.on_error.alert if flow.kind.on_error is not None else ""
        return Finding(
            integration=self.integration.name, flow=flow.id, kind=kind, name=name, since=min(since, self.now), **said
        )

    @property
    def spec(self) -> str:
        """The integration's file, as a command line names it."""
        return shlex.quote(str(self.integration.path))


Condition = Callable[[Eye, Flow], Iterator[Finding]]


def limits_of(flow: Flow) -> OnError:
    """From when on something counts as wrong; the same for flows nobody is told of, which show in the console."""
    return flow.kind.on_error or OnError(alert="")


def command(*words: str) -> str:
    """A command line of ours."""
    return f"mlconnector {' '.join(map(shlex.quote, words))}"


def day_and_time(moment: datetime) -> str:
    """`Sat 21 Nov 08:15 UTC`, or in the zone it stands in."""
    return f"{moment:%a %d %b %H:%M} {moment.tzname()}"
