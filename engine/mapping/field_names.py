"""Do the names an expression reads exist, and may they be read that way? Every problem is placed at its own characters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.mapping.expressions import Expression
from engine.mapping.lookups import LookupObject
from engine.mapping.paths import Path
from engine.mapping.types import ANY, FieldType
from engine.mapping.values import Source, Value
from engine.spec.problems import did_you_mean

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What may be named: a record's fields (None: unknown, nothing is checked), names of the scope, and what the record is called."""

    fields: Mapping[str, FieldType] | None
    scope: Mapping[str, FieldType]
    record: str = "the source"

    def inside(self, item: FieldType) -> Names:
        """The names inside `each` over items of that type."""
        document = self.scope.get("document") or FieldType(kind="any", fields=self.fields)
        scope = {**self.scope, "document": document, "index": FieldType(kind="integer"), "item": ANY}
        return replace(self, fields=item.fields if item.kind == "list" else None, scope=scope)


def check_names(
    value: Value, names: Names, problems: Problems, objects: Mapping[str, LookupObject] | None = None
) -> None:
    """Notes E202 for every name in the tree that does not exist."""
    inner = names
    if value.lookup is not None:
        found = (objects or {}).get(value.lookup.name)
        taken = Names(fields=found.fields if found else None, scope={}, record=value.lookup.name)
        _check_source(value.source, text_node(value), taken, problems)
    elif value.source is not None:
        _check_source(value.source, text_node(value), names, problems)
    if value.operation == "each":
        inner = names.inside(type_at(value.source, names))
    for part in value.parts.values():
        check_names(part, inner, problems, objects)
    for tree in (value.default, value.otherwise):
        if tree is not None:
            check_names(tree, names, problems, objects)


def check_source(source: Source, node: Node, names: Names, problems: Problems) -> None:
    """Notes E202 for every name one expression or template reads that does not exist."""
    _check_source(source, node, names, problems)


def type_at(source: Source | None, names: Names) -> FieldType:
    """The type of the field a simple path reads; `any` for everything else."""
    if not isinstance(source, Expression) or source.simple is None or len(source.paths) != 1:
        return ANY
    return _walk(source.paths[0], names)[0]


def _check_source(source: Source | None, node: Node, names: Names, problems: Problems) -> None:
    for path in source.paths if source is not None else ():
        wrong = _walk(path, names)[1]
        if wrong is not None:
            index, message, suggestion = wrong
            suggestion = suggestion or (_as_text(source, node, path) if index == 0 else None)
            offset, length = path.marks[index] if index < len(path.marks) else (path.offset, path.length)
            problems.add("E202", node.at(offset, length), message, suggestion=suggestion, path=node.path)


def _as_text(source: Source | None, node: Node, path: Path) -> str | None:
    """How to write it if a text was meant: `status == PAID` and `"PAID"` name a field."""
    if not isinstance(source, Expression) or node.kind != "text" or path.names[0] == "[]":
        return None
    name = path.names[0]
    if source.simple is not None:
        return f"a fixed text is written {{const: {node.value}}}" if len(path.names) == 1 else None
    before = str(node.value)[: path.offset].rstrip()
    quoted = str(node.value)[path.offset : path.offset + 1] == '"'
    return f"a text is written '{name}'" if quoted or before.endswith(("=", "(", ",")) else None


def text_node(value: Value) -> Node:
    """The node of the text a tree's expression or template was compiled from."""
    node = value.node
    if node.kind == "text":
        return node
    return node.get("take" if value.lookup is not None else value.operation) or node


def _walk(path: Path, names: Names) -> tuple[FieldType, tuple[int, str, str | None] | None]:
    """The type at the end of a path, or what is wrong with which of its names."""
    root = path.names[0]
    strong = root in names.scope and root not in {"index", "item"}
    type_ = names.scope.get(root) if strong or root not in (names.fields or {}) else (names.fields or {}).get(root)
    if type_ is None:
        if names.fields is None or root == "[]":
            return ANY, None
        known = [*names.fields, *names.scope]
        return ANY, (0, f"`{root}` is not a field of {names.record}", did_you_mean(root, known))
    for index, name in enumerate(path.names[1:], 1):
        wrong = _wrong_step(type_, name, path.names[:index])
        if wrong is not None:
            return ANY, (index, *wrong)
        if type_.kind == "any" and type_.fields is None:
            return ANY, None
        type_ = _item(type_) if name == "[]" else (type_.fields or {}).get(name, ANY)
    return type_, None


def _item(type_: FieldType) -> FieldType:
    return FieldType(kind="any", fields=type_.fields)


def _wrong_step(type_: FieldType, name: str, before: tuple[str, ...]) -> tuple[str, str | None] | None:
    shown = ".".join(before).replace(".[]", "[]")
    if name == "[]":
        return None if type_.kind in {"list", "any"} else (f"`{shown}` is {type_.kind} and no list", None)
    if type_.kind == "list":
        return f"`{shown}` is a list: `{name}` is a field of its items", f"write `{shown}[].{name}`"
    if type_.kind != "any":
        return f"`{shown}` is {type_.kind} and has no `{name}`", None
    if type_.fields is None or name in type_.fields:
        return None
    return f"`{name}` is not a field of {shown}", did_you_mean(name, type_.fields)
