"""X12: sets of segments between envelopes, read and written by a description of the set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Literal

from engine.contracts import BadRow, Record
from engine.errors import ParcelError, SetupError
from engine.formats.nesting import Line, Nested, Nesting
from engine.formats.reading import Wanted
from engine.formats.x12_acks import ACKNOWLEDGEMENT
from engine.formats.x12_compose import Batch, Envelope, interchange
from engine.formats.x12_envelope import Envelopes, RawSet
from engine.formats.x12_findings import Group, Interchange, Leniency, Notes, SetResult, shown, verdict_of
from engine.formats.x12_paths import Spot, rows_at, value_at, values_at
from engine.formats.x12_records import Parsed, SetReader
from engine.formats.x12_send import X12Send
from engine.formats.x12_set import ENVELOPE, TransactionSet
from engine.formats.x12_write import DelimiterInData, SetWriter, WriteRules

Encoding = Literal["utf-8", "cp1252", "latin-1"]
Found = tuple[Interchange, Group]


def compile_set(description: Mapping[str, Any]) -> TransactionSet:
    """A set description, already checked for its shape. Raises ValueError that says what does not hold together."""
    made = TransactionSet(description)
    for path in (made.balance.total, *made.balance.of) if made.balance is not None else ():
        values_at(Spot(loop=made.latest), path)
    return made


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole file looked at: every interchange with its groups and sets, and the findings that stop nothing."""

    interchanges: tuple[Interchange, ...]
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class X12:
    """The keys of `x12:`. `set_` names the file of a description; `description` is that set compiled, given by whoever loads the spec."""

    set_: str
    versions: tuple[str, ...] = ("004010", "005010")
    leniency: Leniency = "normal"
    balance: Literal["warn", "error", "off"] = "warn"
    encoding: Encoding = "utf-8"
    delimiter_in_data: DelimiterInData = "refuse"
    max_segments: int = 100_000
    send: X12Send | None = None
    description: TransactionSet | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.versions or not all(version[:6].isdigit() and len(version) >= 6 for version in self.versions):
            raise ValueError(
                "`versions` are six digits, such as `004010`, with a guide's name behind them where there is one"
            )
        if self.max_segments < 1:
            raise ValueError("`max_segments` must be at least 1")

    def described(self, description: TransactionSet) -> X12:
        """The same with the set it is for. Without one nothing can be read or written."""
        return replace(self, description=description)

    def nest(self, stream: BinaryIO, header: Sequence[Wanted], lines: Sequence[Wanted], each: str | None) -> Nesting:
        """Every set as a document; `each` names what repeats as its lines. Names are dotted paths (`payment.amount`).

        Iterating raises ParcelError for a broken envelope, before the first document. Raises SetupError for a path that leads nowhere.
        """
        picks = _Picks(self.loaded(), header, lines, each)
        return Nesting(lambda findings: _nested(self, stream, picks, findings))

    def records_of(self, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
        """Every set whole, with its number in the file from 1. Raises ParcelError."""
        for number, (item, _) in enumerate(_read(self, stream, []), 1):
            yield item if isinstance(item, BadRow) else (number, item.record)

    def examine(self, stream: BinaryIO) -> Report:
        """What acknowledgements are built from. Raises ParcelError only for what is no X12; a broken interchange is in the report."""
        return _examine(self, stream)

    def encode(
        self, records: Iterable[Record], columns: Sequence[str] = (), *, envelope: Envelope, batch: Batch
    ) -> Iterator[bytes]:
        """One interchange with a set for each record; `columns` choose among the record's names. Raises RecordError, SetupError.

        The same records, envelope and batch give the same bytes.
        """
        description = self.loaded()
        rules = WriteRules(
            version=envelope.version,
            delimiters=envelope.delimiters,
            encoding=self.encoding,
            delimiter_in_data=self.delimiter_in_data,
            balance=self.balance,
        )
        writer = SetWriter(description, rules)
        chosen = (({name: record.get(name) for name in columns} if columns else record) for record in records)
        sets = (writer.segments(record) for record in chosen)
        return interchange(envelope, batch, description.group, sets, encoding=self.encoding)

    def loaded(self) -> TransactionSet:
        """The description. Raises SetupError where nobody has given it."""
        if self.description is None:
            raise SetupError(f"the description of the X12 set `{self.set_}` is not loaded")
        return self.description


class _Picks:
    """What a document asks for, compiled."""

    def __init__(
        self, description: TransactionSet, header: Sequence[Wanted], lines: Sequence[Wanted], each: str | None
    ) -> None:
        spot = Spot(loop=description.latest)
        try:
            self._header = [value_at(spot, wanted.names[0]) for wanted in header]
            self._rows, below = rows_at(spot, each) if each is not None else (_no_rows, spot)
            self._lines = [value_at(below, wanted.names[0]) for wanted in lines]
        except ValueError as error:
            raise SetupError(f"{error} (X12 set {description.id})") from error

    def nested(self, parsed: Parsed, place: str) -> Nested:
        record, rows = parsed.record, parsed.rows
        lines: list[Line] = []
        for row in self._rows(record):
            at = rows.get(id(row))
            lines.append((shown(at) if at is not None else place, [get(row) for get in self._lines]))
        return Nested(place=place, header=[get(record) for get in self._header], lines=lines)


def _no_rows(record: Record) -> Iterator[Record]:
    return iter(())


def _nested(kind: X12, stream: BinaryIO, picks: _Picks, findings: list[str]) -> Iterator[Nested | BadRow]:
    for item, place in _read(kind, stream, findings):
        yield item if isinstance(item, BadRow) else picks.nested(item, place)


def _read(kind: X12, stream: BinaryIO, findings: list[str]) -> Iterator[tuple[Parsed | BadRow, str]]:
    """Two passes: the envelopes of the whole file first, so that nothing of a broken or partial file is handed over."""
    start = stream.tell()
    found = [(each, group) for each in _sound(kind, stream) for group in each.groups]
    stream.seek(start)
    notes = Notes()
    reader = SetReader(kind.loaded(), leniency=kind.leniency, notes=notes, encoding=kind.encoding)
    try:
        for raw in _envelopes(kind, stream, notes, keep=True).sets():
            received, group = found[raw.group]
            if _passed_over(kind, group):
                notes.add("a group of acknowledgements (FA) was passed over", raw.at)
                continue
            parsed, result = _parse(kind, raw, received, group, reader)
            place = result.place
            if group.rejected or result.verdict == "R":
                why = "; ".join(group.messages) if group.rejected else result.why
                yield BadRow(place=place, values=parsed.record, error=why), place
            else:
                if parsed.unbalanced and kind.balance == "warn":
                    notes.add(parsed.unbalanced, raw.at)
                yield parsed, place
    finally:
        findings.extend(notes)


def _sound(kind: X12, stream: BinaryIO) -> list[Interchange]:
    """The interchanges of a file, none of them broken. Raises ParcelError."""
    envelopes = _envelopes(kind, stream, Notes(), keep=False)
    for _ in envelopes.sets():
        pass
    for each in envelopes.interchanges:
        if each.verdict == "R":
            raise ParcelError(
                f"{each.message} (TA1 code {each.note})", place=f"interchange {each.control}, {shown(each.at)}"
            )
    return envelopes.interchanges


def _envelopes(kind: X12, stream: BinaryIO, notes: Notes, *, keep: bool) -> Envelopes:
    return Envelopes(
        stream,
        leniency=kind.leniency,
        notes=notes,
        keep=keep,
        most=kind.max_segments,
        versions=kind.versions,
    )


def _passed_over(kind: X12, group: Group) -> bool:
    return group.functional == ACKNOWLEDGEMENT and kind.loaded().group != ACKNOWLEDGEMENT


def _parse(kind: X12, raw: RawSet, received: Interchange, group: Group, reader: SetReader) -> tuple[Parsed, SetResult]:
    """One set as a record, and how it was received."""
    description = kind.loaded()
    codes, messages = list(raw.codes), list(raw.messages)
    parsed = Parsed()
    if raw.id != description.id:
        codes.append(("1", verdict_of("set", "1", kind.leniency)))
        messages.append(f"it is a set {raw.id[:10]}; only {description.id} is read here")
    else:
        parsed = reader.read(raw, group.version)
        if group.functional != description.group:
            message = f"its group is `{group.functional[:10]}` (GS01); a set {raw.id} travels in `{description.group}`"
            if kind.leniency == "strict":
                codes.append(("1", "R"))
                messages.append(message)
            else:
                reader.notes.add(message, raw.at)
    parsed.record[ENVELOPE] = _envelope_of(raw, received, group)
    result = SetResult(
        key=raw.key,
        id=raw.id,
        guide=raw.guide,
        at=raw.at,
        codes=tuple(codes),
        errors=tuple(parsed.errors),
        more_errors=parsed.more_errors,
        messages=tuple(messages),
        unbalanced=parsed.unbalanced if kind.balance == "error" else "",
    )
    return parsed, result


def _envelope_of(raw: RawSet, received: Interchange, group: Group) -> Record:
    said: Mapping[str, Any] = {
        "sender_qualifier": received.sender.qualifier,
        "sender": received.sender.id,
        "receiver_qualifier": received.receiver.qualifier,
        "receiver": received.receiver.id,
        "interchange": received.control,
        "interchange_date": received.date,
        "usage": received.usage,
        "application_sender": group.sender,
        "application_receiver": group.receiver,
        "group": group.control,
        "group_date": group.date,
        "version": group.version,
        "set": raw.key.number,
        "guide": raw.guide,
    }
    return {name: text for name, text in said.items() if text}


def _examine(kind: X12, stream: BinaryIO) -> Report:
    start = stream.tell()
    envelopes = _envelopes(kind, stream, Notes(), keep=False)
    for _ in envelopes.sets():
        pass
    found = [(each, group) for each in envelopes.interchanges for group in each.groups]
    stream.seek(start)
    notes = Notes()
    reader = SetReader(kind.loaded(), leniency=kind.leniency, notes=notes, encoding=kind.encoding)
    results: list[list[SetResult]] = [[] for _ in found]
    for raw in _envelopes(kind, stream, notes, keep=True).sets():
        if raw.group >= 0 and not _passed_over(kind, found[raw.group][1]):
            received, group = found[raw.group]
            results[raw.group].append(_parse(kind, raw, received, group, reader)[1])
    sets = iter(results)
    told = tuple(
        replace(each, groups=tuple(replace(group, sets=tuple(next(sets))) for group in each.groups))
        for each in envelopes.interchanges
    )
    return Report(interchanges=told, findings=tuple(notes))
