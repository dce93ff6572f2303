"""One YAML value with its place in the file."""

from __future__ import annotations

import re
from collections.abc import ItemsView
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["map", "list", "text", "int", "decimal", "bool", "null"]
Style = Literal["plain", "single", "double", "literal", "folded", "flow", "block"]

_PLAIN_STEP = re.compile(r"[\w$*@/ -]+")
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One YAML value: what it is, where it stands, where its keys stand. Compared by identity."""

    kind: Kind
    value: Any
    mark: Mark
    keys: dict[str, Mark]
    path: str = ""
    style: Style = "plain"
    lines: tuple[str, ...] = ()

    def get(self, key: str) -> Node | None:
        """The value under a key; None where this is no map or has no such key."""
        return self.value.get(key) if self.kind == "map" else None

    def __contains__(self, key: str) -> bool:
        return self.kind == "map" and key in self.value

    def items(self) -> ItemsView[str, Node]:
        """Key and value of a map in the order written; nothing for any other kind."""
        members: dict[str, Node] = self.value if self.kind == "map" else {}
        return members.items()

    def children(self) -> list[Node]:
        """The items of a list; nothing for any other kind."""
        return list(self.value) if self.kind == "list" else []

    def key_mark(self, key: str) -> Mark:
        """Where the key stands; the map itself where it has no such key."""
        return self.keys.get(key, self.mark)

    def elsewhere(self, file: str) -> Node:
        """The same value as a file of that name holds it."""
        value = self.value
        if self.kind == "map":
            value = {key: child.elsewhere(file) for key, child in value.items()}
        elif self.kind == "list":
            value = [child.elsewhere(file) for child in value]
        keys = {key: replace(mark, file=file) for key, mark in self.keys.items()}
        return replace(self, value=value, mark=replace(self.mark, file=file), keys=keys)

    def plain(self) -> Any:
        """Bare Python data: dict, list, str, int, Decimal, bool, None."""
        if self.kind == "map":
            return {key: child.plain() for key, child in self.value.items()}
        if self.kind == "list":
            return [child.plain() for child in self.value]
        return self.value

    def at(self, offset: int, length: int = 1) -> Mark:
        """The place of character `offset` of a text: exact on one line, by line in a block, else the node's own place."""
        if self.kind != "text" or not self.lines:
            return self.mark
        if self.style in {"literal", "folded"}:
            return self._in_block(offset, length)
        raw = self.lines[self.mark.line - 1][self.mark.column - 1 :]
        if self.style == "plain":
            exact = raw.startswith(self.value)
            return replace(self.mark, column=self.mark.column + offset, length=length) if exact else self.mark
        return self._in_quotes(raw, offset, length)

    def _in_quotes(self, raw: str, offset: int, length: int) -> Mark:
        position, quote = 1, raw[:1]
        for _ in range(offset):
            if quote == "'" and raw.startswith("''", position):
                position += 2
            elif quote == '"' and (escape := _ESCAPE.match(raw, position)):
                position += len(escape.group())
            elif position >= len(raw) or raw[position] == quote:
                return self.mark  # written over several lines
            else:
                position += 1
        return replace(self.mark, column=self.mark.column + position, length=length)

    def _in_block(self, offset: int, length: int) -> Mark:
        row = self.value.count("\n", 0, offset)
        column = offset - (self.value.rfind("\n", 0, offset) + 1)
        line = self.mark.line + row  # 0-based: the text starts on the line after its `|`
        if self.style == "folded" or line >= len(self.lines):
            return self.mark
        first = next((text for text in self.lines[self.mark.line :] if text.strip()), "")
        indent = len(first) - len(first.lstrip(" "))
        return replace(self.mark, line=line + 1, column=indent + column + 1, length=length)


def step(path: str, key: str | int) -> str:
    """The path of a child: `flows.invoices`, `steps[0]`, `at."rows[0].x"`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    shown = key if _PLAIN_STEP.fullmatch(key) else f'"{key}"'
    return f"{path}.{shown}" if path else shown


def found_words(node: Node) -> str:
    """What a value is, in words: "the text `x`", "a list", "nothing"."""
    names = {"map": "a map", "list": "a list", "null": "nothing"}
    if node.kind in names:
        return names[node.kind]
    if node.kind == "bool":
        return f"`{str(node.value).lower()}`"
    shown = str(node.value)
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    return f"the text `{shown}`" if node.kind == "text" else f"the number `{shown}`"


def is_number(value: object) -> bool:
    """True for int and Decimal, not for booleans."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
