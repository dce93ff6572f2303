"""`validate --data FILE`: a sample file against the flows that would read it: columns, values, crosswalk codes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.contracts import BadRow, Record, Row
from engine.errors import ParcelError, Problem, RecordError
from engine.run.model import Flow, Integration
from engine.sources.pickup_read import compile_reader

MOST = 200
"""Problems told of one sample: past that a person has seen enough."""


def sample_problems(integration: Integration, data: Path) -> list[Problem]:
    """What a run would meet in this file, each once, at its row. Lookups are not made: no network is used."""
    flows = [flow for flow in integration.flows.values() if _reads(flow, data.name)]
    if not flows:
        message = f"no flow of `{integration.name}` reads a file of this name"
        return [_problem(data, "W406", "row 1", message)]
    found: dict[tuple[str, str], Problem] = {}
    for flow in flows:
        for place, code, message in _walk(flow, data):
            found.setdefault((place, message), _problem(data, code, place, message))
            if len(found) >= MOST:
                break
    return list(found.values())


def _reads(flow: Flow, name: str) -> bool:
    pickup = flow.source.kind.pickup
    return pickup is not None and pickup.takes(name)


def _walk(flow: Flow, data: Path) -> Iterator[tuple[str, str, str]]:
    """Place, code and message of everything wrong in the file as this flow reads it."""
    kind = flow.source.kind
    format_ = kind.csv or kind.json
    if format_ is None:
        return
    notes: list[str] = []

    def note(event: str, detail: dict[str, Any]) -> None:
        notes.append(str(detail.get("text", event)))

    try:
        for row in compile_reader(format_, kind.document, note=note)(data):
            if isinstance(row, BadRow):
                yield row.place, "E215", f"`{row.field}`: {row.error}" if row.field else row.error
            else:
                yield from ((row.place, code, message) for code, message in _record(flow, row))
    except ParcelError as error:
        yield error.place or "row 1", "E215", str(error)
    for text in notes:
        yield "row 1", "W406", text


def _record(flow: Flow, row: Row) -> Iterator[tuple[str, str]]:
    if flow.kind.when is not None and not flow.kind.when(row.values):
        return
    scope = {"run": {"started": datetime.now(UTC)}, "need": _Anything()}
    for check in flow.checks:
        try:
            check(row.values)
        except RecordError as error:
            yield "E215", str(error)
    try:
        found = {name: {key: [_Anything()]} for name, key in flow.mapper.needed(row.values, scope)}
    except RecordError as error:
        yield "E216", str(error)
        return
    for problem in flow.mapper.explain(row.values, scope, found):
        yield "E216", f"`{problem.field}`: {problem.message}"


class _Anything(dict[str, Any]):
    """Stands for what only a run knows: every name in it is empty."""

    def __missing__(self, key: str) -> Record | None:
        return None


def _problem(data: Path, code: str, place: str, message: str) -> Problem:
    digits = "".join(c for c in place.split("-", maxsplit=1)[0] if c.isdigit())
    severity = "warning" if code.startswith("W") else "error"
    return Problem(
        code=code,
        message=message,
        file=str(data),
        line=int(digits or 1),
        column=1,
        severity=severity,  # type: ignore[arg-type]
    )
