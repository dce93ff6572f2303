"""A system's records as typed records: what an object declares under `fields` is kept, the rest is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contracts import Record
from engine.errors import RecordError
from engine.mapping.types import FieldType, convert

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
