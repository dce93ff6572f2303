"""Rows that stand together become documents: the hot loop of every file, and all that can be wrong with a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from engine.contracts import BadRow, ReadAgain, Record, Row, Table
from engine.errors import RecordError
from engine.mapping.documents_order import (
    MOST_BAD,
    MOST_KEYS,
    NO_KEY,
    Key,
    Scan,
    key_of,
    spoil,
    too_many_bad,
)
from engine.mapping.documents_values import Field, Make, MakeAll, compile_key, compile_pick, compile_rows

LINES = "lines"
MOST_LINES = 100_000

_UNREAD = (RecordError, AttributeError, TypeError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A shape's fields, and the functions generated for rows whose values stand at certain places."""

    header: Sequence[Field]
    lines: Sequence[Field]
    size: int
    pick: Callable[[Any], tuple[Any, ...]]
    make_key: Callable[[Any], Key]
    head_of: Callable[[Any], tuple[Any, ...]]
    make_header: Make
    make_headers: MakeAll
    make_lines: MakeAll

    @classmethod
    def at(
        cls, header: Sequence[Field], lines: Sequence[Field], size: int, places: Sequence[int], *, texts: bool
    ) -> Layout:
        """`places` are those of the header's values, then those of the lines'; the first `size` are the key's."""
        make_header, make_headers = compile_rows(header, places, texts=texts)
        return cls(
            header=header,
            lines=lines,
            size=size,
            pick=compile_pick(places),
            make_key=compile_key(places[:size]),
            head_of=compile_pick(places[: len(header)]),
            make_header=make_header,
            make_headers=make_headers,
            make_lines=compile_rows(lines, places, texts=texts)[1],
        )


class Grouping:
    """One pass over a table. With a `scan`, an earlier pass has seen which documents are bad; without, this one finds out as it goes."""

    def __init__(self, layout: Layout, table: Table, scan: Scan | None = None) -> None:
        self._layout = layout
        self._table = table
        self._scan = scan
        self._spoiled: dict[Key, str] = {} if scan is None else scan.spoiled
        self._seen: set[int] = set()
        self._pending: list[tuple[BadRow, BadRow | None]] = []
        self._out: list[Row | BadRow] = []
        self._open = _Open((), 0, (), ())
        self._key_fields = layout.header[: layout.size]
        self._make_key, self._make_header = layout.make_key, layout.make_header
        self._may_be_empty = not any(each.required for each in layout.lines)

    def singles(self) -> Iterator[Row | BadRow]:
        """Every row as a document of its own."""
        make = self._layout.make_headers
        for block in self._table.blocks:
            if isinstance(block, BadRow):
                yield self._misfit(block)
                continue
            try:
                found = make(block[1])
            except _UNREAD:
                yield from map(self._single, *block)
            else:
                for line, record in zip(block[0], found, strict=True):
                    yield Row(place=f"row {line}", values=record)

    def documents(self) -> Iterator[Row | BadRow]:
        """Documents in the order they begin. Raises ParcelError, and in a first pass ReadAgain: then nothing of it counts.

        What stands in the inner loop costs a million times; everything unusual is elsewhere.
        """
        head_of, make_lines, out = self._layout.head_of, self._layout.make_lines, self._out
        open_, pending = self._open, self._pending
        for block in self._table.blocks:
            if block.__class__ is BadRow:
                self._meet(block)
                continue
            places, rows = block  # type: ignore[misc]  # no BadRow
            end = 0
            for head, same in groupby(rows, head_of):
                some = list(same)
                start, end = end, end + len(some)
                if head != open_.head or pending:
                    if not self._begin(head, places[start], some[0]):
                        self._keyless(places[start:end], some)
                        continue
                    open_ = self._open
                open_.last = places[end - 1]
                if open_.error:
                    continue
                try:
                    open_.lines += make_lines(some)
                except _UNREAD:
                    self._explain_lines(open_, places[start:end], some)
                if len(open_.lines) > MOST_LINES:
                    open_.fail(f"the document has more than {MOST_LINES} lines")
            yield from out
            out.clear()
        self._settle_pending(self._open.key)
        self._finish()
        yield from out

    def _begin(self, head: tuple[Any, ...], line: int, row: Sequence[Any]) -> bool:
        """Whether the row has a key. The document it belongs to is open then."""
        try:
            key = self._make_key(row)
        except AttributeError:
            key = key_of(head, self._layout.size)
        if "" in key:
            return False
        open_ = self._open
        if self._pending:
            self._settle_pending(key)
        if key == open_.key:
            if head != open_.head:
                self._compare_header(open_, line, row)
            return True
        self._finish()
        if self._scan is None:
            mark = hash(key)
            if mark in self._seen or len(self._seen) >= MOST_KEYS:
                raise ReadAgain
            self._seen.add(mark)
        self._open = open_ = _Open(key, line, head, row)
        try:
            open_.header = self._make_header(row)
        except _UNREAD:
            open_.header = open_.explain(self._layout.header, line, self._layout.pick(row)) or {}
        if self._spoiled and key in self._spoiled:
            open_.fail(self._spoiled[key])
        return True

    def _meet(self, bad: BadRow, keyless: BadRow | None = None) -> None:
        """A bad row; in a first pass it is judged when the row behind it is known. `keyless` is how one without key is reported."""
        if self._scan is None:
            self._pending.append((bad, keyless))
            if len(self._pending) + len(self._spoiled) > MOST_BAD:
                raise too_many_bad()
        elif keyless is not None or bad.place not in self._scan.placed:
            self._out.append(keyless or self._misfit(bad))

    def _settle_pending(self, behind: Key) -> None:
        """Bad rows between the open document and the one with the key `behind`."""
        open_ = self._open
        for bad, keyless in self._pending:
            key = bad_key(bad, self._key_fields)
            if spoil(self._spoiled, bad, key, open_.key, behind):
                continue
            if key and hash(key) in self._seen:
                raise ReadAgain
            self._out.append(keyless or self._misfit(bad))
        self._pending.clear()
        if open_.key in self._spoiled:
            open_.fail(self._spoiled[open_.key])

    def _single(self, line: int, row: Sequence[Any]) -> Row | BadRow:
        try:
            return Row(place=f"row {line}", values=self._layout.make_header(row))
        except _UNREAD:
            open_ = _Open((), line, (), row)
            record = open_.explain(self._layout.header, line, self._layout.pick(row))
            return Row(place=f"row {line}", values=record) if record is not None else self._bad(open_)

    def _explain_lines(self, open_: _Open, places: Sequence[int], rows: Sequence[Sequence[Any]]) -> None:
        for line, row in zip(places, rows, strict=True):
            found = open_.explain(self._layout.lines, line, self._layout.pick(row))
            if found is None:
                return
            open_.lines.append(found)

    def _compare_header(self, open_: _Open, line: int, row: Sequence[Any]) -> None:
        """The same key with another header text: fine where only the form differs (10.30 and 10.3), else the document is bad."""
        values = self._layout.pick(row)
        record = None if open_.error else open_.explain(self._layout.header, line, values)
        if record is None:
            return
        for each in self._layout.header:
            if open_.header[each.name] != record[each.name]:
                before, now = self._layout.pick(open_.row)[each.place], values[each.place]
                where = f"`{before}` in row {open_.first}, `{now}` in row {line}"
                open_.fail(f"`{each.name}` differs between rows of this document: {where}", each.name)
                return

    def _finish(self) -> None:
        """Hands over the open document, if there is one."""
        open_ = self._open
        if not open_.first:
            return
        if open_.error:
            self._out.append(self._bad(open_))
            return
        if self._may_be_empty:
            open_.lines = [each for each in open_.lines if any(value is not None for value in each.values())]
        open_.header[LINES] = open_.lines
        self._out.append(Row(place=open_.place, values=open_.header))

    def _bad(self, open_: _Open) -> BadRow:
        return BadRow(
            place=open_.place, values=self._readable(self._layout.pick(open_.row)), error=open_.error, field=open_.field
        )

    def _keyless(self, places: Sequence[int], rows: Sequence[Sequence[Any]]) -> None:
        for line, row in zip(places, rows, strict=True):
            values = self._layout.pick(row)
            empty = next(n for n, part in enumerate(key_of(values, self._layout.size)) if not part)
            name = self._layout.header[empty].name
            error = f"`{name}` is empty, so nobody can tell which document the row belongs to"
            bad = BadRow(place=f"row {line}", values=self._readable(values), error=error, field=name)
            self._meet(BadRow(place=bad.place, values={}, error=NO_KEY), bad)

    def _misfit(self, bad: BadRow) -> BadRow:
        """A row the format could not fit into its columns, under the names of fields as far as they go."""
        cells = [bad.values.get(each.title) for each in self._layout.header]
        return replace(bad, values=self._readable(cells))

    def _readable(self, values: Sequence[Any]) -> Record:
        """The header for people and for its key: typed where that works, else as it stood. Lines are left out, as some are missing."""
        record: Record = {}
        for each in self._layout.header:
            value = values[each.place]
            try:
                record[each.name] = each.read(value)
            except RecordError:
                record[each.name] = value
        return record


def bad_key(bad: BadRow, key: Sequence[Field]) -> Key:
    """The key as far as a broken row shows it; nothing when a part is missing."""
    parts = tuple(str(bad.values.get(each.title) or "").strip() for each in key)
    return parts if all(parts) else ()


class _Open:
    """A document being put together: its header's texts, its first row, and what went wrong first."""

    __slots__ = ("error", "field", "first", "head", "header", "key", "last", "lines", "row")

    def __init__(self, key: Key, line: int, head: tuple[Any, ...], row: Sequence[Any]) -> None:
        self.key = key
        self.first = self.last = line
        self.head = head
        self.row = row
        self.header: Record = {}
        self.lines: list[Record] = []
        self.error = self.field = ""

    @property
    def place(self) -> str:
        """Its rows, as people find them."""
        return f"row {self.first}" if self.first == self.last else f"rows {self.first}-{self.last}"

    def fail(self, error: str, field_: str = "") -> None:
        """The first reason counts; lines read so far are let go."""
        if not self.error:
            self.error, self.field = error, field_
        self.lines.clear()

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
