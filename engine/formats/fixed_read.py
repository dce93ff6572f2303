"""Fixed-width records to documents: header and lines from the fields of their types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from engine.contracts import BadRow, Record
from engine.errors import ParcelError
from engine.formats.fixed_keys import MOST_LINES, FixedField, FixedKeys
from engine.formats.fixed_lines import Raw, place_of
from engine.formats.fixed_structure import check_structure, typed_records
from engine.formats.fixed_text import reader_of
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
    return place, cut_of(field), None if blanks_only else reader_of(field), name


All = Callable[[str, Sequence[Any]], list[Any]]
"""A record's text and the values known before to all the values of a row."""


def _at_once(takes: Sequence[Take], width: int, known: frozenset[int]) -> All | None:
    """All of them in one expression, the others of the row as known before; None where two ask for one place."""
    places = [take[0] for take in takes]
    if len(set(places)) < len(places) or not known.isdisjoint(places):
        return None
    names: dict[str, Any] = {}
    cells = [f"k[{place}]" if known else "None" for place in range(width)]
    for place, cut, read, _ in takes:
        text = f"t[{cut.start}:{cut.stop}]"
        cells[place] = f'{text}.strip(" ")' if read is None else f"read{place}({text})"
        names[f"read{place}"] = read
    exec(f"def take(t, k):\n    return [{', '.join(cells)}]", names)  # noqa: S102  # built of positions
    made: All = names["take"]
    return made


def _taken(take: All | None, text: str, known: Sequence[Any]) -> list[Any] | None:
    """None where a value is wrong: it is then looked for one by one."""
    if take is None:
        return None
    try:
        return take(text, known)
    except ValueError:
        return None


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
    line_of, lines_so_far = document.line_of, document.lines
    for name, raw in typed_records(kind, stream):
        if name == each and line_of is not None and len(lines_so_far) < MOST_LINES:
            # most records of most files
            text, line, number, byte = raw
            try:
                row = line_of(text, ())
            except ValueError:
                document.add(name, raw)
                continue
            place = f"line {line}, record {number}, byte {byte}" if line else f"record {number}, byte {byte}"
            lines_so_far.append((place, row))
            continue
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
        self.lines: list[Line] = []
        """Those so far; one that is wrong is there too."""
        self._counts: dict[str, int] = {}
        self._wrong: tuple[str, str] | None = None
        self.line_of = None if each in what.consts else _at_once(what.lines, what.line_width, frozenset())
        """All values of a line in one go, where nothing else is to be done with it. Raises ValueError where one is wrong."""
        kept = frozenset(take[0] for name in kind.standing("first") for take in what.header.get(name, ()))
        self._open_of = {name: _at_once(what.header.get(name, ()), what.width, kept) for name in kind.standing("opens")}

    def keep(self, name: str, raw: Raw) -> None:
        """What the first record of the file says belongs to each document."""
        self._fill(self._of_file, self._what.header.get(name, ()), raw)

    def open(self, name: str, raw: Raw) -> None:
        """A record that begins a document."""
        self.place = place_of(self._kind, raw)
        row = _taken(self._open_of[name], raw[0], self._of_file)
        if row is None:
            row = self._of_file.copy()
            self._fill(row, self._what.header.get(name, ()), raw)
        self._row = row
        if name in self._what.consts:
            self._check_consts(name, raw)

    def add(self, name: str, raw: Raw) -> None:
        """A record within the document, or its last one."""
        if self._limits and name != self._each:
            self._counts[name] = self._counts.get(name, 0) + 1
        if name == self._each:
            row: list[Any] = [None] * self._what.line_width
            self._fill(row, self._what.lines, raw)
            self.lines.append((place_of(self._kind, raw), row))
            if len(self.lines) > MOST_LINES:
                raise ParcelError(f"a document has more than {MOST_LINES} lines", place=place_of(self._kind, raw))
        else:
            self._fill(self._row, self._what.header.get(name, ()), raw)
        if name in self._what.consts:
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
        place, lines, wrong = self.place, tuple(self.lines), self._wrong
        self.place, self._wrong = "", None
        self.lines.clear()
        self._counts.clear()
        if wrong is None:
            return Nested(place=place, header=self._row, lines=lines)
        values = {column.names[0]: text for column, text in zip(self._header, self._row, strict=True)}
        return BadRow(place=place, values=values, error=wrong[0], field=wrong[1])

    def _check_counts(self) -> None:
        for name, record in self._limits:
            count = self._counts.get(name, 0) if name != self._each else len(self.lines)
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
