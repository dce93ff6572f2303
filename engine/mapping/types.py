"""Field types: their notation, what a value must be to fit one, and which type may go into which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import RecordError
from engine.mapping.convert import convert_value
from engine.mapping.text import LARGEST, int_text, kind_of, plain, shown
from engine.spec.problems import nearest

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

Kind = Literal["string", "decimal", "integer", "date", "datetime", "boolean", "list", "any"]

KINDS = ("string", "decimal", "integer", "date", "datetime", "boolean", "list", "any")
_NOTATION = re.compile(r"([a-z]+)(?:\((\d{1,7})(?:,\s*(\d{1,2}))?\))?(!)?")
_LARGEST_DECIMAL = 38


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldType:
    """What a field holds. `length` counts characters; `digits` and `scale` are SQL's precision and scale; `any` is unchecked."""

    kind: Kind
    length: int | None = None
    digits: int | None = None
    scale: int | None = None
    required: bool = False
    fields: Mapping[str, FieldType] | None = None

    def __str__(self) -> str:
        size = f"({self.length})" if self.length is not None else ""
        if self.digits is not None:
            size = f"({self.digits},{self.scale})"
        return self.kind + size + ("!" if self.required else "")


ANY = FieldType(kind="any")


@lru_cache(maxsize=512)
def parse_type(text: str) -> FieldType:
    """A type from its notation: `string(8)`, `decimal(18,2)!`, `date`. Raises ValueError that says what is wrong."""
    match = _NOTATION.fullmatch(text.strip())
    name = match[1] if match else re.split(r"[^a-z]", text.strip())[0]
    if name not in KINDS:
        near = nearest(name, KINDS)
        raise ValueError(
            f"`{text}` is no type" + (f"; did you mean `{near}`?" if near else f"; there are {', '.join(KINDS)}")
        )
    if match is None:
        raise ValueError(f"`{text}` is no type; types look like `string(8)`, `decimal(18,2)!` or `date`")
    first, second, required = match[2], match[3], match[4] is not None
    if name == "string" and second is None:
        return FieldType(kind="string", length=_size(text, first), required=required)
    if name == "decimal" and first is not None:
        return _decimal(text, int(first), int(second or "0"), required=required)
    if first is not None:
        raise ValueError(f"`{text}`: only `string(8)` and `decimal(18,2)` take a size")
    return FieldType(kind=name, required=required)  # type: ignore[arg-type]  # one of KINDS, tested above


def read_fields(node: Node, problems: Problems) -> dict[str, FieldType]:
    """Types of an object's `fields`: notations, and `{list: {…}, required: true}` for lines. Problems are E207."""
    found: dict[str, FieldType] = {}
    for name, item in node.items():
        inner = item.get("list") if item.kind == "map" else None
        if inner is not None and inner.kind == "map":
            required = item.get("required")
            fields = read_fields(inner, problems)
            found[name] = FieldType(
                kind="list", fields=fields, required=required is not None and required.value is True
            )
        elif item.kind == "text":
            try:
                found[name] = parse_type(str(item.value))
            except ValueError as error:
                problems.add("E207", item, str(error))
                found[name] = ANY  # it is there: only its type is wrong
        else:
            problems.add("E207", item, f"`{name}` needs a type such as `string(8)`, or `{{list: {{…}}}}` for lines")
    return found


def convert(value: Any, type_: FieldType, format_: str | None = None) -> Any:
    """Text (or a JSON value) as a value of the type; empty text is null except for strings. Raises RecordError."""
    return convert_value(value, type_.kind, format_)


def fits(value: Any, type_: FieldType) -> str | None:
    """Why a value can't go into a field of this type, or None. Null fits unless the field is required."""
    try:
        fit(value, type_)
    except RecordError as error:
        return str(error)
    return None


def fit(value: Any, type_: FieldType) -> Any:
    """The value as the field takes it: integers widen, decimals get the field's scale, nothing is cut or rounded. Raises RecordError."""
    if value is None or value == "":
        if type_.required:
            raise RecordError("is required and is empty")
        return value if type_.kind in {"string", "any"} else None
    return _FITTERS[type_.kind](value, type_)


def assignable(from_type: FieldType, to_type: FieldType) -> str | None:
    """Why values of one type can never be used for the other, with the modifier that would help; None when they may."""
    source, target = from_type.kind, to_type.kind
    if "any" in {source, target} or source == target or (source, target) in _WIDENS:
        return None
    if target == "list" or source == "list":
        return f"{source} can't become {target}" + (
            "; lines are built with `each:` and `map:`" if target == "list" else ""
        )
    advice = _ADVICE.get((source, target)) or _ADVICE.get(("*", target))
    return f"{source} is not {target}" + (f"; {advice}" if advice else "")


def scale_of(value: Decimal) -> int:
    """Digits after the point that matter: 10.300 has one."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _size(text: str, digits: str | None) -> int | None:
    if digits is not None and int(digits) == 0:
        raise ValueError(f"`{text}`: the length must be at least 1")
    return int(digits) if digits is not None else None


def _decimal(text: str, digits: int, scale: int, *, required: bool) -> FieldType:
    if not 1 <= digits <= _LARGEST_DECIMAL or scale > digits:
        raise ValueError(
            f"`{text}`: a decimal has 1 to {_LARGEST_DECIMAL} digits, of which the second number are decimals"
        )
    return FieldType(kind="decimal", digits=digits, scale=scale, required=required)


def _fit_string(value: Any, type_: FieldType) -> Any:
    if value.__class__ is int:
        value = int_text(value)
    if not isinstance(value, str):
        raise RecordError(
            f"{shown(value)} is {kind_of(value)}, and the field takes text; `type: string` makes text of it"
        )
    if type_.length is not None and len(value) > type_.length:
        raise RecordError(f"{shown(value)} has {len(value)} characters, and the field takes {type_.length}")
    return value


@lru_cache(maxsize=64)
def quantum(scale: int) -> Decimal:
    """0.01 for scale 2; made once because making it costs three times the rounding."""
    return Decimal(1).scaleb(-scale)


def _fit_decimal(value: Any, type_: FieldType) -> Any:
    if value.__class__ is int:
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise RecordError(
            f"{shown(value)} is {kind_of(value)}, and the field takes an amount; `type: decimal` reads text"
        )
    if not value.is_finite() or value.adjusted() > LARGEST:
        plain(value)
    if type_.digits is None or type_.scale is None:
        return value
    try:
        exact = value.quantize(quantum(type_.scale))
    except InvalidOperation:
        exact = value
    if exact != value:
        many = f"{plain(value)} has {scale_of(value)} decimals"
        raise RecordError(f"{many}, and the field takes {type_.scale}; `round: {type_.scale}` rounds")
    if exact and exact.adjusted() + 1 > type_.digits - type_.scale:
        raise RecordError(
            f"{plain(value)} has more than the {type_.digits - type_.scale} digits before the point the field takes"
        )
    return exact


def _fit_integer(value: Any, _type: FieldType) -> Any:
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        plain(value)
        return int(value)
    if value.__class__ is not int:
        raise RecordError(f"{shown(value)} is not a whole number; `type: integer` reads text")
    return value


def _fit_date(value: Any, _type: FieldType) -> Any:
    if value.__class__ is not date:
        raise RecordError(
            f"{shown(value)} is {kind_of(value)}, and the field takes a date; `type: date` with a `format` reads text"
        )
    return value


def _fit_datetime(value: Any, _type: FieldType) -> Any:
    if not isinstance(value, datetime):
        raise RecordError(f"{shown(value)} is {kind_of(value)}, and the field takes a date with a time")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _fit_boolean(value: Any, _type: FieldType) -> Any:
    if value.__class__ is not bool:
        raise RecordError(
            f"{shown(value)} is {kind_of(value)}, and the field takes true or false; `values:` translates words"
        )
    return value


def _fit_list(value: Any, type_: FieldType) -> Any:
    if not isinstance(value, list):
        raise RecordError(f"{kind_of(value)} is no list")
    if type_.required and not value:
        raise RecordError("is required and has no lines")
    return value


def _fit_any(value: Any, _type: FieldType) -> Any:
    return value


_FITTERS = {
    "string": _fit_string,
    "decimal": _fit_decimal,
    "integer": _fit_integer,
    "date": _fit_date,
    "datetime": _fit_datetime,
    "boolean": _fit_boolean,
    "list": _fit_list,
    "any": _fit_any,
}
_WIDENS = {("integer", "decimal"), ("integer", "string")}
_ADVICE = {
    ("string", "date"): 'add `type: date` and its `format`, such as "%Y-%m-%d"',
    ("string", "datetime"): "add `type: datetime` and its `format`",
    ("string", "decimal"): "add `type: decimal`",
    ("string", "integer"): "add `type: integer`",
    ("string", "boolean"): 'translate its words with `values: {"Y": true, "N": false}`',
    ("decimal", "integer"): "add `type: integer`; a value with decimals then fails",
    ("boolean", "string"): 'translate it with `values: {"true": …, "false": …}`',
    ("date", "string"): 'add a `format`, such as "%Y-%m-%d"',
    ("datetime", "string"): 'add a `format`, such as "%Y-%m-%dT%H:%M:%SZ"',
    ("datetime", "date"): "add `type: date`; the date is the one in UTC",
    ("decimal", "string"): 'add a `format`, such as "0.00"',
}
