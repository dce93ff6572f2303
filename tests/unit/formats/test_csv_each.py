"""CSV with a row for each item of a list: what is written so, the same layout's `document` reads back."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import BadRow
from engine.errors import RecordError
from engine.formats.csv import Csv
from engine.formats.reading import Wanted
from engine.mapping.documents import Column, Documents, DocumentShape

COLUMNS = ("number", "invoice", "day", "amount")
SHAPE = DocumentShape(
    key=("number",),
    header={"number": Column(type="string"), "day": Column(type="date", format="%Y-%m-%d")},
    lines={"invoice": Column(type="string"), "amount": Column(type="decimal")},
)
PAYMENT = {
    "number": "5001",
    "day": date(2026, 3, 1),
    "lines": [{"invoice": "00123", "amount": Decimal("10.00")}, {"invoice": "00124", "amount": Decimal("-5.5")}],
}


def kind(**keys: Any) -> Csv:
    return Csv(**{"each": "lines", "columns": COLUMNS, "newline": "lf", **keys})


def written(*records: dict[str, Any], **keys: Any) -> bytes:
    return b"".join(kind(**keys).encode(iter(records), ("number", "day", "lines")))


def read(raw: bytes, kind_: Csv) -> list[dict[str, Any]]:
    documents = Documents(SHAPE)
    wanted = [Wanted(names=names, required=required) for names, required in documents.wanted]
    found = documents.group(lambda count: kind_.decode(io.BytesIO(raw), wanted, count=count))
    return [item.error if isinstance(item, BadRow) else item.values for item in found]  # type: ignore[misc]


def test_each_item_is_a_row_and_the_documents_own_fields_repeat() -> None:
    assert written(PAYMENT).decode().splitlines() == [
        "number,invoice,day,amount",
        "5001,00123,2026-03-01,10.00",
        "5001,00124,2026-03-01,-5.5",
    ]


@pytest.mark.parametrize("lines", [[], None])
def test_a_document_without_items_is_one_row_with_their_cells_empty(lines: Any) -> None:
    assert written({**PAYMENT, "lines": lines}).decode().splitlines()[1:] == ["5001,,2026-03-01,"]


def test_a_document_that_lacks_the_list_is_one_row_too() -> None:
    assert written({"number": "7"}, PAYMENT).decode().splitlines()[1:3] == ["7,,,", "5001,00123,2026-03-01,10.00"]


def test_a_field_an_item_does_not_have_is_an_empty_cell_and_not_the_neighbours() -> None:
    lines = [{"invoice": "A", "amount": 1}, {"amount": 2}, {"invoice": "C"}]
    assert written({**PAYMENT, "lines": lines}).decode().splitlines()[1:] == [
        "5001,A,2026-03-01,1",
        "5001,,2026-03-01,2",
        "5001,C,2026-03-01,",
    ]


@pytest.mark.parametrize(
    ("lines", "said"),
    [("00123", "a list is expected"), ({"invoice": "1"}, "a list is expected"), ([{"invoice": "1"}, "2"], "item 2")],
)
def test_what_is_no_list_of_records_is_refused_with_its_field(lines: Any, said: str) -> None:
    with pytest.raises(RecordError, match=f"`lines`: {said}"):
        written({**PAYMENT, "lines": lines})


def test_a_value_of_an_item_without_a_form_is_refused_with_its_field() -> None:
    with pytest.raises(RecordError, match="`invoice`"):
        written({**PAYMENT, "lines": [{"invoice": ["x"], "amount": 1}]})


def test_the_specs_columns_are_what_is_written_and_in_which_order() -> None:
    """The object's fields, handed over beside them, only stand in where the spec names no columns."""
    records = [{"a": 1, "b": 2, "c": 3}]
    assert b"".join(Csv(columns=("c", "a")).encode(records, ("a", "b", "c"))) == b"c,a\r\n3,1\r\n"
    assert b"".join(Csv().encode(records, ("a", "b", "c"))) == b"a,b,c\r\n1,2,3\r\n"


def test_each_without_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="`each` needs `columns`"):
        Csv(each="lines")


def test_rows_of_one_document_may_go_over_any_number_of_pieces() -> None:
    lines = [{"invoice": f"I{n}", "amount": n} for n in range(1, 1234)]
    rows = written({**PAYMENT, "lines": lines}, {**PAYMENT, "number": "5002"}).decode().splitlines()[1:]
    assert len(rows) == 1233 + 2
    assert rows[999] == "5001,I1000,2026-03-01,1000"


WORDS = st.text(st.sampled_from("ab01 ,;|\"'=-éß\n"), min_size=1, max_size=8).filter(lambda text: text == text.strip())
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9)
ITEMS = st.fixed_dictionaries({"invoice": st.none() | WORDS, "amount": st.none() | AMOUNTS})
PAYMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "number": WORDS,
            "day": st.none() | st.dates(min_value=date(1900, 1, 1)),
            "lines": st.lists(ITEMS.filter(lambda item: any(value is not None for value in item.values())), max_size=5),
        }
    ),
    max_size=8,
    unique_by=lambda payment: str(payment["number"]),
)


@given(PAYMENTS, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["lf", "crlf"]), st.permutations(COLUMNS))
def test_what_is_written_a_row_an_item_comes_back_as_the_same_documents(
    payments: list[dict[str, Any]], delimiter: str, newline: Any, columns: tuple[str, ...]
) -> None:
    layout = {"delimiter": delimiter, "newline": newline, "columns": tuple(columns)}
    raw = written(*payments, **layout)
    assert read(raw, kind(**layout)) == payments


@given(PAYMENTS)
def test_the_standard_reader_sees_a_row_an_item(payments: list[dict[str, Any]]) -> None:
    rows = list(csv.DictReader(io.StringIO(written(*payments).decode(), newline=""), strict=True))
    expected = [
        (payment["number"], line.get("invoice") or "", line.get("amount"))
        for payment in payments
        for line in payment["lines"] or [{}]
    ]
    found = [(row["number"], row["invoice"], Decimal(row["amount"]) if row["amount"] else None) for row in rows]
    assert found == expected
