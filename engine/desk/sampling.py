"""`validate --data FILE`: a sample file against the flows that would read it: columns, values, crosswalk codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.contracts import BadRow, Record, Row
from engine.errors import ParcelError, Problem, RecordError
from engine.mapping.types import FieldType
from engine.run.model import Flow, Integration, ObjectKind
from engine.sources.pickup_read import compile_reader

MOST = 200
"""Problems told of one sample: past that a person has seen enough."""


def sample_problems(integration: Integration, data: Path) -> list[Problem]:
    """What a run would meet in this file, each once, at its row. Lookups are not made: no network is used."""
    flows = [flow for flow in integration.flows.values() if _reads(flow, data.name)]
    if not flows:
        message = f"no flow of `{integration.name}` reads a file of this name"
        return [_problem(data, "W406", "row 1", message)]
    objects = {
        f"{alias}.{name}": kind
        for alias, system in integration.systems.items()
        for name, kind in system.objects.items()
    }
    found: dict[tuple[str, str], Problem] = {}
    for flow in flows:
        for place, code, message in _walk(flow, data, objects):
            found.setdefault((place, message), _problem(data, code, place, message))
            if len(found) >= MOST:
                break
    return list(found.values())


def _reads(flow: Flow, name: str) -> bool:
    pickup = flow.source.kind.pickup
    return pickup is not None and pickup.takes(name)


def _walk(flow: Flow, data: Path, objects: Mapping[str, ObjectKind]) -> Iterator[tuple[str, str, str]]:
    """Place, code and message of everything wrong in the file as this flow reads it."""
    kind = flow.source.kind
    format_ = kind.format
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
                yield from ((row.place, code, message) for code, message in _record(flow, row, objects))
    except ParcelError as error:
        yield error.place or "row 1", "E215", str(error)
    for text in notes:
        yield "row 1", "W406", text


def _record(flow: Flow, row: Row, objects: Mapping[str, ObjectKind]) -> Iterator[tuple[str, str]]:
    if flow.kind.when is not None and not flow.kind.when(row.values):
        return
    scope: dict[str, Any] = {"run": {"started": datetime.now(UTC)}, "need": _Blank()}
    for check in flow.checks:
        try:
            check(row.values)
        except RecordError as error:
            yield "E215", str(error)
    found: dict[str, dict[tuple[Any, ...], Sequence[Record]]] = {}
    try:
        for name, key in flow.mapper.needed(row.values, scope):
            found.setdefault(name, {})[key] = [_plausible(objects[name].fields)]
    except RecordError as error:
        yield "E216", str(error)
        return
    for problem in flow.mapper.explain(row.values, scope, found):
        yield "E216", f"`{problem.field}`: {problem.message}"


_SAMPLES: dict[str, Any] = {
    "integer": 1,
    "decimal": Decimal(1),
    "boolean": True,
    "date": date(2026, 1, 1),
    "datetime": datetime(2026, 1, 1, tzinfo=UTC),
}


def _plausible(fields: Mapping[str, FieldType]) -> Record:
    """A record a lookup might find: only a run knows which, so every field holds something that fits."""
    return {name: _SAMPLES.get(type_.kind, "x") for name, type_ in fields.items()}


class _Blank(dict[str, Any]):
    """Settings of systems: only a run knows them, so each is a text that fits anywhere."""

    def __missing__(self, key: str) -> Any:
        return _Blank() if not self else "x"


def _problem(data: Path, code: str, place: str, message: str) -> Problem:
    number = re.search(r"[0-9]+", place)  # a place begins with its line or row
    severity = "warning" if code.startswith("W") else "error"
    return Problem(
        code=code,
        message=message,
        file=str(data),
        line=int(number[0]) if number is not None else 1,
        column=1,
        severity=severity,  # type: ignore[arg-type]
    )
