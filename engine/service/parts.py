"""What the rooms of the service share: one tenant's memory, the specs in force, what is due, what goes on now."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.run.seams import Seams
from engine.run.workspace import Workspace
from engine.service.live import Live
from engine.service.shelf import Shelf
from engine.service.traces import Traces, Untraced
from engine.state.firings import Firings


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Open as long as the process serves. `address`: where people reach the console, for links; empty without one."""

    workspace: Workspace
    seams: Seams
    shelf: Shelf
    firings: Firings
    live: Live
    address: str = ""
    traces: Traces = field(default_factory=Untraced)
