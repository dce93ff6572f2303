"""One document's, file's or run's story, told from the trail."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from engine.contracts import Document
from engine.errors import UsageError
from engine.redaction import one_line
from engine.run.show import as_json, document_facts
from engine.run.workspace import Workspace
from engine.state.trail import Entry, Head


def tell(
    workspace: Workspace,
    *,
    form: str,
    invoice: str | None = None,
    file: str | None = None,
    run_id: str | None = None,
    since: str | None = None,
    head: str | None = None,
) -> str:
    """The story as text or JSON. Raises UsageError when nothing is known under that name, or for a `head`."""
    if head is not None:
        raise UsageError("--head goes with `mlconnector audit verify`")
    moment = parse_moment(since) if since else None
    if invoice is not None:
        documents = workspace.ledger.find_documents(identifier=invoice, limit=50)
        if not documents:
            raise UsageError(f"Nothing in the ledger has the number `{invoice}`")
        stories = [(document, _of(workspace, document, moment)) for document in documents]
        if form == "json":
            return as_json(
                [{"document": document_facts(d), "trail": [_facts(e) for e in lines]} for d, lines in stories]
            )
        return "\n\n".join("\n".join(map(one_line, [_title(d), *map(_line, lines)])) for d, lines in stories)
    entries = workspace.trail.entries(file=file, run=run_id, since=moment)
    if run_id is not None and not entries and moment is None:
        raise UsageError(f"There was no run `{run_id}`: `mlconnector audit --since DAY --format json` shows the runs")
    if file is not None and not entries:
        raise UsageError(f"No file of the name `{file}` was ever read")
    if form == "json":
        return as_json([_facts(entry) for entry in entries])
    return "\n".join(one_line(_line(entry, whose=True)) for entry in entries) or "Nothing in the trail."


def _of(workspace: Workspace, document: Document, since: datetime | None) -> list[Entry]:
    """The document's own lines and those of the parcel it came in, in order."""
    own = workspace.trail.entries(key=document.key, since=since)
    parcel = workspace.trail.entries(parcel=document.parcel_id, since=since) if document.parcel_id else []
    lines = {
        entry.n: entry
        for entry in (*own, *(entry for entry in parcel if not entry.key and entry.flow == document.flow))
    }
    return [lines[n] for n in sorted(lines)]


def verify(workspace: Workspace, noted: str | None = None) -> tuple[str, int]:
    """What checking the whole trail found, and the exit code: 0 when it is whole.

    `noted` is a head some run printed (`319:3ae00d4d95dcbb78`): with it a trail cut short is found out too. Raises UsageError.
    """
    found = workspace.trail.verify(parse_head(noted) if noted else None)
    if not found.breaks:
        return f"The trail is whole: {found.lines} lines, head {shown_head(found.head)}", 0
    return "\n".join(["The trail was changed:", *(f"  {broken}" for broken in found.breaks)]), 3


def shown_head(head: Head) -> str:
    """A head as a run prints it, to be noted somewhere else."""
    return f"{head.n}:{head.hash[:16]}"


def parse_head(text: str) -> Head:
    """A head that was noted. Raises UsageError."""
    number, _, digest = text.partition(":")
    if not number.isdigit() or not digest:
        raise UsageError(f"`{text}` is no head of a trail: write it as a run printed it, like 319:3ae00d4d95dcbb78")
    return Head(int(number), digest)


def parse_moment(text: str) -> datetime:
    """A date (its start, UTC) or an ISO time; one without a zone is UTC. Raises UsageError."""
    try:
        if len(text) == len("2026-11-21"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{text}` is no time: write 2026-11-21 or 2026-11-21T06:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _title(document: Document) -> str:
    amount = f" over {document.amount}" if document.amount else ""
    reference = f" as {document.reference}" if document.reference else ""
    party = f" of {document.party}" if document.party else ""
    return f"{document.number}{party}{amount}: {document.state.value}{reference}" + (
        f" ({document.reason})" if document.reason else ""
    )


def _line(entry: Entry, *, whose: bool = False) -> str:
    """One line of the trail; with `whose` it names its document, where a story is about several."""
    document = f", document {entry.key}" if whose and entry.key else ""
    return f"  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.event:<18} {_said(entry.event, entry.detail)}{document}".rstrip()


def _said(event: str, detail: Any) -> str:
    facts = detail if isinstance(detail, dict) else {}
    if event == "call":
        answered = facts.get("status") or "no answer"
        return (
            f"{facts.get('system')} {facts.get('step')}: {facts.get('request')} -> {answered} ({facts.get('outcome')})"
        )
    return ", ".join(_pairs(facts))


def _pairs(facts: dict[str, Any]) -> Iterable[str]:
    for name, value in facts.items():
        if value not in (None, "", {}, []):
            yield f"{name} {value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)}"


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "n": entry.n,
        "at": entry.at,
        "actor": entry.actor,
        "event": entry.event,
        "key": entry.key,
        "parcel": entry.parcel,
        "flow": entry.flow,
        "run": entry.run,
        "detail": entry.detail,
    }
