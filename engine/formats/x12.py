"""X12: sets of segments between envelopes, read and written by a description of the set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.contracts import BadRow, Record
from engine.errors import SetupError
from engine.formats.nesting import Nesting
from engine.formats.reading import Wanted
from engine.formats.x12_keys import X12Keys, X12Send

if TYPE_CHECKING:
    from engine.formats.x12_compose import Batch, Envelope
    from engine.formats.x12_reading import Report
    from engine.formats.x12_set import TransactionSet
    from engine.formats.x12_write import SetWriter

# What reads and writes is loaded when a file is there: most specs have none.


def compile_set(description: Mapping[str, Any]) -> TransactionSet:
    """A set description, already checked for its shape. Raises ValueError that says what does not hold together."""
    from engine.formats.x12_paths import Spot, values_at
    from engine.formats.x12_set import TransactionSet

    made = TransactionSet(description)
    for path in (made.balance.total, *made.balance.of) if made.balance is not None else ():
        values_at(Spot(loop=made.latest), path)
    return made


@dataclass(frozen=True, kw_only=True, slots=True)
class X12(X12Keys):
    """X12 as a spec describes it. `description` is its set compiled, given by whoever loads the spec."""

    send: X12Send | None = None
    description: Any = field(default=None, compare=False)

    def described(self, description: TransactionSet) -> X12:
        """The same with the set it is for. Without one nothing can be read or written."""
        return replace(self, description=description)

    def nest(self, stream: BinaryIO, header: Sequence[Wanted], lines: Sequence[Wanted], each: str | None) -> Nesting:
        """Every set as a document; `each` names what repeats as its lines. Names are dotted paths (`payment.amount`).

        Iterating raises ParcelError for a broken envelope, before the first document. Raises SetupError for a path that leads nowhere.
        """
        from engine.formats import x12_reading

        picks = x12_reading.Picks(self.loaded(), header, lines, each)
        told: list[dict[str, Any]] = []
        return Nesting(lambda findings: x12_reading.nested(self, self.loaded(), stream, picks, findings, told), told)

    def records_of(self, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
        """Every set whole, with its number in the file from 1. Raises ParcelError."""
        from engine.formats import x12_reading

        return x12_reading.records(self, self.loaded(), stream)

    def examine(self, stream: BinaryIO) -> Report:
        """What acknowledgements are built from. Raises ParcelError only for what is no X12; a broken interchange is in the report."""
        from engine.formats import x12_reading

        return x12_reading.examine(self, self.loaded(), stream)

    def encode(
        self, records: Iterable[Record], columns: Sequence[str] = (), *, envelope: Envelope, batch: Batch
    ) -> Iterator[bytes]:
        """One interchange with a set for each record; `columns` choose among the record's names. Raises RecordError, SetupError.

        The same records, envelope and batch give the same bytes.
        """
        from engine.formats.x12_compose import interchange

        writer = self.writer(envelope)
        chosen = (({name: record.get(name) for name in columns} if columns else record) for record in records)
        sets = (writer.segments(record) for record in chosen)
        return interchange(envelope, batch, self.loaded().group, sets, encoding=self.encoding)

    def writer(self, envelope: Envelope) -> SetWriter:
        """Turns single records into segments, by the rules of this format."""
        from engine.formats.x12_write import SetWriter, WriteRules

        rules = WriteRules(
            version=envelope.version,
            delimiters=envelope.delimiters,
            encoding=self.encoding,
            delimiter_in_data=self.delimiter_in_data,
            balance=self.balance,
        )
        return SetWriter(self.loaded(), rules)

    def sending(self) -> X12Send:
        """Who sends to whom. Raises SetupError where the spec does not say it."""
        if self.send is None:
            raise SetupError("an X12 object that is written needs `send`: who sends to whom")
        return self.send

    def loaded(self) -> TransactionSet:
        """The description. Raises SetupError where nobody has given it."""
        if self.description is None:
            raise SetupError(f"the description of the X12 set `{self.set_}` is not loaded")
        found: TransactionSet = self.description
        return found
