"""Segments and envelopes as bytes: what the writer of records and the writer of acknowledgements share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Literal

from engine.errors import RecordError, SetupError
from engine.formats.x12_findings import Party
from engine.formats.x12_keys import NewLine
from engine.formats.x12_read import Delimiters

_ENDS: dict[NewLine, str] = {"none": "", "lf": "\n", "crlf": "\r\n"}
_LARGEST = 999_999_999
_PIECE = 1000
"""Segments that are put together at once: one set may have very many."""
_MOST_SETS = 999_999


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """What stands in ISA and GS besides numbers and times. Applications (GS02, GS03) are the parties' ids where empty."""

    sender: Party
    receiver: Party
    version: str = "004010"
    application_sender: str = ""
    application_receiver: str = ""
    usage: Literal["P", "T"] = "P"
    ack_wanted: bool = False
    delimiters: Delimiters = field(default_factory=Delimiters)
    newline: NewLine = "lf"

    def __post_init__(self) -> None:
        """Raises SetupError for what no envelope can hold."""
        check_delimiters(self.delimiters)
        for what, party in (("sender", self.sender), ("receiver", self.receiver)):
            if len(party.qualifier) != 2 or not 1 <= len(party.id) <= 15:
                raise SetupError(f"the {what} of an X12 file needs a qualifier of 2 and an id of 1 to 15 characters")
        for what, name in (("sender", self.application_sender), ("receiver", self.application_receiver)):
            if name and not 2 <= len(name) <= 15:
                raise SetupError(f"`application_{what}` has {len(name)} characters; X12 allows 2 to 15")
        if not (self.version[:6].isdigit() and 6 <= len(self.version) <= 12):
            raise SetupError(f"the X12 version `{self.version}` is none: six digits, such as `004010`")
        texts = (self.sender.qualifier, self.sender.id, self.receiver.qualifier, self.receiver.id, self.version)
        for text in (*texts, self.application_sender, self.application_receiver):
            if (
                not text.isascii()
                or not text.isprintable()
                or any(mark and mark in text for mark in marks(self.delimiters))
            ):
                raise SetupError(
                    f"`{text}` can't stand in an X12 envelope: it has a delimiter or a character beyond ASCII"
                )


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What makes one file of its own: the interchange's control number (and of its group), and when it was made, aware."""

    number: int
    at: datetime
    group: int | None = None

    def __post_init__(self) -> None:
        """Raises RecordError for a number X12 can't hold."""
        for number in (self.number, self.group if self.group is not None else 1):
            if not 1 <= number <= _LARGEST:
                raise RecordError(f"the control number {number} is not between 1 and {_LARGEST}")
        if self.at.tzinfo is None:
            raise ValueError("`at` needs a time zone")


def series_of(sender: Party, receiver: Party) -> str:
    """The name of the control numbers one party uses towards another: what they may never use twice."""
    return f"{sender.qualifier}:{sender.id}>{receiver.qualifier}:{receiver.id}"


def marks(delimiters: Delimiters) -> tuple[str, ...]:
    """The four delimiters; one may be empty."""
    return (delimiters.element, delimiters.segment, delimiters.component, delimiters.repetition)


def check_delimiters(delimiters: Delimiters) -> None:
    """Raises SetupError where they are not four different characters that can't stand in data."""
    found = marks(delimiters)
    for name, mark in zip(("element", "segment", "component", "repetition"), found, strict=True):
        if len(mark) != 1 or not mark.isascii() or mark.isalnum() or mark in " -.+\0":
            raise SetupError(
                f"the {name} delimiter `{mark}` must be one ASCII character, no letter, digit, blank, sign or point"
            )
    if len(set(found)) != len(found):
        raise SetupError("the delimiters of an X12 file must differ from one another")


class Composer:
    """Turns segments into bytes. Elements are trusted: whoever writes values has checked them."""

    def __init__(self, delimiters: Delimiters, newline: NewLine, encoding: str = "ascii") -> None:
        self._mark, self._encoding = delimiters.element, encoding
        self._end = delimiters.segment + _ENDS[newline]

    def segments(self, found: Iterable[Sequence[str]]) -> bytes:
        """Their bytes; empty elements at the end of a segment are dropped. Raises UnicodeEncodeError."""
        mark, end = self._mark, self._end
        pieces = []
        for elements in found:
            size = len(elements)
            while size > 1 and not elements[size - 1]:
                size -= 1
            pieces.append(mark.join(elements[:size]) + end)
        return "".join(pieces).encode(self._encoding)


def interchange(
    envelope: Envelope,
    batch: Batch,
    functional: str,
    sets: Iterable[Iterable[Sequence[str]]],
    *,
    encoding: str = "ascii",
) -> Iterator[bytes]:
    """One file: ISA, GS, each set with its ST and SE, GE, IEA. A set comes as [ST's elements, segments …]; its number is counted.

    Raises RecordError for more sets than a group can hold.
    """
    composer = Composer(envelope.delimiters, envelope.newline, encoding)
    at, number = batch.at.astimezone(UTC), batch.group if batch.group is not None else batch.number
    yield composer.segments([isa(envelope, batch, at)])
    yield composer.segments([_gs(envelope, functional, number, at)])
    count = 0
    for count, each in enumerate(sets, 1):
        if count > _MOST_SETS:
            raise RecordError(f"one file holds at most {_MOST_SETS} X12 sets")
        control, body, size = f"{count:04}", iter(each), 2
        start = next(body)
        yield composer.segments([("ST", start[0], control, *start[1:])])
        while piece := list(islice(body, _PIECE)):
            size += len(piece)
            yield composer.segments(piece)
        yield composer.segments([("SE", str(size), control)])
    yield composer.segments([("GE", str(count), str(number)), ("IEA", "1", f"{batch.number:09}")])


def isa(envelope: Envelope, batch: Batch, at: datetime) -> tuple[str, ...]:
    """The ISA, every element at its fixed width."""
    marks_, modern = envelope.delimiters, envelope.version >= "004020"
    return (
        "ISA",
        "00",
        " " * 10,
        "00",
        " " * 10,
        envelope.sender.qualifier,
        envelope.sender.id.ljust(15),
        envelope.receiver.qualifier,
        envelope.receiver.id.ljust(15),
        at.strftime("%y%m%d"),
        at.strftime("%H%M"),
        marks_.repetition if modern else "U",
        f"00{envelope.version[2:5]}" if modern else "00401",
        f"{batch.number:09}",
        "1" if envelope.ack_wanted else "0",
        envelope.usage,
        marks_.component,
    )


def _gs(envelope: Envelope, functional: str, number: int, at: datetime) -> tuple[str, ...]:
    sender = envelope.application_sender or envelope.sender.id
    receiver = envelope.application_receiver or envelope.receiver.id
    day, hour = at.strftime("%Y%m%d"), at.strftime("%H%M")
    return ("GS", functional, sender, receiver, day, hour, str(number), "X", envelope.version)
