"""The envelope of an X12 file: ISA/IEA, GS/GE and ST/SE belong together, their numbers and counts agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from engine.errors import ParcelError
from engine.formats.x12_block import Block
from engine.formats.x12_findings import (
    At,
    Group,
    Interchange,
    Notes,
    Party,
    SetKey,
    Verdict,
    shown,
    verdict_of,
)
from engine.formats.x12_isa import accepted, faults, oddities, opened, same_number
from engine.formats.x12_keys import Leniency
from engine.formats.x12_read import Delimiters, Head, Segment, Segments

_CONTROL = frozenset({b"ST", b"SE", b"GS", b"GE", b"IEA", b"TA1"})
_BEGINNINGS = frozenset(name[:2] for name in _CONTROL)


@dataclass(kw_only=True, slots=True)
class RawSet:
    """One ST..SE as it stands. `segments` are those between ST and SE, empty unless they were asked for; `codes` are AK5's."""

    key: SetKey
    id: str
    guide: str
    at: At
    delimiters: Delimiters
    group: int
    """The place of its group in the file, from 0; -1 for a set outside any group."""
    size: int = 1
    segments: Iterable[Segment] = ()
    codes: list[tuple[str, Verdict]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class _OpenGroup:
    elements: list[str]
    at: At
    numbers: set[str] = field(default_factory=set)
    received: int = 0
    codes: list[tuple[str, Verdict]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    declared: str = ""

    def closed(self) -> Group:
        functional, sender, receiver, day, _, control, _, version = self.elements[:8]
        return Group(
            functional=functional,
            sender=sender,
            receiver=receiver,
            control=control,
            version=version,
            at=self.at,
            date=day,
            codes=tuple(self.codes),
            messages=tuple(self.messages),
            declared=self.declared,
            received=self.received,
        )


class Envelopes:
    """One pass over a file. `sets` yields every ST..SE as it ends; then `interchanges` has what is around them."""

    def __init__(
        self,
        stream: BinaryIO,
        *,
        leniency: Leniency,
        notes: Notes,
        keep: bool,
        most: int,
        versions: tuple[str, ...] = (),
    ) -> None:
        """With `keep` the sets have their segments, at most `most` of them. `versions` are those accepted; all where empty."""
        self._reader = Segments(stream, notes, leniency)
        self._leniency, self._notes, self._keep, self._most = leniency, notes, keep, most
        self._versions = versions
        self._seen: set[tuple[Party, str]] = set()
        self._numbers: set[tuple[str, str]] = set()
        self._groups: list[Group] = []
        self._group: _OpenGroup | None = None
        self._set: RawSet | None = None
        self._fault: tuple[str, str] | None = None
        self._answers: list[tuple[str, ...]] = []
        self._before = 0
        self.interchanges: list[Interchange] = []

    def sets(self) -> Iterator[RawSet]:
        """Raises ParcelError for what is no X12 at all; everything else is in the results."""
        while (head := self._reader.head()) is not None:
            yield from self._interchange(head)
        if not self.interchanges:
            raise ParcelError("the file is empty")

    def _interchange(self, head: Head) -> Iterator[RawSet]:
        self._groups, self._answers, self._fault, self._numbers = [], [], None, set()
        start = opened(head)
        self._check_head(head, start)
        trailer: list[str] | None = None
        mark = head.delimiters.element.encode()
        keep, most = self._keep, self._most
        kept: list[Segment] = []
        for segment in self._reader.rest():
            if isinstance(segment, Block):
                if (done := self._end_set(None)) is not None:
                    done.segments, kept = kept, []
                    yield done
                yield self._block(segment, mark, head, start)
                continue
            raw, at = segment
            if raw[:2] not in _BEGINNINGS or (name := raw.partition(mark)[0]) not in _CONTROL:
                current = self._set
                if current is None:
                    self._blame("024", f"`{_shown_name(raw.partition(mark)[0])}` stands outside a set ({shown(at)})")
                    continue
                current.size += 1
                if current.size > most:
                    raise ParcelError(f"the set has more than {most} segments (`max_segments`)", place=str(current.key))
                if keep:
                    kept.append(segment)
                continue
            elements = self._elements(raw, mark, at)
            if name == b"IEA":
                trailer = elements
            elif (done := self._control(name.decode(), elements, at, head, start)) is not None:
                done.segments, kept = kept, []
                yield done
        if (done := self._end_set(None)) is not None:
            done.segments = kept
            yield done
        self._end_group(None)
        self._before += len(self._groups)
        self.interchanges.append(self._closed(start, trailer))

    def _block(self, block: Block, mark: bytes, head: Head, start: Interchange) -> RawSet:
        """A plain set, from its ST to its SE."""
        self._start_set(self._elements(block.start, mark, block.at), block.at, head, start)
        assert self._set is not None
        if block.size - 1 > self._most:
            raise ParcelError(f"the set has more than {self._most} segments (`max_segments`)", place=str(self._set.key))
        self._set.size = block.size - 1
        done = self._end_set(self._elements(block.end, mark, block.end_at))
        assert done is not None
        if self._keep:
            done.segments = block
        return done

    def _control(self, name: str, elements: list[str], at: At, head: Head, start: Interchange) -> RawSet | None:
        """Deals with one segment of the envelope; the set it ends, if any."""
        if name == "SE":
            if self._set is None:
                self._blame("024", f"an SE without ST ({shown(at)})")
            return self._end_set(elements)
        done = None
        if name != "TA1":
            done = self._end_set(None)
        if name == "ST":
            self._start_set(elements, at, head, start)
        elif name == "GS":
            self._end_group(None)
            self._start_group(elements, at)
        elif name == "GE":
            if self._group is None:
                self._blame("024", f"a GE without GS ({shown(at)})")
            self._end_group(elements)
        elif self._group is None:
            if self._groups:
                self._notes.add("a TA1 after a group", at)
            self._answers.append(tuple(elements))
        else:
            self._blame("024", f"a TA1 inside a group ({shown(at)})")
        return done

    def _start_set(self, elements: list[str], at: At, head: Head, start: Interchange) -> None:
        identifier, number, guide = [*elements, "", "", ""][:3]
        group = self._group
        if group is None:
            self._blame("024", f"an ST without GS ({shown(at)})")
        key = SetKey(interchange=start.control, group=group.elements[5] if group else "", number=number)
        self._set = opened = RawSet(
            key=key,
            id=identifier,
            guide=guide,
            at=at,
            delimiters=head.delimiters,
            group=self._before + len(self._groups) if group is not None else -1,
        )
        if group is not None:
            group.received += 1
            if number in group.numbers:
                self._say(opened, "23", f"its control number {number} was used before in the group")
            group.numbers.add(number)
        if not number.isdigit() or not 4 <= len(number) <= 9:
            self._say(opened, "7", f"its control number `{number[:20]}` has not 4 to 9 digits")

    def _end_set(self, trailer: list[str] | None) -> RawSet | None:
        current, self._set = self._set, None
        if current is None:
            return None
        if trailer is None:
            self._say(current, "2", "it has no end (SE)")
            return current
        current.size += 1
        count, number = [*trailer, "", ""][:2]
        if not count.isdigit() or len(count) > 10 or int(count) != current.size:
            self._say(current, "4", f"its SE tells {count[:20] or 'nothing'} segments, there are {current.size}")
        self._compare(current, current.key.number, number)
        return current

    def _compare(self, opened: RawSet, number: str, other: str) -> None:
        if number == other:
            return
        if same_number(number, other):
            verdict: Verdict = "R" if self._leniency == "strict" else "E"
            opened.codes.append(("3", verdict))
            message = f"SE02 is `{other}` and ST02 is `{number}`: the same number, written in two ways"
            self._notes.add(message, opened.at) if verdict == "E" else opened.messages.append(message)
            return
        self._say(opened, "3", f"its SE has the control number `{other[:20]}`, its ST `{number[:20]}`")

    def _say(self, opened: RawSet | _OpenGroup, code: str, message: str) -> None:
        verdict = verdict_of("set" if isinstance(opened, RawSet) else "group", code, self._leniency)
        opened.codes.append((code, verdict))
        if verdict == "R":
            opened.messages.append(message)
        else:
            self._notes.add(message, opened.at)

    def _start_group(self, elements: list[str], at: At) -> None:
        elements = [*elements, *[""] * 8][:8]
        self._group = opened = _OpenGroup(elements=elements, at=at)
        functional, _, _, _, _, control, _, version = elements
        if not control.isdigit() or len(control) > 9:
            self._say(opened, "6", f"the group's control number `{control[:20]}` has not 1 to 9 digits")
        if (functional, control) in self._numbers:
            self._say(opened, "19", f"the group's control number {control} was used before in the interchange")
        self._numbers.add((functional, control))
        if self._versions and not accepted(version, self._versions) and functional != "FA":
            names = ", ".join(self._versions)
            self._say(opened, "2", f"version `{version[:12]}` is not accepted here (`versions` has {names})")

    def _end_group(self, trailer: list[str] | None) -> None:
        opened, self._group = self._group, None
        if opened is None:
            return
        if trailer is None:
            self._say(opened, "3", "the group has no end (GE)")
        else:
            count, number = [*trailer, "", ""][:2]
            opened.declared = count
            if not count.isdigit() or len(count) > 6 or int(count) != opened.received:
                self._say(opened, "5", f"GE tells {count[:20] or 'nothing'} sets, there are {opened.received}")
            if number != opened.elements[5]:
                if same_number(number, opened.elements[5]) and self._leniency != "strict":
                    opened.codes.append(("4", "E"))
                    self._notes.add("GE02 and GS06 are the same number, written in two ways", opened.at)
                else:
                    self._say(opened, "4", f"GE has the number `{number[:20]}`, GS has `{opened.elements[5][:20]}`")
        self._groups.append(opened.closed())

    def _check_head(self, head: Head, start: Interchange) -> None:
        for note, message in faults(start):
            self._blame(note, message)
        for note, message in oddities(start):
            self._mind(note, message, head.at)
        if (start.sender, start.control) in self._seen:
            self._blame("025", f"the control number {start.control} (ISA13) comes twice in the file")
        self._seen.add((start.sender, start.control))

    def _blame(self, note: str, message: str) -> None:
        """What rejects the interchange; the first one is told."""
        if self._fault is None:
            self._fault = (note, message)

    def _mind(self, note: str, message: str, at: At) -> None:
        if self._leniency == "strict":
            self._blame(note, message)
        else:
            self._notes.add(message, at)

    def _closed(self, start: Interchange, trailer: list[str] | None) -> Interchange:
        incomplete = trailer is None
        if trailer is None:
            self._fault = ("023", "the interchange has no end (IEA): the file is incomplete")
        else:
            count, number = [*trailer, "", ""][:2]
            if not same_number(number, start.control):
                self._blame("001", f"IEA has the control number `{number[:20]}`, ISA has {start.control}")
            elif len(number) != 9:
                self._mind("001", "IEA02 and ISA13 are the same number, written in two ways", start.at)
            if not count.isdigit() or len(count) > 5 or int(count) != len(self._groups):
                self._blame("021", f"IEA tells {count[:20] or 'nothing'} groups, there are {len(self._groups)}")
        note, message = self._fault or ("000", "")
        return Interchange(
            sender=start.sender,
            receiver=start.receiver,
            date=start.date,
            time=start.time,
            version=start.version,
            control=start.control,
            ack_wanted=start.ack_wanted,
            usage=start.usage,
            at=start.at,
            note=note,
            verdict="R" if self._fault else "A",
            message=message,
            incomplete=incomplete,
            groups=tuple(self._groups),
            answers=tuple(self._answers),
        )

    def _elements(self, raw: bytes, mark: bytes, at: At) -> list[str]:
        """Of a segment of the envelope, without blanks around them."""
        text = raw.decode("ascii", "replace")
        parts = text.split(mark.decode())[1:30]
        if " " not in text and text.isprintable() and len(text) < 80:
            return parts
        found = ["".join(c if c.isprintable() else "?" for c in part.strip())[:80] for part in parts]
        if found != parts:
            self._notes.add("blanks around an element", at)
        return found


def _shown_name(name: bytes) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:12].decode("ascii", "replace"))
