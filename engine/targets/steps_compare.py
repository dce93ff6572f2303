"""Comparing what a system shows with what we would send, by the type of ours."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from engine.errors import RecordError
from engine.mapping.convert import convert_value


def difference(name: str, there: Any, here: Any) -> str | None:
    """None when both mean the same; else a sentence with both values."""
    if same(there, here):
        return None
    return f"`{name}` is {shown(there)} there, {shown(here)} here"


def same(there: Any, here: Any) -> bool:
    """Amounts by number, dates by day (the first 10 characters), instants by time, text exactly; null, missing and "" are one."""
    if _empty(there) or _empty(here):
        return _empty(there) and _empty(here)
    try:
        return bool(_like(there, here) == here)
    except RecordError:
        return False


def _like(there: Any, here: Any) -> Any:
    """Their value as the type of ours. Raises RecordError when it is none."""
    if isinstance(here, bool):
        return _boolean(there)
    if isinstance(here, int | Decimal):
        return convert_value(there, "decimal")
    if isinstance(here, datetime):
        return _aware(convert_value(there, "datetime"), here)
    if isinstance(here, date):
        return convert_value(there[:10] if isinstance(there, str) else there, "date")
    if isinstance(here, str) and isinstance(there, int | Decimal) and not isinstance(there, bool):
        return convert_value(there, "string")
    return there


def _boolean(there: Any) -> Any:
    return convert_value(there.lower() if isinstance(there, str) else there, "boolean")


def _aware(there: datetime, here: datetime) -> datetime:
    return there if here.tzinfo else there.astimezone(UTC).replace(tzinfo=None)


def _empty(value: Any) -> bool:
    return value is None or value == ""


def shown(value: Any) -> str:
    """A value in a sentence."""
    if _empty(value):
        return "empty"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
