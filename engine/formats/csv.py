"""Comma separated text (RFC 4180 and its relatives), strict where Python's defaults lose rows in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from engine.contracts import BadRow, Record
from engine.formats import csv_read, csv_write
from engine.formats.csv_keys import CsvKeys, Footer
from engine.formats.csv_whereabouts import Whereabouts
from engine.formats.reading import Decoding, Wanted

__all__ = ["Csv", "Footer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Csv(CsvKeys):
    """CSV as a spec describes it."""

    def decode(self, stream: BinaryIO, fields: Sequence[Wanted], *, count: int | None = None) -> Decoding:
        """Rows as (line number, texts in the order of `fields`; None where absent), or BadRow. Iterating raises ParcelError.

        With `count` only the values of that many fields are handed over; the header is checked for all.
        """
        return Decoding(lambda findings: csv_read.open_table(self, stream, fields, findings), count)

    def records_of(self, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
        """Every row as texts by column name. Raises ParcelError."""
        return csv_read.records(self, stream)

    def whereabouts(self, stream: BinaryIO) -> Whereabouts:
        """Record and byte of lines, for what is told of single rows; the stream is this reader's own from now on."""
        return Whereabouts(self, stream)

    def encode(self, records: Iterable[Record], columns: Sequence[str] = ()) -> Iterator[bytes]:
        """The file in pieces, the same bytes for the same records. Raises RecordError for a value that can't be written.

        With `each` a record takes a row for each item of that list, which needs the spec's own columns; else `columns` stand in.
        """
        return csv_write.encode(self, records, self.columns or columns)
