"""Fixed-width records to documents: header and lines from the fields of their types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from engine.contracts import BadRow, Record
from engine.errors import ParcelError
from engine.formats.fixed_keys import MOST_LINES, FixedField, FixedKeys
from engine.formats.fixed_lines import Raw
from engine.formats.fixed_structure import check_structure, typed_records
from engine.formats.fixed_text import value_of
from engine.formats.nesting import Line, Nested
from engine.formats.reading import Wanted

Take = tuple[int, int, int, Callable[[str], str], str]
"""A place among the wanted values, begin and end in the text, how it is read, its name."""


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
    return place, field.slice[0] - 1, field.slice[1], reader(field), name


def reader(field: FixedField) -> Callable[[str], str]:
    """Reads the text between the field's positions. Raises ValueError."""
    if field.type == "text" and field.trim and field.const is None and field.padding == " ":
        return lambda raw: raw.strip(" ")
    return lambda raw: value_of(field, raw)


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
    of_file: list[Any] = [None] * what.width
    document: _Document | None = None
    for name, raw in typed_records(kind, stream):
        stand = stands[name]
        if stand in {"within", "closes"}:
            assert document is not None  # or the order would have been wrong
            document.add(name, raw)
        else:
            if document is not None:
                yield document.finished()
                document = None
            if stand == "opens":
                document = _Document(kind, what, each, (header, lines), raw, of_file)
                document.add(name, raw)
            elif stand == "first":
                _fill(of_file, what.header.get(name, ()), raw)
    if document is not None:
        yield document.finished()


def _fill(row: list[Any], takes: Sequence[Take], raw: Raw) -> tuple[str, str] | None:
    """Puts the values where they belong; the first thing that is wrong with them, and the field."""
    text, wrong = raw.text, None
    for place, first, last, read, name in takes:
        try:
            found = read(text[first:last])
        except ValueError as error:
            wrong = wrong or (f"`{name}` at {raw.place_of(first)}: {error}", name)
            continue
        if row[place] is not None:
            wrong = wrong or (
                f"`{name}` is there twice in one document, the second time at {raw.place_of(first)}",
                name,
            )
        row[place] = found
    return wrong


class _Document:
    """The document that stands open."""

    def __init__(
        self,
        kind: FixedKeys,
        what: Plan,
        each: str | None,
        wanted: tuple[Sequence[Wanted], Sequence[Wanted]],
        raw: Raw,
        of_file: Sequence[Any],
    ) -> None:
        self._kind, self._what, self._each, self._wanted = kind, what, each, wanted
        self._place = raw.place
        self._row = list(of_file)
        self._lines: list[Line] = []
        self._counts: dict[str, int] = {}
        self._wrong: tuple[str, str] | None = None

    def add(self, name: str, raw: Raw) -> None:
        self._counts[name] = self._counts.get(name, 0) + 1
        if name in self._what.consts:
            for take in self._what.consts[name]:
                self._wrong = self._wrong or _fill([None], (take,), raw)
        if name != self._each:
            takes = self._what.header.get(name)
            if takes:
                self._wrong = _fill(self._row, takes, raw) if self._wrong is None else self._wrong
            return
        row: list[Any] = [None] * self._what.line_width
        wrong = _fill(row, self._what.lines, raw)
        if wrong is not None:
            self._wrong = self._wrong or wrong
        self._lines.append((raw.place, row))
        if len(self._lines) > MOST_LINES:
            raise ParcelError(f"a document has more than {MOST_LINES} lines", place=raw.place)

    def finished(self) -> Nested | BadRow:
        wrong = self._wrong or self._too_many() or self._lacking()
        if wrong is None:
            return Nested(place=self._place, header=self._row, lines=tuple(self._lines))
        values = {column.names[0]: text for column, text in zip(self._wanted[0], self._row, strict=True)}
        return BadRow(place=self._place, values=values, error=wrong[0], field=wrong[1])

    def _too_many(self) -> tuple[str, str] | None:
        for name, record in self._kind.records.items():
            count = self._counts.get(name, 0)
            if count < record.least:
                return f"the document has {count} `{name}` records, and {record.least} are the least", name
            if record.most is not None and count > record.most:
                return f"the document has {count} `{name}` records, and {record.most} are the most", name
        return None

    def _lacking(self) -> tuple[str, str] | None:
        for place, column in enumerate(self._wanted[0]):
            if column.required and self._row[place] is None:
                return f"the document lacks `{column.names[0]}`: it has no such record", column.names[0]
        return None


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
            yield _record(name, raw, takes[name])


def _record(name: str, raw: Raw, takes: Sequence[Take]) -> tuple[int, Record] | BadRow:
    values: Record = {"record": name}
    wrong: tuple[str, str] | None = None
    for _, first, last, read, title in takes:
        text = raw.text[first:last]
        try:
            values[title] = read(text)
        except ValueError as error:
            values[title] = text
            wrong = wrong or (f"`{name}.{title}` at {raw.place_of(first)}: {error}", title)
    if wrong is not None:
        return BadRow(place=raw.place, values=values, error=wrong[0], field=wrong[1])
    return raw.line or raw.number, values
