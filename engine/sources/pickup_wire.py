"""What goes between the run and the process that reads a file: a job one way, records and findings the other. Data only, never code."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import GenericAlias
from typing import Any, BinaryIO, TypedDict

import msgspec

from engine.contracts import BadRow, Row
from engine.formats.csv import Csv
from engine.formats.fixed import Fixed
from engine.formats.json import Json
from engine.formats.layouts import Format
from engine.formats.x12 import X12, compile_set
from engine.formats.x12_keys import X12Keys
from engine.formats.xml import Xml
from engine.mapping.documents import LINES, Documents, DocumentShape
from engine.mapping.documents_pack import marked, unmark

LARGEST = 1024 * 1024 * 1024
_HEAD = struct.Struct(">cI")


class Sort(bytes, Enum):
    """What a message is."""

    JOB = b"J"
    TYPED = b"T"
    LOOSE = b"L"
    FINDING = b"F"
    RECEIVED = b"R"
    REFUSED = b"E"
    AGAIN = b"A"
    MEMORY = b"M"
    BUG = b"B"
    END = b"."


@dataclass(frozen=True, kw_only=True, slots=True)
class SetFormat:
    """X12, with the description its set is compiled from again on the other side."""

    keys: X12Keys
    description: dict[str, Any]

    @property
    def compiled(self) -> X12:
        """The format."""
        keys = {field.name: getattr(self.keys, field.name) for field in fields(self.keys)}
        return X12(**keys).described(compile_set(self.description))


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFormat:
    """The file's format: exactly one of them."""

    csv: Csv | None = None
    json: Json | None = None
    xml: Xml | None = None
    fixed: Fixed | None = None
    x12: SetFormat | None = None

    @property
    def chosen(self) -> Format:
        """The one there is."""
        if self.x12 is not None:
            return self.x12.compiled
        return next(each for each in (self.csv, self.json, self.xml, self.fixed) if each is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What is to be read, and how much it may take."""

    path: str
    rush: bool
    memory: int
    seconds: float
    format: JobFormat
    shape: DocumentShape | None = None
    spool: str | None = None


def job_format(format_: Format) -> JobFormat:
    """A format as a job names it."""
    return JobFormat(
        csv=format_ if isinstance(format_, Csv) else None,
        json=format_ if isinstance(format_, Json) else None,
        xml=format_ if isinstance(format_, Xml) else None,
        fixed=format_ if isinstance(format_, Fixed) else None,
        x12=_set_format(format_) if isinstance(format_, X12) else None,
    )


def _set_format(format_: X12) -> SetFormat:
    keys = X12Keys(**{field.name: getattr(format_, field.name) for field in fields(X12Keys)})
    return SetFormat(keys=keys, description=dict(format_.loaded().description))


def send(stream: BinaryIO, sort: Sort, body: bytes = b"") -> None:
    """Writes one message."""
    stream.write(_HEAD.pack(sort.value, len(body)))
    stream.write(body)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[Sort, bytes] | None:
    """The next message; None at the end, or where what comes is none."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    sort, size = _HEAD.unpack(head)
    body = stream.read(size) if size <= LARGEST else b""
    try:
        return (Sort(sort), body) if len(body) == size else None
    except ValueError:
        return None


def pack_job(job: Job) -> bytes:
    """A job as bytes."""
    return msgspec.msgpack.encode(job)


def unpack_job(body: bytes) -> Job:
    """A job from bytes."""
    return msgspec.msgpack.decode(body, type=Job)


def pack_rows(rows: Sequence[Row | BadRow], *, typed: bool) -> tuple[Sort, bytes]:
    """Rows as bytes: plainly where their types are declared, else every value with its own."""
    if typed and all(row.__class__ is Row for row in rows):
        try:
            return Sort.TYPED, msgspec.msgpack.encode([(row.place, row.values) for row in rows])
        except OverflowError:
            pass  # a whole number of more than 64 bits
    return Sort.LOOSE, msgspec.msgpack.encode([_loose(row) for row in rows])


def unpacker(documents: Documents | None) -> Callable[[Sort, bytes], list[Row | BadRow]]:
    """A function that reads what `pack_rows` wrote."""
    record = _typed(documents) if documents is not None else dict[str, Any]
    typed = msgspec.msgpack.Decoder(list[tuple[str, record]])  # type: ignore[valid-type]  # made of a spec
    loose = msgspec.msgpack.Decoder(list[list[Any]], ext_hook=unmark)

    def unpack(sort: Sort, body: bytes) -> list[Row | BadRow]:
        if sort is Sort.TYPED:
            return [Row(place=place, values=values) for place, values in typed.decode(body)]
        return [
            Row(place=row[0], values=row[1])
            if len(row) == 2
            else BadRow(place=row[0], values=row[1], error=row[2], field=row[3])
            for row in loose.decode(body)
        ]

    return unpack


def _typed(documents: Documents) -> Any:
    """The type of a document: msgspec then makes amounts and dates while it decodes."""
    header = {each.name: _TYPES[each.type.kind] for each in documents.header}
    if documents.lines:
        header[LINES] = GenericAlias(list, _dict_of({each.name: _TYPES[each.type.kind] for each in documents.lines}))
    return _dict_of(header)


def _dict_of(types: dict[str, Any]) -> Any:
    made: Any = TypedDict
    return made("Record", types)


_TYPES: dict[str, Any] = {
    "string": str | None,
    "decimal": Decimal | None,
    "integer": int | None,
    "date": date | None,
    "datetime": datetime | None,
    "boolean": bool | None,
}


def _loose(row: Row | BadRow) -> list[Any]:
    values = marked(row.values)
    return [row.place, values] if isinstance(row, Row) else [row.place, values, row.error, row.field]
