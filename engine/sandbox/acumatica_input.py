"""Reading what a client puts: every scalar in its value object, typed; anything of another shape is a 400.

Texts are accepted for decimals, as recorded; for nothing else. ISO dates and `10/18/2021` are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from engine.sandbox.acumatica_errors import invalid
from engine.sandbox.acumatica_json import decode
from engine.sandbox.acumatica_record import Given
from engine.sandbox.acumatica_shapes import Shape
from engine.sandbox.acumatica_store import Store

_TYPES = {
    "string": "StringValue",
    "decimal": "DecimalValue",
    "integer": "IntValue",
    "boolean": "BooleanValue",
    "date": "DateTimeValue",
    "datetime": "DateTimeValue",
}
_ENVELOPE = frozenset({"id", "rowNumber", "note", "custom", "files", "_links", "delete", "error"})
_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,10})?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; 400 for an empty one, for no JSON, and for anything but an object."""
    if not body.strip():
        raise invalid("", "The request body should not be empty.")
    try:
        found = decode(body)
    except (ValueError, RecursionError) as error:
        raise invalid("", f"The request body is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise invalid("", "Error converting the request body to an entity: an object is expected.")
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Reads entities for one request."""

    store: Store

    def read(self, raw: Any, shape: Shape, where: str = "entity") -> Given:
        """What was given of an entity; unknown fields are passed over (and noted) or refused, as set up."""
        if not isinstance(raw, dict):
            raise invalid(where, f"Error converting value {_shown(raw)} to type '{shape.name}'. Path '{_path(where)}'.")
        values: dict[str, Any] = {}
        for name, value in raw.items():
            if name in shape.fields:
                self._take(values, name, value, shape, f"{where}.{name}")
            elif name not in {*_ENVELOPE, *shape.lists, *shape.links}:
                self._pass_over(f"{shape.name}.{name}", f"{where}.{name}")
        lists = {
            name: [self.read(item, shape.lists[name], f"{where}.{name}[{n}]") for n, item in enumerate(_items(raw, name, where))]
            for name in shape.lists
            if name in raw
        }  # fmt: skip
        links = {
            name: self.read(raw[name], inner, f"{where}.{name}") for name, inner in shape.links.items() if name in raw
        }
        return Given(
            id=_guid(raw, where),
            delete=_flag(raw, where),
            values=values,
            note=_note(raw, where),
            custom=self._custom(raw.get("custom"), shape, where),
            lists=lists,
            links=links,
        )

    def _take(self, values: dict[str, Any], name: str, value: Any, shape: Shape, where: str) -> None:
        if not isinstance(value, dict):
            raise _unconvertible(value, shape.fields[name], where)
        if "value" not in value:
            return
        values[name] = read_value(value["value"], shape.fields[name], where)

    def _pass_over(self, name: str, where: str) -> None:
        if self.store.rules.unknown_fields == "refused":
            raise invalid(where, f"Could not find member '{where.rpartition('.')[2]}'. Path '{_path(where)}'.")
        self.store.ignored.add(name)

    def _custom(self, raw: Any, shape: Shape, where: str) -> dict[str, Any]:
        if raw is None:
            return {}
        if not isinstance(raw, dict) or not all(isinstance(fields, dict) for fields in raw.values()):
            raise invalid(f"{where}.custom", "Error converting the custom fields: an object of objects is expected.")
        known, found = self.store.customs.get(shape.name, {}), {}
        for view, fields in raw.items():
            for name, value in fields.items():
                full = f"{view}.{name}"
                if full not in known:
                    self.store.ignored.add(f"{shape.name}.custom.{full}")
                elif not isinstance(value, dict) or value.get("type") != known[full]:
                    raise invalid(
                        f"{where}.custom.{full}", f"The field is a {known[full]} and must say so in its type."
                    )
                else:
                    found[full] = read_value(value.get("value"), _custom_kind(known[full]), f"{where}.custom.{full}")
        return found


def read_value(value: Any, kind: str, where: str) -> Any:
    """A JSON value as the field's type, null and empty text as None; 400 for a value of another type."""
    if value is None or value == "":
        return None
    if kind == "string" and isinstance(value, str):
        return value.rstrip(" ") or None
    found = _CONVERT[kind](value) if kind in _CONVERT else None
    if found is None:
        raise _unconvertible(value, kind, where)
    return found


def _decimal(value: Any) -> Any:
    if type(value) in {int, Decimal}:
        return Decimal(value)
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def _date(value: Any) -> date | None:
    moment = _moment(value)
    return moment.date() if moment is not None else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    american = _AMERICAN.fullmatch(value)
    try:
        if american is not None:
            return datetime(int(american[3]), int(american[1]), int(american[2]), tzinfo=UTC)
        moment = datetime.fromisoformat(value) if _ISO.fullmatch(value) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "decimal": _decimal,
    "integer": lambda value: value if type(value) is int else None,
    "boolean": lambda value: value if isinstance(value, bool) else None,
    "date": _date,
    "datetime": _moment,
}


def _custom_kind(kind: str) -> str:
    return {"CustomStringField": "string", "CustomDecimalField": "decimal", "CustomBooleanField": "boolean"}[kind]


def _unconvertible(value: Any, kind: str, where: str) -> Exception:
    wanted = f"PX.Api.ContractBased.Models.{_TYPES[kind]}"
    return invalid(where, f"Error converting value {_shown(value)} to type '{wanted}'. Path '{_path(where)}'.")


def _items(raw: dict[str, Any], name: str, where: str) -> list[Any]:
    if not isinstance(raw[name], list):
        raise invalid(f"{where}.{name}", f"Error converting {_shown(raw[name])}: an array is expected.")
    return list(raw[name])


def _guid(raw: dict[str, Any], where: str) -> str | None:
    value = raw.get("id")
    if value is None:
        return None
    if not isinstance(value, str) or not is_guid(value):
        raise invalid(f"{where}.id", f"Error converting value {_shown(value)} to type 'System.Guid'.")
    return value.lower()


def _flag(raw: dict[str, Any], where: str) -> bool:
    value = raw.get("delete", False)
    if not isinstance(value, bool):
        raise invalid(f"{where}.delete", f"Error converting value {_shown(value)} to type 'System.Boolean'.")
    return value


def _note(raw: dict[str, Any], where: str) -> str | None:
    value = raw.get("note")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _unconvertible(value, "string", f"{where}.note")
    text = value.get("value")
    return text if isinstance(text, str) else ""


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)[:80]


def _path(where: str) -> str:
    return where.removeprefix("entity.")
