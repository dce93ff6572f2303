"""What `mlconnector explain` prints: the meaning of a code, and every effective value with the place it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.errors import UsageError
from engine.spec.codes import CODES
from engine.spec.nodes import Node, step
from engine.spec.problems import did_you_mean
from engine.spec.tree import SpecTree, SystemTree


class Effective(NamedTuple):
    """One value in effect: where in the spec it counts, what it is, and the file and line it was written at."""

    path: str
    value: str
    file: str
    line: int


def explain_code(code: str) -> str:
    """The long text of a code. Raises UsageError for one that does not exist."""
    known = CODES.get(code.upper())
    if known is None:
        close = did_you_mean(code.upper(), CODES)
        raise UsageError(f"there is no code `{code}`" + (f"; {close}" if close else ""))
    return f"{known.code}: {known.title} ({known.severity})\n\n{known.text}\n"


def effective(tree: SpecTree) -> list[Effective]:
    """Every value of the integration and its systems, overlays and defaults applied; secrets and variables by name only."""
    found: list[Effective] = []
    for key, node in tree.integration.items():
        if key != "systems" and not key.startswith("x-"):
            found.extend(_leaves(node, key))
    for alias, system in tree.systems.items():
        found.extend(_system(f"systems.{alias}", system))
    return found


def _system(path: str, system: SystemTree) -> Iterator[Effective]:
    needs = system.node.get("needs")
    for name, need in needs.items() if needs else ():
        given, default = system.settings.get(name), need.get("default")
        if given is not None:
            yield from _leaves(given, f"{path}.with.{name}")
        elif default is not None:
            yield from _leaves(default, f"{path}.with.{name}")
    for key, node in system.node.items():
        if key not in {"needs", "mlconnector"} and not key.startswith("x-"):
            yield from _leaves(node, f"{path}.{key}")


def _leaves(node: Node, path: str) -> Iterator[Effective]:
    if node.kind == "map" and not _is_reference(node):
        for key, child in node.items():
            yield from _leaves(child, step(path, key))
    elif node.kind == "list" and any(child.kind in {"map", "list"} for child in node.children()):
        for index, child in enumerate(node.children()):
            yield from _leaves(child, step(path, index))
    else:
        yield Effective(path, _shown(node), node.mark.file, node.mark.line)


def _is_reference(node: Node) -> bool:
    return set(node.keys) <= {"env", "secret", "need"} and len(node.keys) == 1


def _shown(node: Node) -> str:
    if node.kind == "map":
        return "{" + ", ".join(f"{key}: {_shown(child)}" for key, child in node.items()) + "}"
    if node.kind == "list":
        return "[" + ", ".join(_shown(child) for child in node.children()) + "]"
    if node.kind == "null":
        return "null"
    return str(node.value).lower() if node.kind == "bool" else str(node.value)
