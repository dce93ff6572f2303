"""Rows to CSV: the same bytes for the same records, on any machine."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from engine.contracts import Record
from engine.errors import RecordError
from engine.formats.csv_keys import CsvKeys

_BATCH = 500
_MOST_DIGITS = 76
_ORDINARY, _UNUSUAL = 40, re.compile("[EIN]")
"""Most amounts: written as they are shown, for there is neither an exponent nor a word in them."""
_FORMULA = tuple("=+-@\t\r")
_MARKS = {"utf-8-sig": b"\xef\xbb\xbf", "utf-8": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}


def encode(kind: CsvKeys, records: Iterable[Record], columns: Sequence[str]) -> Iterator[bytes]:
    """Pieces of some hundred rows. Raises RecordError that names the field of a value CSV has no form for."""
    if not columns:
        raise ValueError("`csv` needs `columns` to write: the names in their order")
    name = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(kind.encoding, kind.encoding)
    if kind.encoding == "utf-16" or kind.byte_order_mark:
        yield _MARKS.get(kind.encoding, b"")
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer if kind.newline == "crlf" else _LineFeed(buffer),
        delimiter=kind.delimiter,
        quotechar=kind.quote,
        quoting=csv.QUOTE_MINIMAL,
        lineterminator="\r\n",
    )
    if kind.header == "row":
        writer.writerow(columns)
    iterator = iter(records)
    while batch := list(islice(iterator, _BATCH)):
        writer.writerows(_rows(kind, batch, columns))
        yield _taken(buffer, name, batch, columns)
    rest = _taken(buffer, name, (), columns)
    if rest:
        yield rest


def _rows(kind: CsvKeys, batch: Sequence[Record], columns: Sequence[str]) -> Iterator[list[str]]:
    """Text, most of all cells, goes straight through; whether it may is looked at once for the whole piece."""
    for record in batch:
        get = record.get
        if kind.excel_safe:
            yield [_cell(kind, get(column), column) for column in columns]
        else:
            yield [
                value if (value := get(column)).__class__ is str else _cell(kind, value, column) for column in columns
            ]


class _LineFeed:
    """Ends rows with LF. The writer itself is told CRLF, as it quotes a CR inside a value only then (Python 3.11)."""

    def __init__(self, buffer: io.StringIO) -> None:
        self._buffer = buffer

    def write(self, row: str) -> int:
        return self._buffer.write(row[:-2] + "\n")


def _taken(buffer: io.StringIO, encoding: str, batch: Sequence[Record], columns: Sequence[str]) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    if "\0" in text:
        field = next((c for record in batch for c in columns if "\0" in str(record.get(c, ""))), "")
        raise RecordError("the text holds a NUL character", field=field)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        letter = text[error.start]
        field = next((c for record in batch for c in columns if letter in str(record.get(c, ""))), "")
        raise RecordError(f"{letter!a} can't be written as {encoding}", field=field) from error


def _cell(kind: CsvKeys, value: Any, column: str) -> str:
    if value is None:
        return ""
    if value.__class__ is str:
        return _text(kind, value, column)
    if value.__class__ is Decimal:
        return _amount(value, column)
    if value.__class__ is bool:
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return _amount(value, column)
    raise RecordError(f"a {type(value).__name__} has no form in CSV: map its parts to columns", field=column)


def _text(kind: CsvKeys, value: str, column: str) -> str:
    if "\0" in value:
        raise RecordError("the text holds a NUL character", field=column)
    if kind.excel_safe and value.startswith(_FORMULA):
        # A spreadsheet would run it as a formula; numbers are never touched.
        return "'" + value
    return value


def _amount(value: Decimal, column: str) -> str:
    shown = str(value)
    if len(shown) < _ORDINARY and value and shown[-1].isdigit() and not _UNUSUAL.search(shown):
        return shown
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or value.adjusted() > _MOST_DIGITS or exponent < -_MOST_DIGITS:
        raise RecordError(f"`{value}` is not an amount", field=column)
    shown = format(value, "f")
    return shown if value else shown.lstrip("-")
