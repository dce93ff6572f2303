"""Records to bytes and back, exactly: a Decimal keeps its zeros, a date stays a date. And moments to sortable text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, overload

import msgspec

from engine.contracts import Record

_AS_IS = frozenset({str, bool, type(None)})
_KNOWN: set[tuple[str, ...]] = set()
"""The members of records that were found to have no `$` before them: those of a flow have the same ones, thousands of times."""
_MOST_KNOWN = 1000
_WIDEST = 1 << 53
"""Larger integers travel as text, so that no JSON reader in between rounds them."""


def encode_record(record: Record) -> bytes:
    """JSON with every value that JSON does not know tagged. Raises TypeError for a float or an object."""
    return msgspec.json.encode(_plain(record))


def decode_record(data: bytes) -> Record:
    """What `encode_record` was given."""
    record: Record = _typed(msgspec.json.decode(data))
    return record


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_IS:
        return value
    if kind is dict:
        plain = {
            name: item
            if (sort := type(item)) in _AS_IS
            else {"$decimal": str(item)}
            if sort is Decimal
            else {"$date": item.isoformat()}
            if sort is date
            else _plain(item)
            for name, item in value.items()
        }
        names = tuple(plain)
        if names in _KNOWN:
            return plain
        if any(name[:1] == "$" for name in names):
            return {"$object": list(plain.items())}
        if len(_KNOWN) < _MOST_KNOWN:
            _KNOWN.add(names)
        return plain
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is int:
        return value if -_WIDEST < value < _WIDEST else {"$int": str(value)}
    if kind is Decimal:
        return {"$decimal": str(value)}
    if kind is datetime:
        return {"$datetime": value.isoformat()}
    if kind is date:
        return {"$date": value.isoformat()}
    raise TypeError(f"a record can't hold a {kind.__name__}: money is Decimal, the rest text, int, bool or a date")


_TAGS: dict[str, Callable[[Any], Any]] = {
    "$decimal": Decimal,
    "$date": date.fromisoformat,
    "$datetime": datetime.fromisoformat,
    "$int": int,
    "$object": lambda items: {name: _typed(item) for name, item in items},
}


def _typed(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        if len(value) == 1:
            (name,) = value
            if name in _TAGS:
                return _TAGS[name](value[name])
        return {name: item if type(item) in _AS_IS else _typed(item) for name, item in value.items()}
    if kind is list:
        return [_typed(item) for item in value]
    return value


def encode_plain(value: Mapping[str, Any]) -> str:
    """Counts, identifiers, summaries as JSON text; for people and searches, never for money."""
    return msgspec.json.encode(value, enc_hook=str).decode()


def decode_plain(text: str) -> dict[str, Any]:
    """What `encode_plain` wrote, dates and amounts as text."""
    plain: dict[str, Any] = msgspec.json.decode(text)
    return plain


@overload
def stamp(moment: datetime) -> str: ...
@overload
def stamp(moment: None) -> None: ...
def stamp(moment: datetime | None) -> str | None:
    """UTC to the microsecond, always 32 characters: text order is time order."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


@overload
def moment(text: str) -> datetime: ...
@overload
def moment(text: None) -> None: ...
def moment(text: str | None) -> datetime | None:
    """What `stamp` wrote, aware, UTC."""
    return None if text is None else datetime.fromisoformat(text)
