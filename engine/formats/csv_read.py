"""CSV to rows: `csv.reader` in strict mode, under an own layer for lines, header, width and footer."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Protocol

from engine.contracts import BadRow, Record
from engine.errors import ParcelError
from engine.formats.csv_footer import without_footer
from engine.formats.csv_header import Columns, Pick, picker, understand
from engine.formats.csv_keys import CsvKeys
from engine.formats.lines import read_lines
from engine.formats.reading import Numbered, Wanted

Cells = tuple[int, list[str]]


class Reader(Protocol):
    """What `csv.reader` makes."""

    line_num: int

    def __next__(self) -> list[str]: ...

    def __iter__(self) -> Iterator[list[str]]: ...


def decode(
    kind: CsvKeys, stream: BinaryIO, wanted: Sequence[Wanted], findings: list[str], count: int | None
) -> Iterator[Numbered | BadRow]:
    """Raises ParcelError as soon as the structure breaks; with a footer perhaps only behind the last row."""
    text = _Text(kind, stream)
    rows, columns = _opened(kind, text, wanted, findings)
    pick = picker(columns.places[:count], columns.width, frozenset(kind.null_values))
    if kind.footer is None and kind.max_rows is None and kind.comment is None:
        # The rows may pick for themselves: one generator less for every row.
        text.picked = (columns, pick)
        yield from rows
        return
    for line, row in rows:
        fitted = row if len(row) == columns.width else _fit(kind, columns, line, row)
        yield fitted if isinstance(fitted, BadRow) else (line, pick(fitted))


def records(kind: CsvKeys, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
    """All columns by name."""
    rows, columns = _opened(kind, _Text(kind, stream), (), [])
    nulls = frozenset(kind.null_values)
    for line, row in rows:
        fitted = row if len(row) == columns.width else _fit(kind, columns, line, row)
        if isinstance(fitted, BadRow):
            yield fitted
        else:
            cells = zip(columns.names, fitted, strict=True)
            yield line, {name: None if cell in nulls else cell for name, cell in cells if name}


def _opened(kind: CsvKeys, text: _Text, wanted: Sequence[Wanted], findings: list[str]) -> tuple[Iterator[Any], Columns]:
    """The rows behind the header, and the header."""
    rows: Iterator[Any] = _rows(kind, text)
    found: Sequence[str] = kind.columns
    if kind.header == "row":
        _line, found = next(rows, (0, []))
        if _is_separator_line(kind, found):
            _line, found = next(rows, (0, []))
        if not found:
            raise ParcelError("the file has no header: it is empty", place="line 1")
    columns = understand(kind, found, wanted, findings)
    if kind.footer is not None:
        rows = without_footer(rows, kind.footer, columns.names, kind.delimiter)
    if kind.max_rows is not None:
        rows = _limited(rows, kind.max_rows)
    return rows, columns


class _Text:
    """The lines under the reader, comments left out.

    `fresh` is set where a record begins: only there a comment can stand. `picked`, once set, makes the rows pick their cells.
    """

    def __init__(self, kind: CsvKeys, stream: BinaryIO) -> None:
        self.skipped = kind.skip_rows
        self.fresh = True
        self.picked: tuple[Columns, Pick] | None = None
        lines = read_lines(stream, kind.encoding, ends_with_newline=kind.final_newline == "require")
        for _ in range(kind.skip_rows):
            if next(lines, None) is None:
                raise ParcelError(f"the file has fewer than the {kind.skip_rows} lines of `skip_rows`")
        self.lines = lines if kind.comment is None else self._without_comments(lines, kind.comment)

    def _without_comments(self, lines: Iterator[str], mark: str) -> Iterator[str]:
        for line in lines:
            if self.fresh and line.startswith(mark):
                self.skipped += 1
                continue
            self.fresh = False
            yield line


def _rows(kind: CsvKeys, text: _Text) -> Iterator[Cells | Numbered | BadRow]:
    """Every record with the number of its first line, blank ones left out where the spec says so."""
    # The limit is one figure for the whole process: it is only ever raised, a lower one is checked here.
    csv.field_size_limit(max(csv.field_size_limit(), kind.max_field))
    reader = csv.reader(text.lines, delimiter=kind.delimiter, quotechar=kind.quote, strict=True)
    ended = [0]
    try:
        yield from _plain_rows(kind, reader, text, ended)
        if text.picked is not None:
            yield from _picked_rows(kind, reader, text.skipped, text.picked, ended)
    except csv.Error as error:
        raise _broken(error, ended[0] + 1 + text.skipped, kind.max_field) from error


def _plain_rows(kind: CsvKeys, reader: Reader, text: _Text, ended: list[int]) -> Iterator[Cells]:
    """Rows as they stand, until there is something to pick. `ended` holds the line the last record ended on."""
    skip_blank, longest = kind.skip_blank, _own_limit(kind)
    while text.picked is None:
        row = next(reader, None)
        if row is None:
            return
        line = ended[0] + 1 + text.skipped
        ended[0] = reader.line_num
        text.fresh = True
        if longest and max(map(len, row), default=0) > longest:
            raise _too_long(line, longest)
        if not skip_blank or any(row):
            yield line, row


def _picked_rows(
    kind: CsvKeys, reader: Reader, skipped: int, picked: tuple[Columns, Pick], ended: list[int]
) -> Iterator[Numbered | BadRow]:
    """The hot loop of every large file."""
    columns, pick = picked
    width, skip_blank, longest = columns.width, kind.skip_blank, _own_limit(kind)
    offset, last = skipped + 1, ended[0]
    try:
        for row in reader:
            line = last + offset
            last = reader.line_num
            if longest and max(map(len, row), default=0) > longest:
                raise _too_long(line, longest)
            if len(row) == width and (row[0] or not skip_blank or any(row)):
                yield line, pick(row)
            elif not skip_blank or any(row):
                fitted = _fit(kind, columns, line, row)
                yield fitted if isinstance(fitted, BadRow) else (line, pick(fitted))
    finally:
        ended[0] = last


def _own_limit(kind: CsvKeys) -> int:
    return kind.max_field if kind.max_field < csv.field_size_limit() else 0


def _broken(error: csv.Error, line: int, longest: int) -> ParcelError:
    said = str(error)
    if said.startswith("unexpected end"):
        return ParcelError("a quote opened in this row is never closed", place=f"line {line}")
    if said.startswith("field larger"):
        return _too_long(line, longest)
    return ParcelError(
        "text follows a closing quote: a quote inside a quoted field must be doubled, or an earlier one is not closed",
        place=f"line {line}",
    )


def _too_long(line: int, longest: int) -> ParcelError:
    message = f"a field is longer than {longest} characters: is a quote opened in this row and not closed?"
    return ParcelError(message, place=f"line {line}")


def _fit(kind: CsvKeys, columns: Columns, line: int, row: list[str]) -> list[str] | BadRow:
    """A row of the wrong width: padded where the spec asks for it, else a BadRow or the end of the file."""
    width = columns.width
    if kind.ragged == "pad":
        if len(row) < width:
            return [*row, *[""] * (width - len(row))]
        if not any(row[width:]):
            return row[:width]
    more = len(row) > width
    why = f"is a `{kind.delimiter}` in a value that is not quoted?" if more else "was the line cut?"
    message = f"the row has {len(row)} columns and the header {width}: {why}"
    if kind.ragged == "error":
        raise ParcelError(message, place=f"line {line}")
    values: Record = dict(zip(columns.names, row, strict=False))
    return BadRow(place=f"row {line}", values=values, error=message)


def _limited(rows: Iterator[Cells], most: int) -> Iterator[Cells]:
    for count, row in enumerate(rows, 1):
        if count > most:
            raise ParcelError(f"the file has more than {most} rows (`max_rows`)", place=f"line {row[0]}")
        yield row


def _is_separator_line(kind: CsvKeys, row: Sequence[str]) -> bool:
    """Excel's `sep=;` above the header."""
    text = kind.delimiter.join(row)
    if len(text) != 5 or not text.startswith("sep="):
        return False
    if text[4] != kind.delimiter:
        raise ParcelError(
            f"the file says its delimiter is `{text[4]}`, the spec says `{kind.delimiter}`", place="line 1"
        )
    return True
