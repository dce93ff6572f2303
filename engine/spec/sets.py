"""The X12 sets a system's objects name: descriptions in files of their own, `x12/<set>.yaml` beside `systems/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.spec.document import read_document
from engine.spec.nodes import Node
from engine.spec.problems import Problems, did_you_mean
from engine.spec.schema import check_shape
from engine.spec.walk import text_of

ACKNOWLEDGEMENT = "997"
"""The set in which files of ours are acknowledged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SetFile:
    """One description: its tree and where it stands."""

    node: Node
    file: Path


def read_sets(system: Node, places: tuple[Path, ...], problems: Problems) -> Mapping[str, SetFile]:
    """The descriptions a system file asks for, by name. `places` are folders of systems, each with `x12/` beside it."""
    found: dict[str, SetFile] = {}
    missing: set[str] = set()
    for name, node in named_sets(system):
        if name in found or name in missing:
            continue
        file = next((p for place in places if (p := place.parent / "x12" / f"{name}.yaml").is_file()), None)
        described = _read(file, problems) if file is not None else None
        if file is None:
            known = sorted({f.stem for place in places for f in (place.parent / "x12").glob("*.yaml")})
            close = did_you_mean(name, known) or f"there are {', '.join(known)}"
            problems.add("E322", node, f"there is no X12 set `x12/{name}.yaml`", suggestion=close)
        if described is not None and file is not None:
            found[name] = SetFile(node=described, file=file)
        else:
            missing.add(name)
    return found


def named_sets(system: Node) -> Iterator[tuple[str, Node]]:
    """The names of sets in a system file, and where they are said."""
    objects = system.get("objects")
    for _, node in objects.items() if objects else ():
        named = text_of(node, "x12", "set")
        if named is not None and "/" not in named.value and ".." not in named.value:
            yield named.value, named
        answered = node.get("acknowledged")
        if answered is not None:
            yield ACKNOWLEDGEMENT, answered


def _read(file: Path, problems: Problems) -> Node | None:
    node = read_document(file, problems)
    if node is None or "x12_set" not in node:
        if node is not None:
            problems.add("E110", node, "this is no description of an X12 set: it must say `x12_set`")
        return None
    before = len(problems.found)
    check_shape("x12-set", node, problems)
    return node if len(problems.found) == before else None
