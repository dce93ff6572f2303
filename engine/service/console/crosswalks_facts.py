"""Codes that documents have and crosswalks lack: how much waits for each, and the line that would mend it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from engine.desk.causes import cause_id
from engine.mapping.crosswalk import GAP_WORDS, Crosswalk, gap_in, load_crosswalk
from engine.run.model import Integration
from engine.service.console.links import document_address
from engine.service.parts import Parts
from engine.spec.document import Node, Problems, read_document
from engine.spec.tree import stays_beside
from engine.state import worklist
from engine.state.facts import Listed
from engine.state.worklist import Wanted

MOST = 5000
"""Documents that are looked at, the newest."""


@dataclass(slots=True)
class Missing:
    """A code without an entry. `line`: what to add to the file; `mended`: the file has it by now."""

    code: str
    cut: bool
    line: str
    mended: bool
    first: datetime
    example: str
    example_address: str
    documents: int = 0
    more: int = 0
    amount: Decimal = field(default_factory=Decimal)
    causes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A crosswalk of an integration: its file, what it holds, what it lacks."""

    integration: str
    name: str
    file: str
    columns: tuple[str, str]
    entries: int
    problem: str
    missing: tuple[Missing, ...]


def tables(parts: Parts) -> tuple[list[Table], bool]:
    """Every crosswalk of every integration, those that lack most first; and whether only a part of the documents was looked at."""
    desk = parts.workspace.desk
    found = worklist.listed(desk, Wanted(holding=GAP_WORDS), most=MOST + 1)
    told = [
        table
        for integration in parts.shelf.integrations.values()
        for table in _of(integration, [each.document for each in found[:MOST]])
    ]
    told.sort(key=lambda each: (-sum(code.documents for code in each.missing), each.integration, each.name))
    return told, len(found) > MOST


def _of(integration: Integration, stopped: Sequence[Listed]) -> Iterator[Table]:
    root = read_document(integration.path, Problems())
    declared = root.get("crosswalks") if root is not None else None
    mine = [each for each in stopped if each.flow.partition("/")[0] == integration.name]
    for name, node in declared.items() if declared is not None else ():
        file = _text(node, "file")
        problems = Problems()
        path = integration.path.parent / file
        loaded = load_crosswalk(name, path, node, problems) if file and stays_beside(file) else None
        key, value = _text(node, "key"), _text(node, "value")
        missing = _missing(name, mine, loaded, _line_for(path, key, value) if loaded is not None else {})
        yield Table(
            integration=integration.name,
            name=name,
            file=str(path),
            columns=(key, value),
            entries=len(loaded.pairs) if loaded is not None else 0,
            problem="; ".join(each.message for each in problems.found),
            missing=tuple(sorted(missing, key=lambda each: (-each.documents, each.code))),
        )


def _missing(
    name: str, stopped: Sequence[Listed], loaded: Crosswalk | None, header: Mapping[str, int]
) -> Sequence[Missing]:
    codes: dict[tuple[str, bool], Missing] = {}
    for document in stopped:
        gap = gap_in(document.reason)
        if gap is None or gap.crosswalk != name:
            continue
        one = codes.get((gap.code, gap.cut))
        if one is None:
            one = codes[gap.code, gap.cut] = Missing(
                code=gap.code,
                cut=gap.cut,
                line=_line(gap.code, header),
                mended=loaded is not None and gap.code in loaded.pairs,
                first=document.updated_at,
                example=document.number,
                example_address=document_address(document.key, document.version),
            )
        one.documents += 1
        one.more += bool(gap.more)
        one.amount += _amount(document.amount)
        one.first = min(one.first, document.updated_at)
        one.causes[cause_id(document)] = document.flow
    return list(codes.values())


def _line_for(path: Path, key: str, value: str) -> Mapping[str, int]:
    """How many columns a line of the file has, and which are the key's and the value's."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = [cell.strip() for cell in next(csv.reader(file, strict=True), [])]
    except (OSError, ValueError, csv.Error):
        return {}
    if key not in header or value not in header:
        return {}
    return {"columns": len(header), "key": header.index(key), "value": header.index(value)}


def _line(code: str, header: Mapping[str, int]) -> str:
    """The line to add, with `?` for what only a person knows."""
    if not header:
        return ""
    cells = [""] * header["columns"]
    cells[header["value"]] = "?"
    cells[header["key"]] = code
    made = io.StringIO()
    csv.writer(made, lineterminator="").writerow(cells)
    return made.getvalue()


def _text(node: Node, key: str) -> str:
    found = node.get(key)
    return str(found.value) if found is not None and found.kind == "text" else ""


def _amount(text: str | None) -> Decimal:
    try:
        number = Decimal(text or "0")
    except InvalidOperation:
        return Decimal()
    return number if number.is_finite() else Decimal()
