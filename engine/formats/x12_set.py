"""A transaction set as its description says: segments with named elements, loops, and what stands where in a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.formats.x12_elements import KINDS, Check, ElementType, Fault, element_type

ENVELOPE = "envelope"
"""The member of every record that holds what ISA, GS and ST say; no description may use the name."""
_DEEPEST = 8
_LATEST = "999999"
RuleKind = Literal["together", "any_of", "at_most_one", "if"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """One element of a segment, or one component of it. `at` counts from 1."""

    name: str
    at: int
    type: ElementType | None
    number: str = ""
    required: bool = False
    counts: bool = False
    numeric: bool = False
    components: tuple[Element | None, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Elements that depend on one another. `if`: where the first is, all others are too (`all`), or one of them."""

    kind: RuleKind
    names: tuple[str, ...]
    then: tuple[str, ...] = ()
    all: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentShape:
    """One segment: its elements by position, None where the description has none."""

    id: str
    elements: tuple[Element | None, ...]
    rules: tuple[Rule, ...] = ()
    required: tuple[Element, ...] = ()
    checks: tuple[tuple[str, Check], ...] = ()
    """Name and check of each position; where one check does not do, it raises Fault."""
    sound: set[tuple[str, ...]] = field(default_factory=set)
    """Which elements were found together and broke no rule; remembered, as most segments of a file look alike."""

    def named(self, name: str) -> Element | None:
        return next((e for e in self.elements if e is not None and e.name == name), None)


@dataclass(kw_only=True, eq=False, slots=True)
class Part:
    """One name of a record: a segment, or a loop that a segment opens. `order` is its place among its siblings."""

    name: str
    segment: SegmentShape
    order: int
    loop: Loop | None = None
    repeat: bool = False
    most: int | None = None
    required: bool = False
    when: tuple[tuple[int, frozenset[str]], ...] = ()
    by: str = ""
    lift: str = ""
    opener_optional: bool = False

    def fits(self, parts: Sequence[str]) -> bool:
        """Whether a segment, taken apart, is this one rather than a sibling that begins the same way."""
        return all(at < len(parts) and parts[at] in codes for at, codes in self.when)


@dataclass(kw_only=True, eq=False, slots=True)
class Loop:
    """What stands below an opening segment, or below the set itself (without `id`)."""

    id: str = ""
    parts: list[Part] = field(default_factory=list)
    required: tuple[Part, ...] = ()

    def part(self, name: str) -> Part | None:
        """The part of that name; those of a lifted loop count as its own."""
        for part in self.parts:
            if part.name == name:
                return part
            if part.lift and part.loop is not None and (found := part.loop.part(name)) is not None:
                return found
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Balance:
    """A total and the paths of the amounts that add up to it."""

    total: str
    of: tuple[str, ...]


class TransactionSet:
    """A description compiled; `version` gives the shape of a record for one GS08. `description` is what it was made from."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        """Raises ValueError that says what does not hold together."""
        self.description = description
        self.id = str(description["x12_set"])
        self.group = str(description["group"])
        self._shapes: dict[str, Loop] = {}
        self.balance = _balance(description.get("balance"))
        self.known = frozenset(description["segments"])
        self.ignored = frozenset(description.get("ignored", ()))
        self.version("")
        self.latest = self.version(_LATEST)

    def version(self, version: str) -> Loop:
        """The loops and segments as that version (`004010`, `005010X218`) has them; the earliest ones where it is unknown."""
        base = version[:6] if version[:6].isdigit() else ""
        if base not in self._shapes:
            if len(self._shapes) > 20:
                self._shapes.clear()  # versions are the sender's words
            self._shapes[base] = _Compiler(self.description, base).root()
        return self._shapes[base]


class _Compiler:
    def __init__(self, description: Mapping[str, Any], version: str) -> None:
        self._description, self._version = description, version
        self._segments: dict[str, SegmentShape] = {}

    def root(self) -> Loop:
        root = self._loop("", self._description["holds"], depth=0)
        names = [part.name for part in _every_name(root)]
        if doubled := {name for name in names if names.count(name) > 1 or name == ENVELOPE}:
            raise ValueError(f"the name `{min(doubled)}` stands for two things in a record")
        return root

    def _since(self, found: Mapping[str, Any]) -> bool:
        return str(found.get("since", "")) <= self._version

    def _loop(self, identifier: str, holds: Mapping[str, Any], depth: int) -> Loop:
        if depth > _DEEPEST:
            raise ValueError(f"the loops below `{identifier}` go deeper than {_DEEPEST}, or hold themselves")
        loop = Loop(id=identifier)
        order, before = 0, ""
        for name, found in holds.items():
            if not self._since(found):
                continue
            part = self._part(name, found, depth)
            if part.segment.id != before:
                order, before = order + 1, part.segment.id
            part.order = order
            loop.parts.append(part)
        loop.required = tuple(part for part in loop.parts if part.required)
        return loop

    def _part(self, name: str, found: Mapping[str, Any], depth: int) -> Part:
        loop = None
        opens = found.get("segment")
        if opens is None:
            described = self._description.get("loops", {}).get(found["loop"])
            if described is None:
                raise ValueError(f"`{name}` names the loop `{found['loop']}`, which is not under `loops`")
            opens = described["opens"]
            loop = self._loop(str(described.get("id", opens)), described["holds"], depth + 1)
        segment = self._segment(str(opens))
        part = Part(name=name, segment=segment, order=0, loop=loop)
        part.repeat, part.most = found.get("repeat", False), found.get("most")
        part.required = found.get("required", False)
        part.lift, part.opener_optional = found.get("lift", ""), found.get("opener") == "optional"
        part.when = tuple(self._condition(part, *each) for each in found.get("when", {}).items())
        part.by = found.get("by", "")
        _check_part(part)
        return part

    def _condition(self, part: Part, name: str, codes: Sequence[str]) -> tuple[int, frozenset[str]]:
        element = part.segment.named(name)
        if element is None:
            raise ValueError(f"`when` of `{part.name}` names `{name}`, which is no element of {part.segment.id}")
        return element.at, frozenset(codes)

    def _segment(self, identifier: str) -> SegmentShape:
        if identifier not in self._segments:
            found = self._description["segments"].get(identifier)
            if found is None:
                raise ValueError(f"the segment `{identifier}` is used and not described under `segments`")
            elements = self._elements(identifier, found["elements"])
            self._segments[identifier] = shape = SegmentShape(
                id=identifier,
                elements=elements,
                rules=tuple(self._rules(identifier, found.get("rules", ()), elements)),
                required=tuple(e for e in elements if e is not None and e.required),
                checks=tuple(
                    (e.name, e.type.check) if e is not None and e.type is not None else ("", _look_closer)
                    for e in elements
                ),
            )
            return shape
        return self._segments[identifier]

    def _elements(self, where: str, described: Mapping[str, Any]) -> tuple[Element | None, ...]:
        made = [self._element(where, name, found) for name, found in described.items() if self._since(found)]
        places: list[Element | None] = [None] * max((element.at for element in made), default=0)
        for element in made:
            if places[element.at - 1] is not None:
                raise ValueError(f"`{element.name}` of {where} stands at {element.at}, where another element stands")
            places[element.at - 1] = element
        return tuple(places)

    def _element(self, where: str, name: str, found: Mapping[str, Any]) -> Element:
        kind = found.get("type", "AN")
        common = {
            "name": name,
            "at": found["at"],
            "number": str(found.get("number", "")),
            "required": found.get("required", False),
        }
        if "components" in found:
            parts = self._elements(f"{where}.{name}", found["components"])
            if any(part is not None and part.components for part in parts):
                raise ValueError(f"`{name}` of {where} has parts that have parts themselves: X12 knows no such thing")
            return Element(**common, type=None, components=parts)
        if kind not in KINDS:
            raise ValueError(f"`{name}` of {where} has the type `{kind}`; there are {', '.join(KINDS)}")
        low, high = self._length(where, name, found)
        codes = frozenset(map(str, found.get("codes", ())))
        if found.get("closed") and not codes:
            raise ValueError(f"`{name}` of {where} is `closed` and has no `codes`")
        return Element(
            **common,
            type=element_type(kind, low, high, codes, closed=found.get("closed", False)),
            counts=found.get("counts", False),
            numeric=kind == "R" or kind[0] == "N",
        )

    def _length(self, where: str, name: str, found: Mapping[str, Any]) -> tuple[int, int]:
        low, high = found["length"]
        for version, later in sorted(found.get("length_since", {}).items()):
            if version <= self._version:
                low, high = later
        if not 1 <= low <= high:
            raise ValueError(f"the length of `{name}` of {where} is {low} to {high}")
        return low, high

    def _rules(
        self, where: str, described: Sequence[Mapping[str, Any]], elements: Sequence[Element | None]
    ) -> Iterator[Rule]:
        known = {element.name for element in elements if element is not None}
        for found in described:
            if "if" in found:
                then = tuple(found.get("then", found.get("then_any", ())))
                if not then:
                    raise ValueError(f"a rule of {where} has `if` and neither `then` nor `then_any`")
                rule = Rule(kind="if", names=(found["if"],), then=then, all="then" in found)
            else:
                kind: RuleKind = next(key for key in ("together", "any_of", "at_most_one") if key in found)
                rule = Rule(kind=kind, names=tuple(found[kind]))
            every = self._description["segments"][where]["elements"]
            if strange := [name for name in (*rule.names, *rule.then) if name not in every]:
                raise ValueError(f"a rule of {where} names `{strange[0]}`, which is none of its elements")
            if known.issuperset((*rule.names, *rule.then)):
                yield rule


def _look_closer(text: str) -> str:
    raise Fault("", "a composite, or an element without a description")


def _check_part(part: Part) -> None:
    if part.most is not None and not part.repeat:
        raise ValueError(f"`{part.name}` has `most` and does not `repeat`")
    if part.by and (part.segment.named(part.by) is None or not part.repeat):
        raise ValueError(
            f"`by` of `{part.name}` must be an element of {part.segment.id}, and `{part.name}` must `repeat`"
        )
    if part.loop is None:
        if part.lift or part.opener_optional:
            raise ValueError(f"`{part.name}` is no loop: only a loop has `lift` and `opener`")
        return
    if part.lift and not all(below.repeat for below in part.loop.parts):
        raise ValueError(f"`{part.name}` is lifted, so everything it holds must `repeat`")
    if part.opener_optional and not part.lift:
        raise ValueError(f"the opener of `{part.name}` can be optional only where `lift` is said")
    own = [e.name for e in part.segment.elements if e is not None] if not part.lift else []
    names = [*own, *(below.name for below in _every_name(part.loop))]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"the name `{min(doubled)}` stands for two things in `{part.name}`")


def _every_name(loop: Loop) -> Iterator[Part]:
    """The parts whose names stand in the loop's own record, those of lifted loops too."""
    for part in loop.parts:
        yield part
        if part.lift and part.loop is not None:
            yield from _every_name(part.loop)


def _balance(found: Mapping[str, Any] | None) -> Balance | None:
    if found is None:
        return None
    return Balance(total=found["total"], of=tuple(found["of"]))
