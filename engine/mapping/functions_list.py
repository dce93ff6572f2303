"""JMESPath's own functions, exact on Decimals and strict on kinds; those that take `&expression` exist in expressions only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

from engine.errors import RecordError
from engine.mapping.convert import parse_number
from engine.mapping.functions_text import bounded
from engine.mapping.signature import Function, function, kind_name
from engine.mapping.text import kind_of, plain, to_text

EXACT = Context(prec=200)
"""Wide enough that sums of amounts are exact; Python's default rounds silently at 28 digits."""

MOST_NODES = 100_000
_DIVISION = Context(prec=28)
_ORDERED = frozenset({"number", "text", "date", "datetime"})


def total(values: list[Any]) -> Any:
    """The exact sum; 0 for none. Raises RecordError for what is no number, null included."""
    _all_of(values, "number", "sum")
    if all(value.__class__ is int for value in values):
        return sum(values)
    result = Decimal(0)
    for value in values:
        result = EXACT.add(result, value)
    return result


def average(values: list[Any]) -> Any:
    """The mean to 28 digits; null for none."""
    return _DIVISION.divide(Decimal(total(values)), Decimal(len(values))) if values else None


def absolute(value: Any) -> Any:
    return value.copy_abs() if isinstance(value, Decimal) else abs(value)


def ceil(value: Any) -> int:
    return _whole(value, ROUND_CEILING)


def floor(value: Any) -> int:
    return _whole(value, ROUND_FLOOR)


def ordering(values: Sequence[Any], name: str) -> None:
    """Raises RecordError unless all are of one kind that has an order."""
    kinds = {kind_name(value) for value in values}
    if len(kinds) > 1 or not kinds <= _ORDERED:
        raise RecordError(f"`{name}` orders values of one kind, and these are {', '.join(sorted(kinds))}")


def largest(values: list[Any]) -> Any:
    ordering(values, "max")
    return max(values) if values else None


def smallest(values: list[Any]) -> Any:
    ordering(values, "min")
    return min(values) if values else None


def ordered(values: list[Any]) -> list[Any]:
    ordering(values, "sort")
    return sorted(values)


def sort_by(values: list[Any], key: Callable[[Any], Any]) -> list[Any]:
    keys = [key(value) for value in values]
    ordering(keys, "sort_by")
    return [values[index] for index in sorted(range(len(values)), key=keys.__getitem__)]


def max_by(values: list[Any], key: Callable[[Any], Any]) -> Any:
    ordering([key(value) for value in values], "max_by")
    return max(values, key=key) if values else None


def min_by(values: list[Any], key: Callable[[Any], Any]) -> Any:
    ordering([key(value) for value in values], "min_by")
    return min(values, key=key) if values else None


def map_(key: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    return [key(value) for value in values]


def contains(subject: Any, search: Any) -> bool:
    if isinstance(subject, str):
        return isinstance(search, str) and search in subject
    kind = kind_name(search)
    return any(kind_name(value) == kind and value == search for value in subject)


def merge(*objects: dict[str, Any]) -> dict[str, Any]:
    return {key: value for each in objects for key, value in each.items()}


def not_null(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def reverse(value: Any) -> Any:
    return value[::-1]


def to_array(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def to_number(value: Any) -> Any:
    """A number from text, exact; null for anything else."""
    if isinstance(value, str):
        try:
            number = parse_number(value)
        except RecordError:
            return None
        return number if "." in value else int(number)
    return value if kind_name(value) == "number" else None


def to_string(value: Any) -> str:
    """Text stays; anything else becomes JSON with exact numbers and ISO dates."""
    if isinstance(value, str):
        return value
    bounded(count_nodes(value))
    shown = _json(value)
    bounded(len(shown))
    return shown


def type_of(value: Any) -> str:
    return _TYPES.get(kind_name(value), kind_name(value))


def count_nodes(value: Any, most: int = MOST_NODES) -> int:
    """How many values a result holds, shared ones counted each time. Raises RecordError beyond `most`."""
    count, todo = 0, [value]
    while todo:
        item = todo.pop()
        count += 1
        children = item if isinstance(item, list) else item.values() if isinstance(item, dict) else ()
        todo.extend(children)
        if count + len(todo) > most:
            raise RecordError(f"the result has more than {most} values")
    return count


def _json(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(key))}:{_json(item)}" for key, item in value.items()) + "}"
    if value is None:
        return "null"
    text = to_text(value)
    return text if kind_name(value) in {"number", "boolean"} else json.dumps(text)


def _all_of(values: list[Any], kind: str, name: str) -> None:
    for value in values:
        if kind_name(value) != kind:
            raise RecordError(f"`{name}` takes {kind}s, and one is {kind_of(value)}")
        if isinstance(value, Decimal):
            plain(value)


def _whole(value: Any, rounding: str) -> int:
    if isinstance(value, Decimal):
        plain(value)
        return int(value.to_integral_value(rounding=rounding))
    return int(value)


_TYPES = {"text": "string", "list": "array"}
_TWO = [Decimal("0.10"), Decimal("0.20")]
_LINES = [{"n": 2}, {"n": 1}]

LISTS: tuple[Function, ...] = (
    function("sum(values: list) -> number", total, "The exact sum.", ((_TWO,), Decimal("0.30")), (([],), 0)),
    function("avg(values: list) -> number", average, "The mean; null for none.", ((_TWO,), Decimal("0.15"))),
    function(
        "min(values: list) -> any",
        smallest,
        "The smallest number, text or date; null for none.",
        ((_TWO,), Decimal("0.10")),
    ),
    function(
        "max(values: list) -> any",
        largest,
        "The largest number, text or date; null for none.",
        ((_TWO,), Decimal("0.20")),
    ),
    function("sort(values: list) -> list", ordered, "In order; all of one kind.", (([3, 1],), [1, 3])),
    function("abs(value: number) -> number", absolute, "Without its sign.", ((Decimal("-1.50"),), Decimal("1.50"))),
    function("ceil(value: number) -> number", ceil, "The next whole number up.", ((Decimal("1.10"),), 2)),
    function("floor(value: number) -> number", floor, "The next whole number down.", ((Decimal("1.90"),), 1)),
    function(
        "length(value: text|list|object) -> number", len, "Characters, items or members.", (([1, 2],), 2), (("abc",), 3)
    ),
    function(
        "contains(value: text|list, search: any) -> boolean",
        contains,
        "Whether it is in there.",
        (("abc", "b"), True),
        nulls=True,
    ),
    function(
        "starts_with(value: text, start: text) -> boolean",
        str.startswith,
        "Whether it starts so.",
        (("INV-1", "INV"), True),
    ),
    function(
        "ends_with(value: text, end: text) -> boolean", str.endswith, "Whether it ends so.", (("a.csv", ".csv"), True)
    ),
    function("reverse(value: text|list) -> any", reverse, "The other way round.", (([1, 2],), [2, 1])),
    function("keys(value: object) -> list", list, "Names of an object's members.", (({"a": 1},), ["a"])),
    function(
        "values(value: object) -> list",
        lambda value: list(value.values()),
        "Values of an object's members.",
        (({"a": 1},), [1]),
    ),
    function(
        "merge(objects*: object) -> object",
        merge,
        "One object of several; later ones win.",
        (({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
    ),
    function("not_null(values*: any) -> any", not_null, "The first that is not null.", ((None, "x"), "x")),
    function("to_array(value: any) -> list", to_array, "A list of it, unless it is one.", (("a",), ["a"])),
    function(
        "to_number(value: any) -> number",
        to_number,
        "A number from text; null when it is none.",
        (("10.10",), Decimal("10.10")),
    ),
    function(
        "to_string(value: any) -> text",
        to_string,
        "Text stays, the rest becomes JSON.",
        ((Decimal("10.10"),), "10.10"),
        (([1, "a"],), '[1,"a"]'),
    ),
    function(
        "type(value: any) -> text",
        type_of,
        "string, number, boolean, date, datetime, array, object or null.",
        ((Decimal(1),), "number"),
    ),
    function(
        "sort_by(values: list, key: function) -> list",
        sort_by,
        "In order of a key.",
        ((_LINES, "&n"), [{"n": 1}, {"n": 2}]),
        filter_=False,
    ),
    function(
        "max_by(values: list, key: function) -> any",
        max_by,
        "The item with the largest key.",
        ((_LINES, "&n"), {"n": 2}),
        filter_=False,
    ),
    function(
        "min_by(values: list, key: function) -> any",
        min_by,
        "The item with the smallest key.",
        ((_LINES, "&n"), {"n": 1}),
        filter_=False,
    ),
    function(
        "map(key: function, values: list) -> list",
        map_,
        "The expression's value for each item.",
        (("&n", _LINES), [2, 1]),
        filter_=False,
    ),
)
