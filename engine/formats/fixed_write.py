"""Documents to fixed-width records: every field exactly as wide as declared, totals written, nothing ever cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.contracts import Record
from engine.errors import ParcelError, RecordError
from engine.formats.fixed_keys import FixedKeys
from engine.formats.fixed_text import text_for
from engine.formats.fixed_totals import Totals

_BATCH = 500


def encode(kind: FixedKeys, documents: Iterable[Record]) -> Iterator[bytes]:
    """The file in pieces of some hundred records. Raises RecordError that names the field of a value that does not fit.

    The first and the last record take their fields from the documents, which must agree on them.
    """
    if len(kind.standing("opens")) != 1:
        raise ValueError("a file is written with one record type that `opens` a document")
    lines: list[bytes] = []
    for line in _Writer(kind).lines(documents):
        lines.append(line)
        if len(lines) >= _BATCH:
            yield b"".join(lines)
            lines.clear()
    if lines:
        yield b"".join(lines)


class _Writer:
    """Writes records one after the other and adds them up."""

    def __init__(self, kind: FixedKeys) -> None:
        self._kind = kind
        self._end = "" if kind.newline == "none" else {"crlf": "\r\n", "lf": "\n"}[kind.line_end]
        self._totals = {name: Totals(kind, name) for name, one in kind.records.items() if one.totals}
        self._order = [name for name in kind.records if kind.stand(name) in {"opens", "within", "closes"}]
        self._order.sort(key=lambda name: ("opens", "within", "closes").index(kind.stand(name)))
        self._frame = kind.standing("first", "last")
        self._count = 0

    def lines(self, documents: Iterable[Record]) -> Iterator[bytes]:
        """Every record with its line end."""
        frame: dict[tuple[str, str], Any] = {}
        begun = False
        for document in documents:
            if not begun:
                begun, frame = True, self._framing(document)
                yield from self._framed("first", frame)
            elif self._frame:
                self._check_frame(document, frame)
            for name in self._order:
                yield from self._records(name, document)
        if not begun:
            yield from self._framed("first", frame)
        yield from self._framed("last", frame)
        if self._kind.block_factor is not None:
            length = self._kind.record_length or max(one.width for one in self._kind.records.values())
            for _ in range(-self._count % self._kind.block_factor):
                yield (self._kind.fill * length + self._end).encode(self._kind.encoding)

    def _framing(self, document: Record) -> dict[tuple[str, str], Any]:
        return {
            (name, field): document.get(field)
            for name in self._frame
            for field in self._kind.records[name].fields
            if all(field != total.field for total in self._kind.records[name].totals)
        }

    def _check_frame(self, document: Record, frame: Mapping[tuple[str, str], Any]) -> None:
        for (name, field), value in frame.items():
            if document.get(field) != value:
                raise RecordError(f"differs between documents, and the file has one `{name}` record", field=field)

    def _framed(self, stand: str, frame: Mapping[tuple[str, str], Any]) -> Iterator[bytes]:
        for name in self._frame:
            if self._kind.stand(name) == stand:
                yield self._record(name, {field: value for (owner, field), value in frame.items() if owner == name}, "")

    def _records(self, name: str, document: Record) -> Iterator[bytes]:
        if self._kind.stand(name) != "within":
            yield self._record(name, document, "")
            return
        record = self._kind.records[name]
        key = record.each or name
        found = document.get(key)
        items = [found] if isinstance(found, Mapping) else ([] if found is None else found)
        if not isinstance(items, list | tuple) or not all(isinstance(item, Mapping) for item in items):
            raise RecordError(f"a list of `{name}` records is expected", field=key)
        if len(items) < record.least or (record.most is not None and len(items) > record.most):
            raise RecordError(f"has {len(items)} items, which `least` and `most` of `{name}` do not allow", field=key)
        for item in items:
            yield self._record(name, item, f"{key}.")

    def _record(self, name: str, values: Mapping[str, Any], owner: str) -> bytes:
        record, kind = self._kind.records[name], self._kind
        totals = self._totals.get(name)
        if totals is not None:
            for part in totals.parts_of(name):  # it may count itself
                part.add(("", 0, 0, 0))
            values = {**values, **totals.values()}
            totals.clear()
        text = " " * (kind.record_length or record.width)
        if record.at:
            text = _put(text, record.at[0] - 1, record.is_ or "")
        for title, field in record.fields.items():
            piece = text_for(field, owner + title, values.get(title))
            self._check_letters(piece, owner + title)
            text = _put(text, field.slice[0] - 1, piece)
        if record.at and text[record.at[0] - 1 : record.at[1]] != record.is_:
            raise RecordError(f"a field stands over what tells the record type `{name}`", field=owner + name)
        self._add_up(name, text, owner)
        self._count += 1
        return (text + self._end).encode(kind.encoding)

    def _add_up(self, name: str, text: str, owner: str) -> None:
        for closing, totals in self._totals.items():
            for part in totals.parts_of(name) if closing != name else ():
                try:
                    part.add((text, 0, 0, 0))
                except ParcelError as error:
                    raise RecordError(str(error), field=owner + name) from None

    def _check_letters(self, text: str, field: str) -> None:
        try:
            text.encode(self._kind.encoding)
        except UnicodeEncodeError as error:
            raise RecordError(f"{text[error.start]!a} can't be written as {self._kind.encoding}", field=field) from None


def _put(text: str, at: int, piece: str) -> str:
    return text[:at] + piece + text[at + len(piece) :]
