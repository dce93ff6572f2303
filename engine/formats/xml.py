"""XML: records by the path of their element, header and lines together; no DTD, no tree of the whole file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from engine.contracts import BadRow, Record
from engine.formats import xml_read, xml_records, xml_write
from engine.formats.nesting import Nesting
from engine.formats.reading import Wanted
from engine.formats.xml_keys import XmlKeys

__all__ = ["Xml"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Xml(XmlKeys):
    """XML as a spec describes it."""

    def nest(
        self, stream: BinaryIO, header: Sequence[Wanted], lines: Sequence[Wanted] = (), each: str | None = None
    ) -> Nesting:
        """Documents with the texts at the wanted paths; None where there is no such element. Iterating raises ParcelError.

        `each` is the path of the line elements below the record; paths of `lines` start at such an element.
        """
        return Nesting(lambda findings: xml_read.nest(self, stream, header, lines, each, findings))

    def records_of(self, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
        """Every record whole, by local names, with its line. Raises ParcelError."""
        return xml_records.records(self, stream)

    def encode(self, records: Iterable[Record], columns: Sequence[str] = ()) -> Iterator[bytes]:
        """The file in pieces, the same bytes for the same records. Raises RecordError for a value that can't be written."""
        return xml_write.encode(self, records, self.columns or columns)
