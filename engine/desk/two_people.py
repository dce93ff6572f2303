"""Sending what may be in the target already, where the target can't be asked: two people decide, not one."""

from __future__ import annotations

from typing import Literal

from engine.contracts import Document
from engine.run.workspace import Workspace
from engine.state.approvals import Answer, Asking, decline, send

NEEDS_TWO = (
    "its target can't be asked what it holds, so sending it takes two people: "
    "`mlconnector held release KEY --send --reason TEXT`, and the same again by another person"
)


def send_by_two(
    workspace: Workspace, document: Document, reason: str, *, only: Literal["ask", "confirm"] | None = None
) -> str:
    """What happened, in a sentence: it waits for the second person, or it goes on. Raises UsageError."""
    return answer_told(document, send(workspace.desk, document, reason, only=only))


def answer_told(document: Document, answer: Answer) -> str:
    """For people."""
    number, by = document.number, answer.asking.by
    if answer.kind == "already":
        since = f"{answer.asking.asked_at:%Y-%m-%d %H:%M} UTC"
        return f"{number} is not sent yet: you asked for it on {since}, and another person must confirm."
    if answer.document is None:
        return (
            f"{number} is not sent yet: its target can't be asked what it holds, so another person must confirm "
            "(in the console, or with the same command)."
        )
    until = answer.document.not_before
    when = f", not before {until:%Y-%m-%d %H:%M:%S} UTC, for its last request may land until then" if until else ""
    return f"{number} goes on at the next run{when}, as {by} asked."


def decline_sending(workspace: Workspace, document: Document, reason: str) -> str:
    """It stays as it is. Raises UsageError when nobody asks any more."""
    asking = decline(workspace.desk, document, reason)
    return f"{document.number} is not sent, as {asking.by} had asked; it stays {document.state.value}."


def asked_line(asking: Asking) -> str:
    """Who asked for it, for people."""
    return f"{asking.by} asks to send it ({asking.reason}), since {asking.asked_at:%Y-%m-%d %H:%M} UTC: another person must confirm"
