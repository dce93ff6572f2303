"""The schema is the reference manual: every word of it described, every example valid, the editors' files fresh."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from engine.spec.bundle import bundle_text
from engine.spec.document import Problems, read_document
from engine.spec.fragments import ROOTS, SCHEMAS, all_names, fragment
from engine.spec.schema import bundle, check_shape, mistakes
from engine.spec.tree import kind_of

ROOT = SCHEMAS.parent
LANGUAGE = ROOT / "tests" / "language"


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key in ("properties", "patternProperties"):
        for name, found in schema.get(key, {}).items():
            yield f"{path}.{name}", found
            yield from properties(found, f"{path}.{name}")


def every_schema(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for key, value in schema.items():
            if key in {"properties", "patternProperties"}:
                for found in value.values():
                    yield from every_schema(found)
            elif key not in {"examples", "default"}:
                yield from every_schema(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from every_schema(item)


@pytest.mark.parametrize("name", all_names())
def test_every_example_is_valid(name: str) -> None:
    schema = fragment(name)
    assert schema["title"]
    assert schema["description"]
    assert schema["examples"]
    for example in schema["examples"]:
        assert list(mistakes(name, example)) == [], example


@pytest.mark.parametrize("name", all_names())
def test_every_key_has_a_title_a_description_and_a_valid_example(name: str) -> None:
    for path, schema in properties(fragment(name)):
        if "never" in schema:
            continue
        assert schema.get("title"), path
        assert schema.get("description"), path
        if not path.startswith(".^"):
            assert schema.get("examples"), path
            validator = Draft7Validator({**bundle_of(schema), **schema})
            values = [*schema["examples"], *([schema["default"]] if schema.get("default") else [])]
            assert [e.message for value in values for e in validator.iter_errors(value)] == [], path


def bundle_of(schema: dict[str, Any]) -> dict[str, Any]:
    """All definitions, so that a property's own schema stands alone."""
    return {"definitions": {**ALL}} if "$ref" in json.dumps(schema) else {}


ALL = {name: found for kind in ROOTS for name, found in bundle(kind)["definitions"].items()}


@pytest.mark.parametrize("name", all_names())
def test_objects_are_closed_and_nothing_is_guessed(name: str) -> None:
    for schema in every_schema(fragment(name)):
        assert not {"oneOf", "anyOf"} & schema.keys()
        if schema.get("type") == "object" and "properties" in schema:
            assert "additionalProperties" in schema


def test_every_fragment_is_used() -> None:
    assert set(all_names()) == {*ALL, *ROOTS}


@pytest.mark.parametrize("kind", ROOTS)
def test_the_editors_files_are_fresh(kind: str) -> None:
    """If not: python -c "from engine.spec.bundle import write_bundles; write_bundles()"."""
    assert (SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8") == bundle_text(kind)


@pytest.mark.parametrize("kind", ROOTS)
def test_the_editors_files_are_plain_draft_7(kind: str) -> None:
    schema = bundle(kind)
    Draft7Validator.check_schema(schema)
    for found in every_schema(schema):
        assert not {"oneOf", "anyOf", "byKey", "chooseOne", "never", "$defs"} & found.keys()


SHAPES = [*sorted((LANGUAGE / "valid").glob("*.yaml")), *sorted((LANGUAGE / "invalid").glob("e1*.yaml"))]


@pytest.mark.parametrize("path", SHAPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_editors_see_a_mistake_exactly_where_we_do(path: Path) -> None:
    """Our own keywords and what the bundle makes of them agree on every case."""
    node = read_document(path, Problems())
    assert node is not None
    kind = kind_of(node, Problems())
    if kind is None:
        return
    problems = Problems()
    check_shape(kind, node, problems)
    valid = Draft7Validator(bundle(kind)).is_valid(node.plain())
    assert valid == (not problems.found)


def test_a_decimal_is_a_number_and_a_boolean_is_none() -> None:
    assert list(mistakes("literal", Decimal("1.5"))) == []
    assert [m.keyword for m in mistakes("retry", {"tries": True})] == ["type"]


def test_codes_in_the_code_are_all_explained() -> None:
    from engine.spec.codes import CODES

    files = (ROOT / "engine").rglob("*.py")
    used = {code for file in files for code in re.findall(r"\"([EWC]\d{3})\"", file.read_text(encoding="utf-8"))}
    assert sorted(used - CODES.keys()) == []
