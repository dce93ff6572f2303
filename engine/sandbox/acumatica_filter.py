"""`$filter` of the Acumatica stand-in: the OData 3 subset the vendor's documents show, and nothing more.

Comparisons, `and`, `or`, `not`, `substringof`, `datetimeoffset'…'` literals, linked fields (`MainContact/Email`) and
custom ones (`cf.String(f='Document.AttributeX')`). Texts are compared as they are, but for trailing blanks.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from engine.sandbox.acumatica_record import Record
from engine.sandbox.acumatica_shapes import Shape

Predicate = Callable[[Record], bool]

_TOKEN = re.compile(
    r"datetimeoffset'(?P<time>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,7})?)?(?:Z|[+-]\d{2}:\d{2}))'"
    r"|cf\.String\(f='(?P<custom>\w+\.\w+)'\)|(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*)|(?P<mark>[(),])|(?P<blank>\s+)"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_KINDS: Mapping[str, str] = {"integer": "number", "decimal": "number", "date": "time", "datetime": "time"}


class BadFilter(Exception):  # the caller knows the answer to give
    """The filter can't be read, or names something the entity does not have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Operand:
    kind: str
    value: Callable[[Record], Any]


def compile_filter(text: str, shape: Shape, customs: Mapping[str, str]) -> Predicate:
    """The filter as a test on records; `customs` are the entity's custom fields. Raises BadFilter."""
    parser = _Parser(text, shape, customs)
    predicate = parser.either()
    if parser.here[0] != "end":
        raise parser.bad()
    return predicate


class _Parser:
    def __init__(self, text: str, shape: Shape, customs: Mapping[str, str]) -> None:
        self.text = text
        self.shape = shape
        self.customs = customs
        self.tokens = self._tokens()
        self.position = 0

    @property
    def here(self) -> tuple[str, str]:
        return self.tokens[self.position]

    def bad(self) -> BadFilter:
        return BadFilter(f"Syntax error near '{self.here[1]}' in '{self.text}'.")

    def take(self, *wanted: str) -> str | None:
        if self.here[0] in {"name", "mark"} and self.here[1] in wanted:
            self.position += 1
            return self.tokens[self.position - 1][1]
        return None

    def expect(self, mark: str) -> None:
        if self.take(mark) is None:
            raise self.bad()

    def either(self) -> Predicate:
        left = self.both()
        while self.take("or"):
            left = _or(left, self.both())
        return left

    def both(self) -> Predicate:
        left = self.single()
        while self.take("and"):
            left = _and(left, self.single())
        return left

    def single(self) -> Predicate:
        if self.take("not"):
            return _not(self.single())
        if self.take("("):
            inner = self.either()
            self.expect(")")
            return inner
        if self.here == ("name", "substringof") and self.tokens[self.position + 1] == ("mark", "("):
            return self.substring()
        return self.comparison()

    def substring(self) -> Predicate:
        self.position += 2
        part = self.operand()
        self.expect(",")
        whole = self.operand()
        self.expect(")")
        if {part.kind, whole.kind} != {"string"}:
            raise BadFilter(f"No function signature for 'substringof' matches the arguments in '{self.text}'.")
        wanted = True
        if self.take("eq"):
            literal = self.take("true", "false")
            if literal is None:
                raise self.bad()
            wanted = literal == "true"
        return lambda record: ((part.value(record) or "") in (whole.value(record) or "")) is wanted

    def comparison(self) -> Predicate:
        left = self.operand()
        name = self.take(*_COMPARE)
        if name is None:
            raise self.bad()
        right = self.operand()
        if left.kind != right.kind:
            raise BadFilter(f"Incompatible types {left.kind} and {right.kind} in '{self.text}'.")
        compare, equality = _COMPARE[name], name in {"eq", "ne"}

        def test(record: Record) -> bool:
            one, two = left.value(record), right.value(record)
            return compare(one, two) if equality or not (one is None or two is None) else False

        return test

    def operand(self) -> _Operand:
        kind, text = self.here
        self.position += 1
        if kind == "name":
            return self.named(text)
        if kind == "custom":
            return self.custom(text)
        if kind == "string":
            return _literal("string", text[1:-1].replace("''", "'").rstrip(" "))
        if kind == "number":
            return _literal("number", Decimal(text))
        if kind == "time":
            return _literal("time", self.moment(text))
        self.position -= 1
        raise self.bad()

    def named(self, name: str) -> _Operand:
        if name in {"true", "false"}:
            return _literal("boolean", name == "true")
        *path, last = name.split("/")
        shape = self.shape
        for link in path:
            if link not in shape.links:
                raise BadFilter(f"The '{link}' of '{name}' is no linked entity of {shape.name}.")
            shape = shape.links[link]
        if last not in shape.fields:
            raise BadFilter(f"Could not find a property named '{last}' on type '{shape.name}'.")
        kind = shape.fields[last]
        return _Operand(kind=_KINDS.get(kind, kind), value=lambda record: _comparable(_below(record, path), last))

    def custom(self, name: str) -> _Operand:
        if self.customs.get(name) != "CustomStringField":
            raise BadFilter(f"There is no custom text field '{name}' on {self.shape.name}.")
        return _Operand(kind="string", value=lambda record: record.custom.get(name))

    def moment(self, text: str) -> datetime:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise BadFilter(f"'{text}' is no date and time in '{self.text}'.") from None

    def _tokens(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None or match.lastgroup is None:
                rest = self.text[position : position + 20]
                raise BadFilter(f"Syntax error at position {position} near '{rest}' in '{self.text}'.")
            if match.lastgroup != "blank":
                found.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return [*found, ("end", "end of text")]


def _below(record: Record, path: list[str]) -> Record | None:
    found: Record | None = record
    for link in path:
        found = found.links.get(link) if found is not None else None
    return found


def _comparable(record: Record | None, name: str) -> Any:
    value = record.values.get(name) if record is not None else None
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


def _literal(kind: str, value: Any) -> _Operand:
    return _Operand(kind=kind, value=lambda _record: value)


def _or(left: Predicate, right: Predicate) -> Predicate:
    return lambda record: left(record) or right(record)


def _and(left: Predicate, right: Predicate) -> Predicate:
    return lambda record: left(record) and right(record)


def _not(inner: Predicate) -> Predicate:
    return lambda record: not inner(record)
