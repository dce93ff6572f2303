"""A value as text, for formats that know nothing but text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.errors import RecordError

_MOST_DIGITS = 76


def written(value: Any, field: str, form: str) -> str:
    """Decimals without an exponent, dates as ISO 8601, booleans as words. Raises RecordError for what has no form in `form`."""
    if value.__class__ is str:
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return amount(value, field)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return str(value)
    raise RecordError(f"a {type(value).__name__} has no form in {form}: map its parts", field=field)


def amount(value: Decimal, field: str) -> str:
    """Digits with a point, without an exponent and without a negative zero. Raises RecordError for what is no amount."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or value.adjusted() > _MOST_DIGITS or exponent < -_MOST_DIGITS:
        raise RecordError(f"`{value}` is not an amount", field=field)
    shown = format(value, "f")
    return shown if value else shown.lstrip("-")
