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
    """`typed_record` for many records of one kind: a value that is its type already costs one comparison. Raises as it does."""
    plan = [(name, *_shortcut(name, type_)) for name, type_ in fields.items()]

    def typed(values: Mapping[str, Any]) -> Record:
        get = values.get
        return {
            name: value if (value := get(name)) is None or value.__class__ is already else convert_(value)
            for name, already, convert_ in plan
        }

    return typed


def _shortcut(name: str, type_: FieldType) -> tuple[type | None, Callable[[Any], Any]]:
    """The class of JSON values that stay as they are, and the way of all others."""

    def slow(value: Any) -> Any:
        return typed_record({name: value}, {name: type_})[name]

    if type_.kind == "integer":
        return None, lambda value: value if value.__class__ is int and -_SAFE < value < _SAFE else slow(value)
    if type_.kind == "decimal":
        return None, lambda value: value if value.__class__ is Decimal and _ordinary(value) else slow(value)
    if type_.kind in {"date", "datetime"}:
        return None, _remembered(slow)
    return {"string": str, "boolean": bool, "any": object}.get(type_.kind), slow


def _ordinary(value: Decimal) -> bool:
    return value.is_finite() and abs(value.adjusted()) < _DIGITS and len(str(value)) < _DIGITS


def _remembered(slow: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Days and instants come again and again: each text is read once."""
    memo: dict[str, Any] = {}

    def remembered(value: Any) -> Any:
        if value.__class__ is not str:
            return slow(value)
        found = memo.get(value)
        if found is None and (found := slow(value)) is not None:
            if len(memo) >= _MEMO:
                memo.clear()
            memo[value] = found
        return found

    return remembered


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
