"""A system's records as typed records: what an object declares under `fields` is kept, the rest is dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from engine.contracts import Record
from engine.errors import RecordError
from engine.mapping.types import FieldType, convert

_SAFE, _DIGITS = 10**18, 30
"""Numbers that are shorter need no further look at their size."""
_MEMO = 20_000
_DAY = 10
"""Characters of `2026-11-21`; a date is those, whatever time or zone stands behind them, and is never shifted."""


def typed_record(values: Mapping[str, Any], fields: Mapping[str, FieldType]) -> Record:
    """The declared members, each as its type; a missing one is null. Raises RecordError that names the field."""
    record: Record = {}
    for name, type_ in fields.items():
        try:
            record[name] = typed_value(values.get(name), type_)
        except RecordError as error:
            raise RecordError(str(error), field=f"{name}.{error.field}" if error.field else name) from error
    return record


def compile_record(fields: Mapping[str, FieldType]) -> Callable[[Mapping[str, Any]], Record]:
    """`typed_record` for many records of one kind, as one generated dict literal: a value that is its type already costs one comparison.

    Raises as it does.
    """
    names: dict[str, Any] = {"Decimal": Decimal, "ordinary": _ordinary}
    members = ", ".join(f"{name!r}: {_code(names, at, name, type_)}" for at, (name, type_) in enumerate(fields.items()))
    source = f"def typed(values):\n    g = values.get\n    return {{{members}}}"
    exec(source, names)  # noqa: S102  # built of positions and repr of field names only
    made: Callable[[Mapping[str, Any]], Record] = names["typed"]
    return made


def _code(names: dict[str, Any], at: int, name: str, type_: FieldType) -> str:
    """An expression for one member; `slow0`, `memo0` … are what it calls."""

    def slow(value: Any) -> Any:
        return typed_record({name: value}, {name: type_})[name]

    names[f"slow{at}"] = slow
    value = f"(v := g({name!r}))"
    if type_.kind in {"date", "datetime"}:
        memo: dict[str, Any] = {}
        names |= {f"memo{at}": memo.get, f"read{at}": _remembering(slow, memo)}
        return f"None if {value} is None else (memo{at}(v) or read{at}(v)) if v.__class__ is str else slow{at}(v)"
    quick = {
        "string": "v.__class__ is str",
        "boolean": "v.__class__ is bool",
        "integer": f"v.__class__ is int and {-_SAFE} < v < {_SAFE}",
        "decimal": "v.__class__ is Decimal and ordinary(v)",
    }.get(type_.kind, "False")
    return f"v if {value} is None or {quick} else slow{at}(v)"


def _remembering(slow: Callable[[Any], Any], memo: dict[str, Any]) -> Callable[[str], Any]:
    """Days and instants come again and again: each text is read once."""

    def read(text: str) -> Any:
        found = slow(text)
        if found is not None:
            if len(memo) >= _MEMO:
                memo.clear()
            memo[text] = found
        return found

    return read


def _ordinary(value: Decimal) -> bool:
    return value.is_finite() and abs(value.adjusted()) < _DIGITS and len(str(value)) < _DIGITS


def typed_value(value: Any, type_: FieldType) -> Any:
    """One value as its type: amounts exactly, instants aware in UTC, empty text null for all but text. Raises RecordError."""
    if type_.kind == "date" and isinstance(value, str):
        return convert(_day(value.strip()), type_)
    if type_.kind == "list" and type_.fields is not None and value is not None:
        return [_item(item, type_.fields) for item in convert(value, type_)]
    return convert(value, type_)


def _day(text: str) -> str:
    return text[:_DAY] if text[_DAY : _DAY + 1] in {"", "T", " "} else text


def _item(item: Any, fields: Mapping[str, FieldType]) -> Record:
    if not isinstance(item, Mapping):
        raise RecordError("an item of the list is no record")
    return typed_record(item, fields)
