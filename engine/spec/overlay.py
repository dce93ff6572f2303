"""Lays an integration's changes over a system's objects; every value keeps the place it was written at."""

from __future__ import annotations

from dataclasses import replace

from engine.spec.nodes import Mark, Node
from engine.spec.problems import Problems, did_you_mean

OPERATIONS = frozenset(
    {"choose", "const", "each", "from", "join", "lookup", "merge", "need", "object", "set", "text", "without"}
)


def lay_over(system: Node, objects: Node, problems: Problems) -> Node:
    """The system with its objects changed. An object the system does not have is a problem."""
    there = system.get("objects")
    if there is None or there.kind != "map":
        return system
    for name in objects.keys:
        if name not in there:
            problems.add(
                "E302",
                objects.key_mark(name),
                f"the system has no object `{name}` to change",
                suggestion=did_you_mean(name, there.keys),
                path=f"{objects.path}.{name}",
            )
    known = _with(objects, {name: node for name, node in objects.items() if name in there}, objects.keys)
    return _with(system, {**system.value, "objects": merge(there, known)}, system.keys)


def merge(below: Node, above: Node) -> Node:
    """Maps merge key by key and null takes a key away; lists, plain values and value trees are replaced as a whole."""
    if below.kind != "map" or above.kind != "map" or OPERATIONS & above.keys.keys():
        return above
    members, keys = dict(below.value), dict(below.keys)
    for key, node in above.items():
        keys[key] = above.keys[key]
        if node.kind == "null":
            members.pop(key, None)
        else:
            members[key] = merge(members[key], node) if key in members else node
    return _with(below, members, keys)


def _with(node: Node, members: dict[str, Node], keys: dict[str, Mark]) -> Node:
    return replace(node, value=members, keys=keys)
