"""JSON records whose lines are a list of objects inside them."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

from engine.contracts import BadRow, Nested
from engine.formats.json import Json
from engine.formats.reading import Wanted

HEADER = [Wanted(names=("id",)), Wanted(names=("vendor.code", "vendor_code"))]
LINES = [Wanted(names=("amount",)), Wanted(names=("gl.account",))]


def nested(each: str | None, *records: Any) -> list[Nested | BadRow]:
    text = "\n".join(json.dumps(record) for record in records)
    return list(Json(layout="lines").nest(io.BytesIO(text.encode()), HEADER, LINES, each))


def test_header_and_lines_are_found_by_their_paths() -> None:
    record = {"id": "1", "vendor": {"code": "ACME"}, "rows": {"items": [{"amount": 10.1, "gl": {"account": "61"}}, {}]}}
    assert nested("rows.items", record) == [
        Nested(
            place="row 1",
            header=["1", "ACME"],
            lines=[("row 1, item 1", [Decimal("10.1"), "61"]), ("row 1, item 2", [None, None])],
        )
    ]


def test_a_record_without_lines_has_none_and_another_name_counts() -> None:
    (one,) = nested(None, {"id": "1", "vendor_code": "ACME", "lines": None})
    assert one == Nested(place="row 1", header=["1", "ACME"], lines=[])


def test_lines_that_are_no_list_make_the_record_bad_and_no_other() -> None:
    bad, good = nested("lines", {"id": "1", "lines": "none"}, {"id": "2"})
    assert isinstance(bad, BadRow)
    assert "`lines` is not a list of objects" in bad.error
    assert isinstance(good, Nested)
