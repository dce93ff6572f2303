"""X12 files read: every set as a record or a document, what acknowledgements are built from, and what partners answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO

from engine.contracts import BadRow, Record
from engine.errors import ParcelError, SetupError
from engine.formats.nesting import Line, Nested
from engine.formats.reading import Wanted
from engine.formats.x12_alike import Alike, Pick
from engine.formats.x12_envelope import Envelopes, RawSet
from engine.formats.x12_findings import ACKNOWLEDGEMENT, Group, Interchange, Notes, SetResult, shown, verdict_of
from engine.formats.x12_keys import X12Keys
from engine.formats.x12_paths import Spot, rows_at, value_at
from engine.formats.x12_received import Plain, Received
from engine.formats.x12_records import Parsed, SetReader
from engine.formats.x12_set import ENVELOPE, TransactionSet


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A whole file looked at: every interchange with its groups and sets, and the findings that stop nothing."""

    interchanges: tuple[Interchange, ...]
    findings: tuple[str, ...] = ()


class Picks:
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


def nested(
    kind: X12Keys,
    description: TransactionSet,
    stream: BinaryIO,
    picks: Picks,
    findings: list[str],
    received: list[Plain],
) -> Iterator[Nested | BadRow]:
    """Every set as a document. `received` is filled as far as the file could be understood, whatever is raised."""
    for item, place in _read(kind, description, stream, findings, received, picks.nested):
        yield picks.nested(item, place) if isinstance(item, Parsed) else item


def records(kind: X12Keys, description: TransactionSet, stream: BinaryIO) -> Iterator[tuple[int, Record] | BadRow]:
    """Every set whole, with its number. Where acknowledgements are read, a TA1 is a record too: it has `answered`."""
    received: list[Plain] = []
    number = 0
    for item, _ in _read(kind, description, stream, [], received):
        number += 1
        yield (number, item.record) if isinstance(item, Parsed) else item  # type: ignore[misc]  # a BadRow
    if description.group == ACKNOWLEDGEMENT:
        for each in received:
            for answer in each["answers"]:
                number += 1
                yield number, _answered(each, answer)


def _answered(received: Mapping[str, Any], answer: Sequence[str]) -> Record:
    """A TA1 as a record: its elements by name, and who sent it."""
    names = ("interchange", "date", "time", "verdict", "note")
    envelope = {"interchange": received["control"]}
    for side in ("sender", "receiver"):
        envelope |= {f"{side}_qualifier": received[side]["qualifier"], side: received[side]["id"]}
    return {ENVELOPE: envelope, "answered": dict(zip(names, answer, strict=False))}


def _read(
    kind: X12Keys,
    description: TransactionSet,
    stream: BinaryIO,
    findings: list[str],
    received: list[Plain],
    pick: Pick | None = None,
) -> Iterator[tuple[Parsed | Nested | BadRow, str]]:
    """Two passes: the envelopes of the whole file first, so that nothing of a broken or partial file is handed over.

    With `pick` a set like one before it comes as its document at once; a record handed over is then void when the next is asked for.
    """
    start = stream.tell()
    interchanges = _looked_over(kind, stream)
    told = Received(interchanges, received, description.id)
    _refuse_broken(interchanges)
    found = [(each, group) for each in interchanges for group in each.groups]
    stream.seek(start)
    notes = Notes()
    reader = SetReader(description, leniency=kind.leniency, notes=notes, encoding=kind.encoding)
    alike = Alike(reader, pick) if pick is not None else None
    try:
        for raw in _envelopes(kind, stream, notes, keep=True).sets():
            whole, group = found[raw.group]
            if _passed_over(description, group):
                notes.add("a group of acknowledgements (FA) was passed over", raw.at)
                continue
            plain = alike is not None and _is_plain(description, raw, group)
            if alike is not None and plain:
                document = alike.take(raw, group.version, partial(_envelope_of, raw, whole, group))
                if document is not None:
                    told.add_clean(raw.group, raw.key.number)
                    yield document, document.place
                    continue
            noted = notes.total
            parsed, result = _parse(kind, description, raw, whole, group, reader)
            told.add(raw.group, result)
            place = result.place
            if group.rejected or result.verdict == "R":
                why = "; ".join(group.messages) if group.rejected else result.why
                yield BadRow(place=place, values=parsed.record, error=why), place
            else:
                if parsed.unbalanced and kind.balance == "warn":
                    notes.add(parsed.unbalanced, raw.at)
                yield parsed, place
                if alike is not None and plain and notes.total == noted and not (result.errors or parsed.unbalanced):
                    alike.learn(raw, group.version, parsed)
    finally:
        findings.extend(notes)


def _is_plain(description: TransactionSet, raw: RawSet, group: Group) -> bool:
    """Whether nothing is to be said of the set and its group beside what stands between ST and SE."""
    right = raw.id == description.id and group.functional == description.group
    return right and not (raw.codes or raw.messages or raw.guide or group.rejected)


def _looked_over(kind: X12Keys, stream: BinaryIO) -> list[Interchange]:
    envelopes = _envelopes(kind, stream, Notes(), keep=False)
    for _ in envelopes.sets():
        pass
    return envelopes.interchanges


def _refuse_broken(interchanges: Sequence[Interchange]) -> None:
    for each in interchanges:
        if each.verdict == "R":
            raise ParcelError(
                f"{each.message} (TA1 code {each.note})", place=f"interchange {each.control}, {shown(each.at)}"
            )


def _envelopes(kind: X12Keys, stream: BinaryIO, notes: Notes, *, keep: bool) -> Envelopes:
    return Envelopes(
        stream,
        leniency=kind.leniency,
        notes=notes,
        keep=keep,
        most=kind.max_segments,
        versions=kind.versions,
    )


def _passed_over(description: TransactionSet, group: Group) -> bool:
    return group.functional == ACKNOWLEDGEMENT and description.group != ACKNOWLEDGEMENT


def _parse(
    kind: X12Keys, description: TransactionSet, raw: RawSet, received: Interchange, group: Group, reader: SetReader
) -> tuple[Parsed, SetResult]:
    """One set as a record, and how it was received."""
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


def examine(kind: X12Keys, description: TransactionSet, stream: BinaryIO) -> Report:
    """What was received, broken interchanges too. Raises ParcelError only for what is no X12."""
    start = stream.tell()
    interchanges = _looked_over(kind, stream)
    found = [(each, group) for each in interchanges for group in each.groups]
    stream.seek(start)
    notes = Notes()
    reader = SetReader(description, leniency=kind.leniency, notes=notes, encoding=kind.encoding)
    results: list[list[SetResult]] = [[] for _ in found]
    for raw in _envelopes(kind, stream, notes, keep=True).sets():
        if raw.group >= 0 and not _passed_over(description, found[raw.group][1]):
            received, group = found[raw.group]
            results[raw.group].append(_parse(kind, description, raw, received, group, reader)[1])
    sets = iter(results)
    told = tuple(
        replace(each, groups=tuple(replace(group, sets=tuple(next(sets))) for group in each.groups))
        for each in interchanges
    )
    return Report(interchanges=told, findings=tuple(notes))
