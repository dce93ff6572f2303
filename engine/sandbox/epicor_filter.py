"""`$filter` of the Epicor Kinetic stand-in: OData v4 literals on API v2, OData v3 literals on API v1, as the real one.

Whatever the published grammar does not allow is refused, so that a filter that works here is a filter that is right.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from engine.sandbox.epicor_columns import Table
from engine.sandbox.epicor_errors import Refusal, bad_query

Predicate = Callable[[Mapping[str, Any]], bool]

_NUMBER = r"(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?{suffix})"
_COMMON = r"(?P<string>'(?:[^']|'')*')|(?P<name>[A-Za-z_]\w*)|(?P<mark>[(),])|(?P<blank>\s+)"
_TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,7})?)?"
_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TOKENS: Mapping[int, re.Pattern[str]] = {
    4: re.compile(
        rf"(?P<datetime>{_TIME}(?:Z|[+-]\d{{2}}:\d{{2}})?)|(?P<guid>{_GUID})|{_NUMBER.format(suffix='')}|{_COMMON}"
    ),
    3: re.compile(
        rf"datetime'(?P<datetime>{_TIME})'|datetimeoffset'(?P<offset>{_TIME}(?:Z|[+-]\d{{2}}:\d{{2}}))'"
        rf"|guid'(?P<guid>{_GUID})'|{_NUMBER.format(suffix='[mMlLdDfF]?')}|{_COMMON}"
    ),
}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_FUNCTIONS: Mapping[int, Mapping[str, Callable[[str, str], bool]]] = {
    4: {"startswith": str.startswith, "endswith": str.endswith, "contains": lambda text, part: part in text},
    3: {"startswith": str.startswith, "endswith": str.endswith, "substringof": lambda part, text: part in text},
}
_CASES: Mapping[str, Callable[[str], str]] = {"tolower": str.lower, "toupper": str.upper}
_KINDS: Mapping[str, str] = {"integer": "number", "decimal": "number", "date": "time", "datetime": "time"}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Operand:
    kind: str
    value: Callable[[Mapping[str, Any]], Any]


def compile_filter(text: str, table: Table, version: int) -> Predicate:
    """The filter as a test on rows, for OData `version` 3 or 4; 400 when it cannot be read or names no column."""
    parser = _Parser(text, table, version)
    predicate = parser.either()
    if parser.here[0] != "end":
        raise parser.bad()
    return predicate


class _Parser:
    def __init__(self, text: str, table: Table, version: int) -> None:
        self.text = text
        self.table = table
        self.version = version
        self.tokens = self._tokens()
        self.position = 0

    @property
    def here(self) -> tuple[str, str]:
        return self.tokens[self.position]

    def bad(self) -> Refusal:
        return bad_query(f"Syntax error near '{self.here[1]}' in '{self.text}'.")

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
        function = _FUNCTIONS[self.version].get(self.here[1]) if self.here[0] == "name" else None
        if function and self.tokens[self.position + 1] == ("mark", "("):
            return self.call(function)
        return self.comparison()

    def call(self, function: Callable[[str, str], bool]) -> Predicate:
        self.position += 2
        first = self.operand()
        self.expect(",")
        second = self.operand()
        self.expect(")")
        if {first.kind, second.kind} != {"string"}:
            raise bad_query(f"No function signature matches the argument types in '{self.text}'.")
        # An optional comparison with true or false follows in clients written for v3.
        wanted = True
        if self.take("eq"):
            literal = self.take("true", "false")
            if literal is None:
                raise self.bad()
            wanted = literal == "true"
        return lambda row: function(first.value(row), second.value(row)) is wanted

    def comparison(self) -> Predicate:
        left = self.operand()
        name = self.take(*_COMPARE)
        if name is None and left.kind == "boolean":
            return lambda row: left.value(row) is True
        if name is None:
            raise self.bad()
        right = self.operand()
        if left.kind != right.kind and "null" not in {left.kind, right.kind}:
            kinds = f"{left.kind} and {right.kind}"
            raise bad_query(f"A binary operator with incompatible types was detected: {kinds} in '{self.text}'.")
        compare, equality = _COMPARE[name], name in {"eq", "ne"}

        def test(row: Mapping[str, Any]) -> bool:
            one, two = left.value(row), right.value(row)
            if not equality and (one is None or two is None):
                return False
            return compare(one, two)

        return test

    def operand(self) -> _Operand:
        kind, text = self.here
        self.position += 1
        if kind == "name":
            return self.named(text)
        if kind == "string":
            return _literal("string", text[1:-1].replace("''", "'"))
        if kind == "guid":
            return _literal("string", text.lower())
        if kind == "number":
            return _literal("number", Decimal(text.rstrip("mMlLdDfF")))
        if kind in {"datetime", "offset"}:
            return _literal("time", self.moment(text))
        self.position -= 1
        raise self.bad()

    def named(self, name: str) -> _Operand:
        if name in {"true", "false"}:
            return _literal("boolean", name == "true")
        if name == "null":
            return _literal("null", None)
        if name in _CASES and self.take("("):
            inner, change = self.operand(), _CASES[name]
            self.expect(")")
            if inner.kind != "string":
                raise bad_query(f"No function signature matches the argument types in '{self.text}'.")
            return _Operand(kind="string", value=lambda row: change(inner.value(row)))
        kind = column_kind(self.table, name, "$filter")
        return _Operand(kind=_KINDS.get(kind, kind), value=lambda row: _moment(row[name]))

    def moment(self, text: str) -> datetime:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise bad_query(f"'{text}' is no date and time in '{self.text}'.") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def _tokens(self) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        position = 0
        while position < len(self.text):
            match = _TOKENS[self.version].match(self.text, position)
            if match is None or match.lastgroup is None:
                rest = self.text[position : position + 20]
                raise bad_query(f"Syntax error at position {position} near '{rest}' in '{self.text}'.")
            if match.lastgroup != "blank":
                found.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()
        return [*found, ("end", "end of text")]


def column_kind(table: Table, name: str, option: str) -> str:
    """The type of a column that may stand in the option; 400 for an unknown one or, but for $select, a computed one."""
    if name not in table.columns:
        raise bad_query(f"Could not find a property named '{name}' on type 'Erp.Tablesets.{table.name}Row'.")
    if option != "$select" and name in table.calculated:
        raise bad_query(f"The calculated property '{name}' cannot be used in {option}.")
    return table.columns[name]


def _literal(kind: str, value: Any) -> _Operand:
    return _Operand(kind=kind, value=lambda _row: value)


def _moment(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value


def _or(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) or right(row)


def _and(left: Predicate, right: Predicate) -> Predicate:
    return lambda row: left(row) and right(row)


def _not(inner: Predicate) -> Predicate:
    return lambda row: not inner(row)
