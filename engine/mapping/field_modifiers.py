"""Do modifiers fit what they are applied to? `round` of a text fails every record, so it is told before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.mapping.field_names import Names, type_at
from engine.mapping.types import FieldType
from engine.mapping.values import Value
from engine.spec.nodes import step

if TYPE_CHECKING:
    from engine.spec.document import Problems

BaseType = Callable[[Value, Names], FieldType]
"""What a tree gives before its modifiers."""

_NUMBERS = frozenset({"decimal", "integer"})
_DATES = frozenset({"date", "datetime"})
_TAKES = {
    "trim": (frozenset({"string"}), "text", "remove it"),
    "format": (_NUMBERS | _DATES | {"boolean"}, "dates, numbers and booleans", "`type: date` beside it reads text"),
    "round": (_NUMBERS, "numbers", "add `type: decimal`, which comes before it"),
    "max_length": (frozenset({"string"}), "text", "remove it"),
}
_WORDS = {
    "string": "text",
    "decimal": "a number",
    "integer": "a whole number",
    "date": "a date",
    "datetime": "a date with a time",
    "boolean": "true or false",
    "list": "a list",
}


def check_modifiers(value: Value, names: Names, problems: Problems, base: BaseType) -> bool:
    """Notes E207 for every modifier in the tree that can't be applied to what comes before it; whether the tree's own can."""
    walk = _Walk(value, problems)
    if value.modifiers is not None:
        walk.through(base(value, names).kind, _default_kind(value, names, base))
    inner = names.inside(type_at(value.source, names)) if value.operation == "each" else names
    for part in value.parts.values():
        check_modifiers(part, inner, problems, base)
    for tree in (value.default, value.otherwise):
        if tree is not None:
            check_modifiers(tree, names, problems, base)
    return walk.sound


def _default_kind(value: Value, names: Names, base: BaseType) -> str | None:
    tree = value.default
    if tree is None:
        return None
    return "any" if tree.modifiers is not None else base(tree, names).kind


class _Walk:
    """The modifiers of one tree in the order they are applied."""

    def __init__(self, value: Value, problems: Problems) -> None:
        self._node, self._problems, self._modifiers = value.node, problems, value.modifiers
        self.sound = True

    def through(self, kind: str, default: str | None) -> None:
        modifiers = self._modifiers
        assert modifiers is not None
        if modifiers.trim:
            self._fits("trim", kind)
        if modifiers.values is not None or (default is not None and default != kind):
            kind = "any"
        if modifiers.crosswalk is not None:
            kind = "string"
        if modifiers.type is not None:
            self._converts(kind, modifiers.type.kind)
            kind = modifiers.type.kind
        elif modifiers.format is not None:
            self._fits("format", kind)
            kind = "string"
        if modifiers.round is not None:
            self._fits("round", kind)
            kind = "decimal" if self.sound else "any"
        if modifiers.max_length is not None:
            self._fits("max_length", kind)

    def _fits(self, name: str, kind: str) -> None:
        kinds, words, advice = _TAKES[name]
        if kind != "any" and kind not in kinds:
            advice = advice if kind == "string" else "remove it"
            self._wrong(name, f"`{name}` is for {words}, and this is {_WORDS[kind]}", advice)

    def _converts(self, kind: str, wanted: str) -> None:
        if kind == "list" or (kind in _DATES and wanted in _NUMBERS | {"boolean"}):
            self._wrong("type", f"{_WORDS[kind]} can't become {_WORDS[wanted]}", "read another field")

    def _wrong(self, name: str, message: str, suggestion: str) -> None:
        self.sound = False
        path = step(self._node.path, name)
        self._problems.add("E207", self._node.key_mark(name), message, suggestion=suggestion, path=path)
