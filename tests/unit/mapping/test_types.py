"""Types: their notation, strict reading, what fits."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecordError
from engine.mapping.convert import format_value, number_format, parse_number, round_half_up, write_number
from engine.mapping.types import FieldType, assignable, convert, fit, fits, parse_type


@pytest.mark.parametrize(
    ("text", "kind", "length", "digits", "scale", "required"),
    [
        ("string", "string", None, None, None, False),
        ("string(8)!", "string", 8, None, None, True),
        ("decimal(18,2)", "decimal", None, 18, 2, False),
        ("decimal(18, 2)", "decimal", None, 18, 2, False),
        ("decimal", "decimal", None, None, None, False),
        ("date!", "date", None, None, None, True),
        ("list", "list", None, None, None, False),
    ],
)
def test_the_notation(text, kind, length, digits, scale, required):
    expected = FieldType(kind=kind, length=length, digits=digits, scale=scale, required=required)
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    "text", ["str", "string(0)", "date(8)", "decimal(2,4)", "decimal(99,2)", "string(8", "", "string(8,2)"]
)
def test_what_is_no_type_says_so(text):
    with pytest.raises(ValueError, match="`"):
        parse_type(text)


def test_a_misspelt_type_names_the_near_one():
    with pytest.raises(ValueError, match="did you mean `string`"):
        parse_type("strng(8)")


@pytest.mark.parametrize("text", ["00123", "12E4", "None", "1,200", "nan", " x "])
def test_text_stays_what_it_was(text):
    assert convert(text, parse_type("string")) == text


@pytest.mark.parametrize(
    "text",
    [
        "12E4",
        "NaN",
        "1_000",
        "1,200",
        "Infinity",
        "١٢",
        "１２",
        "--1",
        "1.2.3",
        "0x10",
        "1 000",
        "+-1",
        ".",
        "1.",
        "9" * 40,
    ],
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(RecordError):
        convert(text, parse_type("decimal"))


@pytest.mark.parametrize(
    ("text", "format_", "value"),
    [
        ("10.30", None, "10.30"),
        ("-0", None, "0"),
        ("+5", None, "5"),
        ("1,234.50", "#,##0.00", "1234.50"),
        ("1234.50", "#,##0.00", "1234.50"),
        ("1.234,50", "#.##0,00", "1234.50"),
        ("(10.00)", "(0.00)", "-10.00"),
        ("10.00-", "0.00-", "-10.00"),
        ("0001030", "0V00", "10.30"),
        ("-1030", "0V00", "-10.30"),
    ],
)
def test_amounts_by_format(text, format_, value):
    assert convert(text, parse_type("decimal"), format_) == Decimal(value)


@pytest.mark.parametrize("text", ["12,34.5", "1,2345", "(1.00", "(-1.00)"])
def test_thousands_and_signs_must_be_where_they_belong(text):
    with pytest.raises(RecordError):
        parse_number(text, "(#,##0.00)")


def test_a_bad_number_format_is_told():
    with pytest.raises(ValueError, match="no number format"):
        number_format("0,0.0.0")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
@pytest.mark.parametrize("format_", ["0.00", "#,##0.00", "#.##0,00", "(#,##0.00)", "0.00-", "0V00"])
def test_numbers_written_are_read_back(format_, number):
    rule = number_format(format_)
    assert parse_number(write_number(number, rule), format_) == number


def test_a_number_with_more_decimals_than_its_format_is_refused():
    with pytest.raises(RecordError, match="more decimals"):
        format_value(Decimal("1.005"), "0.00")


def test_dates_are_read_by_format_and_never_shifted():
    assert convert("11/21/2026", parse_type("date"), "%m/%d/%Y") == date(2026, 11, 21)
    assert convert("2026-11-21", parse_type("date")) == date(2026, 11, 21)
    assert convert("2026-11-21T23:30:00-05:00", parse_type("datetime")) == datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
    assert convert("2026-11-21T10:15:00", parse_type("datetime")) == datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-13-01", "21.11.2026", "2026-11-21x", "２０２６-11-21"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(RecordError):
        convert(text, parse_type("date"))


def test_an_instant_without_counterpart_in_utc_is_a_record_error():
    with pytest.raises(RecordError):
        convert("0001-01-01T00:00:00+05:00", parse_type("datetime"))


def test_booleans_by_their_words():
    assert convert("Y", parse_type("boolean"), "Y|N") is True
    assert convert("false", parse_type("boolean")) is False
    with pytest.raises(RecordError, match="neither"):
        convert("yes", parse_type("boolean"))


@pytest.mark.parametrize("kind", ["decimal", "integer", "date", "datetime", "boolean"])
def test_empty_text_is_null_for_all_but_text(kind):
    assert convert("  ", parse_type(kind)) is None


def test_whole_numbers_only():
    assert convert("0042", parse_type("integer")) == 42
    assert convert(Decimal("5.00"), parse_type("integer")) == 5
    for wrong in ("5.0", "5.5", Decimal("5.5"), True):
        with pytest.raises(RecordError):
            convert(wrong, parse_type("integer"))


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("abcd", "string(3)"),
        (Decimal("10.305"), "decimal(18,2)"),
        (Decimal(1000), "decimal(5,2)"),
        ("5", "integer"),
        (Decimal("5.5"), "integer"),
        ("2026-01-01", "date"),
        (datetime(2026, 1, 1, tzinfo=UTC), "date"),
        ("true", "boolean"),
        (True, "integer"),
        (True, "decimal"),
        (True, "string"),
        (None, "string!"),
        ("", "string!"),
        ([], "list!"),
        ("x", "list"),
        (Decimal("NaN"), "decimal"),
        (Decimal("1E+999999999"), "decimal(18,2)"),
        (Decimal("sNaN"), "integer"),
    ],
)
def test_what_does_not_fit_says_why(value, type_):
    assert fits(value, parse_type(type_))


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        ("abc", "string(3)", "abc"),
        (12, "string(3)", "12"),
        (Decimal("10.3"), "decimal(18,2)", Decimal("10.30")),
        (Decimal("10.3000"), "decimal(18,2)", Decimal("10.30")),
        (7, "decimal(18,2)", Decimal("7.00")),
        (Decimal("5.00"), "integer", 5),
        (None, "date", None),
        ("", "date", None),
        ("", "string", ""),
    ],
)
def test_what_fits_comes_out_as_the_field_takes_it(value, type_, expected):
    made = fit(value, parse_type(type_))
    assert made == expected
    assert str(made) == str(expected)


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_fitting_a_decimal_never_raises_anything_else(value):
    for type_ in ("decimal", "decimal(18,2)", "integer", "string(5)"):
        assert fits(value, parse_type(type_)) is None or fits(value, parse_type(type_))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15))
def test_an_amount_that_fits_is_the_same_amount(value):
    assert fit(value, parse_type("decimal(18,2)")) == value


@pytest.mark.parametrize(
    ("source", "target", "word"),
    [
        ("string", "date", "type: date"),
        ("string", "decimal(18,2)", "type: decimal"),
        ("string", "integer", "type: integer"),
        ("boolean", "string(5)", "values:"),
        ("date", "string", "format"),
        ("datetime", "date", "type: date"),
        ("list", "string", "list"),
        ("string", "list", "each"),
    ],
)
def test_types_that_never_go_together_name_the_remedy(source, target, word):
    assert word in str(assignable(parse_type(source), parse_type(target)))


@pytest.mark.parametrize(
    ("source", "target"),
    [("integer", "decimal(18,2)"), ("integer", "string(9)"), ("string(99)", "string(9)"), ("any", "date")],
)
def test_types_that_may_go_together(source, target):
    assert assignable(parse_type(source), parse_type(target)) is None


@pytest.mark.parametrize(
    ("value", "digits", "expected"), [("2.345", 2, "2.35"), ("-2.345", 2, "-2.35"), ("2.5", 0, "3")]
)
def test_rounding_is_commercial(value, digits, expected):
    assert round_half_up(Decimal(value), digits) == Decimal(expected)
