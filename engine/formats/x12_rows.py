"""One segment's elements to named values, each checked as its description says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.contracts import Record
from engine.formats.x12_elements import Fault
from engine.formats.x12_findings import At, ElementError, Notes, verdict_of
from engine.formats.x12_keys import Leniency
from engine.formats.x12_read import Delimiters
from engine.formats.x12_set import Element, Rule, SegmentShape

_LONGEST_COPY = 99
_REMEMBERED = 1000
_NEVER = "\0"
"""Stands for a delimiter an interchange has not; a text with it is looked at closely, and found to have a control character."""


class RowReader:
    """Reads segments that have these delimiters."""

    def __init__(self, delimiters: Delimiters, leniency: Leniency, notes: Notes) -> None:
        self._component, self._repetition = delimiters.component, delimiters.repetition
        self._inner = tuple(mark for mark in (self._component, self._repetition) if mark)
        self._one, self._other = (self._inner * 2)[:2] if self._inner else (_NEVER, _NEVER)
        self._leniency, self._notes = leniency, notes
        self._marks = frozenset({delimiters.element, delimiters.segment, self._component, self._repetition})

    def read(
        self, shape: SegmentShape, text: str, parts: Sequence[str], at: At
    ) -> tuple[Record, Sequence[ElementError], bool]:
        """Names to texts, absent elements left out; what is wrong; and whether nothing at all was to be noted.

        `parts` is the text taken apart, the segment's id first.
        """
        row: Record = {}
        if len(parts) - 1 > len(shape.checks):
            return *self._closely(shape, parts, at), False
        if self._one in text or self._other in text:
            return *self._closely(shape, parts, at), False
        values = iter(parts)
        next(values)
        try:
            for (name, check), element in zip(shape.checks, values):  # noqa: B905 - `strict=` costs time
                if element:
                    row[name] = check(element)
        except Fault:
            return *self._closely(shape, parts, at), False
        found = tuple(row)
        if found in shape.sound:
            return row, (), True
        errors: list[ElementError] = []
        self._check_whole(shape, parts, row, errors)
        if not errors and len(shape.sound) < _REMEMBERED:
            shape.sound.add(found)
        return row, errors, True

    def _closely(self, shape: SegmentShape, parts: Sequence[str], at: At) -> tuple[Record, Sequence[ElementError]]:
        """The same for a segment with something special in it: a composite, a delimiter, an element that is wrong."""
        row: Record = {}
        errors: list[ElementError] = []
        for element, text in zip(shape.elements, parts[1:], strict=False):
            if not text:
                continue
            if element is None:
                self._notes.add(f"`{shape.id}` has an element the description does not name", at)
                continue
            try:
                if element.type is None or any(mark in text for mark in self._inner):
                    row[element.name] = self._composed(element, text, errors)
                else:
                    row[element.name] = element.type.check(text)
            except Fault as fault:
                if fault.value is not None:
                    row[element.name] = fault.value
                if fault.code:
                    errors.append(self._error(fault, element, text))
                else:
                    self._notes.add(f"`{shape.id}`, `{element.name}`: {fault.message}", at)
        self._check_whole(shape, parts, row, errors)
        return row, errors

    def _check_whole(self, shape: SegmentShape, parts: Sequence[str], row: Record, errors: list[ElementError]) -> None:
        most = len(shape.elements)
        if len(parts) - 1 > most and any(parts[most + 1 :]):
            fault = Fault("3", f"it has {len(parts) - 1} elements, not at most {most}")
            errors.append(self._error(fault, None, "", most + 1))
        for element in shape.required:
            if element.name not in row and not any(error.position == element.at for error in errors):
                errors.append(self._error(Fault("1", "it is missing"), element, ""))
        for rule in shape.rules:
            told = broken(rule, row)
            if told is not None:
                errors.append(self._error(told[1], shape.named(told[0]), ""))

    def _composed(self, element: Element, text: str, errors: list[ElementError]) -> Any:
        """A composite's parts by name; an element that is none keeps its text, and the delimiter in it is a fault."""
        if element.type is not None:
            value = element.type.check(text)
            code = "12" if self._repetition and self._repetition in text else "13"
            errors.append(self._error(Fault(code, "it holds a delimiter of the file", value), element, text))
            return value
        found: Record = {}
        texts = text.split(self._component) if self._component else [text]
        if any(texts[len(element.components) :]):
            errors.append(self._error(Fault("13", "it has too many parts"), element, text))
        for part, inner in zip(element.components, texts, strict=False):
            if part is None or part.type is None or not inner:
                continue
            try:
                found[part.name] = part.type.check(inner)
            except Fault as fault:
                if fault.value is not None:
                    found[part.name] = fault.value
                if fault.code:
                    errors.append(self._error(fault, element, inner, part=part))
        missing = [part for part in element.components if part is not None and part.required and part.name not in found]
        errors.extend(self._error(Fault("1", "it is missing"), element, "", part=part) for part in missing)
        return found

    def _error(
        self, fault: Fault, element: Element | None, text: str, position: int = 1, *, part: Element | None = None
    ) -> ElementError:
        subject = part or element
        verdict = verdict_of("element", fault.code, self._leniency)
        if subject is not None and subject.numeric and fault.value is None and fault.code != "2":
            verdict = "R"  # an amount that can't be read is never passed over
        return ElementError(
            position=element.at if element is not None else position,
            component=part.at if part is not None else 0,
            number=subject.number if subject is not None else "",
            code=fault.code,
            message=f"`{subject.name}`: {fault.message}" if subject is not None else fault.message,
            verdict=verdict,
            copy=self._copy(text),
        )

    def _copy(self, text: str) -> str:
        """The bad data for an answer: nothing that could break it."""
        clean = "".join(c if c.isascii() and c.isprintable() and c not in self._marks else " " for c in text)
        return clean.strip()[:_LONGEST_COPY]


def broken(rule: Rule, row: Record) -> tuple[str, Fault] | None:
    """The element a rule blames and why, None where the rule holds."""
    there = [name for name in rule.names if name in row]
    shown = ", ".join(f"`{name}`" for name in rule.names)
    if rule.kind == "together" and there and len(there) < len(rule.names):
        return next(n for n in rule.names if n not in row), Fault("2", f"{shown} stand together or not at all")
    if rule.kind == "any_of" and not there:
        return rule.names[0], Fault("2", f"one of {shown} must be there")
    if rule.kind == "at_most_one" and len(there) > 1:
        return there[1], Fault("10", f"only one of {shown} may be there")
    if rule.kind == "if" and there:
        missing = [name for name in rule.then if name not in row]
        if (missing and rule.all) or len(missing) == len(rule.then):
            return missing[0], Fault("2", f"it must be there where {shown} is")
    return None
