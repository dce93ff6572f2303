"""Flat rows to documents: typed where they enter, grouped with their lines, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from engine.contracts import BadRow, Nested, Row, Table
from engine.mapping.documents_group import LINES, Grouping, Layout, bad_key
from engine.mapping.documents_keys import content_hash, document_key, loose_number, normalise_number
from engine.mapping.documents_nested import NestedDocuments
from engine.mapping.documents_order import Item, Open, bring_together, in_blocks, scan
from engine.mapping.documents_values import Column, Field, compile_key

__all__ = [
    "LINES",
    "Column",
    "DocumentShape",
    "Documents",
    "content_hash",
    "document_key",
    "loose_number",
    "normalise_number",
]

IN_MEMORY = 20_000
"""Rows of a file small enough to be decoded once and held."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentShape:
    """The keys of `document:`. `key` names the header fields that tell documents apart; without `lines` every row is a document.

    `each` is where the lines are in a file whose documents come whole: an XML path, a record type, a loop of a transaction set.
    """

    key: tuple[str, ...]
    header: dict[str, Column]
    lines: dict[str, Column] = field(default_factory=dict)
    each: str | None = None


class Documents:
    """A shape compiled. `wanted` are the columns to pick, in this order: (names, must be in the file)."""

    def __init__(self, shape: DocumentShape) -> None:
        """Raises ValueError that says what does not hold together."""
        _check(shape)
        names = [*shape.key, *(name for name in shape.header if name not in shape.key)]
        self.header = [Field(name, shape.header[name], place) for place, name in enumerate(names)]
        start = len(names)
        self.lines = [Field(name, column, start + n) for n, (name, column) in enumerate(shape.lines.items())]
        self._size = len(shape.key)
        for key_field in self.header[: self._size]:
            key_field.required = True
        self.wanted = tuple((each.names, each.must_be_there) for each in (*self.header, *self.lines))

    def at_once(self, table: Table) -> Iterator[Row | BadRow]:
        """Documents in the order they begin, in one pass. Raises ParcelError, and ReadAgain at any moment: then take `group`."""
        grouping = Grouping(self._layout(table), table)
        return grouping.documents() if self.lines else grouping.singles()

    def group(self, open_rows: Open, *, spool: Path | None = None) -> Iterator[Row | BadRow]:
        """Documents in the order they begin, in bounded memory. `open_rows` starts the rows anew each time it is called.

        With lines the rows of a large file are read twice: the first pass finds broken structure, rows of one document that stand apart
        (then they are sorted, in `spool`) and documents a bad row may belong to, before anything is handed over. Raises ParcelError.
        """
        width = len(self.wanted)
        if not self.lines:
            yield from self.at_once(self._table(open_rows(width)))
            return
        start = list(islice(open_rows(width), IN_MEMORY + 1))
        if len(start) <= IN_MEMORY:
            open_rows = _held(start)
        del start
        key_fields = self.header[: self._size]
        make_key = compile_key(range(self._size))
        seen = scan(open_rows(self._size), self._size, make_key, lambda bad: bad_key(bad, key_fields))
        rows = open_rows(width) if seen.together else bring_together(open_rows, width, self._size, spool)
        table = self._table(rows)
        yield from Grouping(self._layout(table), table, seen).documents()

    def nested(self, items: Iterable[Nested | BadRow]) -> Iterator[Row | BadRow]:
        """Documents of a file in which they come whole, header and lines together."""
        return NestedDocuments(self.header, self.lines).documents(items)

    def _table(self, rows: Iterable[Item]) -> Table:
        return Table(places=tuple(range(len(self.wanted))), blocks=in_blocks(rows))

    def _layout(self, table: Table) -> Layout:
        return Layout.at(self.header, self.lines, self._size, table.places, texts=table.texts)


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
