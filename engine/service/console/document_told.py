"""Everything a person needs to judge one document, gathered for its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.contracts import Document, State
from engine.run.journey import answer_text, ending, request_of
from engine.run.show import as_json, in_a_line, plain
from engine.run.story import said_of
from engine.run.workspace import Workspace
from engine.service.console.links import document_address
from engine.service.parts import Parts
from engine.state import worklist_find
from engine.state.approvals import Asking, asking_of, needs_two
from engine.state.facts import Attempt, Listed
from engine.state.firings import Firing
from engine.state.trail import Entry

MOST_LINES = 300
MOST_ITEMS = 200
"""Lines of a document that its tables show."""
OPEN = frozenset({"queued", "running"})
UNDER_WAY = frozenset({State.READY, State.PROBING, State.SENDING})


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A list inside a record, as a table."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A record as tables: its own fields, then its lists."""

    fields: tuple[tuple[str, str], ...]
    lists: tuple[Items, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the story."""

    at: datetime
    event: str
    actor: str
    said: str
    spec: str = ""
    request: str = ""
    answer: str = ""
    ended: str = ""


def sheet(record: Mapping[str, Any] | None) -> Sheet | None:
    """A record for people: every value as text with its exact digits."""
    if record is None:
        return None
    own, lists = [], []
    for name, value in record.items():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            lists.append(_items(str(name), value))
        else:
            own.append((str(name), cell(value)))
    return Sheet(fields=tuple(own), lists=tuple(lists))


def _items(name: str, found: Sequence[Mapping[str, Any]]) -> Items:
    columns = tuple(dict.fromkeys(str(column) for item in found[:MOST_ITEMS] for column in item))
    rows = tuple(tuple(cell(item.get(column)) for column in columns) for item in found[:MOST_ITEMS])
    return Items(name=name, columns=columns, rows=rows, more=max(0, len(found) - MOST_ITEMS))


def cell(value: Any) -> str:
    """A value of a record as its table shows it."""
    return "" if value is None else in_a_line(value)


def now_of(parts: Parts, document: Document) -> dict[str, Any]:
    """What changes while somebody looks: its state, who asks for what, and whether its flow is at work."""
    desk = parts.workspace.desk
    started = _going(parts, document)
    flow = parts.shelf.flow(document.flow)
    return {
        "document": document,
        "address": document_address(document.key, document.version),
        "seen": seen_of(document),
        "flow": flow,
        "asking": asking_of(desk, document),
        "two": needs_two(desk, document),
        "firing": started,
        "going": next((going for going in parts.live.now() if going.flow == document.flow), None),
        "polling": started is not None and started.state in OPEN,
    }


def seen_of(document: Document) -> str:
    """What of it a person has seen when they decide: another one means that it changed since."""
    since = document.updated_at.isoformat() if document.updated_at is not None else ""
    return f"{document.state.value} {document.epoch} {since}"


def _going(parts: Parts, document: Document) -> Firing | None:
    """The start of its flow that a person asked for since it last changed, or that is at work now."""
    newest = next(iter(parts.firings.listed(document.flow, limit=1)), None)
    if newest is None:
        return None
    if newest.state in OPEN and (document.state in UNDER_WAY or newest.cause == "person"):
        return newest
    ended, changed = newest.ended_at, document.updated_at
    recent = ended is not None and changed is not None and ended >= changed and newest.cause == "person"
    return newest if recent else None


def asked_by(asking: Asking | None, name: str) -> bool:
    """Whether it was this person who asked."""
    return asking is not None and asking.by.strip().casefold() == name.strip().casefold()


def around(parts: Parts, document: Document) -> dict[str, Any]:
    """Where it came from, its other versions, and what waits for it."""
    desk = parts.workspace.desk
    integration = parts.shelf.integrations.get(document.flow.partition("/")[0])
    name = document.flow.rpartition("/")[2]
    behind = [
        flow.id
        for flow in (integration.flows.values() if integration is not None else ())
        if flow.kind.after is not None and flow.kind.after.flow == name
    ]
    origin = worklist_find.origin(desk, document.flow, document.parcel_id) if document.parcel_id else None
    return {
        "origin": origin,
        "versions": _linked(
            each for each in worklist_find.versions(desk, document.key) if each.version != document.version
        ),
        "waiting": _linked(worklist_find.waiting_for(desk, behind, name, document.number)),
    }


def _linked(found: Iterator[Listed] | Sequence[Listed]) -> list[tuple[str, Listed]]:
    return [(document_address(each.key, each.version), each) for each in found]


def story(workspace: Workspace, document: Document) -> tuple[list[Line], bool]:
    """What happened to it, the first thing first, each call with its request and answer; and whether earlier lines are left out."""
    attempts = workspace.ledger.attempts(document.key, document.version)
    made = {(each.step, each.number): each for each in attempts}
    entries = workspace.trail.entries(key=document.key, limit=MOST_LINES + 1)
    shown = [_line(entry, _attempt(entry, made, document), document) for entry in entries[-MOST_LINES:]]
    return shown, len(entries) > MOST_LINES


def _attempt(entry: Entry, made: Mapping[tuple[str, int], Attempt], document: Document) -> Attempt | None:
    """What was sent, at the line that says so."""
    ours = entry.event == State.SENDING.value and entry.detail.get("version") == document.version
    tried = entry.detail.get("try")
    return made.get((str(entry.detail.get("step")), tried if isinstance(tried, int) else 0)) if ours else None


def _line(entry: Entry, sent: Attempt | None, document: Document) -> Line:
    told = Line(at=entry.at, event=entry.event, actor=entry.actor, said=said_of(entry))
    if sent is None:
        return told
    request = request_of(sent)
    same = plain(request) == plain(document.payload)
    purged = document.purged_at is not None
    return Line(
        at=entry.at, event=entry.event, actor=entry.actor, said=told.said, spec=sent.spec_sha,
        request="" if purged else "the document as mapped" if same else as_json(request),
        answer=answer_text(sent), ended=ending(sent),
    )  # fmt: skip
