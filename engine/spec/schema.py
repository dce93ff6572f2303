"""Checks a tree against the language's schema (JSON Schema draft-07, as much of it as the fragments use).

Three keywords are our own, so that every mistake is told exactly and in plain words: `chooseOne` (one of several keys), `byKey` (the
key present decides which fragment holds), `never` (why a key can't stand here). `bundle` writes them out for editors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from engine.spec.bundle import bundle
from engine.spec.fragments import Schema, fragment, named
from engine.spec.nodes import Node, is_number
from engine.spec.problems import Problems
from engine.spec.schema_problems import Mistake, tell

__all__ = ["KEYWORDS", "bundle", "check_shape", "mistakes"]

Path = tuple[str | int, ...]
_Check = Callable[[Any, Any, Schema, Path], Iterator[Mistake]]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, float) or is_number(value),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def check_shape(kind: str, node: Node, problems: Problems) -> None:
    """Adds a problem for everything in the tree that is not as the fragment of that name says."""
    tell(tuple(mistakes(kind, node.plain())), node, problems)


def mistakes(kind: str, data: Any) -> Iterator[Mistake]:
    """The same for plain data, by path."""
    return _walk(fragment(kind), data, ())


def _walk(schema: Schema, data: Any, path: Path) -> Iterator[Mistake]:
    reference = schema.get("$ref")
    if reference is not None:  # draft-07: nothing beside it counts
        yield from _walk(named(reference), data, path)
        return
    for keyword, asked in schema.items():
        check = _CHECKS.get(keyword)
        if check is not None:
            yield from check(asked, data, schema, path)


def _mistake(keyword: str, value: Any, data: Any, schema: Schema, path: Path) -> Mistake:
    return Mistake(keyword=keyword, value=value, instance=data, schema=schema, path=path)


def _type(asked: str | list[str], data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if not _is_of(asked, data):
        yield _mistake("type", asked, data, schema, path)


def _is_of(asked: str | list[str], data: Any) -> bool:
    return any(_TYPES[name](data) for name in ([asked] if isinstance(asked, str) else asked))


def _enum(asked: list[Any], data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if not any(_same(data, each) for each in asked):
        yield _mistake("enum", asked, data, schema, path)


def _const(asked: Any, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if not _same(data, asked):
        yield _mistake("const", asked, data, schema, path)


def _same(one: Any, other: Any) -> bool:
    """Equal, and `true` is not 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _pattern(asked: str, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(data, str) and not _compiled(asked).search(data):
        yield _mistake("pattern", asked, data, schema, path)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _bound(keyword: str, applies: Callable[[Any], bool], broken: Callable[[Any, Any], bool]) -> _Check:
    """A keyword that sets a limit to what it applies to."""

    def check(asked: int | Decimal, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
        if applies(data) and broken(data, asked):
            yield _mistake(keyword, asked, data, schema, path)

    return check


def _unique(asked: bool, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(data, list) and any(_same(one, other) for i, one in enumerate(data) for other in data[:i]):
        yield _mistake("uniqueItems", asked, data, schema, path)


def _items(asked: Schema, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _walk(asked, item, (*path, index))


def _properties(asked: dict[str, Schema], data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in asked:
                yield from _walk(asked[key], value, (*path, key))


def _pattern_properties(asked: dict[str, Schema], data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(data, dict):
        for pattern, inner in asked.items():
            for key, value in data.items():
                if _compiled(pattern).search(key):
                    yield from _walk(inner, value, (*path, key))


def _additional(asked: bool | Schema, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if asked is True or not isinstance(data, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extra = [key for key in data if key not in known and not any(_compiled(p).search(key) for p in patterns)]
    if isinstance(asked, dict):
        for key in extra:
            yield from _walk(asked, data[key], (*path, key))
    elif extra:
        yield _mistake("additionalProperties", asked, data, schema, path)


def _property_names(asked: Schema, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(data, dict):
        for key in data:
            yield from _walk(asked, key, path)


def _required(asked: list[str], data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(data, dict) and not data.keys() >= set(asked):
        yield _mistake("required", asked, data, schema, path)


def _dependencies(asked: dict[str, list[str]], data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if isinstance(data, dict) and any(key in data and not data.keys() >= set(asked[key]) for key in asked):
        yield _mistake("dependencies", asked, data, schema, path)


def _all_of(asked: list[Schema], data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    for part in asked:
        yield from _walk(part, data, path)


def _if(asked: Schema, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    holds = next(_walk(asked, data, path), None) is None
    branch = schema.get("then" if holds else "else")
    if branch is not None:
        yield from _walk(branch, data, path)


def _choose_one(asked: list[Schema], data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if not isinstance(data, dict):
        return
    for choice in asked:
        present = tuple(key for key in data if key in choice["of"])
        if len(present) > 1 or (choice["required"] and not present):
            yield _mistake("chooseOne", {"of": tuple(choice["of"]), "present": present}, data, schema, path)


def _by_key(asked: Schema, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    if not _is_of(schema.get("type", "object"), data):
        return
    name = None
    if isinstance(data, dict):
        name = next((chosen for key, chosen in asked["of"].items() if key in data), asked["otherwise"])
    elif not isinstance(data, list):
        name = asked.get("text")
    if name is not None:
        yield from _walk(fragment(name), data, path)


def _never(asked: str, data: Any, schema: Schema, path: Path) -> Iterator[Mistake]:
    yield _mistake("never", asked, data, schema, path)


_CHECKS: dict[str, _Check] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _bound("minimum", _TYPES["number"], lambda data, least: data < least),
    "maximum": _bound("maximum", _TYPES["number"], lambda data, most: data > most),
    "minLength": _bound("minLength", _TYPES["string"], lambda data, least: len(data) < least),
    "maxLength": _bound("maxLength", _TYPES["string"], lambda data, most: len(data) > most),
    "minItems": _bound("minItems", _TYPES["array"], lambda data, least: len(data) < least),
    "maxItems": _bound("maxItems", _TYPES["array"], lambda data, most: len(data) > most),
    "minProperties": _bound("minProperties", _TYPES["object"], lambda data, least: len(data) < least),
    "maxProperties": _bound("maxProperties", _TYPES["object"], lambda data, most: len(data) > most),
    "uniqueItems": _unique,
    "items": _items,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "propertyNames": _property_names,
    "required": _required,
    "dependencies": _dependencies,
    "allOf": _all_of,
    "if": _if,
    "chooseOne": _choose_one,
    "byKey": _by_key,
    "never": _never,
}
KEYWORDS = frozenset({"$ref", "then", "else", "title", "description", "examples", "default", "errorMessage", "note"})
KEYWORDS |= _CHECKS.keys()
"""What a fragment may say; anything else would be passed over in silence."""
