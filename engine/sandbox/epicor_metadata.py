"""What a service of the Epicor Kinetic stand-in says about itself: `$metadata` and the list of its sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import quoteattr

from engine.sandbox.epicor_columns import Table
from engine.sandbox.epicor_json import encode
from engine.sandbox.web_messages import Response

_TYPES: Mapping[str, str] = {
    "string": "Edm.String",
    "integer": "Edm.Int32",
    "decimal": "Edm.Decimal",
    "boolean": "Edm.Boolean",
    "date": "Edm.DateTimeOffset",
    "datetime": "Edm.DateTimeOffset",
}


def list_sets(tables: Sequence[Table], service: str, base: str, api: int) -> Response:
    """The service document: the names of the entity sets."""
    sets = [{"name": table.set, "kind": "EntitySet", "url": table.set} for table in tables if table.set]
    context = "@odata.context" if api == 2 else "odata.metadata"
    return Response(body=encode({context: f"{base}/$metadata", "value": sets}))


def describe_service(tables: Sequence[Table], service: str, base: str, api: int) -> Response:
    """The columns and keys of every set, as CSDL; v1 has Edm.DateTime where v2 has Edm.DateTimeOffset."""
    types = "".join(_entity_type(table, api) for table in tables if table.set)
    sets = "".join(f'<EntitySet Name="{table.set}" EntityType="Erp.{table.name}"/>' for table in tables if table.set)
    version, space = ("4.0", "docs.oasis-open.org/odata/ns") if api == 2 else ("1.0", "schemas.microsoft.com/ado")
    text = (
        f'<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="{version}" xmlns:edmx="http://{space}/edmx">'
        f'<edmx:DataServices><Schema Namespace="Erp" xmlns="http://{space}/edm">{types}'
        f"<EntityContainer Name={quoteattr(service)}>{sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    )
    return Response(body=text.encode(), content_type="application/xml; charset=utf-8")


def _entity_type(table: Table, api: int) -> str:
    keys = "".join(f'<PropertyRef Name="{name}"/>' for name in table.key)
    columns = "".join(
        f'<Property Name="{name}" Type="{_edm(kind, api)}"/>' for name, kind in table.columns.items() if name
    )
    return f'<EntityType Name="{table.name}"><Key>{keys}</Key>{columns}</EntityType>'


def _edm(kind: str, api: int) -> str:
    return _TYPES[kind] if api == 2 else _TYPES[kind].removesuffix("Offset")
