"""Values as bytes and back, for files and pipes of our own: data only, so that nothing read from them can ever be run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

_WIDEST = 2**63
_TEXT = frozenset({str, type(None)})
_EXTS: dict[int, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    1: (Decimal, str, Decimal),
    2: (datetime, datetime.isoformat, datetime.fromisoformat),
    3: (date, date.isoformat, date.fromisoformat),
    4: (int, str, int),
}


def marked(value: Any) -> Any:
    """The value with a mark on what MessagePack has no type for: amounts, dates, whole numbers of more than 64 bits."""
    if isinstance(value, dict):
        return {name: marked(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [marked(item) for item in value]
    if isinstance(value, int) and -_WIDEST <= value < _WIDEST:
        return value
    for code, (kind, to_text, _) in _EXTS.items():
        if isinstance(value, kind):
            return msgspec.msgpack.Ext(code, to_text(value).encode())
    return value


def marked_row(values: Sequence[Any]) -> Sequence[Any]:
    """The same for a row, which is mostly texts."""
    return values if _TEXT.issuperset(map(type, values)) else [marked(value) for value in values]


def unmark(code: int, data: memoryview) -> Any:
    """What stands behind a mark; the `ext_hook` of a decoder."""
    return _EXTS[code][2](bytes(data).decode())
