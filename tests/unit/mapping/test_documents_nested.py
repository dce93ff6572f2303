"""Documents that come whole: typed in one go, and told with every mistake and its place when they can't be."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from engine.contracts import BadRow, Nested, Row
from engine.mapping.documents import Column, Documents, DocumentShape

SHAPE = DocumentShape(
    key=("number",),
    header={
        "date": Column(type="date", path="Date"),
        "number": Column(type="string", path="Number"),
        "total": Column(type="decimal", path="Total", required=True),
    },
    lines={"amount": Column(type="decimal", path="Amount", required=True), "account": Column(type="string")},
    each="Lines/Line",
)
WANTED = ("Number", "Date", "Total", "Amount", "account")


def whole(*items: Nested | BadRow) -> list[Row | BadRow]:
    documents = Documents(SHAPE)
    assert tuple(names[0] for names, _ in documents.wanted) == WANTED
    return list(documents.nested(items))


def invoice(
    *lines: tuple[str | None, str | None], header: tuple[str | None, ...] = ("00123", "2026-02-20", "10.30")
) -> Nested:
    return Nested(place="line 3", header=header, lines=[(f"line {n}", line) for n, line in enumerate(lines, 5)])


def test_values_are_typed_where_they_enter_and_lines_stay_with_their_header() -> None:
    assert whole(invoice(("4.10", " 6100 "), ("6.20", None))) == [
        Row(
            place="line 3",
            values={
                "number": "00123",
                "date": date(2026, 2, 20),
                "total": Decimal("10.30"),
                "lines": [
                    {"amount": Decimal("4.10"), "account": "6100"},
                    {"amount": Decimal("6.20"), "account": None},
                ],
            },
        )
    ]


def test_a_document_with_a_bad_line_is_bad_as_a_whole_and_tells_every_mistake() -> None:
    (bad,) = whole(invoice(("4.10", "6100"), ("6,2O", None), ("", None), header=("00123", "20.02.2026", "10.30")))
    assert isinstance(bad, BadRow)
    assert (bad.place, bad.field) == ("line 3", "date")
    assert [text in bad.error for text in ("`Date`", "line 6", "line 7")] == [True] * 3
    assert "line 5" not in bad.error
    assert bad.values["lines"][1] == {"amount": "6,2O", "account": None}


def test_a_document_without_its_key_is_bad() -> None:
    (bad,) = whole(invoice(header=("  ", "2026-02-20", "10.30")))
    assert isinstance(bad, BadRow)
    assert bad.field == "number"


def test_many_mistakes_are_cut_short() -> None:
    (bad,) = whole(invoice(*[("x", None)] * 1000))
    assert isinstance(bad, BadRow)
    assert bad.error.endswith("; and more")


def test_what_the_format_could_not_read_goes_through() -> None:
    torn = BadRow(place="line 9", values={}, error="no such record type")
    assert whole(torn, invoice(("1", "2")))[0] == torn


def test_one_the_format_could_not_read_goes_by_the_names_of_fields_and_so_has_its_key() -> None:
    bad = BadRow(place="line 3", values={"Number": " 00123", "Total": "x", "Other": "y"}, error="torn", field="Total")
    assert whole(bad) == [
        BadRow(place="line 3", values={"Other": "y", "number": "00123", "total": "x"}, error="torn", field="total")
    ]


def test_its_values_may_also_stand_deeper_as_a_record_of_json_has_them() -> None:
    shape = DocumentShape(
        key=("number",), header={"number": Column(type="string", path="invoice.number")}, each="invoice.lines"
    )
    bad = BadRow(place="row 3", values={"invoice": {"number": "00123", "lines": "none"}}, error="no list")
    (found,) = Documents(shape).nested([bad])
    assert isinstance(found, BadRow)
    assert found.values["number"] == "00123"
