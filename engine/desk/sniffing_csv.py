"""The dialect of a CSV file: delimiter, quote, what stands before the header and behind the data."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import re2

from engine.desk.sniffed import Sniffed, text_lines
from engine.desk.starting_types import is_typed
from engine.formats.csv import Csv, Footer

DELIMITERS = ",;\t|^~"
_ROWS = 500
_FIELD = 1024 * 1024
_MOST_SKIPPED = 20
_TAIL = 64 * 1024
_SEPARATOR = re.compile(r"sep=(.)")
_NAME = re.compile(r"[^\W\d][\w .:/#()%&+\-]{0,79}")
_FOOTER = re.compile(
    r"(?i)(?:grand |sub)?totals?|sums?|trailer|trl|eof|end(?: of file)?|(?:row |record )?count|summe|gesamt"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """How a CSV file is written, as far as its beginning and its end tell."""

    delimiter: str
    quote: str
    header: bool
    columns: tuple[str, ...]
    skip_rows: int = 0
    comment: str = ""
    footer: Footer | None = None
    repeated: tuple[str, ...] = ()

    def format(self, encoding: Any) -> Csv:
        """The format that reads it."""
        return Csv(
            encoding=encoding,
            delimiter=self.delimiter,
            quote=self.quote,
            header="row" if self.header else "none",
            columns=() if self.header else self.columns,
            skip_rows=self.skip_rows,
            comment=self.comment or None,
            footer=self.footer,
        )

    def keys(self, encoding: str) -> dict[str, Any]:
        """The keys of `csv:` that differ from what holds where nothing is said."""
        footer: dict[str, Any] | None = None
        if self.footer is not None:
            pattern, skip_last = self.footer.pattern, self.footer.skip_last
            footer = {"pattern": pattern} if pattern else {"skip_last": skip_last}
        said: dict[str, Any] = {
            "encoding": encoding if encoding != "utf-8-sig" else None,
            "delimiter": self.delimiter,
            "quote": self.quote if self.quote != '"' else None,
            "header": None if self.header else "none",
            "columns": None if self.header else list(self.columns),
            "skip_rows": self.skip_rows or None,
            "comment": self.comment or None,
            "footer": footer,
        }
        return {name: value for name, value in said.items() if value is not None}


def delimiter_of(text: str) -> tuple[str, str] | None:
    """Delimiter and quote that cut most lines into equally many cells, and more of them into values; None where nothing does."""
    lines = [line for line in text_lines(text)[: _ROWS * 2] if line.strip()]
    said = _SEPARATOR.fullmatch(lines[0].strip("\ufeff\r\n")) if lines else None
    best: tuple[float, int, int, str, str] | None = None
    for delimiter in [said[1]] if said and not said[1].isalnum() else DELIMITERS:
        for quote in _quotes(lines, delimiter):
            rows = _rows(lines, delimiter, quote)
            width, count = _width(rows)
            if width < 2 or (len(rows) > 2 and count < len(rows) * 0.6 and count < len(rows) - 3):
                continue
            typed = sum(is_typed(cell.strip()) for row in rows[:50] for cell in row)
            score = (count / max(1, len(rows)), typed, min(width, 50))
            if best is None or score > best[:3]:
                best = (*score, delimiter, quote)
    return best[3:] if best is not None else None


def _width(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """The number of cells most rows have, where there is a choice more than one, and how many rows that are."""
    widths = Counter(map(len, rows))
    return max(widths.items(), key=lambda one: (one[1] * (one[0] > 1), one[0]), default=(1, 0))


def _quotes(lines: Sequence[str], delimiter: str) -> str:
    """The quotes to try: single ones only where whole cells stand between them, and in none between double ones."""
    mark = re.escape(delimiter)
    double, single = (
        any(re.search(f"(?:^|{mark}){quote}[^{quote}]*{quote}(?:{mark}|$)", line) for line in lines) for quote in "\"'"
    )
    return "\"'" if single and not double else '"'


def dialect_of(sniffed: Sniffed) -> Dialect:
    """The dialect; of a file of one column the delimiter is a comma that never comes."""
    delimiter, quote = delimiter_of(sniffed.text) or (",", '"')
    lines = text_lines(sniffed.text)
    said = bool(lines) and _SEPARATOR.fullmatch(lines[0].strip("\ufeff\r\n")) is not None
    lines = lines[said:]
    rows = [row for row in _rows(lines[: _ROWS * 2], delimiter, quote) if any(row)]
    width = _width(rows)[0]
    comment = "#" if lines and lines[0].startswith("#") and rows and len(rows[0]) != width else ""
    if comment:
        lines = [line for line in lines if not line.startswith("#")]
        rows = [row for row in _rows(lines[: _ROWS * 2], delimiter, quote) if any(row)]
    skipped = next((n for n, row in enumerate(rows[:_MOST_SKIPPED]) if len(row) == width), 0)
    rows = rows[skipped:]
    header = bool(rows) and _names_columns(rows)
    names = [name.strip() for name in rows[0]] if header else []
    repeated = [name for name, times in Counter(names).items() if name and times > 1]
    if repeated:  # such a header can't be read by name
        skipped, header = skipped + 1, False
    columns = names if names and not repeated else [f"column_{n + 1}" for n in range(width)]
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        header=header,
        columns=tuple(columns),
        skip_rows=_physical(lines, skipped, delimiter, quote) + (said and (skipped > 0 or not header)),
        comment=comment,
        footer=_footer(sniffed, width, delimiter, quote, len(rows)),
        repeated=tuple(repeated),
    )


def _rows(lines: Sequence[str], delimiter: str, quote: str) -> list[list[str]]:
    """The rows of these lines, up to the first that can't be one; the last may be cut and is left out if it is."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD))
    found: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True):
            found.append(row)
            if len(found) >= _ROWS:
                break
    except csv.Error:
        return found
    return found


def _physical(lines: Sequence[str], rows: int, delimiter: str, quote: str) -> int:
    """How many lines of the file so many rows with something in them take."""
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True)
    while rows:
        rows -= any(next(reader, ["end"]))
    return reader.line_num


def _names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row looks like names: none of them a value, and at least one unlike what stands below it."""
    first, rest = [cell.strip() for cell in rows[0]], rows[1:201]
    if not any(first) or any(cell and is_typed(cell) for cell in first):
        return False
    if not rest:
        return all(_NAME.fullmatch(cell) for cell in first)
    for n, name in enumerate(first):
        below = [row[n].strip() for row in rest if n < len(row) and row[n].strip()]
        if below and sum(map(is_typed, below)) > len(below) / 2:
            return True
        if name and name in below:
            return False
    return all(_NAME.fullmatch(cell) for cell in first if cell) and sum(map(bool, first)) * 2 > len(first)


def _footer(sniffed: Sniffed, width: int, delimiter: str, quote: str, rows: int) -> Footer | None:
    """The last row, where it is unlike the data. Its totals are for a person to see: no column is said to hold them."""
    if rows < 3 or (sniffed.encoding == "utf-16" and not sniffed.whole):
        return None
    if sniffed.whole:
        lines = text_lines(sniffed.text)[-5:]
    else:
        with sniffed.path.open("rb") as stream:
            stream.seek(max(0, sniffed.size - _TAIL))
            lines = text_lines(stream.read(_TAIL).decode(sniffed.encoding, "replace"))[1:][-5:]
    last = next((line for line in reversed(lines) if line.strip()), "")
    row = next(iter(_rows([last], delimiter, quote)), [])
    cell = row[0].strip() if row else ""
    if _FOOTER.fullmatch(cell.rstrip(":").strip()):
        return Footer(pattern="^" + re2.escape(cell))
    cut = not last.endswith(("\n", "\r"))  # a line that was cut off is no footer
    return Footer(skip_last=1) if row and len(row) < width and not cut else None
