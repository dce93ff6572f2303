"""Records of a list come typed as their object declares, and one that does not fit stops no other."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from engine.contracts import BadRow, Row
from engine.mapping.types import FieldType, parse_type
from tests.unit.targets.erp import Reply

from .test_listing import source

ALL_TYPES = {
    name: parse_type(type_)
    for name, type_ in {
        "Id": "integer", "Name": "string(8)", "Day": "date", "At": "datetime", "Amount": "decimal(18,2)", "Open": "boolean", "Free": "any",
    }.items()
} | {"Lines": FieldType(kind="list", fields={"Text": parse_type("string"), "Cost": parse_type("decimal(9,2)")})}  # fmt: skip
PLAIN = "get: Vendors\nrecords: value\n"


def rows_of(*records: Any) -> list[Any]:
    with source(lambda asked: Reply(body={"value": list(records)}), text=PLAIN, since=None, fields=ALL_TYPES) as reader:  # fmt: skip
        (parcel,) = reader.parcels()
        return list(parcel.read())


def test_records_are_typed_by_the_objects_fields() -> None:
    (row,) = rows_of({
        "Id": 7, "Name": 123, "Day": "2026-11-02T23:30:00-05:00", "At": "2026-11-02T23:30:00.1234567-05:00", "Amount": 10.30,
        "Open": "false", "Free": [1], "Lines": [{"Text": "a", "Cost": "1.10", "More": 1}], "Unknown": "x",
    })  # fmt: skip

    assert row == Row(
        place="page 1 item 1",
        values={
            "Id": 7, "Name": "123", "Day": date(2026, 11, 2), "At": datetime(2026, 11, 3, 4, 30, 0, 123456, tzinfo=UTC),
            "Amount": Decimal("10.3"), "Open": False, "Free": [1], "Lines": [{"Text": "a", "Cost": Decimal("1.10")}],
        },
    )  # fmt: skip


def test_what_is_missing_or_empty_is_null_but_for_text() -> None:
    (row,) = rows_of({"Id": "", "Name": "", "Amount": None, "Day": " "})
    assert row.values == dict.fromkeys(ALL_TYPES) | {"Name": ""}


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ({"Id": 1.5}, "Id"),
        ({"Id": True}, "Id"),
        ({"Day": "2026-11-021"}, "Day"),
        ({"Day": 20261102}, "Day"),
        ({"At": "noon"}, "At"),
        ({"Amount": "1,200"}, "Amount"),
        ({"Amount": "NaN"}, "Amount"),
        ({"Open": 1}, "Open"),
        ({"Name": {}}, "Name"),
        ({"Lines": {}}, "Lines"),
        ({"Lines": [7]}, "Lines"),
        ({"Lines": [{"Cost": "x"}]}, "Lines.Cost"),
    ],
)
def test_a_record_that_does_not_fit_is_a_bad_row_and_the_rest_goes_on(member: dict[str, Any], field: str) -> None:
    good, bad = rows_of({"Id": 1}, {"Name": "b", **member})

    assert isinstance(good, Row)
    assert isinstance(bad, BadRow)
    assert (bad.place, bad.field) == ("page 1 item 2", field)
    assert bad.values["Name"] == member.get("Name", "b")
