"""What the Acumatica stand-in tells about itself: the list of endpoints, the swagger file, the custom fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.sandbox.acumatica_actions import ACTION_NAMES
from engine.sandbox.acumatica_shapes import SHAPES, Shape
from engine.sandbox.acumatica_store import Store

_TYPES: Mapping[str, str] = {
    "string": "StringValue",
    "decimal": "DecimalValue",
    "integer": "IntValue",
    "boolean": "BooleanValue",
    "date": "DateTimeValue",
    "datetime": "DateTimeValue",
}


def list_endpoints(instance: str, endpoint: str, versions: Sequence[str], build: str, *, bare: bool) -> Any:
    """`GET /entity`: an object with the build, or the bare array of older ones."""
    found = [
        {"name": endpoint, "version": version, "href": f"/{instance}/entity/{endpoint}/{version}/"}
        for version in versions
    ]
    if bare:
        return found
    return {"version": {"acumaticaBuildVersion": build, "databaseVersion": build}, "endpoints": found}


def describe_endpoint(instance: str, endpoint: str, version: str) -> dict[str, Any]:
    """The swagger file: paths and fields, without `$orderby` or `$count`."""
    paths: dict[str, Any] = {}
    for name, shape in SHAPES.items():
        paths[f"/{name}"] = {
            "get": {"parameters": [{"$ref": f"#/components/parameters/{one}"} for one in _PARAMETERS]},
            "put": {"responses": {code: {} for code in ("200", "400", "412", "422")}},
        }
        paths[f"/{name}/{{id}}"] = {"get": {}, "delete": {}}
        keys = "/".join(f"{{{key}}}" for key in shape.key)
        paths[f"/{name}/{keys}"] = {"get": {}, "delete": {}}
        paths |= {f"/{name}/{action}": {"post": {}} for action in ACTION_NAMES.get(name, ())}
    return {
        "openapi": "3.0.1",
        "info": {"title": f"{endpoint}/{version}", "version": "1"},
        "servers": [{"url": f"/{instance}/entity/{endpoint}/{version}"}],
        "paths": paths,
        "components": {"schemas": {name: _schema(shape) for name, shape in SHAPES.items()}},
    }


def describe_custom(store: Store, shape: Shape) -> dict[str, Any]:
    """`$adHocSchema`: an empty record with each field's type, custom fields by view."""
    body: dict[str, Any] = {name: {"type": _TYPES[kind]} for name, kind in shape.fields.items()}
    custom: dict[str, dict[str, Any]] = {}
    for full, kind in store.customs.get(shape.name, {}).items():
        view, _, name = full.partition(".")
        custom.setdefault(view, {})[name] = {"type": kind, "viewName": view, "fieldName": name}
    body |= {name: [] for name in shape.lists}
    return {**body, "custom": custom}


def _schema(shape: Shape) -> dict[str, Any]:
    fields = {name: {"$ref": f"#/components/schemas/{_TYPES[kind]}"} for name, kind in shape.fields.items()}
    links = {name: _schema(inner) for name, inner in shape.links.items()}
    lists = {name: {"type": "array", "items": _schema(inner)} for name, inner in shape.lists.items()}
    return {"type": "object", "properties": {**fields, **links, **lists}}


_PARAMETERS = ("select", "filter", "expand", "custom", "skip", "top")
