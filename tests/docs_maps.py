"""Runs the `yaml map` blocks: `in`, `map` or `value`, `out` or `fails`, with crosswalks and records given in the block."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from engine.mapping.crosswalk import Crosswalk
from engine.mapping.lookups import LookupObject
from engine.mapping.mapper import compile_mapping
from engine.mapping.trees import compile_value
from engine.mapping.types import parse_type
from engine.spec.document import Problems


def mapped(node, given):
    """What a block makes of its `in`. Raises RecordError where it says `fails`."""
    problems = Problems()
    if "value" in node:
        tree = compile_value(node.get("value"), problems)
        assert tree is not None, problems.found
        return tree(given)
    tables = node.get("crosswalks").plain() if "crosswalks" in node else {}
    records = node.get("records").plain() if "records" in node else {}
    objects = {name: _object(node, rows) for name, rows in records.items()}
    mapper = compile_mapping(
        node.get("map"),
        problems,
        source=None,
        target=None,
        crosswalks={name: Crosswalk(name=name, pairs=pairs, default=None) for name, pairs in tables.items()},
        objects=objects,
    )
    assert mapper is not None, problems.found
    record = {name: value for name, value in given.items() if name != "need"}
    found = {name: {} for name in records}
    for name, key in mapper.needed(record, {"need": given.get("need", {})}):
        by = objects[name].by
        found[name][key] = [row for row in records[name] if tuple(row[part] for part in by) == key]
    return mapper.map(record, {"need": given.get("need", {})}, found)


def _object(node, rows):
    """The object a lookup of this block reads: looked up by what its `match` names."""
    by = re.search(r"match: \{(\w+):", node.get("map").mark and Path(node.mark.file).read_text())[1]
    return LookupObject(by=(by,), fields={name: parse_type("any") for name in rows[0]})


def shown(value):
    """The same with dates as text, as a block writes them."""
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
