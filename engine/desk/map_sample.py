"""`map SPEC --flow F --input FILE`: a sample read and mapped as a run would, with no network and no workspace.

What only a system could tell stands as a mark in the document, unless a test file's `sandbox:` rows answer for it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from engine.contracts import BadRow, Document, Row, State
from engine.desk.map_unknowns import SampleLookups, marks_in, settings_here
from engine.errors import ParcelError, RecordError, UsageError
from engine.redaction import one_line
from engine.run.model import Flow, Integration, ObjectKind
from engine.run.prepare import Preparer
from engine.run.show import as_json, in_a_line
from engine.sources.columns import typed_record
from engine.sources.pickup_read import compile_reader
from engine.spec.problems import did_you_mean
from engine.trial.file import read_plain

BATCH = 500
WHERE = "sample"


@dataclass(slots=True)
class Mapped:
    """What came of a sample."""

    flow: str
    read: int = 0
    passed_over: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    documents: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """3 when a record came out as anything but ready."""
        return 3 if self.counts.total() > self.counts[State.READY.value] else 0

    def render(self, form: str) -> str:
        """`text` or `json`."""
        if form == "json":
            return as_json(
                {
                    "flow": self.flow,
                    "read": self.read,
                    "passed_over": self.passed_over,
                    "counts": dict(self.counts),
                    "unknown": self.unknown,
                    "findings": self.findings,
                    "documents": self.documents,
                    "exit_code": self.exit_code,
                }
            )
        return "\n".join(map(one_line, self._lines()))

    def _lines(self) -> Iterator[str]:
        counts = [f"{count} {_WORDS.get(state, state)}" for state, count in self.counts.items()]
        counts += [f"{self.passed_over} passed over by `when`"] if self.passed_over else []
        yield f"{self.flow}: {self.read} record{'' if self.read == 1 else 's'}: {', '.join(counts) or 'nothing in it'}"
        yield from (f"  noticed: {finding}" for finding in self.findings)
        for shown in self.documents:
            reason = f": {_WORDS.get(shown['state'], shown['state'])}: {shown['reason']}" if shown["reason"] else ""
            yield f"  {shown['number']} ({shown['from']}){reason}"
            yield from (f"      {name}: {in_a_line(value)}" for name, value in (shown["document"] or {}).items())
        if self.unknown:
            yield "Not known without the systems, and marked <…> where it would stand:"
            yield from (f"  {text}" for text in self.unknown)


_WORDS = {"ready": "mapped"}


def map_sample(
    integration: Integration,
    flow_name: str | None,
    sample: Path,
    *,
    answers: Path | None,
    environ: Mapping[str, str],
    limit: int,
) -> Mapped:
    """Maps up to `limit` records. Raises UsageError for an unknown flow, a sample that can't be read as its source."""
    flow = pick_flow(integration, flow_name)
    told = Mapped(flow=flow.name)
    objects = {
        f"{alias}.{name}": kind
        for alias, system in integration.systems.items()
        for name, kind in system.objects.items()
    }
    lookups = SampleLookups(flow.mapper.lookups, objects, _rows_of(answers, integration) if answers else {})
    scope = {"run": {"started": datetime.now(UTC)}, "need": settings_here(integration, environ)}
    preparer = Preparer(flow, lookups, scope, tenant=WHERE, books=())
    rows = islice(_rows(flow, sample, told), limit)
    try:
        while batch := list(islice(rows, BATCH)):
            for document in _mapped(preparer, batch, told):
                _show(told, document, lookups)
    except ParcelError as error:
        raise UsageError(f"`{sample}` can't be read as `{flow.source.address}`: {error}") from error
    settings = dict.fromkeys(mark for shown in told.documents for mark in marks_in(shown["document"]))
    told.unknown = [*lookups.unknown, *settings]
    return told


def pick_flow(integration: Integration, name: str | None) -> Flow:
    """The named flow, or the only one. Raises UsageError."""
    known = ", ".join(sorted(integration.flows))
    if name is None and len(integration.flows) == 1:
        return next(iter(integration.flows.values()))
    if name is None:
        raise UsageError(f"Say which flow with --flow: `{integration.name}` has {known}")
    if name not in integration.flows:
        meant = did_you_mean(name, integration.flows)
        raise UsageError(f"`{integration.name}` has no flow `{name}`; it has {known}" + (f": {meant}" if meant else ""))
    return integration.flows[name]


def _rows(flow: Flow, sample: Path, told: Mapped) -> Iterator[Row | BadRow]:
    kind = flow.source.kind
    format_ = kind.format
    if format_ is not None:

        def note(event: str, detail: dict[str, Any]) -> None:
            told.findings.append(str(detail.get("text", event)))

        yield from compile_reader(format_, kind.document, note=note)(sample)
    elif kind.list is not None:
        yield from _listed(kind, sample)
    else:
        raise UsageError(f"`{flow.source.address}` is read neither from files nor from a list")


def _listed(kind: ObjectKind, sample: Path) -> Iterator[Row | BadRow]:
    """Records of a list from a saved answer, or from a plain JSON list of them."""
    try:
        found = json.loads(sample.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"`{sample}` is no JSON ({error}): give a list of records, or an answer as saved") from error
    if isinstance(found, dict) and kind.list is not None:
        try:
            found = kind.list.records(found)
        except RecordError:
            found = None
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UsageError(f"`{sample}` holds no records: give a JSON list of objects, or an answer as saved")
    for number, record in enumerate(found, 1):
        place = f"item {number}"
        try:
            yield Row(place=place, values=typed_record(record, kind.fields))
        except RecordError as error:
            yield BadRow(place=place, values=record, error=str(error), field=error.field)


def _mapped(preparer: Preparer, batch: Iterable[Row | BadRow], told: Mapped) -> list[Document]:
    """The documents of a batch in the order of its rows."""
    found: list[Document] = []
    for row in batch:
        told.read += 1
        try:
            if isinstance(row, BadRow):
                found.append(preparer.unread(row, WHERE))
            elif not preparer.wanted(row):
                told.passed_over += 1
            else:
                found.append(preparer.draft(preparer.identify(row.values), row.values, WHERE, row.place))
        except RecordError as error:
            found.append(preparer.unread(BadRow(place=row.place, values=row.values, error=str(error)), WHERE))
    ready = [document for document in found if document.state is State.READY]
    finished = iter(preparer.finish(ready))
    return [next(finished) if document.state is State.READY else document for document in found]


def _show(told: Mapped, document: Document, lookups: SampleLookups) -> None:
    told.counts[document.state.value] += 1
    marked = replace(document, payload=lookups.marked(document.payload)) if document.payload else document
    told.documents.append(
        {
            "number": document.number,
            "from": document.place,
            "state": document.state.value,
            "reason": lookups.marked(document.reason),
            "document": marked.payload,
        }
    )


def _rows_of(answers: Path, integration: Integration) -> dict[str, list[dict[str, Any]]]:
    """`alias.object` to the rows a test file's `sandbox:` block holds. Raises SpecError, UsageError."""
    held = read_plain(answers).get("sandbox")
    if not isinstance(held, dict):
        raise UsageError(f"`{answers}` has no `sandbox:` block, whose rows could answer lookups")
    found: dict[str, list[dict[str, Any]]] = {}
    for alias, objects in held.items():
        if alias not in integration.systems:
            raise UsageError(f"`{answers}` fills `{alias}`; the integration has {', '.join(integration.systems)}")
        for name, rows in (objects or {}).items():
            if isinstance(rows, list):
                found[f"{alias}.{name}"] = [row for row in rows if isinstance(row, dict)]
    return found
