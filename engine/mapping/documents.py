"""Flat rows to documents: typed where they enter, grouped with their lines, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from engine.contracts import BadRow, Record, Row
from engine.errors import RecordError
from engine.mapping.documents_keys import content_hash, document_key, loose_number, normalise_number
from engine.mapping.documents_order import Item, Key, Open, bring_together, key_of, scan
from engine.mapping.documents_values import Column, Field, compile_key, compile_row

__all__ = ["Column", "DocumentShape", "Documents", "content_hash", "document_key", "loose_number", "normalise_number"]

LINES = "lines"
MOST_LINES = 100_000
IN_MEMORY = 20_000
"""Rows of a file small enough to be decoded once and held."""

_UNREAD = (RecordError, AttributeError, TypeError)


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentShape:
    """The keys of `document:`. `key` names the header fields that tell documents apart; without `lines` every row is a document."""

    key: tuple[str, ...]
    header: dict[str, Column]
    lines: dict[str, Column] = field(default_factory=dict)


class Documents:
    """A shape compiled. `wanted` are the columns to pick, in this order: (names, must be in the file)."""

    def __init__(self, shape: DocumentShape) -> None:
        """Raises ValueError that says what does not hold together."""
        _check(shape)
        names = [*shape.key, *(name for name in shape.header if name not in shape.key)]
        self._header = [Field(name, shape.header[name], place) for place, name in enumerate(names)]
        start = len(names)
        self._lines = [Field(name, column, start + n) for n, (name, column) in enumerate(shape.lines.items())]
        self._size = len(shape.key)
        for key_field in self._header[: self._size]:
            key_field.required = True
        self._make_header = compile_row(self._header)
        self._make_line = compile_row(self._lines)
        self._make_key = compile_key(self._size)
        self._may_be_empty = not any(each.required for each in self._lines)
        self.wanted = tuple((each.names, each.must_be_there) for each in (*self._header, *self._lines))

    def group(self, open_rows: Open, *, spool: Path | None = None) -> Iterator[Row | BadRow]:
        """Documents in the order they begin, in bounded memory. `open_rows` starts the rows anew each time it is called.

        With lines the rows of a large file are read twice: the first pass finds broken structure, rows of one document that stand apart
        (then they are sorted, in `spool`) and documents a bad row may belong to, before anything is handed over. Raises ParcelError.
        """
        width = len(self.wanted)
        if not self._lines:
            yield from self._singles(open_rows(width))
            return
        start = list(islice(open_rows(width), IN_MEMORY + 1))
        if len(start) <= IN_MEMORY:
            open_rows = _held(start)
        del start
        seen = scan(open_rows(self._size), self._size, self._make_key, self._key_of_bad)
        rows = open_rows(width) if seen.together else bring_together(open_rows, width, self._size, spool)
        yield from self._grouped(rows, seen.spoiled)

    def _singles(self, rows: Iterable[Item]) -> Iterator[Row | BadRow]:
        make = self._make_header
        for item in rows:
            if isinstance(item, BadRow):
                yield self._misfit(item)
                continue
            line, values = item
            try:
                record = make(values)
            except _UNREAD:
                open_ = _Open((), line, values)
                open_.begin(self._header, values)
                if open_.error:
                    yield self._finished(open_)
                    continue
                record = open_.header
            yield Row(place=f"row {line}", values=record)

    def _grouped(self, rows: Iterable[Item], spoiled: dict[Key, str]) -> Iterator[Row | BadRow]:
        """The hot loop: what stands in it costs a million times; everything unusual is in `_Open`."""
        width, make_header, make_line, make_key = len(self._header), self._make_header, self._make_line, self._make_key
        open_ = _Open((), 0, ())
        head: Sequence[Any] = ()
        lines = open_.lines
        for item in rows:
            if item.__class__ is BadRow:
                assert isinstance(item, BadRow)
                if self._key_of_bad(item) not in spoiled:
                    yield self._misfit(item)
                continue
            line, values = item  # type: ignore[misc]  # not a BadRow
            if values[:width] != head:
                try:
                    key = make_key(values)
                except AttributeError:
                    key = key_of(values, self._size)
                if not all(key):
                    yield self._keyless(line, values)
                    continue
                if key == open_.key:
                    self._compare_header(open_, line, values)
                else:
                    if open_.first:
                        yield self._finished(open_)
                    head = values[:width]
                    open_ = _Open(key, line, head)
                    lines = open_.lines
                    try:
                        open_.header = make_header(values)
                    except _UNREAD:
                        open_.begin(self._header, values)
                    if key in spoiled:
                        open_.fail(spoiled[key])
            open_.last = line
            if open_.error:
                continue
            try:
                lines.append(make_line(values))
            except _UNREAD:
                self._explain_line(open_, line, values)
            if len(lines) > MOST_LINES:
                open_.fail(f"the document has more than {MOST_LINES} lines")
        if open_.first:
            yield self._finished(open_)

    def _explain_line(self, open_: _Open, line: int, values: Sequence[Any]) -> None:
        found = open_.explain(self._lines, line, values)
        if found is not None:
            open_.lines.append(found)

    def _compare_header(self, open_: _Open, line: int, values: Sequence[Any]) -> None:
        """The same key with another header text: fine where only the form differs (10.30 and 10.3), else the document is bad."""
        record = None if open_.error else open_.explain(self._header, line, values)
        if record is None:
            return
        for each in self._header:
            if open_.header[each.name] != record[each.name]:
                before, now = open_.head[each.place], values[each.place]
                where = f"`{before}` in row {open_.first}, `{now}` in row {line}"
                open_.fail(f"`{each.name}` differs between rows of this document: {where}", each.name)
                return

    def _finished(self, open_: _Open) -> Row | BadRow:
        place = f"row {open_.first}" if open_.first == open_.last else f"rows {open_.first}-{open_.last}"
        if not open_.error:
            lines = open_.lines
            if self._may_be_empty:
                lines = [each for each in lines if any(value is not None for value in each.values())]
            open_.header[LINES] = lines
            return Row(place=place, values=open_.header)
        return BadRow(place=place, values=self._readable(open_.head), error=open_.error, field=open_.field)

    def _keyless(self, line: int, values: Sequence[Any]) -> BadRow:
        empty = next(n for n, part in enumerate(key_of(values, self._size)) if not part)
        name = self._header[empty].name
        error = f"`{name}` is empty, so nobody can tell which document the row belongs to"
        return BadRow(place=f"row {line}", values=self._readable(values), error=error, field=name)

    def _misfit(self, bad: BadRow) -> BadRow:
        """A row the format could not fit into its columns, under the names of fields as far as they go."""
        cells = [bad.values.get(each.title) for each in self._header]
        return replace(bad, values=self._readable(cells))

    def _readable(self, values: Sequence[Any]) -> Record:
        """The header for people and for its key: typed where that works, else as it stood. Lines are left out, as some are missing."""
        record: Record = {}
        for each in self._header:
            value = values[each.place]
            try:
                record[each.name] = each.read(value)
            except RecordError:
                record[each.name] = value
        return record

    def _key_of_bad(self, bad: BadRow) -> Key:
        """The key as far as a broken row shows it; nothing when a part is missing."""
        parts = tuple(str(bad.values.get(each.title) or "").strip() for each in self._header[: self._size])
        return parts if all(parts) else ()


class _Open:
    """A document being put together: its raw header, and what went wrong first."""

    __slots__ = ("error", "field", "first", "head", "header", "key", "last", "lines")

    def __init__(self, key: Key, line: int, head: Sequence[Any]) -> None:
        self.key = key
        self.first = self.last = line
        self.head = head
        self.header: Record = {}
        self.lines: list[Record] = []
        self.error = ""
        self.field = ""

    def fail(self, error: str, field_: str = "") -> None:
        """The first reason counts; lines read so far are let go."""
        if not self.error:
            self.error, self.field = error, field_
        self.lines.clear()

    def begin(self, fields: Sequence[Field], values: Sequence[Any]) -> None:
        """Reads the header once more, with explanations."""
        self.header = self.explain(fields, self.first, values) or {}

    def explain(self, fields: Sequence[Field], line: int, values: Sequence[Any]) -> Record | None:
        """The record read field by field, or None after noting all that is wrong with it."""
        record: Record = {}
        wrong: list[RecordError] = []
        for each in fields:
            try:
                record[each.name] = each.read(values[each.place])
            except RecordError as error:
                wrong.append(error)
        if not wrong:
            return record
        self.fail(f"row {line}: " + "; ".join(str(error).partition(": ")[2] for error in wrong), wrong[0].field)
        return None


def _held(items: list[Item]) -> Open:
    return lambda count: [item if isinstance(item, BadRow) else (item[0], item[1][:count]) for item in items]


def _check(shape: DocumentShape) -> None:
    if not shape.key:
        raise ValueError("`document` needs a `key`: the header fields that tell documents apart")
    for name in shape.key:
        if name not in shape.header:
            raise ValueError(f"`key` names `{name}`, which is not in `header`")
    if LINES in shape.header:
        raise ValueError(f"a header field can't be called `{LINES}`: that is where the lines go")
