"""One message to one address, with an end whatever happens, and an error that shows nothing of the address."""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.errors import TransientError
from engine.redaction import Redactor
from engine.service.alerts.addresses import Address
from engine.service.alerts.hushed import Heard, hush, listening

DEADLINE = 30.0
"""Seconds for one message; the library's own limits are per socket operation."""
_LONGEST = 300

Post = Callable[[Address, str, str, Redactor], None]
"""Sends subject and body. Raises TransientError."""


def post(address: Address, subject: str, body: str, redactor: Redactor, *, deadline: float = DEADLINE) -> None:
    """Raises TransientError with what the other side said. After the deadline it may still have arrived: alerts come rather twice."""
    hush()
    heard, done = Heard(), threading.Event()
    send = threading.Thread(target=_send, args=(address, subject, body, heard, done), name="alert", daemon=True)
    send.start()
    send.join(deadline)
    if done.is_set():
        return
    if send.is_alive():
        raise TransientError(f"`{address.kind}` gave no answer within {deadline:g} s")
    said = redactor.text(address.masked(heard.told()))[:_LONGEST]
    raise TransientError(f"`{address.kind}` did not take the message" + (f": {said}" if said else ""))


def _send(address: Address, subject: str, body: str, heard: Heard, done: threading.Event) -> None:
    try:
        with listening(heard):
            if address.plugin.notify(
                title=subject, body=body, notify_type="warning", body_format="text", overflow="truncate"
            ):
                done.set()
    except Exception as error:  # noqa: BLE001  # whatever a plugin stumbles over: the message is not sent
        heard.add(f"{type(error).__name__}: {error}")
