"""XML to documents: the wanted elements and attributes of each record and of its lines, picked while the file goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from engine.contracts import BadRow
from engine.errors import ParcelError
from engine.formats.nesting import Line, Nested
from engine.formats.reading import Wanted
from engine.formats.xml_keys import DEEPEST, MOST_LINES, Step, XmlKeys, fits, path_of
from engine.formats.xml_walk import Pass, check_count, check_element, walk, wrong_root

_HEADER, _LINE = 0, 1
_RECORD, _ITEM = 1, 2

Slot = tuple[int, int, str]
"""Header or line, the position among its values, the path as the spec writes it."""


class Spot:
    """A place in the file's tree as far as anyone asks for it. `marks`: a record or a line begins here."""

    __slots__ = ("attributes", "below", "marks", "own", "slots", "steps")

    def __init__(self) -> None:
        self.steps: dict[Step, Spot] = {}
        self.below: _Below = _Below(self)
        self.slots: list[Slot] = []
        self.own: bool = False
        self.attributes: list[tuple[Step, Slot]] = []
        self.marks = 0

    def at(self, steps: Sequence[Step]) -> Spot:
        """The spot these steps lead to; made where nobody asked before. Raises ValueError where two mean one element."""
        spot = self
        for step in steps:
            if step not in spot.steps:
                if any(step[1] == local and None in {step[0], space} for space, local in spot.steps):
                    raise ValueError(f"`{step[1]}` is asked for with a prefix and without one at the same place")
                spot.steps[step] = Spot()
            spot = spot.steps[step]
        return spot


class _Below(dict[str, Spot]):
    """The parser's names of children and where they lead, found once for each name."""

    def __init__(self, spot: Spot) -> None:
        super().__init__()
        self._spot = spot

    def __missing__(self, name: str) -> Spot:
        found = next((spot for step, spot in self._spot.steps.items() if fits(step, name)), _NOWHERE)
        self[name] = found
        return found


class _Nowhere(_Below):
    """Below what nobody asks for, nobody asks for anything."""

    def __missing__(self, name: str) -> Spot:
        return _NOWHERE


_NOWHERE = Spot()
_NOWHERE.below = _Nowhere(_NOWHERE)


def nest(
    kind: XmlKeys,
    stream: BinaryIO,
    header: Sequence[Wanted],
    lines: Sequence[Wanted],
    each: str | None,
    findings: list[str],
) -> Iterator[Nested | BadRow]:
    """Every record with its wanted values. Raises ParcelError."""
    top = plan(kind, header, lines, each)
    taken: list[_Record] = []

    def attach(one: Pass[Nested | BadRow]) -> None:
        taken.append(_Record(kind, one, header, lines))
        _attach(one, top, taken[0], lambda name: wrong_root(kind, name, one))

    count = 0
    for count, item in enumerate(walk(kind, stream, attach), 1):
        check_count(kind, count, item.place)
        yield item
    if not count and taken[0].met:
        shown = ", ".join(f"`{name}`" for name in taken[0].met)
        findings.append(f"there is no `{kind.records}` in the file; below its root stand {shown}")


def plan(kind: XmlKeys, header: Sequence[Wanted], lines: Sequence[Wanted], each: str | None) -> Spot:
    """What to look out for, from the top of the file. Raises ValueError for a path that is none."""
    top = Spot()
    record = top.at(path_of(kind.records, kind.namespaces).steps)
    record.marks |= _RECORD
    _want(record, _HEADER, header, kind.namespaces)
    if each is not None:
        path = path_of(each, kind.namespaces)
        if path.attribute or not path.steps:
            raise ValueError(f"`each` leads to the elements of the lines, and `{each}` does not")
        line = record.at(path.steps)
        line.marks |= _ITEM
        _want(line, _LINE, lines, kind.namespaces)
    elif lines:
        raise ValueError("columns of lines need `each`: the path of the line elements below the record")
    return top


def _want(spot: Spot, whose: int, wanted: Sequence[Wanted], namespaces: Mapping[str, str]) -> None:
    for place, column in enumerate(wanted):
        for name in column.names:
            path = path_of(name, namespaces)
            leaf = spot.at(path.steps)
            if path.attribute:
                leaf.attributes.append((path.attribute, (whose, place, name)))
            else:
                leaf.slots.append((whose, place, name))
                leaf.own |= not path.steps


def _attach(one: Pass[Nested | BadRow], top: Spot, taken: _Record, root: Callable[[str], ParcelError]) -> None:
    """Sets the handlers that follow the file along the spots. They run for every tag: locals, and no call without need."""
    spot, stack, texts, met = top, list[Spot](), one.texts, taken.met
    held: dict[int, list[str]] = {}
    rows, longest = taken.rows, taken.longest

    def start(name: str, attributes: list[str]) -> None:
        nonlocal spot
        depth = len(stack)
        if depth >= DEEPEST or attributes:
            check_element(depth + 1, attributes, one)
        stack.append(spot)
        if spot.slots:
            if spot.own:
                held.setdefault(depth, []).extend(texts)
            else:
                taken.inside(spot, name)
        texts.clear()
        spot = spot.below[name]
        if spot is _NOWHERE:
            if not depth:
                raise root(name)
            if depth == 1 and len(met) < 5:
                met[name.rpartition("}")[2]] = None
            return
        if spot.marks:
            taken.begin(spot.marks)
        if spot.attributes and attributes:
            taken.take(spot, attributes)

    def end(_name: str) -> None:
        nonlocal spot
        if spot.slots:
            text = texts[0] if len(texts) == 1 else "".join(texts)
            if held:
                text = "".join(held.pop(len(stack), ())) + text
            for whose, place, name in spot.slots:
                if rows[whose][place] is None and len(text) <= longest:
                    rows[whose][place] = text
                else:
                    taken.reject(name, rows[whose][place])
        texts.clear()
        if spot.marks:
            taken.finish(spot.marks)
        spot = stack.pop()

    one.parser.StartElementHandler, one.parser.EndElementHandler = start, end


class _Record:
    """The record that stands open: its values so far, and the first thing that is wrong with it."""

    def __init__(
        self, kind: XmlKeys, one: Pass[Nested | BadRow], header: Sequence[Wanted], lines: Sequence[Wanted]
    ) -> None:
        self.met: dict[str, None] = {}
        self._one = one
        self._wanted = (header, lines)
        self._needed = (_needed(header), _needed(lines))
        self.longest, self._largest = kind.max_field, kind.max_record
        self.rows: list[list[Any]] = [[], []]
        self._lines: list[Line] = []
        self._trouble: tuple[str, str] | None = None
        self._place = ""

    def begin(self, marks: int) -> None:
        parser, rows = self._one.parser, self.rows
        byte = parser.CurrentByteIndex
        place = f"line {parser.CurrentLineNumber}, byte {byte}"
        if marks & _RECORD:
            self._one.since, self._place = byte, place
            rows[_HEADER] = [None] * len(self._wanted[_HEADER])
        if marks & _ITEM:
            rows[_LINE] = [None] * len(self._wanted[_LINE])
            self._lines.append((place, rows[_LINE]))
            if len(self._lines) > MOST_LINES:
                raise ParcelError(f"a record has more than {MOST_LINES} lines", place=place)

    def take(self, spot: Spot, attributes: Sequence[str]) -> None:
        for at in range(0, len(attributes), 2):
            for step, slot in spot.attributes:
                if fits(step, attributes[at]):
                    self._put(slot, attributes[at + 1])

    def _put(self, slot: Slot, text: str) -> None:
        whose, place, name = slot
        if self.rows[whose][place] is None and len(text) <= self.longest:
            self.rows[whose][place] = text
        else:
            self.reject(name, self.rows[whose][place])

    def reject(self, name: str, before: str | None) -> None:
        """A value can't be taken: one stands there already, or it is too long."""
        if before is None:
            message = f"the text of `{name}` is longer than {self.longest} characters (`max_field`)"
            raise ParcelError(message, place=self._one.place)
        self._object(f"`{name}` is there twice: one value is expected; elements that repeat are taken by `each`", name)

    def inside(self, spot: Spot, name: str) -> None:
        wanted, local = spot.slots[0][2], name.rpartition("}")[2]
        self._object(f"`{wanted}` holds elements, not text: is `{wanted}/{local}` meant?", wanted)

    def finish(self, marks: int) -> None:
        if marks & _ITEM and self._needed[_LINE]:
            self._require(_LINE, f"the line at {self._lines[-1][0]}")
        if marks & _RECORD:
            self._require(_HEADER, "the record")
            self._close()

    def _close(self) -> None:
        one, header = self._one, self.rows[_HEADER]
        if one.parser.CurrentByteIndex - (one.since or 0) > self._largest:
            raise ParcelError(f"the record is longer than {self._largest} bytes (`max_record`)", place=self._place)
        if self._trouble is None:
            one.done.append(Nested(place=self._place, header=header, lines=tuple(self._lines)))
        else:
            values = {column.names[0]: text for column, text in zip(self._wanted[_HEADER], header, strict=True)}
            error, at = self._trouble
            one.done.append(BadRow(place=self._place, values=values, error=error, field=at))
            self._trouble = None
        one.since = None
        self._lines.clear()

    def _require(self, whose: int, what: str) -> None:
        row = self.rows[whose]
        missing = [name for place, name in self._needed[whose] if row[place] is None]
        if missing:
            self._object(f"{what} lacks {', '.join(f'`{name}`' for name in missing)}", missing[0])

    def _object(self, error: str, field: str) -> None:
        self._trouble = self._trouble or (error, field)


def _needed(wanted: Sequence[Wanted]) -> list[tuple[int, str]]:
    return [(place, column.names[0]) for place, column in enumerate(wanted) if column.required]
