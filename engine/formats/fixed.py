"""Fixed width: several record types, header, lines and trailer, control totals; every field between declared positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from engine.contracts import BadRow, Record
from engine.formats import fixed_read, fixed_write
from engine.formats.fixed_keys import FixedField, FixedKeys, FixedRecord, FixedTotal
from engine.formats.nesting import Nesting
from engine.formats.reading import Wanted

__all__ = ["Fixed", "FixedField", "FixedRecord", "FixedTotal"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixed(FixedKeys):
    """A fixed-width file as a spec describes it."""

    def nest(
        self, stream: BinaryIO, header: Sequence[Wanted], lines: Sequence[Wanted] = (), each: str | None = None
    ) -> Nesting:
        """Documents with the texts of the wanted fields, named `type.field`. Iterating raises ParcelError, before the first document.

        `each` is the record type of the lines; without it every record that opens a document is one, with the others around it.
        """
        return Nesting(lambda findings: fixed_read.nest(self, stream, header, lines, each, findings))

    def records_of(self, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
        """Every record of the documents as texts by field, its type under `record`. Raises ParcelError."""
        return fixed_read.records(self, stream)

    def encode(self, records: Iterable[Record], columns: Sequence[str] = ()) -> Iterator[bytes]:
        """The file in pieces; the fields declared are what is written, `columns` add nothing. Raises RecordError."""
        return fixed_write.encode(self, records)
