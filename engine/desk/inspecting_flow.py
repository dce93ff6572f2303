"""`inspect FILE --spec SPEC --flow FLOW`: a file exactly as a flow reads it, with its documents and what they add up to."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.contracts import BadRow, Row
from engine.desk.inspecting_told import Told, show_record
from engine.desk.map_sample import pick_flow
from engine.errors import ParcelError, RecordError, UsageError
from engine.formats.csv import Csv
from engine.formats.fixed import Fixed
from engine.formats.layouts import Format
from engine.mapping.documents import LINES
from engine.run.model import Flow, Integration
from engine.sources.pickup_read import compile_reader


def inspect_as(integration: Integration, flow_name: str | None, path: Path, *, records: int) -> Told:
    """The file as the flow's own object reads it. Raises UsageError for an unknown flow, or one that reads no files."""
    flow = pick_flow(integration, flow_name)
    kind = flow.source.kind
    if kind.format is None or kind.pickup is None:
        raise UsageError(
            f"`{flow.source.address}` is read from an API, not from files: inspect a flow that reads files"
        )
    try:
        size = path.stat().st_size
        told = Told(file=str(path), size=size, title=f"read by `{flow.name}` as `{flow.source.address}`")
        if not path.is_file():
            raise UsageError(f"`{path}` is no file")
        _read(flow, path, told, records)
    except OSError as error:
        raise UsageError(f"`{path}` can't be read: {error.strerror or error}") from error
    return told


def _read(flow: Flow, path: Path, told: Told, most: int) -> None:
    kind = flow.source.kind
    if kind.pickup is not None and not kind.pickup.takes(path.name):
        told.notice(f"a run would not take a file of this name: `{flow.source.address}` asks for another one")
    assert kind.format is not None
    counts: Counter[str] = Counter()
    totals: dict[str, Decimal] = {}
    refused = False

    def note(event: str, detail: dict[str, Any]) -> None:
        told.notice(str(detail.get("text", event)))

    try:
        for row in compile_reader(kind.format, kind.document, note=note)(path):
            if isinstance(row, BadRow):
                counts["bad"] += 1
                told.wrong(f"{row.place}: {row.error}")
            else:
                _count(flow, row, counts, totals)
                lines = row.values.get(LINES)
                rest = {name: value for name, value in row.values.items() if name != LINES} if lines else row.values
                show_record(told, most, row.place, rest, lines)
    except ParcelError as error:
        refused = True
        told.wrong(f"a run would refuse the whole file: {error}")
    name = "documents" if kind.document is not None else "records"
    told.facts = {
        "format": next(key for key in ("csv", "json", "xml", "fixed", "x12") if getattr(kind, key, None) is not None),
        name: counts["read"],
        **({"lines": counts["lines"]} if kind.document is not None and kind.document.lines else {}),
        "bad": counts["bad"],
        **({"control totals": stated} if (stated := _stated(kind.format)) and not refused else {}),
        **({"passed over": counts["over"]} if flow.kind.when is not None else {}),
        **({"adds up to": {field: format(total, "f") for field, total in totals.items()}} if totals else {}),
    }


def _stated(format_: Format) -> str:
    """The totals the file states of itself, which were compared while it was read."""
    found: list[str] = []
    if isinstance(format_, Csv) and format_.footer is not None:
        found = [name for name in (format_.footer.count, format_.footer.sum) if name is not None]
    elif isinstance(format_, Fixed):
        found = [f"{name}.{total.field}" for name, record in format_.records.items() for total in record.totals]
    return f"{', '.join(found)}: as the file states them" if found else ""


def _count(flow: Flow, row: Row, counts: Counter[str], totals: dict[str, Decimal]) -> None:
    counts["read"] += 1
    lines = row.values.get(LINES)
    counts["lines"] += len(lines) if isinstance(lines, list) else 0
    _add("", row.values, totals)
    for line in lines if isinstance(lines, list) else ():
        _add("lines.", line, totals)
    if flow.kind.when is not None:
        try:
            counts["over"] += not flow.kind.when(row.values)
        except RecordError:
            counts["unsure"] += 1


def _add(before: str, values: dict[str, Any], totals: dict[str, Decimal]) -> None:
    for name, value in values.items():
        if value.__class__ is Decimal:
            totals[before + name] = totals.get(before + name, Decimal(0)) + value
