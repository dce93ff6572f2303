"""What is answered to a received file: a 997 for each group, a TA1 for an interchange; and what partners answer to ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from itertools import chain
from typing import Any

from engine.contracts import Record
from engine.errors import RecordError, SetupError
from engine.formats.x12_compose import Batch, Composer, Envelope, interchange, isa, marks
from engine.formats.x12_findings import ACKNOWLEDGEMENT, Group, Interchange, SegmentError, SetKey, SetResult, Verdict
from engine.formats.x12_keys import NewLine
from engine.formats.x12_read import Delimiters

_MOST_CODES = 5
_WORST: tuple[Verdict, ...] = ("A", "E", "R")
_MODERN_ELEMENT_CODES = {"12": "6", "13": "6"}


@dataclass(frozen=True, kw_only=True, slots=True)
class AckForm:
    """How acknowledgements are written: our own delimiters, whatever the received file had."""

    delimiters: Delimiters = field(default_factory=Delimiters)
    newline: NewLine = "lf"


def wants_997(received: Interchange, group: Group) -> bool:
    """Whether a 997 is due: not for acknowledgements, not for guides (`005010X218`) that ask for a 999, not below a broken interchange."""
    return received.verdict != "R" and group.functional != ACKNOWLEDGEMENT and "X" not in group.version[6:7]


def build_997(
    received: Interchange,
    group: Group,
    outcomes: Mapping[SetKey, Verdict],
    batch: Batch,
    *,
    form: AckForm | None = None,
) -> Iterator[bytes]:
    """A file with the 997 for one group. `outcomes` is what became of its sets beside what was found; absent ones are as found.

    The same arguments give the same bytes. Raises RecordError where the group is never acknowledged or its sender can't be addressed.
    """
    if group.functional == ACKNOWLEDGEMENT:
        raise RecordError("a group of acknowledgements (FA) is never acknowledged", field="GS01")
    form = form or AckForm()
    version = "005010" if group.version >= "005010" and group.version[:6].isdigit() else "004010"
    envelope = _answer_to(received, form, version, group)
    segments = _Segments(version=version, delimiters=form.delimiters)
    return interchange(envelope, batch, ACKNOWLEDGEMENT, [chain([("997",)], segments.of_group(group, outcomes))])


def build_ta1(
    received: Interchange, batch: Batch, *, note: str | None = None, form: AckForm | None = None
) -> Iterator[bytes]:
    """A file with the TA1 for an interchange; `note` (`025` for a number seen before) overrules what was found. Raises RecordError."""
    form = form or AckForm()
    envelope = _answer_to(received, form, "004010", None)
    code = note if note is not None else received.note
    verdict = "A" if code == "000" else ("R" if note is not None else received.verdict)
    clean = _cleaner(form.delimiters)
    ta1 = ("TA1", clean(received.control), clean(received.date), clean(received.time), verdict, code)
    composer = Composer(form.delimiters, form.newline)
    at = batch.at.astimezone(UTC)
    yield composer.segments([isa(envelope, batch, at), ta1, ("IEA", "0", f"{batch.number:09}")])


def wants_ta1(received: Interchange) -> bool:
    """Whether the sender asked for one (ISA14). What is rejected may be answered without that."""
    return received.ack_wanted


def _answer_to(received: Interchange, form: AckForm, version: str, group: Group | None) -> Envelope:
    try:
        return Envelope(
            sender=received.receiver,
            receiver=received.sender,
            application_sender=group.receiver if group is not None else "",
            application_receiver=group.sender if group is not None else "",
            version=version,
            usage="T" if received.usage == "T" else "P",
            delimiters=form.delimiters,
            newline=form.newline,
        )
    except SetupError as error:
        raise RecordError(f"interchange {received.control} can't be answered: {error}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class _Segments:
    """AK1 to AK9 in one version."""

    version: str
    delimiters: Delimiters

    def of_group(self, group: Group, outcomes: Mapping[SetKey, Verdict]) -> Iterator[Sequence[str]]:
        clean = _cleaner(self.delimiters)
        modern = self.version >= "005010"
        yield ("AK1", clean(group.functional), clean(group.control), *([clean(group.version)] if modern else []))
        verdicts: list[Verdict] = []
        for result in group.sets:
            verdict = _worst(result.verdict, outcomes.get(result.key, "A"), "R" if group.rejected else "A")
            verdicts.append(verdict)
            yield ("AK2", clean(result.id), clean(result.key.number), *([clean(result.guide)] if modern else []))
            for error in result.errors:
                yield from self._wrong(error)
            yield ("AK5", verdict, *_codes_of(result, verdict))
        accepted = 0 if group.rejected else sum(verdict != "R" for verdict in verdicts)
        declared = group.declared if group.declared.isdigit() and len(group.declared) <= 6 else str(group.received)
        codes = dict.fromkeys(code for code, _ in group.codes)
        yield (
            "AK9",
            _of_group(group, verdicts),
            declared,
            str(group.received),
            str(accepted),
            *list(codes)[:_MOST_CODES],
        )

    def _wrong(self, error: SegmentError) -> Iterator[Sequence[str]]:
        clean = _cleaner(self.delimiters)
        segment = clean(error.segment)
        yield ("AK3", segment if len(segment) > 1 else "ZZZ", str(error.position), clean(error.loop)[:4], error.code)
        for each in error.elements:
            place = str(each.position) + (f"{self.delimiters.component}{each.component}" if each.component else "")
            code = each.code if self.version >= "005010" else _MODERN_ELEMENT_CODES.get(each.code, each.code)
            yield ("AK4", place, each.number if each.number.isdigit() else "", code, clean(each.copy)[:99])


def _codes_of(result: SetResult, verdict: Verdict) -> list[str]:
    codes = [code for code, _ in result.codes]
    if result.errors or (verdict == "R" and not codes):
        codes.append("5")
    return list(dict.fromkeys(codes))[:_MOST_CODES]


def _of_group(group: Group, verdicts: Sequence[Verdict]) -> str:
    if group.rejected or (verdicts and all(verdict == "R" for verdict in verdicts)):
        return "R"
    if "R" in verdicts:
        return "P"
    return "E" if "E" in verdicts or group.codes else "A"


def _worst(*found: Verdict) -> Verdict:
    return max(found, key=_WORST.index)


def _cleaner(delimiters: Delimiters) -> Any:
    """What a sender wrote, so that it can't break the answer."""
    unwanted = set(marks(delimiters))

    def clean(text: str) -> str:
        kept = "".join(c if c.isascii() and c.isprintable() and c not in unwanted else " " for c in text)
        return kept.strip()

    return clean


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAnswer:
    """What a partner says of one set of ours. `verdict` is AK501: A, E, or a kind of R."""

    id: str
    number: str
    verdict: str
    codes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.verdict in {"A", "E"}


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupAnswer:
    """A 997 received. `number` is our GS06; sets it does not name share the group's fate."""

    sender: str
    receiver: str
    functional: str
    number: str
    verdict: str
    codes: tuple[str, ...] = ()
    sets: tuple[SetAnswer, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.verdict in {"A", "E"}

    def of(self, set_number: str) -> str:
        """The verdict on the set of ours with that ST02; where it is not named, that of the group (`P` names what it rejects)."""
        for each in self.sets:
            if each.number == set_number:
                return each.verdict
        return "A" if self.verdict == "P" else self.verdict


def answer_of(record: Record) -> GroupAnswer:
    """A record of set 997, by its description, as an answer to one group of ours."""
    group, outcome, envelope = record["group"], record["outcome"], record.get("envelope", {})
    return GroupAnswer(
        sender=envelope.get("sender", ""),
        receiver=envelope.get("receiver", ""),
        functional=group["functional"],
        number=group["number"],
        verdict=outcome["outcome"],
        codes=_answered_codes(outcome),
        sets=tuple(map(_set_answer, record.get("sets", ()))),
    )


def _set_answer(found: Record) -> SetAnswer:
    outcome = found["outcome"]
    return SetAnswer(
        id=found["set"],
        number=found["number"],
        verdict=outcome["outcome"],
        codes=_answered_codes(outcome),
        errors=tuple(line for segment in found.get("segments", ()) for line in _told(segment)),
    )


def _answered_codes(outcome: Record) -> tuple[str, ...]:
    names = ("code", "code2", "code3", "code4", "code5")
    return tuple(outcome[name] for name in names if name in outcome)


def _told(segment: Record) -> Iterator[str]:
    where = f"{segment['segment']} at {segment['position']}"
    elements = segment.get("elements", ())
    if not elements:
        yield f"{where}: code {segment.get('code', '')}"
    for each in elements:
        place = ".".join(each["element"].values()) if isinstance(each.get("element"), dict) else ""
        copy = f" `{each['copy']}`" if "copy" in each else ""
        yield f"{where}, element {place}: code {each.get('code', '')}{copy}"
