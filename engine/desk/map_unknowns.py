"""What a mapping without systems does not know: lookups and settings, each with a mark that says so where it would stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.contracts import Record
from engine.errors import RecordError
from engine.mapping.convert import convert_value
from engine.mapping.text import shown
from engine.mapping.types import FieldType
from engine.mapping.values import LookupUse
from engine.run.model import Integration, ObjectKind, Setting
from engine.sources.columns import typed_record, typed_value

_FIRST = 900_000_001
"""Numbers no system gives out, one for each value that is not known; a mark takes their place before anybody sees them."""
_DAY = date(1801, 1, 1)
_TOKEN = re.compile(r"⟦(\d+)⟧")
_NUMERAL = re.compile(r"(?<![\d.])9\d{8}(?![\d.])")
_SETTING = re.compile(r"<(setting [^>]+)>")


class SampleLookups:
    """Lookups answered from given rows; an object without any answers with one record whose other fields are marks."""

    def __init__(
        self,
        uses: Sequence[LookupUse],
        objects: Mapping[str, ObjectKind],
        rows: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> None:
        self._fields = {use.name: use.fields for use in uses}
        self._objects = objects
        self._rows = {
            name: [_typed(row, objects[name].fields) for row in given]
            for name, given in rows.items()
            if name in objects
        }
        self._marks: list[str] = []

    @property
    def unknown(self) -> list[str]:
        """What was looked up and is not known, each object once."""
        return [f"{name}, looked up by {', '.join(by)}" for name, by in self._fields.items() if name not in self._rows]

    def fetch(self, name: str, keys: Sequence[tuple[Any, ...]]) -> Mapping[tuple[Any, ...], Sequence[Record]]:
        """As a run's lookups do."""
        by = self._fields[name]
        if name in self._rows:
            return {key: [row for row in self._rows[name] if self._same(name, row, by, key)] for key in keys}
        return {key: [self._marked_record(name, by, key)] for key in keys}

    def marked(self, value: Any) -> Any:
        """The value with marks where something is not known."""
        if isinstance(value, dict):
            return {name: self.marked(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.marked(item) for item in value]
        if isinstance(value, str):
            value = _TOKEN.sub(lambda match: self._mark(int(match[1]), match[0]), value)
            return _NUMERAL.sub(lambda match: self._mark(int(match[0]) - _FIRST, match[0]), value)
        number = _number_of(value)
        return value if number is None else self._mark(number, value)

    def _mark(self, number: int, otherwise: Any) -> Any:
        return self._marks[number] if 0 <= number < len(self._marks) else otherwise

    def _same(self, name: str, row: Record, by: Sequence[str], key: tuple[Any, ...]) -> bool:
        fields = self._objects[name].fields
        try:
            return all(row.get(one) == typed_value(part, fields[one]) for one, part in zip(by, key, strict=True))
        except (RecordError, KeyError):
            return False

    def _marked_record(self, name: str, by: Sequence[str], key: tuple[Any, ...]) -> Record:
        said = ", ".join(f"{one} {shown(part)}" for one, part in zip(by, key, strict=True))
        record: Record = {}
        for one, type_ in self._objects[name].fields.items():
            self._marks.append(f"<{one} of {name} with {said}>")
            record[one] = _token(len(self._marks) - 1, type_)
        return record | dict(zip(by, key, strict=True))


def _typed(row: Mapping[str, Any], fields: Mapping[str, FieldType]) -> Record:
    """A row of a test file as a lookup finds it; what it does not tell is null. Raises RecordError."""
    return typed_record(row, {name: replace(type_, required=False) for name, type_ in fields.items()})


def _token(number: int, type_: FieldType) -> Any:
    """A value of the type that is known again; None where there is none to be had."""
    if type_.kind == "integer":
        return _FIRST + number
    if type_.kind == "decimal":
        return Decimal(_FIRST + number)
    if type_.kind == "date":
        return _DAY + timedelta(days=number)
    if type_.kind == "datetime":
        return datetime(_DAY.year, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return f"⟦{number}⟧" if type_.kind == "string" else {"boolean": True}.get(type_.kind)


def _number_of(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return int(value) - _FIRST
    if isinstance(value, datetime):
        return (value.date() - _DAY).days
    return (value - _DAY).days if isinstance(value, date) else None


def settings_here(integration: Integration, environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Settings without a workspace: from the spec and the environment, else a mark; secrets never reach a mapping."""
    return {
        alias: {
            name: _setting(f"{alias}.{name}", setting, environ)
            for name, setting in system.settings.items()
            if not setting.secret
        }
        for alias, system in integration.systems.items()
    }


def marks_in(value: Any) -> Iterator[str]:
    """The settings that are marks somewhere in a document."""
    if isinstance(value, dict):
        for item in value.values():
            yield from marks_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from marks_in(item)
    elif isinstance(value, str):
        yield from _SETTING.findall(value)


def _setting(name: str, setting: Setting, environ: Mapping[str, str]) -> Any:
    if not setting.env:
        return setting.value
    text = environ.get(setting.env)
    if not text:
        return f"<setting {name}, from {setting.env}>"
    try:
        return convert_value(text, setting.type) if setting.type in {"integer", "decimal", "boolean"} else text
    except RecordError:
        return text
