"""A value as text: the one rule for templates, joins, keys of `values` and crosswalks."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.errors import RecordError
from engine.redaction import Secret

LARGEST = 76
"""Digits before or after the point a number may have: `1E+999999999` is eleven characters and a gigabyte of zeros."""


def plain(number: Decimal) -> str:
    """A Decimal in plain digits, never an exponent. Raises RecordError when it is not finite or absurdly long."""
    if not number.is_finite():
        raise RecordError(f"`{number}` is not an amount")
    exponent = number.as_tuple().exponent
    if number.adjusted() > LARGEST or (isinstance(exponent, int) and exponent < -LARGEST):
        raise RecordError(f"a number of more than {LARGEST} digits is no amount")
    shown = format(number, "f")
    return shown[1:] if shown.startswith("-") and not number else shown


def to_text(value: Any) -> str:
    """Text of a single value: plain digits, `true`/`false`, ISO dates. Raises RecordError for null, lists and objects."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if kind is Decimal:
        return plain(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return int_text(value)
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if kind is Secret:
        return str(value.expose())
    if value is None:
        raise RecordError("a value is empty; give a `default` or write it with `coalesce`")
    raise RecordError(f"{kind_of(value)} is not text")


def int_text(value: int) -> str:
    """An integer's digits. Raises RecordError beyond the digits an amount can have."""
    if value.bit_length() > LARGEST * 4:
        raise RecordError(f"a number of more than {LARGEST} digits is no amount")
    return str(value)


def instant(value: datetime) -> str:
    """ISO 8601; UTC is written `Z`, microseconds only where there are some."""
    shown = value.isoformat()
    return shown[:-6] + "Z" if shown.endswith("+00:00") else shown


def kind_of(value: Any) -> str:
    """The kind of a value for people: `text`, `a number`, `a date`, `a list`."""
    if value is None:
        return "nothing"
    for types, name in _KINDS:
        if isinstance(value, types):
            return name
    return "an object"


def shown(value: Any, longest: int = 60) -> str:
    """A value for an error message: short, on one line, secrets masked."""
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, list | dict):
        return f"{kind_of(value)} of {len(value)}"
    try:
        text = repr(value) if isinstance(value, str) or value is None else to_text(value)
    except RecordError:
        text = kind_of(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true/false"),
    (str, "text"),
    ((int, Decimal), "a number"),
    (datetime, "a date with a time"),
    (date, "a date"),
    (list, "a list"),
    (dict, "an object"),
    (Secret, "a secret"),
)
