"""Fixed width written: exactly as wide as declared or an error, totals added, and read back as it was."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecordError
from engine.formats.fixed import Fixed, FixedField, FixedRecord, FixedTotal
from engine.formats.reading import Wanted


def text(first: int, last: int, **keys: Any) -> FixedField:
    return FixedField(slice=(first, last), **keys)


def number(first: int, last: int, **keys: Any) -> FixedField:
    return FixedField(slice=(first, last), type="decimal", **keys)


def one(field: FixedField, value: Any, **keys: Any) -> str:
    kind = Fixed(records={"r": FixedRecord(fields={"f": field})}, newline="none", record_length=field.slice[1], **keys)
    return b"".join(kind.encode([{"f": value}])).decode(kind.encoding)


PAYMENTS = Fixed(
    records={
        "head": FixedRecord(
            at=(1, 1), is_="H", stands="first", fields={"made": text(2, 11), "from": text(12, 15, const="ACME")}
        ),
        "payment": FixedRecord(
            at=(1, 1),
            is_="P",
            stands="opens",
            fields={"number": text(2, 9), "amount": number(10, 21, implied=2, overpunch=True)},
        ),
        "bill": FixedRecord(
            at=(1, 1),
            is_="B",
            each="lines",
            fields={"invoice": text(2, 13), "paid": number(14, 24, implied=2)},
        ),
        "foot": FixedRecord(
            at=(1, 1),
            is_="F",
            stands="closes",
            fields={"bills": number(2, 5, implied=0), "sum": number(6, 20, implied=2)},
            totals=(FixedTotal(field="bills", count=("bill",)), FixedTotal(field="sum", sum=("bill.paid",))),
        ),
        "end": FixedRecord(
            at=(1, 1),
            is_="T",
            stands="last",
            fields={
                "records": number(2, 7, implied=0),
                "sum": number(8, 22, implied=2),
                "feet": number(23, 28, implied=2),
            },
            totals=(
                FixedTotal(field="records", count=("head", "payment", "bill", "foot", "end")),
                FixedTotal(field="sum", sum=("foot.sum",)),
                FixedTotal(field="feet", sum=("payment.amount",), modulo=1000),
            ),
        ),
    },
    block_factor=5,
    line_end="lf",
)


def test_a_whole_file_with_its_totals_and_its_last_block_filled():
    documents = [
        {
            "made": date(2026, 11, 21),
            "number": "P-1",
            "amount": Decimal("-12.34"),
            "lines": [{"invoice": "A", "paid": Decimal(-20)}, {"invoice": "B", "paid": "7.66"}],
        },
        {"made": date(2026, 11, 21), "number": "P-2", "amount": 1012, "lines": []},
    ]
    assert [line.rstrip() for line in b"".join(PAYMENTS.encode(documents)).decode().split("\n")] == [
        "H2026-11-21ACME",
        "PP-1     00000000123M",
        "BA           -0000002000",
        "BB           00000000766",
        "F0002-00000000001234",
        "PP-2     00000010120{",
        "F0000000000000000000",
        "T000008-00000000001234099966",
        *["9" * 28] * 2,
        "",
    ]


def test_no_documents_still_have_their_frame():
    lines = b"".join(PAYMENTS.encode([])).decode().splitlines()
    assert [line.rstrip() for line in lines] == ["H          ACME", "T000002000000000000000000000", *["9" * 28] * 3]


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        (text(1, 5), "ab", "ab   "),
        (text(1, 5, justify="right"), "ab", "   ab"),
        (text(1, 5, justify="right", pad="0"), 42, "00042"),
        (text(1, 5), None, "     "),
        (text(1, 10), date(2026, 11, 21), "2026-11-21"),
        (text(1, 5), True, "true "),
        (number(1, 7, implied=2), Decimal("12.3"), "0001230"),
        (number(1, 7, implied=2), Decimal("-12.30"), "-001230"),
        (number(1, 7, implied=2, pad=" "), Decimal("-12.30"), "  -1230"),
        (number(1, 7, implied=2, sign="trailing"), Decimal("-12.30"), "001230-"),
        (number(1, 7, implied=2, sign="trailing"), Decimal("12.30"), "001230 "),
        (number(1, 7, implied=2, overpunch=True), Decimal("12.30"), "000123{"),
        (number(1, 7, implied=2, overpunch=True), Decimal("-12.39"), "000123R"),
        (number(1, 7, implied=2), Decimal("-0.00"), "0000000"),
        (number(1, 7), Decimal("1E+2"), "0000100"),
        (number(1, 7, justify="left", pad=" "), Decimal("-1.5"), "-1.5   "),
        (number(1, 7), None, "       "),
        (number(1, 3, implied=2), Decimal("9.990"), "999"),
    ],
)
def test_a_value_takes_its_place(field, value, written):
    assert one(field, value) == written


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        (text(1, 5), "abcdef", "`f`: `abcdef` takes 6 characters and the field has 5"),
        (number(1, 5, implied=2), Decimal("1234.50"), "`f`: `1234.50` takes 6 characters and the field has 5"),
        (number(1, 5, implied=2), Decimal("-123.45"), "takes 6 characters and the field has 5"),
        (number(1, 5, implied=2), Decimal("1.005"), "`1.005` has more decimals than the 2 of the field"),
        (number(1, 5, implied=2, sign="none"), Decimal(-1), "`-1` is negative, and the field has no sign"),
        (number(1, 5), "12,5", "`12,5` is no number"),
        (number(1, 5), Decimal("NaN"), "`NaN` is not an amount"),
        (number(1, 5), Decimal("1E+999999"), "is not an amount"),
        (number(1, 5), True, "`true` is no number"),
        (text(1, 5), "a\nb", "the text holds '\\n'"),
        (text(1, 5), "a\0b", "the text holds '\\x00'"),
        (text(1, 5), "\u4e2d", "can't be written as cp1252"),
        (text(1, 5), ["a"], "a list has no form in a fixed-width file"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_field_width_and_value(field, value, said):
    with pytest.raises(RecordError) as caught:
        one(field, value)
    assert said in str(caught.value)
    assert caught.value.field == "f"


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([{"made": "a", "number": "1"}, {"made": "b", "number": "2"}], "`made`: differs between documents"),
        ([{"number": "1", "lines": "x"}], "`lines`: a list of `bill` records is expected"),
        ([{"number": "1", "lines": ["x"]}], "`lines`: a list of `bill` records is expected"),
        ([{"number": "1", "lines": [{"paid": "1.234"}]}], "`lines.paid`: `1.234` has more decimals"),
        ([{"number": "1" * 9}], "`number`: `111111111` takes 9 characters and the field has 8"),
    ],
)
def test_a_document_that_can_not_be_written_is_told_with_its_field(documents, said):
    with pytest.raises(RecordError, match=said):
        list(PAYMENTS.encode(documents))


def test_a_field_can_not_stand_over_what_tells_the_record():
    kind = Fixed(records={"a": FixedRecord(at=(1, 1), is_="A", stands="opens", fields={"f": text(1, 3)})})
    assert b"".join(kind.encode([{"f": "Abc"}])) == b"Abc\r\n"
    with pytest.raises(RecordError, match="stands over what tells the record type"):
        list(kind.encode([{"f": "Xbc"}]))


def test_two_types_that_open_a_document_can_be_read_and_not_written():
    kind = Fixed(records={name: FixedRecord(at=(1, 1), is_=name, stands="opens") for name in "AB"})
    assert len(list(kind.nest(io.BytesIO(b"A\nB\nA\n"), []))) == 3
    with pytest.raises(ValueError, match="one record type that `opens`"):
        list(kind.encode([{}]))


TEXTS = st.text(st.characters(codec="cp1252", exclude_categories=("Cc", "Zs", "Zl", "Zp")), max_size=8)
AMOUNTS = st.decimals(min_value=-(10**7), max_value=10**7, places=2)
DOCUMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "number": TEXTS,
            "amount": AMOUNTS,
            "lines": st.lists(st.fixed_dictionaries({"invoice": TEXTS, "paid": AMOUNTS}), max_size=3),
        }
    ),
    max_size=4,
)


@given(documents=DOCUMENTS, newline=st.sampled_from(["required", "none"]))
def test_what_is_written_is_read_back(documents, newline):
    kind = Fixed(records=PAYMENTS.records, newline=newline, record_length=28, block_factor=3)
    raw = b"".join(kind.encode(documents))
    names = ("payment.number", "payment.amount", "foot.sum")
    found = list(
        kind.nest(
            io.BytesIO(raw),
            [Wanted(names=(name,)) for name in names],
            [Wanted(names=("bill.invoice",)), Wanted(names=("bill.paid",))],
            "bill",
        )
    )
    assert [
        (one.header[0], Decimal(one.header[1]), [(row[0], Decimal(row[1])) for _, row in one.lines]) for one in found
    ] == [
        (one["number"], one["amount"], [(line["invoice"], line["paid"]) for line in one["lines"]]) for one in documents
    ]
    assert [Decimal(one.header[2]) for one in found] == [
        sum(line["paid"] for line in one["lines"]) for one in documents
    ]
    assert raw == b"".join(kind.encode(documents))
