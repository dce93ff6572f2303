"""JSON: an array of objects, an object that holds one, or one object a line. Numbers are exact, nothing is silently dropped."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, Literal

import msgspec

from engine.contracts import BadRow, Record, Table
from engine.errors import ParcelError, RecordError
from engine.formats.lines import Encoding, byte_of_line, codec_of, read_lines
from engine.formats.nesting import Nested, Nesting
from engine.formats.reading import Decoding, Numbered, Wanted, in_blocks

_LARGEST = 64 * 1024 * 1024
_LARGEST_NUMBER = 76
_DEEPEST = 64
_BATCH = 200
_HALVES = re.compile(r"\\u[dD][89a-fA-F]")
"""Halves of characters beyond 16 bits: alone they are no text, and nothing can store or send them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Json:
    """The keys of `json:`. `records` is the dotted path to the list; `lines` has one object a line and needs no memory for the rest."""

    layout: Literal["document", "lines"] = "document"
    records: str | None = None
    encoding: Encoding = "utf-8-sig"
    columns: tuple[str, ...] = ()
    max_rows: int | None = None

    def decode(self, stream: BinaryIO, fields: Sequence[Wanted], *, count: int | None = None) -> Decoding:
        """Records as (number, values in the order of `fields`), names being dotted paths. Iterating raises ParcelError."""
        places = tuple(range(len(fields)))
        return Decoding(lambda _findings: Table(places=places, blocks=in_blocks(_decode(self, stream, fields))), count)

    def nest(self, stream: BinaryIO, header: Sequence[Wanted], lines: Sequence[Wanted], each: str | None) -> Nesting:
        """Records as documents, names being dotted paths below the record, or for lines below the items of the list at `each`."""
        return Nesting(lambda _findings: _nested(self, stream, header, lines, each or "lines"))

    def records_of(self, stream: BinaryIO) -> Iterator[tuple[int, Record]]:
        """Every record whole, with its line (`lines`) or its position in the list from 1. Raises ParcelError."""
        found = _from_lines(self, stream) if self.layout == "lines" else _from_document(self, stream)
        for count, (number, record) in enumerate(found, 1):
            if not isinstance(record, dict):
                raise ParcelError(f"the record is {_named(record)}, not an object", place=self._place(count, number))
            if self.max_rows is not None and count > self.max_rows:
                message = f"the file has more than {self.max_rows} records (`max_rows`)"
                raise ParcelError(message, place=self._place(count, number))
            yield number, record

    def _place(self, count: int, number: int) -> str:
        return f"line {number}, record {count}" if self.layout == "lines" else f"record {count}"

    def encode(self, records: Iterable[Record], columns: Sequence[str] = ()) -> Iterator[bytes]:
        """UTF-8, members in the order of `columns` (or of the record), decimals as exact numbers. Raises RecordError."""
        return _encode(records, columns or self.columns, lines=self.layout == "lines")


def _decode(kind: Json, stream: BinaryIO, wanted: Sequence[Wanted]) -> Iterator[Numbered | BadRow]:
    getters = [_getter(column.names) for column in wanted]
    required = [(n, column.names[0]) for n, column in enumerate(wanted) if column.required]
    for number, record in kind.records_of(stream):
        values = [get(record) for get in getters]
        missing = [name for n, name in required if values[n] is _ABSENT]
        if missing:
            shown = ", ".join(f"`{name}`" for name in missing)
            yield BadRow(place=f"row {number}", values=record, error=f"the record lacks {shown}", field=missing[0])
        else:
            yield number, [None if value is _ABSENT else value for value in values]


def _nested(
    kind: Json, stream: BinaryIO, header: Sequence[Wanted], lines: Sequence[Wanted], each: str
) -> Iterator[Nested | BadRow]:
    list_of = _getter((each,))
    head, line = [_getter(one.names) for one in header], [_getter(one.names) for one in lines]
    for number, record in kind.records_of(stream):
        found = list_of(record) if line else []
        items = [] if found is _ABSENT or found is None else found
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            yield BadRow(place=f"row {number}", values=record, error=f"`{each}` is not a list of objects")
            continue
        yield Nested(
            place=f"row {number}",
            header=_taken(head, record),
            lines=[(f"row {number}, item {n}", _taken(line, item)) for n, item in enumerate(items, 1)],
        )


def _taken(getters: Sequence[Callable[[Record], Any]], record: Record) -> list[Any]:
    return [None if (value := get(record)) is _ABSENT else value for get in getters]


_ABSENT = object()


def _getter(names: Sequence[str]) -> Callable[[Record], Any]:
    paths = [name.split(".") for name in names]

    def get(record: Record) -> Any:
        for path in paths:
            value: Any = record
            for part in path:
                value = value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
            if value is not _ABSENT:
                return value
        return _ABSENT

    return get


def _from_lines(kind: Json, stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    start = stream.tell()
    for number, line in enumerate(read_lines(stream, kind.encoding), 1):
        if line.strip():
            try:
                found = _parse(line, lambda error: f"column {error.colno}")
            except ParcelError as error:
                stream.seek(start)
                place = f"line {number}, byte {byte_of_line(stream, kind.encoding, number)}"
                raise ParcelError(str(error), place=place) from error
            yield number, found


def _from_document(kind: Json, stream: BinaryIO) -> Iterator[tuple[int, Any]]:
    text: list[str] = []
    size = 0
    codec, mark = codec_of(stream, kind.encoding)
    for line in read_lines(stream, kind.encoding):
        size += len(line)
        if size > _LARGEST:
            raise ParcelError(
                f"the file is longer than {_LARGEST} characters: ask for one object a line (`layout: lines`)",
                place=f"line {len(text) + 1}",
            )
        text.append(line)

    def place(error: json.JSONDecodeError) -> str:
        byte = mark + len(error.doc[: error.pos].encode(codec))
        return f"line {error.lineno}, column {error.colno}, byte {byte}"

    found = _parse("".join(text), place)
    for part in kind.records.split(".") if kind.records else ():
        if not isinstance(found, dict) or part not in found:
            raise ParcelError(f"there is no `{part}` of `records: {kind.records}` in the file")
        found = found[part]
    if isinstance(found, dict) and kind.records is None:
        found = [found]
    if not isinstance(found, list):
        raise ParcelError(f"`records` leads to {_named(found)}, not to a list")
    yield from enumerate(found, 1)


def _parse(text: str, place: Callable[[json.JSONDecodeError], str]) -> Any:
    """Raises ParcelError, also for what JSON allows and money does not: repeated members, NaN, absurd numbers."""
    try:
        found = json.loads(
            text,
            parse_float=_exact,
            parse_int=_whole,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unrepeated,
        )
        _check_depth(found)
        if _HALVES.search(text):
            json.dumps(found, default=str, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise ParcelError(f"{error.msg}: not JSON, or cut short", place=place(error)) from error
    except UnicodeEncodeError as error:
        raise ParcelError("the JSON can't be used: a text in it has half a character (`\\ud800`)") from error
    except (ValueError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ParcelError(f"the JSON can't be used: {why}") from error
    return found


def _exact(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent no Decimal can have
        raise ValueError(f"`{text[:40]}` is no amount") from None
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_NUMBER or len(text) > 2 * _LARGEST_NUMBER:
        raise ValueError(f"`{text[:40]}` is no amount")
    return number


def _whole(text: str) -> int:
    if len(text) > _LARGEST_NUMBER:
        raise ValueError(f"`{text[:40]}…` is no amount")
    return int(text)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"`{text}` is not a number")


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        repeated = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"an object has the member `{repeated[:60]}` twice")
    return found


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner
    raise RecursionError


def _named(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _encode(records: Iterable[Record], columns: Sequence[str], *, lines: bool) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_refuse_value)
    pieces: list[bytes] = [] if lines else [b"["]
    separator = b""
    for record in records:
        chosen = {name: record.get(name) for name in columns} if columns else record
        try:
            text = encoder.encode(_written(chosen))
        except (TypeError, ValueError) as error:
            raise RecordError(f"the record can't be written as JSON: {error}") from error
        pieces.append(text + b"\n" if lines else separator + b"\n" + text)
        separator = b","
        if len(pieces) >= _BATCH:
            yield b"".join(pieces)
            pieces.clear()
    if not lines:
        pieces.append(b"\n]\n")
    if pieces:
        yield b"".join(pieces)


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_written(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"`{value}` is not an amount")
        with suppress(ValueError):
            return msgspec.Raw(str(_exact(str(value))).encode())
        raise ValueError(f"`{value}` is no amount")
    return value


def _refuse_value(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} has no form in JSON")
