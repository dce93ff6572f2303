"""Checks a tree against the language's schema. The only module that knows the JSON Schema library.

Three keywords are our own, so that every mistake is told exactly and in plain words: `chooseOne` (one of several keys), `byKey` (the
key present decides which fragment holds), `never` (why a key can't stand here). `bundle` writes them out for editors.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft7Validator, ValidationError
from jsonschema.validators import extend

from engine.spec.bundle import bundle
from engine.spec.fragments import Schema, fragment, named
from engine.spec.nodes import Node
from engine.spec.problems import Problems
from engine.spec.schema_problems import Mistake, tell

__all__ = ["bundle", "check_shape", "mistakes"]


def check_shape(kind: str, node: Node, problems: Problems) -> None:
    """Adds a problem for everything in the tree that is not as the fragment of that name says."""
    tell(tuple(mistakes(kind, node.plain())), node, problems)


def mistakes(kind: str, data: Any) -> Iterator[Mistake]:
    """The same for plain data, by path."""
    for error in _validator(kind).iter_errors(data):
        schema = error.schema if isinstance(error.schema, dict) else {}
        yield Mistake(
            keyword=str(error.validator),
            value=error.validator_value,
            instance=error.instance,
            schema=schema,
            path=tuple(error.absolute_path),
        )


@cache
def _validator(kind: str) -> Any:
    return _Validator(fragment(kind))


def _ref(validator: Any, reference: str, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    yield from validator.descend(instance, named(reference), resolver=validator._resolver)  # noqa: SLF001 - skips a costly look-up


def _all_of(validator: Any, parts: list[Schema], instance: Any, schema: Schema) -> Iterator[ValidationError]:
    for part in parts:
        yield from validator.descend(instance, part, resolver=validator._resolver)  # noqa: SLF001


def _properties(validator: Any, known: dict[str, Schema], instance: Any, schema: Schema) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for key in instance:
            if key in known:
                yield from validator.descend(instance[key], known[key], path=key, resolver=validator._resolver)  # noqa: SLF001


def _choose_one(validator: Any, choices: list[Schema], instance: Any, schema: Schema) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for choice in choices:
        present = tuple(key for key in instance if key in choice["of"])
        if len(present) > 1 or (choice["required"] and not present):
            found = {"of": tuple(choice["of"]), "present": present}
            yield ValidationError("choose one", validator="chooseOne", validator_value=found)


def _by_key(validator: Any, by_key: Schema, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    name = None
    types = schema.get("type", "object")
    if not any(validator.is_type(instance, each) for each in ([types] if isinstance(types, str) else types)):
        return
    if isinstance(instance, dict):
        name = next((chosen for key, chosen in by_key["of"].items() if key in instance), by_key["otherwise"])
    elif not isinstance(instance, list):
        name = by_key.get("text")
    if name is not None:
        yield from validator.descend(instance, fragment(name), resolver=validator._resolver)  # noqa: SLF001


def _never(validator: Any, reason: str, instance: Any, schema: Schema) -> Iterator[ValidationError]:
    yield ValidationError(reason)


_OWN = {
    "$ref": _ref,
    "allOf": _all_of,
    "properties": _properties,
    "chooseOne": _choose_one,
    "byKey": _by_key,
    "never": _never,
}
_Validator: Any = extend(Draft7Validator, _OWN)  # type: ignore[no-untyped-call]  # its stubs leave `extend` untyped
