"""What is found wrong with an X12 file: by segment, set, group and interchange, with the codes a 997 and a TA1 answer with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.formats.x12_keys import Leniency

Verdict = Literal["A", "E", "R"]
"""Accepted, accepted with errors noted, rejected."""
At = tuple[int, int, int]
"""Where a segment begins: its number in the file and its line from 1, its byte from 0."""

ACKNOWLEDGEMENT = "FA"
"""The functional group of acknowledgements, which is never acknowledged itself: two engines would answer for ever."""
_KINDS = 200
_MODES: tuple[Leniency, ...] = ("strict", "normal", "lenient")
_ELEMENT = {
    "1": "RRE",
    "2": "REE",
    "3": "REE",
    "4": "REE",
    "5": "REE",
    "6": "REE",
    "7": "RRE",
    "8": "RRE",
    "9": "RRE",
    "10": "REE",
    "12": "REE",
    "13": "REE",
}
_SEGMENT = {"1": "REE", "2": "RRE", "3": "RRR", "4": "RRE", "5": "RRE", "7": "REE"}
_SET = {"1": "RRR", "2": "RRR", "3": "RRE", "4": "RRE", "5": "RRR", "6": "RRE", "7": "REE", "23": "RRR"}
_GROUP = {"1": "REE", "2": "RRE", "3": "RRR", "4": "RRE", "5": "RRE", "6": "REE", "19": "RRR"}
"""What a code means to the set or group, by leniency: strict, normal, lenient."""


def verdict_of(level: Literal["element", "segment", "set", "group"], code: str, leniency: Leniency) -> Verdict:
    """Whether that code rejects or is only noted."""
    table = {"element": _ELEMENT, "segment": _SEGMENT, "set": _SET, "group": _GROUP}[level]
    return table.get(code, "RRR")[_MODES.index(leniency)]  # type: ignore[return-value]  # the letters above


def shown(at: At) -> str:
    """A place for people."""
    return f"segment {at[0]} (line {at[1]}, byte {at[2]})"


@dataclass(frozen=True, kw_only=True, slots=True)
class ElementError:
    """One wrong element: AK4. `copy` is the bad data as it stands, `number` the data element's number in the dictionary."""

    position: int
    code: str
    message: str
    verdict: Verdict
    component: int = 0
    number: str = ""
    copy: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentError:
    """One wrong segment: AK3. `position` counts from the set's ST, which is 1; code 8 says that the elements are wrong."""

    segment: str
    position: int
    code: str
    message: str
    at: At
    verdict: Verdict
    loop: str = ""
    elements: tuple[ElementError, ...] = ()

    def __str__(self) -> str:
        return f"{shown(self.at)}, `{self.segment}`: {self.message}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SetKey:
    """The three control numbers by which a set is known to its sender."""

    interchange: str
    group: str
    number: str

    def __str__(self) -> str:
        return f"set {self.number} of group {self.group} in interchange {self.interchange}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SetResult:
    """How one ST..SE was received: AK2 and AK5. `codes` are those of AK5, `unbalanced` says in words what does not add up."""

    key: SetKey
    id: str
    at: At
    guide: str = ""
    codes: tuple[tuple[str, Verdict], ...] = ()
    errors: tuple[SegmentError, ...] = ()
    more_errors: int = 0
    messages: tuple[str, ...] = ()
    unbalanced: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of what was found."""
        found = {verdict for _, verdict in self.codes} | {error.verdict for error in self.errors}
        if self.unbalanced or "R" in found:
            return "R"
        return "E" if found else "A"

    @property
    def place(self) -> str:
        return f"{self.key}, {shown(self.at)}"

    @property
    def why(self) -> str:
        """What rejects it, in one line."""
        found = [*self.messages, *(str(error) for error in self.errors if error.verdict == "R")]
        return "; ".join([*found[:5], *([self.unbalanced] if self.unbalanced else [])])


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One GS..GE. `codes` are those of AK9; `declared` is GE01 as it stands, `received` how many sets there were."""

    functional: str
    sender: str
    receiver: str
    control: str
    version: str
    at: At
    date: str = ""
    codes: tuple[tuple[str, Verdict], ...] = ()
    messages: tuple[str, ...] = ()
    declared: str = ""
    received: int = 0
    sets: Sequence[SetResult] = ()

    @property
    def rejected(self) -> bool:
        return any(verdict == "R" for _, verdict in self.codes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """Who sends or receives: qualifier and id of ISA05/06 or ISA07/08."""

    qualifier: str
    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Interchange:
    """One ISA..IEA. `note` is TA1's code of the worst finding (`000` none); `incomplete` says the end never came."""

    sender: Party
    receiver: Party
    date: str
    time: str
    version: str
    control: str
    ack_wanted: bool
    usage: str
    at: At
    note: str = "000"
    verdict: Verdict = "A"
    message: str = ""
    incomplete: bool = False
    groups: tuple[Group, ...] = ()
    answers: tuple[tuple[str, ...], ...] = ()


class Notes:
    """Findings that stop nothing: one sentence for each kind, where it was first and how many more there were."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._count: dict[str, int] = {}

        self.total = 0
        """How often something was noted."""

    def add(self, message: str, at: At) -> None:
        """Notes it; of the same message only the first place is kept."""
        self.total += 1
        if message in self._count:
            self._count[message] += 1
        elif len(self._count) < _KINDS:
            self._first[message] = shown(at)
            self._count[message] = 1

    def __iter__(self) -> Iterator[str]:
        for message, count in self._count.items():
            more = f" (and {count - 1} more)" if count > 1 else ""
            yield f"{self._first[message]}: {message}{more}"
