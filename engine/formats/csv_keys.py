"""What a spec says of a CSV file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import re2

from engine.formats.lines import Encoding


@dataclass(frozen=True, kw_only=True, slots=True)
class Footer:
    """Rows after the data. A file without its footer is incomplete.

    `count` and `sum` name columns of the footer row: there it states how many data rows there are, and what that column adds up to.
    """

    skip_last: int = 0
    pattern: str | None = None
    count: str | None = None
    sum: str | None = None

    def __post_init__(self) -> None:
        if self.skip_last < 0 or bool(self.skip_last) == bool(self.pattern):
            raise ValueError("`footer` needs either `skip_last` (how many rows) or `pattern` (what its rows look like)")
        if self.pattern is not None:
            try:
                re2.compile(self.pattern)
            except re2.error as error:
                raise ValueError(f"`pattern` is no regular expression: {error}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvKeys:
    """The keys of `csv:`. `columns` are the names of a file without header, and what is written in which order.

    `each` is a list of the document: each of its items is written as a row of its own.
    """

    encoding: Encoding = "utf-8-sig"
    delimiter: str = ","
    quote: str = '"'
    header: Literal["row", "none"] = "row"
    columns: tuple[str, ...] = ()
    each: str | None = None
    match: Literal["exact", "casefold"] = "exact"
    unknown_columns: Literal["warn", "error", "ignore"] = "warn"
    ragged: Literal["bad_row", "error", "pad"] = "bad_row"
    skip_rows: int = 0
    skip_blank: bool = True
    comment: str | None = None
    footer: Footer | None = None
    null_values: tuple[str, ...] = ()
    newline: Literal["lf", "crlf"] = "crlf"
    byte_order_mark: bool = False
    excel_safe: bool = False
    max_field: int = 1024 * 1024
    max_rows: int | None = None
    final_newline: Literal["any", "require"] = "any"

    def __post_init__(self) -> None:
        for name, mark in (("delimiter", self.delimiter), ("quote", self.quote), ("comment", self.comment)):
            if mark is not None and (len(mark) != 1 or mark in "\r\n\0"):
                raise ValueError(f"`{name}` must be one character, not {mark!r}")
        if self.delimiter == self.quote:
            raise ValueError("`delimiter` and `quote` must differ")
        if self.header == "none" and not self.columns:
            raise ValueError("`header: none` needs `columns`: the names of the columns in their order")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("`columns` names a column twice")
        if self.each is not None and not self.columns:
            raise ValueError("`each` needs `columns`: fields of its items, and of the document, in their order")
