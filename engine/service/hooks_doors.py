"""What telling genuine deliveries from forgeries needs, kept per system, and renewed when its spec or the vault changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.run.model import Flow, Integration
from engine.run.receiving import Door, open_door
from engine.service.parts import Parts

FRESH = 1.0
"""Seconds after which the spec and the vault are asked whether what is known still holds: a new secret is good, and an old one no more."""

_Secrets = tuple[tuple[str, object], ...]


@dataclass(slots=True)
class _Known:
    door: Door
    integration: Integration
    secrets: _Secrets
    looked_at: float


class Doors:
    """Where deliveries come in. `at` answers at once and from memory; where it can't, `open` reads what is needed."""

    def __init__(self, parts: Parts, now: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._now = now
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    def flow(self, integration: str, name: str) -> Flow | None:
        """The flow deliveries may start; None where there is none, or its source sends no messages."""
        flow = self._parts.shelf.flow(f"{integration}/{name}")
        return flow if flow is not None and flow.source.system.kind.webhook is not None else None

    def at(self, flow: Flow) -> Door | None:
        """None where it must be opened (again). One caller is sent to look whether it still holds; the others go by what is known."""
        known = self._known.get(_place(flow))
        if known is None:
            return None
        now = self._now()
        if now - known.looked_at < FRESH:
            return known.door
        known.looked_at = now
        return None

    def open(self, flow: Flow) -> Door | None:
        """Asks the vault; None where the integration is gone. Raises SetupError, TransientError."""
        integration = self._parts.shelf.integrations.get(flow.integration)
        if integration is None:
            return None
        with self._lock:
            vault = self._parts.workspace.vault
            secrets: _Secrets = tuple((each.name, each.updated_at) for each in vault.names())
            known = self._known.get(_place(flow))
            if known is not None and known.integration is integration and known.secrets == secrets:
                return known.door
            self._known.pop(_place(flow), None)
            door = open_door(integration, flow.source.system.alias, vault, self._parts.seams.environ)
            if door is not None:
                self._known[_place(flow)] = _Known(door, integration, secrets, self._now())
            return door


def _place(flow: Flow) -> str:
    return f"{flow.integration}/{flow.source.system.alias}"
