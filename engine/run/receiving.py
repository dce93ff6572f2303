"""A webhook delivery looked at: is it from there, and which event does it announce? The next run of its flows does the work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.connections.webhooks import LARGEST, NotGenuine, Unreadable, Webhook, read_message
from engine.run.model import Integration
from engine.run.settings import fill
from engine.state.inbox import Announced
from engine.state.vault import Vault

LONGEST = 500
"""Characters of an event's id, its type, and the id of what it is about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """Where one system's messages come in, with all that telling them from forgeries needs. `source` is their name in the inbox."""

    source: str
    kind: Webhook
    need: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What a delivery is. `status` other than 200: refused. `challenge` is for whoever registers the endpoint."""

    status: int = 200
    announced: Announced | None = None
    challenge: str = ""


def open_door(integration: Integration, alias: str, vault: Vault, environ: Mapping[str, str]) -> Door | None:
    """None for a system that takes no webhooks. Raises SetupError where a setting is missing; no other system's is asked for."""
    system = integration.systems.get(alias)
    if system is None or system.kind.webhook is None:
        return None
    settings = fill(replace(integration, systems={alias: system}), vault, environ)[alias]
    return Door(source=f"{integration.name}/{alias}", kind=system.kind.webhook, need=settings)


def hear(door: Door, headers: Mapping[str, str], body: bytes) -> Heard:
    """Reads one delivery and does nothing else: 401 for another signature, 413 and 400 for what can't be read however often it comes.

    What it announces must be durable before its sender is answered 200.
    """
    try:
        message = read_message(door.kind, door.need, headers, body)
    except NotGenuine:
        return Heard(status=401)
    except Unreadable:
        return Heard(status=413 if len(body) > LARGEST else 400)
    if max(map(len, (message.event, message.type, message.about))) > LONGEST:
        return Heard(status=400)
    if not message.event:
        return Heard(challenge=message.challenge)
    announced = Announced(
        source=door.source, id=message.event, type=message.type, hint=message.about, sha256=message.sha256
    )
    return Heard(announced=announced)
