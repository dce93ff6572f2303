"""Going through a tree."""

from __future__ import annotations

from collections.abc import Iterator

from engine.spec.nodes import Node


def every_map(node: Node | None) -> Iterator[Node]:
    """Every map in a tree, outer ones first; fixed data (`const`, `values`) is no part of the language and left out."""
    if node is None:
        return
    if node.kind == "map":
        yield node
        for key, child in node.items():
            if key not in {"const", "values"}:
                yield from every_map(child)
    for child in node.children():
        yield from every_map(child)


def text_of(node: Node | None, *keys: str) -> Node | None:
    """The text at the end of a way through maps; None where it is anything else."""
    for key in keys:
        node = node.get(key) if node is not None else None
    return node if node is not None and node.kind == "text" else None
