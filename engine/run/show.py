"""How documents look on a terminal and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.contracts import Document
from engine.redaction import one_line
from engine.state.facts import Listed


def plain(value: Any) -> Any:
    """Plain JSON data: exact decimals as text, dates as ISO 8601."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def as_json(value: Any) -> str:
    """Indented JSON."""
    return json.dumps(plain(value), indent=2, ensure_ascii=False)


def in_form(form: str, text: str, facts: Any) -> str:
    """What a command prints: the text, or with `json` the facts."""
    return as_json(facts) if form == "json" else text


def span(length: timedelta) -> str:
    """A length of time as a spec writes it: `90s`, `15m`, `24h`, `8d`."""
    seconds = length.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0 and (unit != "d" or seconds > size):
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def in_a_line(value: Any) -> str:
    """A text as it is; anything with parts, a number or nothing as JSON in one line."""
    value = plain(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def document_facts(document: Document | Listed) -> dict[str, Any]:
    """What a person needs to know of a document, without its payload."""
    return {
        "number": document.number,
        "party": document.party,
        "flow": document.flow,
        "state": document.state.value,
        "reason": document.reason,
        "amount": document.amount,
        "reference": document.reference,
        "from": document.place,
        "tries": document.tries,
        "version": document.version,
        "key": document.key,
    }


def table(rows: Sequence[Sequence[str]], *, most: int = 60) -> str:
    """Columns aligned with two blanks between; long cells cut with an ellipsis, the last column never."""
    cut = [
        [
            one_line(cell) if i == len(row) - 1 or len(cell) <= most else one_line(cell[: most - 1]) + "…"
            for i, cell in enumerate(row)
        ]
        for row in rows
    ]
    widths = [max(len(row[i]) for row in cut) for i in range(len(cut[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in cut
    )
