"""OData literals: one spelling per type, so that no value can end its quotes (OData 4.01 ABNF, `primitiveLiteral`)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from engine.errors import RecordError
from engine.mapping.convert import convert_value
from engine.mapping.signature import Function, function
from engine.mapping.text import kind_of, to_text

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}(?:/[A-Za-z_][A-Za-z0-9_]{0,127}){0,7}")
_MOST = 1000


def odata(value: Any) -> str:
    """A literal of OData version 4: text quoted with `'` doubled, dates and numbers bare. Raises RecordError for null, lists, secrets."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        return to_text(convert_value(value, "datetime").astimezone(UTC))
    if isinstance(value, bool | int | Decimal | date):
        return to_text(value)
    raise RecordError(f"{kind_of(value)} has no OData literal")


def odata3(value: Any) -> str:
    """The same for OData versions 1 to 3: `datetime'…'`, decimals with `M`."""
    if isinstance(value, datetime):
        return f"datetime'{convert_value(value, 'datetime').astimezone(UTC):%Y-%m-%dT%H:%M:%S}'"
    if isinstance(value, date):
        return f"datetime'{value.isoformat()}T00:00:00'"
    return odata(value) + ("M" if isinstance(value, Decimal) else "")


def odata_any(keys: list[Any]) -> str:
    """A filter that matches any of the keys: `(A eq 'x' and B eq 1) or (A eq 'y' and B eq 2)`. Field names are identifiers only."""
    if not keys or len(keys) > _MOST:
        raise RecordError(f"a filter is made of 1 to {_MOST} keys, and there are {len(keys)}")
    return " or ".join(f"({' and '.join(_equals(key))})" for key in keys)


def _equals(key: Any) -> list[str]:
    if not isinstance(key, dict) or not key:
        raise RecordError("each key is an object of field names and values")
    for name in key:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise RecordError(f"`{name}` is no field name of OData")
    return [f"{name} eq {odata(value)}" for name, value in key.items()]


_INSTANT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)

ODATA: tuple[Function, ...] = (
    function(
        "odata(value: text|number|boolean|date|datetime) -> text",
        odata,
        "The value as an OData 4 literal.",
        (("O'Brien",), "'O''Brien'"),
        ((Decimal("10.30"),), "10.30"),
        ((date(2026, 11, 21),), "2026-11-21"),
        ((_INSTANT,), "2026-11-21T10:15:00Z"),
        nulls=False,
    ),
    function(
        "odata3(value: text|number|boolean|date|datetime) -> text",
        odata3,
        "The value as an OData 3 literal.",
        ((date(2026, 11, 21),), "datetime'2026-11-21T00:00:00'"),
        ((Decimal("10.30"),), "10.30M"),
        nulls=False,
    ),
    function(
        "odata_any(keys: list) -> text",
        odata_any,
        "A filter that matches any of the keys, each an object of field names and values.",
        (([{"VendorID": "O'Brien"}, {"VendorID": "ACME"}],), "(VendorID eq 'O''Brien') or (VendorID eq 'ACME')"),
        (([{"Company": "A", "Num": 1}],), "(Company eq 'A' and Num eq 1)"),
    ),
)
