"""Seats at systems whose licence counts sessions: taken before a flow starts, kept until its connections are closed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from engine.contracts import Sleep
from engine.errors import SetupError
from engine.redaction import exposed
from engine.run.model import Flow, Integration, System
from engine.state.database import Database
from engine.state.locks import seat_lock

SEAT_WAIT = 60.0
"""Seconds `run` waits for a seat that somebody else has."""


class Seats:
    """Those of one command; given back when it ends, after its connections have logged out."""

    def __init__(self, database: Database, sleep: Sleep) -> None:
        self._database = database
        self._sleep = sleep
        self._held: set[str] = set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.clear()
        self._stack.close()

    def take(
        self, integration: Integration, flow: Flow, settings: Mapping[str, Mapping[str, Any]], *, wait: float
    ) -> None:
        """One at each system the flow goes to, in one order for all, so that no two wait for each other.

        Raises AlreadyRunning, naming who has the seats; nothing is held then that was not held before.
        """
        wanted = sorted(
            (name, most, system.alias)
            for system in systems_of(integration, flow)
            for name, most in _limit(system, settings[system.alias])
            if name not in self._held
        )
        with ExitStack() as taking:
            for name, most, alias in wanted:
                shown = f"`{alias}` allows {most} session{'s' if most > 1 else ''} at once, and each"
                taking.enter_context(seat_lock(self._database, name, most, shown=shown, wait=wait, sleep=self._sleep))
            self._held.update(name for name, _, _ in wanted)
            self._stack.push(taking.pop_all())


def systems_of(integration: Integration, flow: Flow) -> list[System]:
    """Every system the flow goes to: what it reads, what it writes, what its mapping looks up."""
    looked_up = {use.name.partition(".")[0] for use in flow.mapper.lookups}
    aliases = {flow.source.system.alias, flow.target.system.alias} | (looked_up & set(integration.systems))
    return [system for alias, system in integration.systems.items() if alias in aliases]


def _limit(system: System, settings: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The name runs share and how many may have it; nothing where the system has no limit."""
    http = system.kind.http
    if http is None or http.sessions is None:
        return []
    scope = {"need": settings}
    most = http.sessions.most(scope)
    if most is None:
        return []
    if not str(most).isdigit() or int(str(most)) < 1:
        raise SetupError(f"`sessions` of `{system.alias}`: `most` is `{most}`, and it takes a number from 1")
    whose = exposed((http.sessions.of or http.base)(scope))
    return [(f"{system.name} {whose}", int(str(most)))]
