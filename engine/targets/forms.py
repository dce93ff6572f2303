"""How the files of a flow are written: plainly, or as interchanges that carry a control number and a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from engine.contracts import Record
from engine.formats.csv import Csv
from engine.formats.fixed import Fixed
from engine.formats.json import Json
from engine.formats.layouts import Format
from engine.formats.x12 import X12
from engine.formats.xml import Xml

if TYPE_CHECKING:
    from engine.formats.x12_compose import Envelope
    from engine.formats.x12_write import SetWriter


@dataclass(frozen=True, kw_only=True, slots=True)
class Stamp:
    """What makes a file one of its own: its control number, and when it was made, aware."""

    number: int
    at: datetime


class Form(Protocol):
    """How records become a file. The same records and stamp give the same bytes."""

    def series(self, first: Record) -> str:
        """Whose control numbers a file takes that begins with this record; empty where it has none but the flow's own count."""

    def names(self, first: Record) -> Mapping[str, str]:
        """What the file's name may say besides its numbers."""

    def encode(self, records: Iterable[Record], stamp: Stamp) -> Iterator[bytes]:
        """The file in pieces. Raises RecordError for a value that can't be written."""

    def check(self, record: Record) -> None:
        """Raises RecordError for a record that could not be written."""


class PlainForm:
    """CSV, JSON, XML and fixed width: nothing in the file tells it from another one with the same records."""

    def __init__(self, format_: Csv | Json | Xml | Fixed, columns: Sequence[str]) -> None:
        self._format = format_
        self._columns = columns

    def series(self, first: Record) -> str:
        """None: nobody counts them but the flow."""
        return ""

    def names(self, first: Record) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def encode(self, records: Iterable[Record], stamp: Stamp) -> Iterator[bytes]:
        """The records as they stand."""
        return self._format.encode(records, self._columns)

    def check(self, record: Record) -> None:
        """Fields have widths in one, and letters without a form in the other; the rest takes whatever was mapped."""
        if isinstance(self._format, Fixed | Xml):
            deque(self._format.encode([record], self._columns), maxlen=0)


class SetForm:
    """An X12 interchange of one group, a set for each record. Files from us to that partner share their control numbers."""

    def __init__(self, format_: X12, columns: Sequence[str], envelope: Envelope) -> None:
        self._format = format_
        self._columns = columns
        self._envelope = envelope

    def series(self, first: Record) -> str:
        """One for each pair of parties, whatever is sent."""
        from engine.formats.x12_compose import series_of

        return series_of(self._envelope.sender, self._envelope.receiver)

    def names(self, first: Record) -> Mapping[str, str]:
        """Nothing: the partner is the system's own."""
        return {}

    def encode(self, records: Iterable[Record], stamp: Stamp) -> Iterator[bytes]:
        """One interchange."""
        from engine.formats.x12_compose import Batch

        batch = Batch(number=stamp.number, at=stamp.at)
        return self._format.encode(records, self._columns, envelope=self._envelope, batch=batch)

    def check(self, record: Record) -> None:
        """Every element and the balance."""
        self._writer.segments({name: record.get(name) for name in self._columns})

    @cached_property
    def _writer(self) -> SetWriter:
        return self._format.writer(self._envelope)


def form_of(format_: Format, columns: Sequence[str], settings: Mapping[str, Any], *, name: str) -> Form:
    """The form of an object's files; `name` is its system's alias. Raises SetupError for an envelope that can't be filled in."""
    if not isinstance(format_, X12):
        return PlainForm(format_, columns)
    from engine.formats.x12_send import envelope_of

    return SetForm(format_, columns, envelope_of(format_.sending(), settings, name=name))
