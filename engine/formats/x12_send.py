"""The envelope we send in, with its values filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from engine.errors import SetupError
from engine.formats.x12_compose import Envelope
from engine.formats.x12_findings import Party
from engine.formats.x12_keys import Tree, X12Party, X12Send
from engine.formats.x12_read import Delimiters


def envelope_of(send: X12Send, settings: Mapping[str, Any], *, name: str) -> Envelope:
    """The envelope with its values filled in; `name` is the system's alias. Raises SetupError naming what is missing or can't be."""
    scope = {"need": settings}

    def text(tree: Tree | None, what: str, default: str | None = None) -> str:
        value = tree(scope) if tree is not None else None
        if value in {None, ""} and default is not None:
            return default
        if not isinstance(value, str) or not value:
            raise SetupError(f"the X12 {what} of `{name}` is missing: give it as text in the integration's `with:`")
        return value

    def party(found: X12Party, what: str) -> Party:
        return Party(
            qualifier=text(found.qualifier, f"qualifier of the {what}"), id=text(found.id, f"id of the {what}")
        )

    given: dict[str, Literal["P", "T"]] = {"P": "P", "T": "T"}
    usage = given.get(text(send.usage, "usage", "P"))
    if usage is None:
        raise SetupError(f"the X12 usage of `{name}` must be P (production) or T (test)")
    marks = send.delimiters
    return Envelope(
        sender=party(send.sender, "sender"),
        receiver=party(send.receiver, "receiver"),
        application_sender=text(send.sender.application, "application of the sender", ""),
        application_receiver=text(send.receiver.application, "application of the receiver", ""),
        version=send.version,
        usage=usage,
        ack_wanted=send.ack_wanted,
        newline=send.newline,
        delimiters=Delimiters(
            element=marks.element, segment=marks.segment, component=marks.component, repetition=marks.repetition
        ),
    )
