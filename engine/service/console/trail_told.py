"""Lines of the trail as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.run.story import said_of
from engine.service.console.links import document_address
from engine.state.trail import Entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One line: when, what, who, in words, and the page of its document."""

    at: datetime
    event: str
    actor: str
    said: str
    number: str = ""
    address: str = ""


def told_line(entry: Entry) -> Told:
    """What a line of the trail says."""
    version = entry.detail.get("version")
    known = bool(entry.key) and isinstance(version, int)
    return Told(
        at=entry.at,
        event=entry.event.replace("_", " "),
        actor=entry.actor,
        said=_headline(entry) or said_of(entry),
        number=entry.key.rpartition("|")[2] if known else "",
        address=document_address(entry.key, version) if known and isinstance(version, int) else "",
    )


def _headline(entry: Entry) -> str:
    """A run's end holds its whole summary, which its page shows already."""
    return str(entry.detail.get("headline") or "") if entry.event == "run ended" else ""
