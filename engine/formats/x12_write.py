"""Records to X12 sets, by the description they are read with: every value checked, the balance checked, then written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any, Literal

from engine.contracts import Record
from engine.errors import RecordError
from engine.formats.x12_compose import marks
from engine.formats.x12_keys import DelimiterInData
from engine.formats.x12_paths import Spot, values_at
from engine.formats.x12_read import Delimiters
from engine.formats.x12_rows import broken
from engine.formats.x12_set import Element, Loop, Part, SegmentShape, TransactionSet

Segments = list[Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteRules:
    """How values become elements. A delimiter inside a value is refused, or replaced by a blank; X12 has no way to escape it."""

    version: str
    delimiters: Delimiters
    encoding: str
    delimiter_in_data: DelimiterInData = "refuse"
    balance: Literal["warn", "error", "off"] = "warn"


class SetWriter:
    """Writes records of one description."""

    def __init__(self, description: TransactionSet, rules: WriteRules) -> None:
        self._description, self._rules = description, rules
        self._root = description.version(rules.version)
        self._marks = {mark for mark in marks(rules.delimiters) if mark}
        if rules.version < "004020":
            self._marks.discard(rules.delimiters.repetition)
        self._counters: dict[str, Iterator[int]] = {}
        balance = description.balance
        spot = Spot(loop=self._root)
        self._total = values_at(spot, balance.total) if balance else None
        self._parts = [values_at(spot, path) for path in balance.of] if balance else []

    def segments(self, record: Mapping[str, Any]) -> Segments:
        """The segments of one set: first what ST says besides its number. Raises RecordError naming the field and the limit."""
        nested = unfolded(record)
        self._check_balance(nested)
        self._counters = {}
        guide = self._rules.version if len(self._rules.version) > 6 and self._rules.version >= "005010" else ""
        found: Segments = [(self._description.id, guide) if guide else (self._description.id,)]
        found.extend(self._loop(self._root, nested, ""))
        return found

    def _check_balance(self, record: Record) -> None:
        balance = self._description.balance
        if balance is None or self._total is None or self._rules.balance == "off":
            return
        try:
            totals = [_amount(value) for value in self._total(record)]
            found = sum((_amount(value) for get in self._parts for value in get(record)), Decimal(0))
        except (ValueError, ArithmeticError, AttributeError, TypeError):
            return  # the value is told where it is written
        if totals and totals[0] != found and (self._rules.balance == "error" or any(_rows_named(balance.of, record))):
            of = " and ".join(f"`{path}`" for path in balance.of)
            raise RecordError(f"it is {totals[0]}, but {of} add up to {found}", field=balance.total)

    def _loop(self, loop: Loop, record: Mapping[str, Any], path: str) -> Iterator[Sequence[str]]:
        names = {each for part in loop.parts for each in _names(part)}
        self._refuse_strangers(record, names, path)
        for part in loop.parts:
            if part.lift:
                yield from self._lifted(part, record, path)
            else:
                for place, row in _rows(part, record, path):
                    yield from self._part(part, row, place)
            if part.required and not record.get(part.name):
                raise RecordError("it is missing, and every such set must have it", field=path + part.name)

    def _part(self, part: Part, row: Mapping[str, Any], path: str, *, besides: str = "") -> Iterator[Sequence[str]]:
        own = {element.name for element in part.segment.elements if element is not None}
        inner = part.loop is not None and not part.lift
        rest = {name: value for name, value in row.items() if name not in own and name != besides}
        if not inner:
            self._refuse_strangers(rest, set(), f"{path}.")
        yield self._segment(part, row, path)
        if inner and part.loop is not None:
            yield from self._loop(part.loop, rest, f"{path}.")

    def _lifted(self, part: Part, record: Mapping[str, Any], path: str) -> Iterator[Sequence[str]]:
        """A loop that makes no level of its own: its rows are brought back under the segments they belong to."""
        assert part.loop is not None
        below = [(each, place, row) for each in part.loop.parts for place, row in _rows(each, record, path)]
        openers: list[Mapping[str, Any]] = [row for _, row in _rows(part, record, path)]
        for _, place, row in below:
            opener = row.get(part.lift) or {}
            if not isinstance(opener, Mapping):
                raise RecordError("it must hold named values", field=f"{place}.{part.lift}")
            if opener not in openers:
                openers.append(opener)
        for opener in openers:
            yield from self._part(part, opener, f"{path}{part.lift}")
            for each, place, row in below:
                if (row.get(part.lift) or {}) == opener:
                    yield from self._part(each, row, place, besides=part.lift)

    def _segment(self, part: Part, row: Mapping[str, Any], path: str) -> Sequence[str]:
        written: dict[str, str] = {}
        elements = [part.segment.id]
        conditions = dict(part.when)
        for at, element in enumerate(part.segment.elements, 1):
            value = row.get(element.name) if element is not None else None
            if element is None:
                elements.append("")
                continue
            codes = conditions.get(at)
            if value is None and codes is not None and len(codes) == 1:
                value = next(iter(codes))
            text = self._element(element, value, f"{path}.{element.name}", part.segment)
            if codes is not None and text not in codes:
                raise RecordError(f"`{text}` is none of {', '.join(sorted(codes))}", field=f"{path}.{element.name}")
            if text:
                written[element.name] = text
            elif element.required:
                raise RecordError("it is missing, and X12 asks for it", field=f"{path}.{element.name}")
            elements.append(text)
        for rule in part.segment.rules:
            if (told := broken(rule, dict(written))) is not None:
                raise RecordError(told[1].message, field=f"{path}.{told[0]}")
        return elements

    def _element(self, element: Element, value: Any, path: str, segment: SegmentShape) -> str:
        if element.counts and value is None:
            value = next(self._counters.setdefault(f"{segment.id}{element.at}", count(1)))
        if value is None:
            return ""
        if element.type is None:
            return self._composite(element, value, path, segment)
        try:
            text = element.type.form(value)
            text.encode(self._rules.encoding)
        except UnicodeEncodeError as error:
            letter = text[error.start]
            raise RecordError(f"{letter!a} can't be written as {self._rules.encoding}", field=path) from error
        except (ValueError, TypeError) as error:
            raise RecordError(str(error), field=path) from error
        return self._without_marks(text, path)

    def _without_marks(self, text: str, path: str) -> str:
        for mark in self._marks:
            if mark in text:
                if self._rules.delimiter_in_data == "refuse":
                    raise RecordError(
                        f"`{text[:40]}` holds the delimiter `{mark}`; say `delimiter_in_data: replace` to put a blank there",
                        field=path,
                    )
                text = text.replace(mark, " ").strip()
        return text

    def _composite(self, element: Element, value: Any, path: str, segment: SegmentShape) -> str:
        if not isinstance(value, Mapping):
            raise RecordError("it must hold named values", field=path)
        known = [part for part in element.components if part is not None]
        self._refuse_strangers(value, {part.name for part in known}, f"{path}.")
        texts = [""] * len(element.components)
        for part in known:
            texts[part.at - 1] = self._element(part, value.get(part.name), f"{path}.{part.name}", segment)
            if part.required and not texts[part.at - 1] and any(each is not None for each in value.values()):
                raise RecordError("it is missing, and X12 asks for it", field=f"{path}.{part.name}")
        return self._rules.delimiters.component.join(texts).rstrip(self._rules.delimiters.component)

    def _refuse_strangers(self, record: Mapping[str, Any], names: set[str], path: str) -> None:
        strange = next((name for name in record if name not in names and (path or name != "envelope")), None)
        if strange is not None:
            raise RecordError("the set's description has no such name", field=f"{path}{strange}")


def unfolded(record: Mapping[str, Any]) -> Record:
    """`{"payment.amount": 1}` as `{"payment": {"amount": 1}}`. Raises RecordError where both say one thing."""
    nested: Record = {}
    for name, value in record.items():
        *above, last = name.split(".")
        place = nested
        for step in above:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise RecordError(f"`{step}` is a value and has names below it", field=name)
        if isinstance(value, Mapping):
            value = unfolded(value)
        elif isinstance(value, list | tuple):
            value = [unfolded(row) if isinstance(row, Mapping) else row for row in value]
        there = place.get(last)
        if isinstance(there, dict) and isinstance(value, dict) and not there.keys() & value.keys():
            there.update(value)
        elif last in place:
            raise RecordError("it is given twice", field=name)
        else:
            place[last] = value
    return nested


def _names(part: Part) -> Iterator[str]:
    yield part.name
    if part.lift and part.loop is not None:
        for below in part.loop.parts:
            yield from _names(below)


def _rows(part: Part, record: Mapping[str, Any], path: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    value = record.get(part.name)
    place = path + part.name
    if value is None:
        return
    if not part.repeat:
        if not isinstance(value, Mapping):
            raise RecordError("it must hold named values", field=place)
        if any(each is not None for each in value.values()):
            yield place, value
        return
    if not isinstance(value, list | tuple):
        raise RecordError("it repeats, so it must be a list", field=place)
    if part.most is not None and len(value) > part.most:
        raise RecordError(f"it has {len(value)} rows; the set allows {part.most}", field=place)
    for number, row in enumerate(value, 1):
        if not isinstance(row, Mapping):
            raise RecordError("it must hold named values", field=f"{place}.{number}")
        yield f"{place}.{number}", row


def _rows_named(paths: Iterable[str], record: Mapping[str, Any]) -> Iterator[bool]:
    """Whether anything that adds up is there at all."""
    for path in paths:
        yield bool(record.get(path.partition(".")[0]))


def _amount(value: Any) -> Decimal:
    """Raises ValueError, ArithmeticError or TypeError where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise TypeError("no amount")
    number = Decimal(value) if not isinstance(value, str) or value.strip().isascii() else None
    if number is None or not number.is_finite():
        raise ValueError("no amount")
    return number
