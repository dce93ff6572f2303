"""Can what a tree gives go into the field it is written to? What certainly can't is told before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.mapping.expressions import Expression
from engine.mapping.field_modifiers import check_modifiers
from engine.mapping.field_names import Names, type_at
from engine.mapping.lookups import LookupObject
from engine.mapping.templates import Template
from engine.mapping.types import ANY, FieldType, assignable, fits
from engine.mapping.values import Value
from engine.spec.nodes import is_number

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

_GIVES = {"text": "string", "boolean": "boolean", "date": "date", "datetime": "datetime", "list": "list"}
_REWRITES = ("crosswalk", "type", "format", "round", "max_length")
_OBJECTS = ("object", "merge", "set")


def check_type(
    value: Value, target: FieldType, names: Names, problems: Problems, objects: Mapping[str, LookupObject] | None
) -> None:
    """Notes E207 (kind) and E208 (size) for what the tree gives and the field can't take."""
    if value.operation in _OBJECTS and target.kind != "any":
        _told_object(value.node, target, problems)
        return
    wrong_places = set()
    for constant, node in _constants(value):
        if _check_constant(constant, node, target, problems):
            wrong_places.add(id(node))
    if not check_modifiers(value, names, problems, lambda tree, at: _base_type(tree, at, objects or {})):
        return
    for given, node in _given(value, names, objects or {}):
        wrong = assignable(given, target)
        if wrong is not None and id(node) not in wrong_places:
            problems.add("E207", node, f"the field is {_shown(target)}: {wrong}")
    _check_sizes(value, target, problems)


def _told_object(node: Node, target: FieldType, problems: Problems) -> None:
    if not node.value:
        message = f"the field is {_shown(target)}, and `{{}}` is an empty object"
        problems.add("E207", node, message, suggestion="say where the value comes from: {from: …} or {const: …}")
        return
    advice = "lines are built with `each:` and `map:`" if target.kind == "list" else "name one value"
    problems.add("E207", node, f"the field is {_shown(target)}, and this makes an object", suggestion=advice)


def _check_constant(constant: Any, node: Node, target: FieldType, problems: Problems) -> bool:
    """Whether a fixed value can't be what the field holds, which is told."""
    if constant is None:
        if target.required:
            problems.add("E208", node, "the field is required, and null is no value")
        return False
    if isinstance(constant, dict) and target.kind != "any":
        problems.add("E207", node, f"the field is {_shown(target)}, and this is an object")
        return True
    if target.kind == "string" and is_number(constant):
        message = f"the field is {_shown(target)}, and {constant} is a number"
        problems.add("E207", node, message, suggestion=f'write "{constant}"')
        return True
    wrong = fits(constant, target) if assignable(type_of(constant), target) is None else None
    if wrong is not None:
        problems.add("E208", node, f"the field is {_shown(target)}: {wrong}")
    return False


def type_of(constant: Any) -> FieldType:
    """The type of plain data."""
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "boolean"),
        (int, "integer"),
        (Decimal, "decimal"),
        (str, "string"),
        (datetime, "datetime"),
        (date, "date"),
        (list, "list"),
    )
    kind = next((name for type_, name in kinds if isinstance(constant, type_)), "any")
    return FieldType(kind=kind)  # type: ignore[arg-type]  # the names above are kinds


def _given(value: Value, names: Names, objects: Mapping[str, LookupObject]) -> Iterator[tuple[FieldType, Node]]:
    """Every type the tree may give, each with the node it comes from."""
    modifiers = value.modifiers
    if modifiers is not None:
        if modifiers.type is not None:
            yield modifiers.type, value.node
            return
        if modifiers.crosswalk or modifiers.format or modifiers.max_length:
            yield FieldType(kind="string"), value.node
            return
        for tree in (value.default, value.otherwise):
            if tree is not None:
                yield from _given(tree, names, objects)
        if modifiers.values is not None:
            at = value.node.get("values") or value.node
            for item in at.value.values() if at.kind == "map" else ():
                yield type_of(item.value), item
            otherwise = value.node.get("else")
            if otherwise is not None and otherwise.kind != "map":
                yield type_of(otherwise.plain()), otherwise
            return
    constant = value.node.get("const") if value.operation == "const" else None
    yield _base_type(value, names, objects), constant or value.node


def _base_type(value: Value, names: Names, objects: Mapping[str, LookupObject]) -> FieldType:
    operation = value.operation
    if operation == "const":
        return type_of(value.constant)
    if operation in {"text", "join"}:
        return FieldType(kind="string")
    if operation in {"each", "list"}:
        return FieldType(kind="list")
    if operation == "lookup" and value.lookup is not None:
        found = objects.get(value.lookup.name)
        return type_at(value.source, Names(fields=found.fields, scope={})) if found else ANY
    if operation == "from" and isinstance(value.source, Expression):
        gives = _GIVES.get(value.source.gives)
        found_type = FieldType(kind=gives) if gives else type_at(value.source, names)  # type: ignore[arg-type]  # values of _GIVES
        return replace(found_type, required=False)
    return ANY


def _constants(value: Value) -> Iterator[tuple[Any, Node]]:
    modifiers = value.modifiers
    if modifiers is not None and any(getattr(modifiers, name) is not None for name in _REWRITES):
        return
    if value.operation == "const" and value.default is None and (modifiers is None or modifiers.values is None):
        yield value.constant, value.node.get("const") or value.node
    if modifiers is not None and modifiers.values is not None:
        at, otherwise = value.node.get("values"), value.node.get("else")
        for item in at.value.values() if at is not None else ():
            yield item.value, item
        if otherwise is not None and otherwise.kind != "map":
            yield otherwise.plain(), otherwise
    for tree in (value.default, value.otherwise):
        if tree is not None:
            yield from _constants(tree)


def _check_sizes(value: Value, target: FieldType, problems: Problems) -> None:
    modifiers = value.modifiers
    if target.kind != "string" or target.length is None:
        return
    longest = modifiers.max_length if modifiers else None
    if longest is not None and longest > target.length:
        message = f"the field takes {target.length} characters, and `max_length` lets {longest} pass"
        problems.add(
            "E208",
            value.node.get("max_length") or value.node,
            message,
            suggestion=f"write `max_length: {target.length}`",
        )
    if longest is None and isinstance(value.source, Template):
        least = sum(len(piece) for piece in value.source.pieces if isinstance(piece, str))
        if least > target.length:
            problems.add(
                "E208", value.node, f"the field takes {target.length} characters, and the template alone has {least}"
            )


def _shown(type_: FieldType) -> str:
    return "a list" if type_.kind == "list" else f"`{str(type_).rstrip('!')}`"
