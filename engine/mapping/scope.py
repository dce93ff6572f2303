"""What is visible inside `each`: the item's fields at the root, `document` for the outer record, `index` from 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import RecordError
from engine.mapping.text import kind_of
from engine.mapping.values import FOUND, GLOBALS, RECORD


def record_scope(record: Mapping[str, Any], globals_: Mapping[str, Any], found: Any) -> dict[str, Any]:
    """A mapping's scope: the record's fields, the names that are always there (they win), what lookups found."""
    return {**record, **globals_, GLOBALS: globals_, RECORD: record, FOUND: found}


def items_of(value: Any, text: str) -> list[Any]:
    """The list an `each` walks; none where it is null. Raises RecordError when it is no list."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise RecordError(f"`{text}` is {kind_of(value)}, and `each` walks a list")
    return value


def inner_globals(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stays visible of a scope inside `each`; of a record's fields only what is read through `document`."""
    if RECORD not in scope:
        return scope
    outer: Mapping[str, Any] = scope[GLOBALS]
    return outer if "document" in outer else {**outer, "document": scope[RECORD]}


def item_scope(item: Any, index: int, globals_: Mapping[str, Any], found: Any) -> dict[str, Any]:
    """The scope of one item; a scalar item is `item`. Its own fields win over `index` and `item`, not over the others."""
    fields: Mapping[str, Any] = item if isinstance(item, dict) else {}
    weak = {"index": index, "item": item}
    if found is None:
        return {**globals_, **weak, **fields, "document": globals_.get("document")}
    return {**weak, **fields, **globals_, GLOBALS: globals_, RECORD: fields, FOUND: found}


def item_scopes(expression: Any, scope: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The scopes of an `each`, one an item."""
    globals_ = inner_globals(scope)
    found = scope.get(FOUND)
    for index, item in enumerate(items_of(expression(scope), expression.text), 1):
        yield item_scope(item, index, globals_, found)
