"""Rules for crosswalks: declared, there, with the columns named, and used."""

from __future__ import annotations

import csv
from pathlib import Path

from engine.spec.nodes import Node, step
from engine.spec.problems import Problems, did_you_mean
from engine.spec.tree import SpecTree, stays_beside
from engine.spec.walk import every_map, text_of


def check_crosswalks(tree: SpecTree, problems: Problems) -> None:
    """Adds what is wrong with them."""
    declared = tree.integration.get("crosswalks")
    names = dict(declared.items()) if declared else {}
    used = {name.value for name in _used(tree, names, problems)}
    flows = tree.integration.get("flows")
    for name, node in names.items():
        _file_is_there(node, tree.path.parent, problems)
        if name not in used and declared is not None and flows is not None and flows.value:
            mark, path = declared.key_mark(name), step(declared.path, name)
            problems.add("W401", mark, f"the crosswalk `{name}` is not used", suggestion="remove it", path=path)


def _used(tree: SpecTree, names: dict[str, Node], problems: Problems) -> list[Node]:
    flows = tree.integration.get("flows")
    used: list[Node] = []
    for _, flow in flows.items() if flows else ():
        for found in every_map(flow.get("map")):
            name = text_of(found, "crosswalk")
            if name is None:
                continue
            used.append(name)
            if name.value not in names:
                suggestion = did_you_mean(name.value, names) or "add it under `crosswalks`"
                problems.add("E306", name, f"there is no crosswalk `{name.value}`", suggestion=suggestion)
    return used


def _file_is_there(node: Node, folder: Path, problems: Problems) -> None:
    name = text_of(node, "file")
    if name is None or not stays_beside(name.value):
        return
    path = folder / name.value
    if not path.is_file():
        near = did_you_mean(path.name, (f.name for f in path.parent.glob("*"))) if path.parent.is_dir() else None
        problems.add("E307", name, f"there is no file `{name.value}` beside this spec", suggestion=near)
        return
    columns = _header(path)
    if columns is None:
        problems.add("E307", name, f"`{name.value}` has no header row in UTF-8")
        return
    for key in ("key", "value"):
        column = text_of(node, key)
        if column is not None and column.value not in columns:
            message = f"`{name.value}` has no column `{column.value}`"
            suggestion = did_you_mean(column.value, columns) or f"it has {', '.join(columns)}"
            problems.add("E307", column, message, suggestion=suggestion)


def _header(path: Path) -> list[str] | None:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return next(csv.reader(stream), None)
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
