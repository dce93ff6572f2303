"""Self-contained schemas for editors: plain draft-07, our own keywords written out with `if`/`then`."""

from __future__ import annotations

import json
from typing import Any

from engine.spec.fragments import ROOTS, SCHEMAS, Schema, fragment

_OURS = {"chooseOne", "byKey", "never", "note"}
_DATA = {"examples", "default", "const", "enum", "required", "dependencies"}
_BY_NAME = {"properties", "patternProperties"}


def bundle(kind: str) -> Schema:
    """The schema of a file of that kind (`system`, `integration`, `test`, `x12-set`) with everything it refers to."""
    waiting, definitions = [kind], dict[str, Schema]()
    while waiting:
        name = waiting.pop()
        if name not in definitions:
            definitions[name] = written_out(fragment(name))
            waiting.extend(sorted(_references(definitions[name])))
    root = definitions.pop(kind)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def written_out(schema: Any) -> Any:
    """A schema without our own keywords, saying the same to any validator."""
    if isinstance(schema, list):
        return [written_out(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "never" in schema:
        return {"not": {}, "errorMessage": schema["never"]}
    plain = {key: _written_out_under(key, value) for key, value in schema.items() if key not in _OURS}
    added = [*_choices(schema.get("chooseOne", [])), *_branches(schema.get("byKey"))]
    if added:
        plain["allOf"] = [*plain.get("allOf", []), *added]
    return plain


def _written_out_under(key: str, value: Any) -> Any:
    if key in _DATA:
        return value
    if key in _BY_NAME:  # names of ours, which may be any word
        return {name: written_out(schema) for name, schema in value.items()}
    return written_out(value)


def bundle_text(kind: str) -> str:
    """The bundle as its file holds it."""
    return json.dumps(bundle(kind), indent=1, ensure_ascii=False) + "\n"


def write_bundles() -> None:
    """Writes the generated files of `schemas/` anew."""
    for kind in ROOTS:
        (SCHEMAS / f"{kind}.schema.json").write_text(bundle_text(kind), encoding="utf-8")


def _choices(choices: list[Schema]) -> list[Schema]:
    added: list[Schema] = []
    for choice in choices:
        names: list[str] = choice["of"]
        for name in names:
            others = {other: False for other in names if other != name}
            added.append({"if": {"required": [name]}, "then": {"properties": others}})
        if choice["required"]:
            none = {"properties": dict.fromkeys(names, False)}
            added.append({"not": none, "errorMessage": f"choose one of {', '.join(names)}"})
    return added


def _branches(by_key: Schema | None) -> list[Schema]:
    if by_key is None:
        return []
    keys: dict[str, str] = by_key.get("of", {})
    added: list[Schema] = [
        {"if": {"type": "object", "required": [key]}, "then": {"$ref": f"#/definitions/{name}"}}
        for key, name in keys.items()
    ]
    if "text" in by_key:
        added.append(
            {"if": {"not": {"type": ["object", "array"]}}, "then": {"$ref": f"#/definitions/{by_key['text']}"}}
        )
    rest: Schema = {"type": "object", **({"properties": dict.fromkeys(keys, False)} if keys else {})}
    return [*added, {"if": rest, "then": {"$ref": f"#/definitions/{by_key['otherwise']}"}}]


def _references(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_references, schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    found = {schema["$ref"].removeprefix("#/definitions/")} if isinstance(schema.get("$ref"), str) else set()
    inner = [value for key, value in schema.items() if key not in _DATA | _BY_NAME]
    named = [member for key in _BY_NAME & schema.keys() for member in schema[key].values()]
    return found.union(*map(_references, [*inner, *named]))
