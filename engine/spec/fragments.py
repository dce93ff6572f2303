"""The hand-written pieces of the language's schema, read from `schemas/` as they are needed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
ROOTS = ("system", "integration", "test", "x12-set")

Schema = dict[str, Any]


@cache
def fragment(name: str) -> Schema:
    """The fragment of that name. Raises KeyError when there is none."""
    for room in ("kinds", "parts"):
        path = SCHEMAS / room / f"{name}.json"
        if path.is_file():
            found: Schema = json.loads(path.read_text(encoding="utf-8"))
            return found
    raise KeyError(name)


def all_names() -> tuple[str, ...]:
    """The names of all fragments."""
    return tuple(sorted(path.stem for room in ("kinds", "parts") for path in (SCHEMAS / room).glob("*.json")))


def named(reference: str) -> Schema:
    """The fragment a `$ref` points to."""
    return fragment(reference.removeprefix("#/definitions/"))


def property_schema(schema: Schema, key: str) -> Schema:
    """What a schema says about one of its keys; the fragment behind a reference is laid under it."""
    found = schema.get("properties", {}).get(key)
    if found is None:
        return {}
    below: Schema = {}
    for part in found.get("allOf", ()):
        below |= named(part["$ref"]) if "$ref" in part else {}
    return {**below, **found}
