"""What one run of a flow works with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from engine.contracts import Source
from engine.run.model import Flow
from engine.run.prepare import Preparer
from engine.run.reception import Reception
from engine.run.seams import Progress, Seams
from engine.state.ledger import Ledger
from engine.state.trail import Trail

Deliver = Callable[[str, Callable[[], bool], str | None], Counter[str]]
"""Delivers what is due: the run's id, when to stop, and the one key wanted; returns where documents went."""

Exchange = Callable[[str, Callable[[], bool]], None]
"""Sends and takes in acknowledgements: the run's id, and when to stop. Raises TransientError, SetupError."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """Everything one run of a flow works with; opened by `run/session.py`. The source adds `notes` for people as it goes.

    `trouble` is what they must look at.
    `begin` is told the run's id before anything is read. `exchange` is what we and a partner tell one another about files.
    `restored`: this is the flow's first run since an older state came back from a backup.
    """

    flow: Flow
    ledger: Ledger
    trail: Trail
    source: Source
    preparer: Preparer
    deliver: Deliver
    settle: timedelta
    seams: Seams
    progress: Progress
    stopping: Callable[[], bool] = field(default=lambda: False)
    notes: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    begin: Callable[[str], None] = field(default=lambda _run: None)
    reception: Reception | None = None
    exchange: Exchange = field(default=lambda _run, _stopping: None)
    restored: bool = False
