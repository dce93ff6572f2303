"""Comparing two values: only like with like, so that `total == '0'` is a mistake that shows and not a silent false."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from engine.errors import RecordError
from engine.mapping.signature import kind_name
from engine.mapping.text import kind_of, shown

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_ORDERED = frozenset({"number", "text", "date", "datetime"})


def compare(name: str, left: Any, right: Any) -> bool | None:
    """`eq`, `ne` or an order. Null equals only null, and ordering it gives null. Raises RecordError for values of two kinds."""
    if left is None or right is None:
        if name == "eq":
            return left is right
        return left is not right if name == "ne" else None
    if left.__class__ is not right.__class__ or left.__class__ not in _SIMPLE:
        kind, other = kind_name(left), kind_name(right)
        if kind != other:
            raise RecordError(_unlike(left, right))
        if kind == "secret" or (name not in {"eq", "ne"} and kind not in _ORDERED):
            raise RecordError(f"{kind_of(left)} can't be compared")
    if name == "eq":
        return bool(left == right)
    return bool(left != right) if name == "ne" else _ORDERS[name](left, right)


_SIMPLE = frozenset({str, int})


def _unlike(left: Any, right: Any) -> str:
    kinds = {kind_name(left), kind_name(right)}
    said = f"{shown(left)} is {kind_of(left)} and {shown(right)} is {kind_of(right)}; only like kinds are compared"
    if kinds == {"number", "text"}:
        return said + "; `decimal(…)` makes a number of text"
    return said + ("; `date('2026-11-21')` is a date" if kinds <= {"date", "datetime", "text"} else "")
