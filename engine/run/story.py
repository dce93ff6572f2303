"""One document's, file's or run's story, told from the trail."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from engine.contracts import Document, State
from engine.errors import UsageError
from engine.redaction import one_line
from engine.run.journey import answer_told, attempt_facts, like, request_text
from engine.run.show import as_json, document_facts, in_a_line, in_form
from engine.run.workspace import Workspace
from engine.state import ledger_overview
from engine.state.facts import Attempt
from engine.state.trail import Entry, Head

MOST_DOCUMENTS = 50
"""Documents of one number a text tells."""
MOST_LINES = 1000
"""Lines of the trail a text tells, the last ones."""
ALL = sys.maxsize
ENDINGS = frozenset(state.value for state in State)
"""Events that end an attempt: whatever the document became, another attempt included."""


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
    """The story as text or JSON. Raises UsageError when nothing is known under that name, or for words that don't go together."""
    if head is not None:
        raise UsageError("--head goes with `mlconnector audit verify`")
    if sum(given is not None for given in (invoice, file, run_id)) > 1:
        raise UsageError("Choose one of --invoice, --file and --run")
    moment = parse_moment(since) if since is not None else None
    if invoice is not None:
        return _documents(workspace, invoice, moment, form)
    if run_id is not None and not ledger_overview.has_run(workspace.desk, run_id):
        raise UsageError(f"There was no run `{run_id}`: `mlconnector audit --since DAY --format json` shows the runs")
    if file is not None and not workspace.trail.entries(file=file, limit=1):
        raise UsageError(f"No file of the name `{file}` was ever read")
    if form == "json":
        return as_json([_facts(e) for e in workspace.trail.entries(file=file, run=run_id, since=moment, limit=ALL)])
    entries = workspace.trail.entries(file=file, run=run_id, since=moment, limit=MOST_LINES + 1)
    told = [one_line(_line(entry, whose=True)) for entry in entries[-MOST_LINES:]]
    if len(entries) > MOST_LINES:
        told.append(f"showing the last {MOST_LINES:,} lines: `--format json` tells all")
    return "\n".join(told) or "Nothing in the trail."


def _documents(workspace: Workspace, number: str, since: datetime | None, form: str) -> str:
    """The story of every document that goes by that number or name, in whatever flow."""
    found = workspace.ledger.find_documents(identifier=number, limit=ALL if form == "json" else MOST_DOCUMENTS)
    if not found:
        raise UsageError(f"Nothing in the ledger has the number `{number}`{like(workspace, number)}")
    if form == "json":
        return as_json([_document_facts(workspace, document, since) for document in found])
    told = ["\n".join(map(one_line, [_title(each), *_timeline(workspace, each, since)])) for each in found]
    many = ledger_overview.named(workspace.desk, number)
    if many > len(found):
        told.append(f"showing {len(found):,} of {many:,} documents: `--format json` tells all")
    return "\n\n".join(told)


def _document_facts(workspace: Workspace, document: Document, since: datetime | None) -> dict[str, Any]:
    attempts = workspace.ledger.attempts(document.key, document.version)
    return {
        "document": document_facts(document) | {"spec": document.spec_sha, "identifiers": dict(document.identifiers)},
        "purged_at": document.purged_at,
        "as read": document.source,
        "as mapped": document.payload,
        "attempts": [attempt_facts(attempt) for attempt in attempts],
        "trail": [_facts(entry) for entry in _of(workspace, document, since)],
    }


def _timeline(workspace: Workspace, document: Document, since: datetime | None) -> Iterator[str]:
    """The trail's lines, and between them what the ledger keeps sealed: the record, the document, requests and answers."""
    made = {(each.step, each.number): each for each in workspace.ledger.attempts(document.key, document.version)}
    sent: Attempt | None = None
    for entry in _of(workspace, document, since):
        ours = entry.detail.get("version") == document.version
        if ours and sent is not None and entry.event in ENDINGS:
            yield _answer(sent)
            sent = None
        yield _line(entry)
        if ours and entry.event == "received":
            if document.purged_at is not None:
                yield _told(entry.at, "as read", f"its payload was purged on {document.purged_at:%Y-%m-%d}")
                continue
            yield _told(entry.at, "as read", in_a_line(document.source))
            mapped = in_a_line(document.payload) if document.payload is not None else "not mapped"
            yield _told(entry.at, "as mapped", f"{mapped} [spec {document.spec_sha[:8]}]")
        if ours and entry.event == State.SENDING and document.purged_at is None:
            sent = made.get((str(entry.detail.get("step")), int(entry.detail.get("try") or 0)))
            if sent is not None:
                yield _told(entry.at, "request", request_text(sent, document.payload))
    if sent is not None:
        yield _answer(sent)


def _answer(attempt: Attempt) -> str:
    return _told(attempt.finished_at or attempt.started_at, "answer", answer_told(attempt))


def _of(workspace: Workspace, document: Document, since: datetime | None) -> list[Entry]:
    """The document's own lines and those of the parcel it came in, in order."""
    own = workspace.trail.entries(key=document.key, since=since, limit=ALL)
    parcel = workspace.trail.entries(parcel=document.parcel_id, since=since, limit=ALL) if document.parcel_id else []
    lines = {
        entry.n: entry
        for entry in (*own, *(entry for entry in parcel if not entry.key and entry.flow == document.flow))
    }
    return [lines[n] for n in sorted(lines)]


def refuse_questions(options: Mapping[str, Any]) -> None:
    """Raises UsageError for what `audit verify` would not look at: it is always about the whole trail."""
    given = [name for name in ("invoice", "file", "run_id", "since") if options.get(name) is not None]
    if given:
        name = given[0].removesuffix("_id")
        raise UsageError(f"`audit verify` checks the whole trail; --{name} goes with `mlconnector audit` alone")


def verify(workspace: Workspace, noted: str | None = None, *, form: str = "text") -> tuple[str, int]:
    """What checking the whole trail found, and the exit code: 0 when it is whole.

    `noted` is a head some run printed (`319:3ae00d4d95dcbb78`): with it a trail cut short is found out too. Raises UsageError.
    """
    found = workspace.trail.verify(parse_head(noted) if noted is not None else None)
    code = 3 if found.breaks else 0
    head = shown_head(found.head)
    text = f"The trail is whole: {found.lines} lines, head {head}"
    if found.breaks:
        text = "\n".join(["The trail was changed:", *(f"  {broken.problem}" for broken in found.breaks)])
    breaks = [{"n": broken.n, "problem": broken.problem} for broken in found.breaks]
    return in_form(form, text, {"whole": not breaks, "lines": found.lines, "head": head, "breaks": breaks}), code


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
    reason = f" ({document.reason})" if document.reason else ""
    return f"{document.number}{party}{amount}: {document.state.value}{reference}{reason}, flow {document.flow}"


def _line(entry: Entry, *, whose: bool = False) -> str:
    """One line of the trail; with `whose` it names its document, where a story is about several."""
    document = f", document {entry.key}" if whose and entry.key else ""
    return _told(entry.at, entry.event, f"{said_of(entry)}{document}")


def _told(at: datetime, event: str, said: str) -> str:
    return f"  {at:%Y-%m-%d %H:%M:%S}  {event:<18} {said}".rstrip()


def said_of(entry: Entry) -> str:
    """What a line of the trail tells besides its event, for people."""
    facts = dict(entry.detail) if isinstance(entry.detail, dict) else {}
    if entry.event == "call":
        answered = facts.get("status") or "no answer"
        return (
            f"{facts.get('system')} {facts.get('step')}: {facts.get('request')} -> {answered} ({facts.get('outcome')})"
        )
    if facts.get("by") == "person":
        facts["by"] = entry.actor
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
