"""JSON: exact numbers, nothing dropped in silence."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import BadRow
from engine.errors import ParcelError, RecordError
from engine.formats.json import Json
from engine.formats.reading import Wanted


def records(text: str | bytes, **keys: Any) -> list[Any]:
    raw = text.encode() if isinstance(text, str) else text
    return [record for _, record in Json(**keys).records_of(io.BytesIO(raw))]


def test_an_array_an_object_a_path_and_lines_are_read() -> None:
    assert records('[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]
    assert records('{"a": 1}') == [{"a": 1}]
    assert records('{"d": {"items": [{"a": 1}]}}', records="d.items") == [{"a": 1}]
    assert records('{"a": 1}\n\n{"a": 2}', layout="lines") == [{"a": 1}, {"a": 2}]


def test_numbers_stay_exact() -> None:
    (record,) = records('{"a": 10.30, "b": 0.1, "c": 3}')
    assert (str(record["a"]), record["b"], record["c"]) == ("10.30", Decimal("0.1"), 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"a": 1, "a": 2}]', "member `a` twice"),
        ('[{"a": NaN}]', "`NaN` is not a number"),
        ('[{"a": 1e999}]', "no amount"),
        ('[{"a": ' + "9" * 5000 + "}]", "no amount"),
        ('[{"a": ', "not JSON, or cut short"),
        ("[1]", "record 1: the record is a number"),
        ('"x"', "leads to text"),
        ("[" * 100 + "]" * 100, "nested too deep"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_what_money_can_not_bear_refuses_the_file(text: str, says: str) -> None:
    with pytest.raises(ParcelError, match=says):
        records(text)


def test_a_wrong_path_and_too_many_records_are_refused() -> None:
    with pytest.raises(ParcelError, match="no `items`"):
        records("{}", records="items")
    with pytest.raises(ParcelError, match="more than 1"):
        records('[{"a":1},{"a":2}]', max_rows=1)


def test_a_cut_line_is_named() -> None:
    with pytest.raises(ParcelError, match=r"line 2, byte 9: column 7: .*cut short"):
        records('{"a": 1}\n{"a": ', layout="lines")


def test_fields_are_picked_by_dotted_path() -> None:
    fields = [Wanted(names=("v.id",), required=True), Wanted(names=("n", "m"))]
    text = b'[{"v": {"id": 7}, "m": null}, {"v": 1}]'
    first, second = list(Json().decode(io.BytesIO(text), fields))
    assert first == (1, (7, None))
    assert isinstance(second, BadRow)
    assert "lacks `v.id`" in second.error


def test_writing_is_exact_and_deterministic() -> None:
    record = {"b": Decimal("10.30"), "a": date(2026, 1, 2), "t": datetime(2026, 1, 2, tzinfo=UTC), "l": [{"x": None}]}
    text = b"".join(Json().encode([record, record], ["a", "b", "t", "l"]))
    assert text.splitlines()[1] == b'{"a":"2026-01-02","b":10.30,"t":"2026-01-02T00:00:00Z","l":[{"x":null}]},'
    assert [r["b"] for r in records(text)] == [Decimal("10.30")] * 2
    assert b"".join(Json(layout="lines").encode([{"a": 1}])) == b'{"a":1}\n'
    assert json.loads(b"".join(Json().encode([]))) == []


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("1E+9999"), object()])
def test_what_json_can_not_say_is_refused(value: Any) -> None:
    with pytest.raises(RecordError):
        b"".join(Json().encode([{"a": value}]))


@given(st.binary(max_size=200), st.sampled_from(["document", "lines"]))
def test_whatever_the_bytes_only_a_parcel_error_comes_out(raw: bytes, layout: Any) -> None:
    try:
        records(raw, layout=layout)
    except ParcelError:
        return
