"""The read side of the SYSPRO stand-in: OData v4 over the tables, behind a login of its own, and behind the writes.

The shape of the addresses is not public: here they are the table names below one folder. What was written is seen only
after `read_lag` seconds. Pages hold `page_cap` rows and go on at `@odata.nextLink`.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote, urlencode
from xml.etree import ElementTree as ET

from engine.sandbox.epicor_columns import Table as Filterable
from engine.sandbox.epicor_errors import Refusal
from engine.sandbox.epicor_filter import compile_filter
from engine.sandbox.syspro_store import TABLES, Row, Store, Table
from engine.sandbox.web_messages import Request, Response

_OPTIONS = frozenset({"$filter", "$select", "$orderby", "$top", "$skip", "$count", "$format"})
_EDM: Mapping[str, str] = {
    "string": "Edm.String",
    "integer": "Edm.Int32",
    "decimal": "Edm.Decimal",
    "date": "Edm.DateTimeOffset",
}


class Refused(Exception):  # it is an answer, not a fault of ours
    """Another status than 200, with a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadSide:
    """`folder` is the path of the service; the login is not that of the operator."""

    store: Store
    folder: str
    username: str
    password: str

    def covers(self, path: str) -> bool:
        return f"{path.rstrip('/')}/".lower().startswith(f"{self.folder}/".lower())

    def answer(self, request: Request, origin: str) -> Response:
        """JSON, or XML for `$metadata`; 401, 404, 405 or 400 with an OData error body."""
        try:
            self._admit(request)
            return self._read(request, origin + self.folder)
        except Refused as refused:
            return refuse(refused.status, str(refused))

    def _admit(self, request: Request) -> None:
        if not has_login(request, self.username, self.password):
            raise Refused(401, "The login is missing or wrong.")
        if request.method != "GET":
            raise Refused(405, "The service is read-only.")

    def _read(self, request: Request, base: str) -> Response:
        name = request.path[len(self.folder) :].strip("/")
        if not name:
            sets = [{"name": table, "kind": "EntitySet", "url": table} for table in TABLES]
            return _json({"@odata.context": f"{base}/$metadata", "value": sets})
        if name == "$metadata":
            return Response(body=_metadata(), content_type="application/xml; charset=utf-8")
        if name not in TABLES:
            raise Refused(404, f"There is no resource '{name}'.")
        return _json(self._page(TABLES[name], _options(request.query), base))

    def _page(self, table: Table, options: Mapping[str, str], base: str) -> dict[str, Any]:
        rows = self.store.rows_before(table.name, self.store.rules.read_lag)
        if "$filter" in options:
            rows = _filtered(table, rows, options["$filter"])
        names = [name.strip() for name in options.get("$select", ",".join(table.columns)).split(",")]
        for name in names:
            _known(table, name)
        rows = _ordered(table, rows, options.get("$orderby", ""))
        skip, top = _whole(options, "$skip"), _whole(options, "$top")
        cap = self.store.rules.page_cap
        page = rows[skip:][: cap if top is None else min(cap, top)]
        body: dict[str, Any] = {"@odata.context": f"{base}/$metadata#{table.name}"}
        if options.get("$count") == "true":
            body["@odata.count"] = len(rows)
        body["value"] = [{name: row[name] for name in names} for row in page]
        left = len(rows[skip:]) if top is None else min(top, len(rows[skip:]))
        if len(page) < left:
            more = {**options, "$skip": str((skip or 0) + len(page))}
            if top is not None:
                more["$top"] = str(top - len(page))
            body["@odata.nextLink"] = f"{base}/{table.name}?{urlencode(more, quote_via=quote)}"
        return body


def has_login(request: Request, username: str, password: str) -> bool:
    """Whether the request has this Basic login."""
    wanted = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode())


def refuse(status: int, message: str) -> Response:
    """An error in OData's shape."""
    headers = {401: {"WWW-Authenticate": 'Basic realm="SYSPRO"'}, 405: {"Allow": "GET"}}.get(status, {})
    body = json.dumps({"error": {"code": str(status), "message": message}}).encode()
    return Response(status=status, body=body, content_type="application/json; odata.metadata=minimal", headers=headers)


def _options(query: str) -> dict[str, str]:
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    options = {unquote(name): unquote(value.replace("+", " ")) for name, value in pairs}
    for name in options:
        if name.startswith("$") and name not in _OPTIONS:
            raise Refused(400, f"The query parameter '{name}' is not supported.")
    return options


def _filtered(table: Table, rows: list[Row], text: str) -> list[Row]:
    known = Filterable(
        name=table.name, service="", set=table.name, key=(), columns=dict(table.columns), calculated=frozenset()
    )
    try:
        test = compile_filter(text, known, 4)
    except Refusal:
        raise Refused(400, f"The $filter '{text}' does not fit '{table.name}'.") from None
    return [row for row in rows if test(row)]


def _ordered(table: Table, rows: list[Row], text: str) -> list[Row]:
    for part in reversed([part.split() for part in text.split(",") if part.strip()]):
        name, direction = part[0], part[1] if len(part) > 1 else "asc"
        _known(table, name)
        if len(part) > 2 or direction not in {"asc", "desc"}:
            raise Refused(400, f"The $orderby '{text}' can't be read.")
        rows = sorted(rows, key=_rank(name), reverse=direction == "desc")
    return rows


def _rank(name: str) -> Any:
    return lambda row: (row[name] is not None, row[name])


def _known(table: Table, name: str) -> None:
    if name not in table.columns:
        raise Refused(400, f"Could not find a property named '{name}' on type '{table.name}'.")


def _whole(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is not None and not re.fullmatch(r"[0-9]{1,9}", text):
        raise Refused(400, f"'{text}' is no value for {name}.")
    return None if text is None else int(text)


def _json(body: Mapping[str, Any]) -> Response:
    return Response(body=_text(body).encode(), content_type="application/json; odata.metadata=minimal")


def _text(value: Any) -> str:
    """JSON in which a decimal is the number it is, digit by digit."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(name)}:{_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else value, ensure_ascii=False)


def _metadata() -> bytes:
    edmx, edm = "http://docs.oasis-open.org/odata/ns/edmx", "http://docs.oasis-open.org/odata/ns/edm"
    root = ET.Element(f"{{{edmx}}}Edmx", Version="4.0")
    services = ET.SubElement(root, f"{{{edmx}}}DataServices")
    schema = ET.SubElement(services, f"{{{edm}}}Schema", Namespace="Syspro")
    for table in TABLES.values():
        entity = ET.SubElement(schema, f"{{{edm}}}EntityType", Name=table.name)
        key = ET.SubElement(entity, f"{{{edm}}}Key")
        for name in list(table.columns)[: table.keys]:
            ET.SubElement(key, f"{{{edm}}}PropertyRef", Name=name)
        for name, kind in table.columns.items():
            ET.SubElement(entity, f"{{{edm}}}Property", Name=name, Type=_EDM[kind])
    container = ET.SubElement(schema, f"{{{edm}}}EntityContainer", Name="Container")
    for name in TABLES:
        ET.SubElement(container, f"{{{edm}}}EntitySet", Name=name, EntityType=f"Syspro.{name}")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
