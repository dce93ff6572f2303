"""Systems that put every single value into an object of its own: wrapped on the way out, taken out of what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import RecordError


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrap:
    """Every single value stands in an object, as its member `in`; members named in `but` are plain, with all that is below them."""

    in_: str
    but: tuple[str, ...] = ()


def dressed(value: Any, wrap: Wrap | None, *, drop_nulls: bool, deepest: int) -> Any:
    """A body as the system wants it: single values wrapped, members that are null left out where asked. Raises RecordError."""
    if deepest < 0:
        raise RecordError("the request is nested too deep")
    if isinstance(value, Mapping):
        return {
            name: member
            if wrap is not None and name in wrap.but
            else dressed(member, wrap, drop_nulls=drop_nulls, deepest=deepest - 1)
            for name, member in value.items()
            if not (drop_nulls and member is None)
        }
    if isinstance(value, list | tuple):
        return [dressed(item, wrap, drop_nulls=drop_nulls, deepest=deepest - 1) for item in value]
    return value if wrap is None else {wrap.in_: value}


def undressed(value: Any, wrap: Wrap | None, *, trim: bool) -> Any:
    """An answer as records are read: wrapped values alone, an empty object as null, texts without the blanks they are filled up with."""
    if isinstance(value, dict):
        if wrap is not None:
            if not value:
                return None
            if wrap.in_ in value and not isinstance(inner := value[wrap.in_], dict | list):
                return _text(inner, trim=trim)
        return {
            name: member if wrap is not None and name in wrap.but else undressed(member, wrap, trim=trim)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [undressed(item, wrap, trim=trim) for item in value]
    return _text(value, trim=trim)


def _text(value: Any, *, trim: bool) -> Any:
    return value.rstrip(" ") if trim and isinstance(value, str) else value
