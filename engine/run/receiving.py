"""A webhook delivery taken in: checked, stored once, answered. What it announces is fetched by the next run of the flows that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.connections.webhooks import LARGEST, NotGenuine, Unreadable, read_message
from engine.errors import SetupError, TransientError
from engine.run.session import Session
from engine.state.inbox import store_event


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What the sender is answered. `stored`: an event that was new. `challenge` is for whoever registers the endpoint."""

    status: int
    stored: bool = False
    type: str = ""
    challenge: str = ""


def receive(session: Session, alias: str, headers: Mapping[str, str], body: bytes) -> Taken:
    """Takes one delivery for the system of that alias, and does nothing else: answer at once, work later.

    200 once it is durable, now or by an earlier delivery; 401 for another signature; 413 and 400 for what can't be read however often
    it comes; 503 when it can't be stored, so that it is sent again. Raises SetupError for a system without webhooks.
    """
    system = session.integration.systems.get(alias)
    kind = system.kind.webhook if system is not None else None
    if kind is None:
        raise SetupError(f"`{alias}` takes no webhooks: its system file has no `webhook`")
    try:
        message = read_message(kind, session.settings[alias], headers, body)
    except NotGenuine:
        return Taken(status=401)
    except Unreadable:
        return Taken(status=413 if len(body) > LARGEST else 400)
    if not message.event:
        return Taken(status=200, type=message.type, challenge=message.challenge)
    try:
        stored = store_event(
            session.workspace.desk, _source(session, alias), message.event, message.type, message.about, message.sha256
        )
    except (TransientError, SetupError):
        return Taken(status=503)
    return Taken(status=200, stored=stored, type=message.type)


def _source(session: Session, alias: str) -> str:
    return f"{session.integration.name}/{alias}"
