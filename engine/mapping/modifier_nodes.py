"""Reads modifiers from YAML: which may stand together, and what each must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.mapping.convert import format_error
from engine.mapping.crosswalk import Crosswalk
from engine.mapping.modifiers import Modifiers, Run
from engine.mapping.types import parse_type
from engine.mapping.values import Value
from engine.spec.problems import did_you_mean

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

ReadModifiers = tuple[Modifiers, Value | None, Value | None]
"""The modifiers, and the trees of `default` and `else`."""

_NEEDS = {"else": ("values",), "cut": ("max_length",), "on_missing": ("crosswalk", "lookup")}
_OUTCOMES = ("hold", "wait", "quarantine", "empty")
_MOST_DECIMALS = 12


def read_modifiers(
    node: Node,
    operation: str,
    problems: Problems,
    crosswalks: Mapping[str, Crosswalk] | None,
    compile_tree: Callable[[Node], Value | None],
) -> ReadModifiers | None:
    """The modifiers of a node; None where something is wrong (E207, E210, E212, E306)."""
    reader = _Reader(node, problems)
    for name, partners in _NEEDS.items():
        if name in node and not any(partner in node for partner in partners):
            reader.wrong(name, f"`{name}` belongs to {' or '.join(f'`{p}`' for p in partners)}, which is not here")
    default = compile_tree(node.value["default"]) if "default" in node else None
    otherwise, otherwise_run = reader.otherwise(compile_tree)
    modifiers = {
        "trim": reader.flag("trim"),
        "values": reader.values(),
        "otherwise": otherwise_run,
        "default": default.run if default else None,
        "crosswalk": reader.crosswalk(crosswalks),
        "type": reader.type(),
        "format": reader.format(),
        "round": reader.count("round", 0, _MOST_DECIMALS),
        "max_length": reader.count("max_length", 1, 1 << 20),
        "cut": reader.flag("cut"),
        "required": reader.flag("required"),
        "on_missing": reader.outcome(),
    }
    if not reader.sound or ("default" in node and default is None):
        return None
    return Modifiers(**modifiers), default, otherwise


class _Reader:
    """Reads the modifiers of one node; `sound` tells whether all were right."""

    def __init__(self, node: Node, problems: Problems) -> None:
        self._node = node
        self._problems = problems
        self.sound = True

    def wrong(self, name: str, message: str, *, code: str = "E210", suggestion: str | None = None) -> None:
        """Notes what is wrong with a modifier, at its value."""
        self.sound = False
        self._problems.add(code, self._node.get(name) or self._node, message, suggestion=suggestion)

    def flag(self, name: str) -> bool:
        node = self._node.get(name)
        if node is not None and node.kind != "bool":
            self.wrong(name, f"`{name}` is true or false")
        return node is not None and node.value is True

    def count(self, name: str, least: int, most: int) -> int | None:
        node = self._node.get(name)
        if node is None:
            return None
        if node.kind != "int" or not least <= node.value <= most:
            self.wrong(name, f"`{name}` is a whole number from {least} to {most}")
            return None
        return int(node.value)

    def values(self) -> dict[str, Any] | None:
        node = self._node.get("values")
        if node is None:
            return None
        if node.kind != "map" or any(child.kind in {"map", "list"} for child in node.value.values()):
            self.wrong("values", '`values` is a map of texts to what they become, such as {"true": INACTIVE}')
            return None
        return {key: child.plain() for key, child in node.items()}

    def otherwise(self, compile_tree: Callable[[Node], Value | None]) -> tuple[Value | None, Run | None]:
        """The tree of `else`, or its plain value as a closure."""
        node = self._node.get("else")
        if node is None:
            return None, None
        if node.kind != "map":
            constant = node.plain()
            return None, lambda _scope: constant
        tree = compile_tree(node)
        if tree is None:
            self.sound = False
        return tree, tree.run if tree else None

    def crosswalk(self, crosswalks: Mapping[str, Crosswalk] | None) -> Crosswalk | None:
        node = self._node.get("crosswalk")
        if node is None:
            return None
        if crosswalks is None:
            self.wrong("crosswalk", "`crosswalk` is for a flow's `map`")
            return None
        found = crosswalks.get(str(node.value))
        if found is None:
            near = did_you_mean(str(node.value), crosswalks)
            self.wrong("crosswalk", f"there is no crosswalk `{node.value}`", code="E306", suggestion=near)
        return found

    def type(self) -> Any:
        node = self._node.get("type")
        if node is None:
            return None
        try:
            found = parse_type(str(node.value))
        except ValueError as error:
            self.wrong("type", str(error), code="E207")
            return None
        if found.kind in {"list", "any"} or found.required:
            self.wrong("type", "`type` names a plain type; `required: true` is said beside it", code="E207")
        return found

    def format(self) -> str | None:
        node = self._node.get("format")
        if node is None:
            return None
        if node.kind != "text":
            self.wrong("format", "`format` is text; put it in quotes", code="E212")
            return None
        type_ = self._node.get("type")
        kind = str(type_.value).split("(", maxsplit=1)[0] if type_ else ""
        kinds = (
            (kind,) if kind in {"date", "datetime", "decimal", "integer", "boolean"} else ("date", "decimal", "boolean")
        )
        errors = [format_error(each, str(node.value)) for each in kinds]
        if all(errors):
            self.wrong("format", str(errors[0]), code="E212")
        return str(node.value)

    def outcome(self) -> Any:
        node = self._node.get("on_missing")
        if node is None:
            return "quarantine"
        if node.value not in _OUTCOMES:
            self.wrong(
                "on_missing",
                f"`on_missing` is one of {', '.join(_OUTCOMES)}",
                suggestion=did_you_mean(str(node.value), _OUTCOMES),
            )
        return node.value
