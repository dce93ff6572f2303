"""CSV to rows: `csv.reader` in strict mode, under an own layer for lines, header, width and footer."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import accumulate, chain, islice
from operator import itemgetter
from typing import Any, BinaryIO, TypeVar

from engine.contracts import BadRow, Block, Record, Table
from engine.errors import ParcelError
from engine.formats.csv_footer import without_footer
from engine.formats.csv_header import Columns, understand
from engine.formats.csv_keys import CsvKeys
from engine.formats.csv_place import told
from engine.formats.lines import read_lines
from engine.formats.reading import BLOCK, Wanted, in_blocks

Cells = tuple[int, list[str]]
Item = TypeVar("Item")
_FIRST = itemgetter(0)


def open_table(kind: CsvKeys, stream: BinaryIO, wanted: Sequence[Wanted], findings: list[str]) -> Table:
    """Raises ParcelError as soon as the structure breaks, here or from the blocks; with a footer perhaps only behind the last row."""
    start = stream.tell()
    with _told(kind, stream, start):
        text = _Text(kind, _lines(kind, stream))
        rows, columns = _opened(kind, text, wanted, findings)
    whole = kind.footer is None and kind.max_rows is None and kind.comment is None
    blocks = _raw_blocks(kind, text) if whole else in_blocks(rows)
    places = tuple(columns.width if place is None else place for place in columns.places)
    texts = not kind.null_values and None not in columns.places
    return Table(places=places, blocks=_placed(kind, stream, start, _fitted(kind, columns, blocks)), texts=texts)


def _placed(kind: CsvKeys, stream: BinaryIO, start: int, items: Iterator[Item]) -> Iterator[Item]:
    with _told(kind, stream, start):
        yield from items


def _told(kind: CsvKeys, stream: BinaryIO, start: int) -> AbstractContextManager[None]:
    """Whatever is wrong inside is told with record and byte, for which the file is read once more."""
    return told(stream, start, kind.encoding, lambda line: _counted(kind, stream, start, line))


def _counted(kind: CsvKeys, stream: BinaryIO, start: int, line: int) -> tuple[int, int]:
    """The header's line (0 where there is none), and which record behind it the one at a line is; 0 for none of them."""
    stream.seek(start)
    header, number, headed = 0, 0, kind.header == "none"
    with suppress(ParcelError):  # that very row may be what is wrong
        for at, row in _rows(kind, _Text(kind, _lines(kind, stream))):
            if at >= line and (headed or line):
                break
            if headed:
                number += 1
            elif not _is_separator_line(kind, row):
                header, headed = at, True
    return header, number + 1 if headed and line > header else 0


def records(kind: CsvKeys, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
    """All columns by name."""
    return _placed(kind, stream, stream.tell(), _records(kind, stream))


def _records(kind: CsvKeys, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
    rows, columns = _opened(kind, _Text(kind, _lines(kind, stream)), (), [])
    nulls = frozenset(kind.null_values)
    for line, row in rows:
        fitted = (line, row) if len(row) == columns.width else _fit(kind, columns, line, row)
        if isinstance(fitted, BadRow):
            yield fitted
        else:
            cells = zip(columns.names, fitted[1], strict=True)
            yield line, {name: None if cell in nulls else cell for name, cell in cells if name}


def _opened(
    kind: CsvKeys, text: _Text, wanted: Sequence[Wanted], findings: list[str]
) -> tuple[Iterator[Cells], Columns]:
    """The rows behind the header, and the header."""
    rows = _rows(kind, text)
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


def numbered_rows(kind: CsvKeys, lines: Iterator[str]) -> Iterator[tuple[int, int]]:
    """The first line of each record behind the header, and which one it is. Raises ParcelError."""
    number, headed = 0, kind.header == "none"
    for at, row in _rows(kind, _Text(kind, lines)):
        if headed:
            number += 1
            yield at, number
        elif not _is_separator_line(kind, row):
            headed = True


def _lines(kind: CsvKeys, stream: BinaryIO) -> Iterator[str]:
    return read_lines(stream, kind.encoding, ends_with_newline=kind.final_newline == "require")


class _Text:
    """The reader and the lines under it, comments left out. `fresh` is set where a record begins: only there a comment can stand."""

    def __init__(self, kind: CsvKeys, lines: Iterator[str]) -> None:
        self.skipped = kind.skip_rows
        self.fresh = True
        for _ in range(kind.skip_rows):
            if next(lines, None) is None:
                raise ParcelError(f"the file has fewer than the {kind.skip_rows} lines of `skip_rows`")
        if kind.comment is not None:
            lines = self._without_comments(lines, kind.comment)
        # The limit is one figure for the whole process: it is only ever raised, a lower one is checked here.
        csv.field_size_limit(max(csv.field_size_limit(), kind.max_field))
        self.reader = csv.reader(lines, delimiter=kind.delimiter, quotechar=kind.quote, strict=True)

    def _without_comments(self, lines: Iterator[str], mark: str) -> Iterator[str]:
        for line in lines:
            if self.fresh and line.startswith(mark):
                self.skipped += 1
                continue
            self.fresh = False
            yield line


def _rows(kind: CsvKeys, text: _Text) -> Iterator[Cells]:
    """Every record with the number of its first line, blank ones left out where the spec says so."""
    reader, skip_blank, longest = text.reader, kind.skip_blank, _own_limit(kind)
    while True:
        ended = reader.line_num
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _broken(error, ended + 1 + text.skipped, kind.max_field) from error
        if row is None:
            return
        line = ended + 1 + text.skipped
        text.fresh = True
        if longest and max(map(len, row), default=0) > longest:
            raise _too_long(line, longest)
        if not skip_blank or any(row):
            yield line, row


def _raw_blocks(kind: CsvKeys, text: _Text) -> Iterator[tuple[Sequence[int], list[list[str]]]]:
    """The rest of the records, many at once: no Python runs for a single row."""
    reader, longest = text.reader, _own_limit(kind)
    while True:
        first = reader.line_num + 1 + text.skipped
        rows: list[list[str]] = []
        try:
            rows.extend(islice(reader, BLOCK))
        except csv.Error as error:
            raise _broken(error, first + sum(map(_height, rows)), kind.max_field) from error
        if not rows:
            return
        lines: Sequence[int] = range(first, first + len(rows))
        if first + len(rows) != reader.line_num + 1 + text.skipped:
            lines = list(accumulate(map(_height, rows[:-1]), initial=first))
        if longest and max(map(len, chain.from_iterable(rows)), default=0) > longest:
            at = next(n for n, row in enumerate(rows) if max(map(len, row), default=0) > longest)
            raise _too_long(lines[at], longest)
        yield lines, rows


def _height(row: list[str]) -> int:
    """How many lines of the file a record takes: line breaks inside its values are lines too."""
    text = " ".join(row)
    return 1 + text.count("\n") + text.count("\r") - text.count("\r\n")


def _fitted(kind: CsvKeys, columns: Columns, blocks: Iterator[Any]) -> Iterator[Block | BadRow]:
    """Blocks whose rows all have the header's width, blank ones left out."""
    width, skip_blank, all_wide = columns.width, kind.skip_blank, {columns.width}
    for block in blocks:
        lines, rows = block
        if set(map(len, rows)) == all_wide and not (skip_blank and not all(map(_FIRST, rows))):
            yield lines, _finished(kind, columns, rows)
            continue
        for part in in_blocks(
            (line, row) if len(row) == width else _fit(kind, columns, line, row)
            for line, row in zip(lines, rows, strict=True)
            if not skip_blank or any(row)
        ):
            yield part if isinstance(part, BadRow) else (part[0], _finished(kind, columns, part[1]))


def _finished(kind: CsvKeys, columns: Columns, rows: Sequence[Any]) -> Sequence[Any]:
    """Words for null become None, and behind the last cell stands None for columns that are absent."""
    if kind.null_values:
        nulls = frozenset(kind.null_values)
        rows = [[None if cell in nulls else cell for cell in row] for row in rows]
    if None in columns.places:
        for row in rows:
            row.append(None)
    return rows


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


def _fit(kind: CsvKeys, columns: Columns, line: int, row: list[str]) -> Cells | BadRow:
    """A row of the wrong width: padded where the spec asks for it, else a BadRow or the end of the file."""
    width = columns.width
    if kind.ragged == "pad":
        if len(row) < width:
            return line, [*row, *[""] * (width - len(row))]
        if not any(row[width:]):
            return line, row[:width]
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
