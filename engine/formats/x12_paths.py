"""Dotted names into a record: `payment.amount`, `references.BT.value`, `notes.1.text`, `remittances` for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.contracts import Record
from engine.formats.x12_set import ENVELOPE, Element, Loop, Part, SegmentShape, TransactionSet

ENVELOPE_NAMES = (
    "sender_qualifier",
    "sender",
    "receiver_qualifier",
    "receiver",
    "interchange",
    "interchange_date",
    "usage",
    "application_sender",
    "application_receiver",
    "group",
    "group_date",
    "version",
    "set",
    "guide",
)
"""What a record's `envelope` has: interchange is ISA13, group is GS06, set is ST02, all as they stand."""

Getter = Callable[[Record], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """Where names start: a loop, the segment that opens it, and what a lifted loop above it adds."""

    loop: Loop | None
    segment: SegmentShape | None = None
    lifted: Mapping[str, SegmentShape] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """One name, and which of several: by an element's code, by number from 0, or (neither) every one."""

    name: str
    by: str = ""
    code: str = ""
    index: int | None = None
    repeats: bool = False


def value_at(spot: Spot, path: str) -> Getter:
    """Reads one text, None where it is absent. Raises ValueError for a path that leads nowhere or to several."""
    steps = _resolve(spot, path, several=False)[0]
    names = [step for step in steps if step.name]
    if len(names) == 1 and not names[0].repeats:
        name = names[0].name
        return lambda record: record.get(name)

    def get(record: Record) -> Any:
        value: Any = record
        for step in names:
            value = value.get(step.name)
            if value is None:
                return None
            if step.repeats:
                value = _chosen(value, step)
                if value is None:
                    return None
        return value

    return get


def rows_at(spot: Spot, path: str) -> tuple[Callable[[Record], Iterator[Record]], Spot]:
    """Reads every repeat a path leads to, and where names of one start. Raises ValueError."""
    steps, part, element, lifted = _resolve(spot, path, several=True)
    if part is None or element is not None:
        raise ValueError(
            f"`{path}` is one value; what repeats is a loop or a segment, such as {_offered(spot, repeat=True)}"
        )
    return lambda record: _rows(record, steps), Spot(
        loop=part.loop if not part.lift else None, segment=part.segment, lifted=lifted
    )


def values_at(spot: Spot, path: str) -> Callable[[Record], Iterator[Any]]:
    """Reads every value a path leads to, through all repeats. Raises ValueError."""
    steps, _, element, _ = _resolve(spot, path, several=True)
    if element is None:
        raise ValueError(f"`{path}` is no element")
    *way, last = steps

    def get(record: Record) -> Iterator[Any]:
        for row in _rows(record, way):
            if (value := row.get(last.name)) is not None:
                yield value

    return get


def check_names(description: TransactionSet, header: Sequence[str], lines: Sequence[str], each: str | None) -> None:
    """Raises ValueError for a name that leads nowhere in such a set; `each` is what repeats as lines."""
    spot = Spot(loop=description.latest)
    for name in header:
        value_at(spot, name)
    if each is not None:
        below = rows_at(spot, each)[1]
        for name in lines:
            value_at(below, name)
    elif lines:
        raise ValueError("columns of lines need `each`: what repeats as the lines of a document")


def wrong_names(spot: Spot, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The names of a record to be written that the set has no place for, and why. A name with names below it is a list's."""
    for name, below in fields.items():
        try:
            if below is None:
                value_at(spot, name)
            else:
                yield from ((name, why) for _, why in wrong_names(rows_at(spot, name)[1], below))
        except ValueError as error:
            yield name, str(error)


def _rows(record: Record, steps: Sequence[_Step]) -> Iterator[Record]:
    if not steps:
        yield record
        return
    step, *rest = steps
    value = record.get(step.name)
    if value is None:
        return
    if not step.repeats:
        yield from _rows(value, rest)
    elif step.by or step.index is not None:
        if (chosen := _chosen(value, step)) is not None:
            yield from _rows(chosen, rest)
    else:
        for row in value:
            yield from _rows(row, rest)


def _chosen(rows: Sequence[Record], step: _Step) -> Record | None:
    if step.index is not None:
        return rows[step.index] if step.index < len(rows) else None
    return next((row for row in rows if row.get(step.by) == step.code), None)


Resolved = tuple[list[_Step], Part | None, Element | None, dict[str, SegmentShape]]


def _resolve(spot: Spot, path: str, *, several: bool) -> Resolved:
    """The steps of a path, the part it goes to or through last, and the element it ends at."""
    names = path.split(".")
    if names[0] == ENVELOPE and spot.segment is None:
        return _envelope(names, path)
    loop, segment, part = spot.loop, spot.segment, None
    steps: list[_Step] = []
    lifted: dict[str, SegmentShape] = {}
    extra = spot.lifted
    place = 0
    while place < len(names):
        name = names[place]
        place += 1
        if name in extra:
            segment, loop, extra = extra[name], None, {}
            steps.append(_Step(name=name))
            continue
        below, lifts = _below(loop, name)
        if below is None:
            return _element(steps, segment, names[place - 1 :], (spot, path, part, lifted))
        part, loop, segment, extra = below, below.loop if not below.lift else None, below.segment, {}
        lifted = lifts
        step, place = _which(below, names, place, path, several=several)
        steps.append(step)
    if not several:
        raise ValueError(f"`{path}` holds several values: name one of {_elements_of(segment)}")
    return steps, part, None, lifted


def _which(part: Part, names: Sequence[str], place: int, path: str, *, several: bool) -> tuple[_Step, int]:
    """The step to a part; where it repeats, the name after it says which."""
    if not part.repeat:
        return _Step(name=part.name), place
    following = names[place] if place < len(names) else ""
    inside = part.segment.named(following) is not None or (
        part.loop is not None and part.loop.part(following) is not None
    )
    if following and not inside:
        if part.by:
            return _Step(name=part.name, by=part.by, code=following, repeats=True), place + 1
        if following.isdecimal() and int(following[:9]) > 0:
            return _Step(name=part.name, index=int(following[:9]) - 1, repeats=True), place + 1
    if not several:
        example = f"{part.name}.{'CODE' if part.by else '1'}"
        how = f"by its `{part.by}`" if part.by else "by its number"
        raise ValueError(f"`{path}`: `{part.name}` repeats, so say which one {how}: `{example}.…`")
    return _Step(name=part.name, repeats=True), place


def _element(
    steps: list[_Step],
    segment: SegmentShape | None,
    names: Sequence[str],
    told: tuple[Spot, str, Part | None, dict[str, SegmentShape]],
) -> Resolved:
    spot, path, part, lifted = told
    element = segment.named(names[0]) if segment is not None else None
    if element is None:
        offered = _offered(spot) if segment is spot.segment else _elements_of(segment)
        raise ValueError(f"`{path}` leads nowhere at `{names[0]}`; there are {offered}")
    steps.append(_Step(name=names[0]))
    if element.components:
        inner = [c.name for c in element.components if c is not None]
        if len(names) != 2 or names[1] not in inner:
            raise ValueError(f"`{path}`: `{names[0]}` has the parts {', '.join(inner)}")
        steps.append(_Step(name=names[1]))
    elif len(names) > 1:
        raise ValueError(f"`{path}`: `{names[0]}` is one value, nothing is below it")
    return steps, part, element, lifted


def _envelope(names: Sequence[str], path: str) -> Resolved:
    if len(names) != 2 or names[1] not in ENVELOPE_NAMES:
        raise ValueError(f"`{path}`: `{ENVELOPE}` has {', '.join(ENVELOPE_NAMES)}")
    return [_Step(name=names[0]), _Step(name=names[1])], None, None, {}


def _below(loop: Loop | None, name: str) -> tuple[Part | None, dict[str, SegmentShape]]:
    """The part of that name, also through lifted loops, and what those add to it."""
    for part in loop.parts if loop is not None else ():
        if part.name == name:
            return part, {}
        if part.lift:
            found, lifts = _below(part.loop, name)
            if found is not None:
                return found, {part.lift: part.segment, **lifts}
    return None, {}


def _offered(spot: Spot, *, repeat: bool = False) -> str:
    parts = spot.loop.parts if spot.loop is not None else []
    inner = [below for part in parts if part.lift and part.loop is not None for below in part.loop.parts]
    names = [part.name for part in (*parts, *inner) if part.repeat or not repeat]
    own = [] if repeat else [e.name for e in (spot.segment.elements if spot.segment else ()) if e is not None]
    above = [] if repeat else [*spot.lifted]
    return ", ".join(f"`{name}`" for name in (*own, *names, *above))


def _elements_of(segment: SegmentShape | None) -> str:
    names = [element.name for element in (segment.elements if segment else ()) if element is not None]
    return ", ".join(f"`{name}`" for name in names) or "none"
