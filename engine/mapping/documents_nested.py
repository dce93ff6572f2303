"""Documents that come whole, header and lines together: typed where they enter, every mistake of one told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.contracts import BadRow, Line, Nested, Record, Row
from engine.errors import RecordError
from engine.mapping.documents_group import LINES, MOST_LINES
from engine.mapping.documents_values import Field, compile_rows

_UNREAD = (RecordError, AttributeError, TypeError)
_MOST_TOLD = 5


class NestedDocuments:
    """Types the documents of a structured file. `header` and `lines` are the fields in the order their values come."""

    def __init__(self, header: Sequence[Field], lines: Sequence[Field]) -> None:
        self._header, self._lines = header, lines
        places = [*range(len(header)), *range(len(lines))]
        self._make, _ = compile_rows(header, places, texts=False)
        self._make_line, _ = compile_rows(lines, places, texts=False)

    def documents(self, items: Iterable[Nested | BadRow]) -> Iterator[Row | BadRow]:
        """One row for each; a document with a value that can't be read is a bad one, as a whole."""
        for item in items:
            yield self._misfit(item) if isinstance(item, BadRow) else self._typed(item)

    def _misfit(self, bad: BadRow) -> BadRow:
        """One the format could not make a document of, under the names of fields as far as they go: so it has its key."""
        names = {field.title: field.name for field in self._header}
        found = {field.name: _as_far_as(field, _at(bad.values, field.title)) for field in self._header}
        record = {name: value for name, value in bad.values.items() if name not in names}
        record |= {name: value for name, value in found.items() if value is not None}
        return replace(bad, values=record, field=names.get(bad.field, bad.field))

    def _typed(self, item: Nested) -> Row | BadRow:
        if len(item.lines) > MOST_LINES:
            error = f"the document has more than {MOST_LINES} lines"
            return BadRow(place=item.place, values=self._shown(item), error=error)
        try:
            record = self._make(item.header)
            if self._lines:
                record[LINES] = [self._make_line(values) for _, values in item.lines]
        except _UNREAD:
            return self._explained(item)
        return Row(place=item.place, values=record)

    def _explained(self, item: Nested) -> Row | BadRow:
        mistakes = [*_mistakes(self._header, item.header, "")]
        for line in item.lines:
            mistakes += _mistakes(self._lines, line[1], f"{line[0]}: ")
            if len(mistakes) > _MOST_TOLD:
                break
        if not mistakes:
            return Row(place=item.place, values=self._read(item))
        told = "; ".join(text for text, _ in mistakes[:_MOST_TOLD])
        more = "; and more" if len(mistakes) > _MOST_TOLD else ""
        return BadRow(place=item.place, values=self._shown(item), error=told + more, field=mistakes[0][1])

    def _read(self, item: Nested) -> Record:
        """What the strict readers make of it, where the fast ones gave up."""
        record = _read(self._header, item.header)
        return record | {LINES: [_read(self._lines, values) for _, values in item.lines]} if self._lines else record

    def _shown(self, item: Nested) -> Record:
        """As read: texts by the names of the fields."""
        shown = {field.name: value for field, value in zip(self._header, item.header, strict=False)}
        return shown | {LINES: [self._line(line) for line in item.lines[:MOST_LINES]]} if self._lines else shown

    def _line(self, line: Line) -> Record:
        return {field.name: value for field, value in zip(self._lines, line[1], strict=False)}


def _at(values: Record, path: str) -> Any:
    """The value of that name, or at the end of the dotted path."""
    if path in values:
        return values[path]
    found: Any = values
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _as_far_as(field: Field, value: Any) -> Any:
    """Typed where that works, else as it stood."""
    try:
        return field.read(value)
    except RecordError:
        return value


def _mistakes(fields: Sequence[Field], values: Sequence[Any], where: str) -> Iterator[tuple[str, str]]:
    for field, value in zip(fields, values, strict=False):
        try:
            field.read(value)
        except RecordError as error:
            yield where + str(error).partition(": ")[2], error.field or field.name  # the field is told once, before all


def _read(fields: Sequence[Field], values: Sequence[Any]) -> Record:
    return {field.name: field.read(value) for field, value in zip(fields, values, strict=False)}
