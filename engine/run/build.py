"""Turns YAML blocks into kinds: frozen dataclasses whose fields are the block's keys, typed by what they become.

The only place that resolves a type to a value. A block that does not fit leaves its Problem and becomes None;
shapes are the schema's business, so nothing is said here twice.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from engine.connections.exchange import Expression as Predicate
from engine.errors import SetupError
from engine.kinds import NAMED_BY_KEY
from engine.mapping.expressions import Expression
from engine.mapping.templates import Template
from engine.mapping.trees import compile_value
from engine.mapping.types import FieldType, read_fields
from engine.mapping.values import Value, compile_expression, compile_template
from engine.spec.document import Node, Problems
from engine.spec.scalars import parse_duration

Choices = Mapping[str, Any]
"""A system's settings as far as they are known; `choose` blocks are resolved by them."""


class Builder:
    """Builds kinds of one system or flow. Problems are collected, never raised."""

    def __init__(self, problems: Problems, choices: Choices) -> None:
        self.problems = problems
        self._choices = choices

    def build(self, hint: Any, node: Node) -> Any:
        """The value `node` stands for where `hint` is expected, or None after a problem."""
        node = self.resolved(node)
        if node.kind == "null":
            return None
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin in {typing.Union, types.UnionType}:
            return self._union([arg for arg in args if arg is not type(None)], node)
        if origin is tuple:
            return self._tuple(args[0], node)
        if origin is dict or origin is Mapping:
            return self._dict(args[1], node)
        if origin is Literal:
            return node.value if node.value in args else None
        if origin in {Callable, typing.get_origin(Callable[..., Any])}:
            return compile_value(node, self.problems)
        if dataclasses.is_dataclass(hint) and isinstance(hint, type) and hint not in COMPILED:
            return self._block(hint, node)
        return self._scalar(hint, node)

    def resolved(self, node: Node) -> Node:
        """The branch a `choose` block stands for; an unknown choice takes the first branch, the others only had their shape checked."""
        if node.kind != "map" or "choose" not in node:
            return node
        setting = node.get("choose")
        chosen = self._choices.get(str(setting.value)) if setting else None
        branches = [key for key, _ in node.items() if key != "choose"]
        branch = node.get(str(chosen)) if str(chosen) in branches else node.get(branches[0])
        return self.resolved(branch) if branch is not None else node

    def _block(self, kind: type, node: Node) -> Any:
        if node.kind != "map":
            return None
        values: dict[str, Any] = {}
        for name, hint, required in fields_of(kind):
            child = node.get(name.rstrip("_"))
            if child is None:
                if required:
                    return None
                continue
            built = self.build(hint, child)
            if built is None and required:
                return None
            if built is not None:
                values[name] = built
        try:
            return kind(**values)
        except ValueError as error:  # what the kind itself knows does not hold together
            self.problems.add("E105", node, str(error))
        except SetupError:  # a shape the schema has told already
            pass
        return None

    def _union(self, hints: list[Any], node: Node) -> Any:
        blocks: list[type] = [
            hint for hint in hints if dataclasses.is_dataclass(hint) and isinstance(hint, type) and hint not in COMPILED
        ]
        if not blocks:
            fitting = [hint for hint in hints if hint in _SCALARS and isinstance(node.value, _SCALARS[hint])]
            return self.build(fitting[0] if fitting else hints[0], node)
        if node.kind != "map":
            return None
        if len(blocks) == 1 and blocks[0] not in NAMED_BY_KEY:
            return self._block(blocks[0], node)
        for block in blocks:
            key = NAMED_BY_KEY.get(block)
            if key is not None and (child := node.get(key)) is not None:
                return self._block(block, self.resolved(child))
        for block in blocks:
            if block not in NAMED_BY_KEY and all(
                n.rstrip("_") in node for n, _, required in fields_of(block) if required
            ):
                return self._block(block, node)
        return None

    def _tuple(self, hint: Any, node: Node) -> Any:
        children = node.value if isinstance(node.value, list) else [node]
        built = [self.build(hint, child) for child in children]
        return tuple(item for item in built if item is not None)

    def _dict(self, hint: Any, node: Node) -> Any:
        if node.kind != "map":
            return None
        if hint is FieldType:
            return read_fields(node, self.problems)
        built = {key: self.build(hint, child) for key, child in node.items()}
        return {key: value for key, value in built.items() if value is not None}

    def _scalar(self, hint: Any, node: Node) -> Any:
        if hint is Expression or hint is Predicate:
            return compile_expression(node, self.problems)
        if hint is Template:
            return compile_template(node, self.problems)
        if hint is Value or getattr(hint, "_is_protocol", False):
            return compile_value(node, self.problems)
        if hint is timedelta:
            return parse_duration(str(node.value)) if node.kind == "text" else None
        if hint is Decimal and isinstance(node.value, int | Decimal):
            return Decimal(node.value)
        if hint is Any:
            return node.plain()
        return node.value if hint in _SCALARS and isinstance(node.value, _SCALARS[hint]) else None


COMPILED = frozenset({Expression, Template, Value})
"""What a text or a tree of the spec becomes, rather than a block."""
_SCALARS: dict[Any, type] = {str: str, int: int, bool: bool}


@cache
def fields_of(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and whether required, of each key of a kind."""
    hints = typing.get_type_hints(kind)
    missing = dataclasses.MISSING
    return tuple(
        (f.name, hints[f.name], f.default is missing and f.default_factory is missing)
        for f in dataclasses.fields(kind)
        if f.init
    )
