"""Reading entity sets of the Epicor Kinetic stand-in: `$` options, pages of at most 100 rows, keys, metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from engine.sandbox.epicor_columns import Table
from engine.sandbox.epicor_errors import bad_query, not_found
from engine.sandbox.epicor_filter import column_kind, compile_filter
from engine.sandbox.epicor_store import Row, Store

PAGE_CAP = 100
_OPTIONS = frozenset({"$filter", "$select", "$orderby", "$top", "$skip", "$expand", "$format"})
_COUNT: Mapping[int, str] = {4: "$count", 3: "$inlinecount"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One read of a set: `version` is OData 3 or 4, `base` the service's URL for context links."""

    store: Store
    table: Table
    company: str
    version: int
    base: str


def read_set(reading: Reading, options: Mapping[str, str]) -> dict[str, Any]:
    """The page the options ask for; 400 for an option, column or literal the version does not know."""
    _check_options(options, reading.version)
    table, version = reading.table, reading.version
    rows = [row for row in reading.store.all(table.name) if row["Company"] == reading.company]
    if "$filter" in options:
        predicate = compile_filter(options["$filter"], table, version)
        rows = [row for row in rows if predicate(row)]
    total, skip = len(rows), _whole(options, "$skip", 0)
    rows = _ordered(reading, rows, options, skip)
    top = _whole(options, "$top", PAGE_CAP)
    page = rows[skip : skip + top]
    columns, expand = _columns(table, options.get("$select")), _expands(reading, table, options.get("$expand", ""))
    names = options.get("$select")
    context = f"{reading.base}/$metadata#{table.set}" + (f"({names})" if names and version == 4 else "")
    body: dict[str, Any] = {"@odata.context" if version == 4 else "odata.metadata": context}
    if _counted(options, version):
        body |= {"@odata.count": total} if version == 4 else {"odata.count": str(total)}
    body["value"] = [_shape(reading, table, row, columns, expand) for row in page]
    if reading.store.rules.next_link and "$top" not in options and skip + top < total:
        query = urlencode({**options, "$skip": skip + top}, quote_via=quote)
        body["@odata.nextLink" if version == 4 else "odata.nextLink"] = f"{reading.base}/{table.set}?{query}"
    return body


def read_one(reading: Reading, key: str, options: Mapping[str, str]) -> dict[str, Any]:
    """The entity of a key predicate such as `'EPIC06',12`, named parts allowed; 404 when there is none."""
    _check_options(options, reading.version)
    table, row = reading.table, find_row(reading.store, reading.table, key)
    columns = _columns(table, options.get("$select"))
    expand = _expands(reading, table, options.get("$expand", ""))
    name = "@odata.context" if reading.version == 4 else "odata.metadata"
    suffix = "/$entity" if reading.version == 4 else "/@Element"
    context = {name: f"{reading.base}/$metadata#{table.set}{suffix}"}
    return context | _shape(reading, table, row, columns, expand)


def find_row(store: Store, table: Table, key: str) -> Row:
    """The stored row of a key predicate; 400 when it cannot be read, 404 when there is no such row."""
    parts = re.findall(r"(?:(\w+)=)?('(?:[^']|'')*'|[^',]+)(?:,|$)", key)
    named = {name: text for name, text in parts if name}
    if len(parts) != len(table.key) or (named and set(named) != set(table.key)):
        raise bad_query(f"The key ({key}) does not fit {table.set}({', '.join(table.key)}).")
    texts = [named[name] for name in table.key] if named else [text for _, text in parts]
    company, *rest = (_key_value(table, name, text) for name, text in zip(table.key, texts, strict=True))
    row = store.get(table.name, *rest, company=company)
    if row is None:
        raise not_found(f"{table.set}({key}) not found.")
    return row


def _key_value(table: Table, name: str, text: str) -> Any:
    kind, quoted = table.columns[name], text.startswith("'")
    if kind == "string" and quoted:
        return text[1:-1].replace("''", "'")
    if kind == "integer" and re.fullmatch(r"-?[0-9]+", text):
        return int(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    raise bad_query(f"The key part {name} does not take {text}.")


def _check_options(options: Mapping[str, str], version: int) -> None:
    for name in options:
        if name.startswith("$") and name not in _OPTIONS | {_COUNT[version]}:
            raise bad_query(f"The query parameter '{name}' is not supported.")


def _counted(options: Mapping[str, str], version: int) -> bool:
    allowed = {"true": True, "false": False} if version == 4 else {"allpages": True, "none": False}
    value = options.get(_COUNT[version], "false" if version == 4 else "none")
    if value not in allowed:
        raise bad_query(f"Invalid value '{value}' for {_COUNT[version]} query option.")
    return allowed[value]


def _whole(options: Mapping[str, str], name: str, default: int) -> int:
    text = options.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise bad_query(f"Invalid value '{text}' for {name} query option. It requires a non-negative integer.")
    return int(text)


def _ordered(reading: Reading, rows: list[Row], options: Mapping[str, str], skip: int) -> list[Row]:
    """Rows in the wanted order; without one, later pages come in another order than the first, as may happen."""
    table, store = reading.table, reading.store
    rows = sorted(rows, key=lambda row: store.key_of(table.name, row))
    wanted = options.get("$orderby")
    if wanted is None:
        return rows[::-1] if skip else rows
    for part in reversed(wanted.split(",")):
        match = re.fullmatch(r"\s*(\w+)(?:\s+(asc|desc))?\s*", part)
        if match is None:
            raise bad_query(f"Syntax error in $orderby '{wanted}'.")
        name = match[1]
        column_kind(table, name, "$orderby")
        rows = sorted(rows, key=lambda row: (row[name] is not None, row[name]), reverse=match[2] == "desc")
    return rows


def _columns(table: Table, select: str | None) -> list[str]:
    if select is None or select.strip() == "*":
        return list(table.columns)
    names = [part.strip() for part in select.split(",")]
    for name in names:
        if name not in table.expands:
            column_kind(table, name, "$select")
    return [name for name in names if name in table.columns]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Expand:
    child: Table
    columns: list[str]
    inner: Mapping[str, _Expand]


def _expands(reading: Reading, table: Table, text: str) -> Mapping[str, _Expand]:
    """`A($select=X;$expand=B)` in v4, `A/B` in v3, several separated by commas; 400 for an unknown name."""
    found: dict[str, _Expand] = {}
    for part in _split(text, ","):
        name, _, deeper = part.strip().partition("/") if reading.version == 3 else (part.strip(), "", "")
        match = re.fullmatch(r"(\w+)(?:\((.*)\))?", name)
        inner = dict(pair.partition("=")[::2] for pair in _split(match[2] or "", ";")) if match else {}
        if match is None or not set(inner) <= {"$select", "$expand"} or (inner and reading.version == 3):
            raise bad_query(f"Syntax error in $expand '{text}'.")
        if match[1] not in table.expands:
            raise bad_query(f"Could not find a property named '{match[1]}' on type 'Erp.Tablesets.{table.name}Row'.")
        child = reading.store.tables[table.expands[match[1]]]
        below = _expands(reading, child, inner.get("$expand", deeper))
        found[match[1]] = _Expand(child=child, columns=_columns(child, inner.get("$select")), inner=below)
    return found


def _split(text: str, sign: str) -> list[str]:
    """The parts of a list at the sign, but not inside parentheses; empty parts are left out."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == sign and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part]


def _shape(
    reading: Reading, table: Table, row: Row, columns: list[str], expand: Mapping[str, _Expand]
) -> dict[str, Any]:
    shaped = {name: row[name] for name in columns}
    key = reading.store.key_of(table.name, row)
    for name, wanted in expand.items():
        rows = reading.store.below(wanted.child.name, *key)
        shaped[name] = [_shape(reading, wanted.child, item, wanted.columns, wanted.inner) for item in rows]
    return shaped
