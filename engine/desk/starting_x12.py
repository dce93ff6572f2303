"""The draft for X12: the names of the packaged set description that the sample has values for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from engine.contracts import BadRow, Record
from engine.desk import sniffing_x12
from engine.desk.sniffed import Sniffed
from engine.desk.starting_draft import Draft
from engine.errors import UsageError
from engine.formats.x12 import X12
from engine.formats.x12_set import ENVELOPE, Loop, SegmentShape

_SETS = 100
"""Sets whose names are taken: they are held together for that."""
_ENVELOPE = ("sender", "receiver", "interchange", "group", "set")
_USUAL = frozenset({"004010", "005010"})


@dataclass(slots=True)
class _Names:
    """Paths with values, as they came; `types` are the description's segments, `twice` are those there more than once in a record."""

    types: Mapping[str, Any]
    found: dict[str, None] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)

    def take(self, record: Record, loop: Loop | None, segment: SegmentShape | None = None) -> None:
        seen: Counter[str] = Counter()
        self._below(record, loop, segment, "", seen)
        for path, count in seen.items():
            self.found[path] = None
            if count > 1:
                self.twice.add(path)

    @property
    def once(self) -> list[str]:
        return [path for path in self.found if path not in self.twice]

    def _below(
        self, record: Record, loop: Loop | None, segment: SegmentShape | None, before: str, seen: Counter[str]
    ) -> None:
        for name, value in record.items():
            part = loop.part(name) if loop is not None else None
            below, inside = (part.loop, part.segment) if part is not None else (None, None)
            if isinstance(value, dict):
                self._below(value, below, inside, f"{before}{name}.", seen)
            elif isinstance(value, str):
                seen[before + name] += 1
                if not _is_typed(self.types, segment, name):
                    self.texts.add(before + name)
            elif isinstance(value, list) and part is not None and part.by:
                for row in value:
                    code = str(row.get(part.by, ""))
                    if code.isalnum() and not code.isdigit():
                        rest = {key: item for key, item in row.items() if key != part.by}
                        self._below(rest, below, inside, f"{before}{name}.{code}.", seen)


def _is_typed(types: Mapping[str, Any], segment: SegmentShape | None, name: str) -> bool:
    """Whether the description says that it is a number or a date; all else is text, digits or not."""
    elements = types[segment.id]["elements"] if segment is not None else {}
    return str(elements.get(name, {}).get("type", "")).startswith(("N", "R", "DT"))


def draft_x12(sniffed: Sniffed) -> Draft:
    """Raises ParcelError for a broken file, UsageError where no packaged description knows its one set."""
    seen = sniffing_x12.Seen()
    with sniffed.path.open("rb") as stream:
        sniffing_x12.envelopes_of(stream, seen)
    kind = sniffing_x12.described(seen)
    if kind is None:
        names = ", ".join(list(seen.sets)[:5]) or "none"
        raise UsageError(
            f"`{sniffed.path}` has the sets {names}: a start is made for files of one set with a packaged description"
        )
    records = _records(kind, sniffed)
    each = _lines_of(records)
    top, types = kind.loaded().latest, kind.loaded().description["segments"]
    header, lines, notes = _Names(types), _Names(types), list[str]()
    for record in records:
        header.take({name: value for name, value in record.items() if name not in {ENVELOPE, each}}, top)
        part = top.part(each) if each is not None else None
        for row in record.get(each, ()) if each is not None else ():
            lines.take(row, *((part.loop, part.segment) if part is not None else (None, None)))
        left = [
            name
            for name, value in record.items()
            if isinstance(value, list) and name != each and not _told_apart(top, name)
        ]
        notes += [f"`{name}` repeats: left out, see the set's description" for name in left]
    if sum(seen.sets.values()) > _SETS:
        notes.append(f"the columns are those of the first {_SETS} sets")
    envelope = [f"{ENVELOPE}.{name}" for name in _ENVELOPE]
    usual = set(kind.versions) <= _USUAL
    return Draft(
        name="x12",
        keys={"set": kind.set_, **({} if usual else {"versions": list(kind.versions)})},
        format=kind,
        by="path",
        header=[*header.once, *envelope],
        lines=lines.once,
        each=each if lines.once else None,
        texts=frozenset({*header.texts, *envelope}),
        line_texts=frozenset(lines.texts),
        notes=list(dict.fromkeys(notes)),
    )


def _records(kind: X12, sniffed: Sniffed) -> list[Record]:
    with sniffed.path.open("rb") as stream:
        return [item[1] for item in islice(kind.records_of(stream), _SETS) if not isinstance(item, BadRow)]


def _lines_of(records: list[Record]) -> str | None:
    """Of the lists the one with most rows, and of those the one with most in them."""
    rows: Counter[str] = Counter()
    width: Counter[str] = Counter()
    for record in records:
        for name, value in record.items():
            if isinstance(value, list) and any(len(row) > 2 for row in value):
                rows[name] += len(value)
                width[name] = max(width[name], *map(len, value))
    return max(rows, key=lambda name: (rows[name], width[name]), default=None)


def _told_apart(top: Loop, name: str) -> bool:
    part = top.part(name)
    return part is not None and bool(part.by)
