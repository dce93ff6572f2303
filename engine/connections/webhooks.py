"""Messages a system sends us: is it really from there, and what is it about? Nothing of a message is used but that."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.connections.exchange import Expression, Tree
from engine.connections.wire import Broken, decode_json
from engine.errors import RecordError
from engine.redaction import exposed

LARGEST = 256 * 1024
"""Bytes of a message; a webhook that is a hint needs far less."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """How a system's messages are signed (HMAC-SHA256 over the raw body, lower-case hex) and read.

    Two `secrets` are good at once while one takes the other's place; one that is not supplied counts for nothing. `about` is the id of
    the record a message is about; `challenge` what a new endpoint is asked to send back.
    """

    header: Tree
    secrets: tuple[Tree, ...]
    event: Expression
    type: Expression
    about: Expression
    prefix: str = ""
    challenge: Expression | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One genuine message. `event` is empty for what announces nothing, such as a challenge."""

    event: str
    type: str
    about: str
    challenge: str
    sha256: str


class NotGenuine(Exception):
    """The signature is missing or made with another key: whoever sent it, nothing of it is looked at."""


class Unreadable(Exception):
    """Genuine, and no message: sending it again would bring the same."""


def read_message(kind: Webhook, need: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> Message:
    """The message in a delivery. `headers` by any case. Raises NotGenuine, Unreadable; SetupError where a setting is missing."""
    if len(body) > LARGEST:
        raise Unreadable(f"it has more than {LARGEST // 1024} KiB")
    if not is_genuine(kind, need, headers, body):
        raise NotGenuine
    try:
        found = decode_json(body)
        if not isinstance(found, dict):
            raise Unreadable("it is no JSON object")
        return Message(
            event=_text(kind.event(found)),
            type=_text(kind.type(found)),
            about=_text(kind.about(found)),
            challenge=_text(kind.challenge(found)) if kind.challenge is not None else "",
            sha256=hashlib.sha256(body).hexdigest(),
        )
    except (Broken, RecordError) as error:
        raise Unreadable(str(error)) from error


def is_genuine(kind: Webhook, need: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> bool:
    """Whether one of the secrets signed exactly these bytes; takes as long whichever it is, and where it differs."""
    name = str(kind.header({"need": need})).lower()
    given = next((value for key, value in headers.items() if key.lower() == name), "")
    signature = given.strip().removeprefix(kind.prefix).encode()
    secrets = [exposed(tree({"need": need})) for tree in kind.secrets]
    good = [
        hmac.compare_digest(hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode(), signature)
        for secret in secrets
        if secret
    ]
    return any(good)


def _text(value: Any) -> str:
    """An id as text; anything but text and whole numbers names nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)
