"""What was sent for a document and what came back, opened for a person: from the sealed attempts, secrets masked before they were kept."""

from __future__ import annotations

import json
from typing import Any

from engine.redaction import one_line
from engine.run.show import in_a_line
from engine.run.workspace import Workspace
from engine.state import ledger_overview
from engine.state.codec import decode_record
from engine.state.facts import Attempt

UNKNOWN = "no answer known"


def ending(attempt: Attempt) -> str:
    """How an attempt ended, in a word or two."""
    status = f" (HTTP {attempt.status})" if attempt.status is not None else ""
    return (attempt.outcome or UNKNOWN) + status


def request_of(attempt: Attempt) -> Any:
    """What the step was to write, as data."""
    try:
        return decode_record(attempt.request)
    except ValueError:
        return attempt.request.decode("utf-8", "replace")


def answer_text(attempt: Attempt) -> str:
    """What came back, as text; the ledger keeps its first 4 KiB."""
    return attempt.response.decode("utf-8", "replace")


def attempt_facts(attempt: Attempt) -> dict[str, Any]:
    """One attempt for `--format json`."""
    return {
        "step": attempt.step,
        "try": attempt.number,
        "at": attempt.started_at,
        "ended": attempt.finished_at,
        "outcome": attempt.outcome,
        "status": attempt.status,
        "spec": attempt.spec_sha,
        "request": request_of(attempt),
        "answer": _data(answer_text(attempt)),
    }


def request_text(attempt: Attempt, payload: Any) -> str:
    """What a step was to write; the document as mapped is not told twice."""
    request = request_of(attempt)
    sent = "the document as mapped" if request == payload else in_a_line(request)
    return f"{attempt.step}, try {attempt.number}: {sent}"


def answer_told(attempt: Attempt) -> str:
    """How it ended and what came back."""
    shown = answer_text(attempt)
    return f"{attempt.step}: {ending(attempt)}{': ' if shown else ''}{shown}"


def like(workspace: Workspace, asked: str) -> str:
    """For a number nobody knows: those that hold it somewhere; empty when there are none."""
    found = ledger_overview.alike(workspace.desk, asked)
    return one_line(f"; did you mean {', '.join(found)}?") if found else ""


def _data(text: str) -> Any:
    """An answer as JSON where it is whole JSON, else as it is."""
    try:
        return json.loads(text, parse_float=str) if text[:1] in {"{", "["} else text
    except ValueError:
        return text
