"""Which fields an expression reads, and where in its text each name stands: what checks names against types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Tree = dict[str, Any]
Place = tuple[int, int]
Context = tuple[tuple[str, Place], ...] | None
"""Names read so far with their places; None where the value is no longer a field of the scope."""


@dataclass(frozen=True, slots=True)
class Path:
    """A field path; `[]` is an item of a list. `offset` and `length` span it in the text, `marks` each of its names."""

    names: tuple[str, ...]
    offset: int
    length: int
    marks: tuple[Place, ...] = ()

    @property
    def shown(self) -> str:
        """`lines[].amount`."""
        return ".".join(self.names).replace(".[]", "[]")


def field_paths(tree: Tree) -> tuple[Path, ...]:
    """Every path the expression reads, longest forms only, in order of appearance."""
    reader = _Reader()
    reader.use(reader.visit(tree, ()))
    found = {path.names: path for path in reader.found if path.names}
    longest = [
        path for names, path in found.items() if not any(names == other[: len(names)] != other for other in found)
    ]
    return tuple(sorted(longest, key=lambda path: path.offset))


def path_of(names: tuple[tuple[str, Place], ...]) -> Path:
    """A path from names and their places."""
    named = [place for name, place in names if name != "[]"]
    start = named[0][0] if named else 0
    end = max((offset + length for offset, length in named), default=start + 1)
    return Path(tuple(name for name, _ in names), start, end - start, tuple(place for _, place in names))


class _Reader:
    """Walks the tree with the field the current value comes from."""

    def __init__(self) -> None:
        self.found: list[Path] = []

    def use(self, context: Context) -> None:
        """A value is used up here: its path was read."""
        if context:
            self.found.append(path_of(context))

    def visit(self, tree: Tree, context: Context) -> Context:
        """The field the tree's value comes from, given the one the current value comes from."""
        special: dict[str, Callable[[Tree, Context], Context]] = {
            "field": self._field,
            "index": self._item,
            "function_expression": self._function,
            "subexpression": self._chain,
            "index_expression": self._chain,
            "pipe": self._pipe,
            "projection": self._projection,
            "filter_projection": self._projection,
            "value_projection": self._opaque,
            "flatten": self._flatten,
        }
        kind = tree["type"]
        if kind in {"identity", "current", "slice"}:
            return context
        if kind == "literal":
            return None
        return special.get(kind, self._consume)(tree, context)

    def _field(self, tree: Tree, context: Context) -> Context:
        return None if context is None else (*context, (tree["value"], tree.get("at", (0, 1))))

    def _item(self, tree: Tree, context: Context) -> Context:
        return None if context is None else (*context, ("[]", (0, 0)))

    def _chain(self, tree: Tree, context: Context) -> Context:
        for child in tree["children"]:
            context = self.visit(child, context)
        return context

    def _pipe(self, tree: Tree, context: Context) -> Context:
        left = self.visit(tree["children"][0], context)
        self.use(left)
        return self.visit(tree["children"][1], left)

    def _flatten(self, tree: Tree, context: Context) -> Context:
        return self.visit(tree["children"][0], context)

    def _projection(self, tree: Tree, context: Context) -> Context:
        left = self.visit(tree["children"][0], context)
        self.use(left)
        item = None if left is None else (*left, ("[]", (0, 0)))
        if len(tree["children"]) > 2:
            self.use(self.visit(tree["children"][2], item))
        return self.visit(tree["children"][1], item)

    def _opaque(self, tree: Tree, context: Context) -> Context:
        self.use(self.visit(tree["children"][0], context))
        self.visit(tree["children"][1], None)
        return None

    def _function(self, tree: Tree, context: Context) -> Context:
        values = [child for child in tree["children"] if child["type"] != "expref"]
        contexts = [self.visit(child, context) for child in values]
        for used in contexts:
            self.use(used)
        listed = next((used for used in contexts if used), None)
        if listed is not None and listed[-1][0] != "[]":
            listed = (*listed, ("[]", (0, 0)))
        for child in tree["children"]:
            if child["type"] == "expref":
                self.use(self.visit(child["children"][0], listed))
        return None

    def _consume(self, tree: Tree, context: Context) -> Context:
        for child in tree["children"]:
            self.use(self.visit(child, context))
        return None
