"""Rules for XML documents that a call sends."""

from __future__ import annotations

from engine.spec.nodes import Node
from engine.spec.overlay import OPERATIONS
from engine.spec.problems import Problems
from engine.spec.walk import every_map


def check_documents(place: Node | None, problems: Problems) -> None:
    """An XML document that is written out has one root."""
    for found in every_map(place):
        parameters, body, encoding = found.get("query_xml"), found.get("send"), found.get("encoding")
        trees = [node for _, node in parameters.items()] if parameters is not None and parameters.kind == "map" else []
        if body is not None and encoding is not None and encoding.value == "xml":
            trees.append(body)
        for tree in trees:
            if tree.kind == "map" and not OPERATIONS & tree.keys.keys() and len(tree.keys) != 1:
                message = f"an XML document has one root, and this tree has {len(tree.keys)} members at its top"
                problems.add("E105", tree, message, suggestion="put them below one element")
