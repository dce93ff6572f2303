"""Fixed-width records to documents: header and lines from the fields of their types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from engine.contracts import BadRow, Record
from engine.errors import ParcelError
from engine.formats.fixed_keys import MOST_LINES, FixedField, FixedKeys
from engine.formats.fixed_lines import Raw, place_of
from engine.formats.fixed_structure import check_structure, typed_records
from engine.formats.fixed_text import value_of
from engine.formats.fixed_totals import cut_of
from engine.formats.nesting import Line, Nested
from engine.formats.reading import Wanted

Take = tuple[int, slice, Callable[[str], str] | None, str]
"""A place among the wanted values, where it stands in the text, how it is read (None: blanks taken away), its name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is taken from which record type."""

    header: dict[str, tuple[Take, ...]]
    consts: dict[str, tuple[Take, ...]]
    lines: tuple[Take, ...]
    width: int
    line_width: int


def plan(kind: FixedKeys, header: Sequence[Wanted], lines: Sequence[Wanted], each: str | None) -> Plan:
    """Raises ValueError for a name that is no field, or one that can't be known where it is wanted."""
    if each is None and lines:
        raise ValueError("columns of lines need `each`: the record type of the lines")
    if each is not None and each not in kind.standing("within"):
        raise ValueError(f"`each: {each}` must be a record type that stands within a document")
    taken: dict[str, list[Take]] = {}
    late = kind.standing("last")
    for place, column in enumerate(header):
        for name in column.names:
            owner, field = kind.split(name)
            if owner in late:
                raise ValueError(f"`{name}` stands in the file's last record: a document is handed over before that")
            if owner == each:
                raise ValueError(f"`{name}` is a field of the lines (`each: {each}`), not of the header")
            taken.setdefault(owner, []).append(_take(place, name, kind.records[owner].fields[field]))
    of_lines: list[Take] = []
    for place, column in enumerate(lines):
        for name in column.names:
            owner, field = kind.split(name)
            if owner != each:
                raise ValueError(f"`{name}` is no field of the lines (`each: {each}`)")
            of_lines.append(_take(place, name, kind.records[owner].fields[field]))
    consts = {
        owner: tuple(_take(0, f"{owner}.{name}", one) for name, one in record.fields.items() if one.const is not None)
        for owner, record in kind.records.items()
    }
    return Plan(
        consts={owner: takes for owner, takes in consts.items() if takes},
        header={owner: tuple(takes) for owner, takes in taken.items()},
        lines=tuple(of_lines),
        width=len(header),
        line_width=len(lines),
    )


def _take(place: int, name: str, field: FixedField) -> Take:
    blanks_only = field.type == "text" and field.trim and field.const is None and field.padding == " "
    return place, cut_of(field), None if blanks_only else partial(value_of, field), name


def nest(
    kind: FixedKeys,
    stream: BinaryIO,
    header: Sequence[Wanted],
    lines: Sequence[Wanted],
    each: str | None,
    findings: list[str],
) -> Iterator[Nested | BadRow]:
    """Every document, once the whole file's order and totals were found right. Raises ParcelError."""
    what = plan(kind, header, lines, each)
    check_structure(kind, stream, findings)
    stands = {name: kind.stand(name) for name in kind.records}
    document = _Document(kind, what, each, header)
    for name, raw in typed_records(kind, stream):
        stand = stands[name]
        if stand in {"within", "closes"}:
            document.add(name, raw)
            continue
        if document.place:
            yield document.finished()
        if stand == "opens":
            document.open(name, raw)
        elif stand == "first":
            document.keep(name, raw)
    if document.place:
        yield document.finished()


class _Document:
    """The document that stands open; `place` is empty where none is."""

    def __init__(self, kind: FixedKeys, what: Plan, each: str | None, header: Sequence[Wanted]) -> None:
        self.place = ""
        self._kind, self._what, self._each, self._header = kind, what, each, header
        self._limits = [(name, one) for name, one in kind.records.items() if one.least or one.most is not None]
        self._needed = [(place, column.names[0]) for place, column in enumerate(header) if column.required]
        self._of_file: list[Any] = [None] * what.width
        self._row: list[Any] = []
        self._lines: list[Line] = []
        self._counts: dict[str, int] = {}
        self._wrong: tuple[str, str] | None = None

    def keep(self, name: str, raw: Raw) -> None:
        """What the first record of the file says belongs to each document."""
        self._fill(self._of_file, self._what.header.get(name, ()), raw)

    def open(self, name: str, raw: Raw) -> None:
        """A record that begins a document."""
        self.place = place_of(self._kind, raw)
        self._row = self._of_file.copy()
        self._fill(self._row, self._what.header.get(name, ()), raw)
        self._check_consts(name, raw)

    def add(self, name: str, raw: Raw) -> None:
        """A record within the document, or its last one."""
        if self._limits:
            self._counts[name] = self._counts.get(name, 0) + 1
        if name == self._each:
            row: list[Any] = [None] * self._what.line_width
            self._fill(row, self._what.lines, raw)
            self._lines.append((place_of(self._kind, raw), row))
            if len(self._lines) > MOST_LINES:
                raise ParcelError(f"a document has more than {MOST_LINES} lines", place=place_of(self._kind, raw))
        else:
            self._fill(self._row, self._what.header.get(name, ()), raw)
        self._check_consts(name, raw)

    def _fill(self, row: list[Any], takes: Sequence[Take], raw: Raw) -> None:
        """Puts the values where they belong, up to the first that is wrong."""
        text = raw[0]
        for place, cut, read, name in takes:
            if row[place] is not None:
                where = place_of(self._kind, raw, cut.start)
                self._object(f"`{name}` is there twice in one document, the second time at {where}", name)
                return
            if read is None:
                row[place] = text[cut].strip(" ")
                continue
            try:
                row[place] = read(text[cut])
            except ValueError as error:
                self._object(f"`{name}` at {place_of(self._kind, raw, cut.start)}: {error}", name)
                return

    def _check_consts(self, name: str, raw: Raw) -> None:
        for take in self._what.consts.get(name, ()):
            self._fill([None], (take,), raw)

    def finished(self) -> Nested | BadRow:
        """The document whole, or what was wrong with it; none is open then."""
        if self._limits:
            self._check_counts()
        for at, name in self._needed:
            if self._row[at] is None:
                self._object(f"the document lacks `{name}`: it has no such record", name)
        place, lines, wrong = self.place, tuple(self._lines), self._wrong
        self.place, self._wrong = "", None
        self._lines.clear()
        self._counts.clear()
        if wrong is None:
            return Nested(place=place, header=self._row, lines=lines)
        values = {column.names[0]: text for column, text in zip(self._header, self._row, strict=True)}
        return BadRow(place=place, values=values, error=wrong[0], field=wrong[1])

    def _check_counts(self) -> None:
        for name, record in self._limits:
            count = self._counts.get(name, 0)
            if count < record.least:
                self._object(f"the document has {count} `{name}` records, and {record.least} are the least", name)
            elif record.most is not None and count > record.most:
                self._object(f"the document has {count} `{name}` records, and {record.most} are the most", name)

    def _object(self, error: str, field: str) -> None:
        self._wrong = self._wrong or (error, field)


def records(kind: FixedKeys, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
    """Line (or number) and fields of every record of the documents, its type under `record`. Raises ParcelError."""
    check_structure(kind, stream, [])
    takes = {
        name: tuple(_take(0, title, field) for title, field in one.fields.items())
        for name, one in kind.records.items()
        if kind.stand(name) not in {"first", "last"}
    }
    for name, raw in typed_records(kind, stream):
        if name in takes:
            yield _record(kind, name, raw, takes[name])


def _record(kind: FixedKeys, name: str, raw: Raw, takes: Sequence[Take]) -> tuple[int, Record] | BadRow:
    values: Record = {"record": name}
    wrong: tuple[str, str] | None = None
    for _, cut, read, title in takes:
        text = raw[0][cut]
        try:
            values[title] = text.strip(" ") if read is None else read(text)
        except ValueError as error:
            values[title] = text
            wrong = wrong or (f"`{name}.{title}` at {place_of(kind, raw, cut.start)}: {error}", title)
    if wrong is not None:
        return BadRow(place=place_of(kind, raw), values=values, error=wrong[0], field=wrong[1])
    return raw[1] or raw[2], values
