"""Amounts from text: every form a file may have is read exactly where the spec declares it, and nothing else is ever an amount.

`Decimal()` alone would let in NaN, Infinity, 1e5, 1_000, digits of other scripts and blanks.
"""

from __future__ import annotations

import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.contracts import BadRow, Nested
from engine.errors import RecordError
from engine.formats.csv import Csv
from engine.formats.reading import Wanted
from engine.mapping.convert import number_format, parse_number, write_number
from engine.mapping.documents import Column, Documents, DocumentShape
from engine.mapping.documents_values import Field
from engine.run.build import Builder
from engine.spec.document import Problems, read_document

FORMS = [
    ("format: '0.00'", "1234.50", "1234.50"),
    ("thousands: ','", "1,234,567.50", "1234567.50"),
    ("thousands: '.'", "1.234.567,50", "1234567.50"),
    ("thousands: ' '", "1 234 567.50", "1234567.50"),
    ('thousands: "\'"', "1'234'567.50", "1234567.50"),
    ("decimal: ','", "-1234,50", "-1234.50"),
    ("thousands: '.', decimal: ','", "-1.234,50", "-1234.50"),
    ("format: '(0.00)'", "(12.00)", "-12.00"),
    ("format: '(#,##0.00)'", "(1,234.50)", "-1234.50"),
    ("format: '(#.##0,00)'", "(1.234,50)", "-1234.50"),
    ("format: '0.00-'", "12.00-", "-12.00"),
    ("format: '#,##0.00-'", "1,234.50-", "-1234.50"),
    ("format: '0V00'", "0001030", "10.30"),
    ("format: '0V00'", "-5", "-0.05"),
    ("format: '0V000'", "1030", "1.030"),
    ("format: '0V00-'", "1030-", "-10.30"),
    ("format: '(0V00)'", "(1030)", "-10.30"),
    ("required: true", "+0010.30", "10.30"),
]
NEVER = [
    "NaN", "nan", "sNaN", "-NaN", "Infinity", "-Infinity", "inf", "1e5", "1E5", "1E+5", "12E4", "1_000", "1__0", "_1",
    "١٢٣", "１２", "१२", "1٣", "²", "½", "Ⅻ", "−5", "1 000", "1\u00a0000", "1\u202f000", "1 .5", "- 5", "1. 5", "--1", "+-1",
    "1.2.3", ".", "-", "+", "1.", ".5", "0x10", "1/2", "1%", "$5", "5 EUR", "12,00", "()", "(5", "5)", "5-", "(-5)",
    "True", "None", "1" * 39, "1\x005", "1\n5", "\ufeff5", "5\u200b", "1,234.50", "(12.00)", "12.00-", "1'000",
]  # fmt: skip


def compiled(column: str, tmp_path: Path) -> Column:
    """A column as a spec writes it."""
    path = tmp_path / "column.yaml"
    path.write_text(f"amount: {{type: decimal, {column}}}\n")
    problems = Problems()
    root = read_document(path, problems)
    assert root is not None
    node = root.get("amount")
    assert node is not None
    found = Builder(problems, {}).build(Column, node)
    assert problems.found == ()
    assert isinstance(found, Column)
    return found


def shape(column: Column) -> DocumentShape:
    return DocumentShape(key=("id",), header={"id": Column(type="string"), "amount": column})


def by_csv(column: Column, text: str) -> Decimal | None:
    """Through a file: the generated code, and the strict reader behind it."""
    documents = Documents(shape(column))
    raw = b"".join(Csv(columns=("id", "amount")).encode([{"id": "1", "amount": text}]))
    wanted = [Wanted(names=names, required=required) for names, required in documents.wanted]
    (found,) = documents.group(lambda count: Csv().decode(io.BytesIO(raw), wanted, count=count))
    return None if isinstance(found, BadRow) else found.values["amount"]


def by_nest(column: Column, text: str) -> Decimal | None:
    """Through a format whose documents come whole."""
    (found,) = Documents(shape(column)).nested([Nested(place="line 1", header=["1", text], lines=())])
    return None if isinstance(found, BadRow) else found.values["amount"]


@pytest.mark.parametrize(("column", "text", "value"), FORMS)
def test_every_form_is_reachable_from_a_spec(column: str, text: str, value: str, tmp_path: Path) -> None:
    found = compiled(column, tmp_path)
    for read in (by_csv, by_nest, lambda column, text: Field("amount", column, 0).read(text)):
        amount = read(found, text)
        assert (amount, str(amount)) == (Decimal(value), value)


@pytest.mark.parametrize("text", NEVER)
def test_without_a_form_only_plain_digits_are_an_amount(text: str) -> None:
    column = Column(type="decimal", required=True)
    with pytest.raises(RecordError):
        Field("amount", column, 0).read(text)
    assert by_nest(column, text) is None
    assert "\0" in text or by_csv(column, text) is None


@pytest.mark.parametrize("form", ["#,##0.00", "#.##0,00", "# ##0.00", "#'##0.00", "(0.00)", "0.00-", "0V00"])
@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "1e5", "1_000", "١٢٣", "１２", "−5", "1  000", "--1", "(-1)", "-1-"]
)
def test_no_form_lets_in_what_is_never_an_amount(form: str, text: str) -> None:
    with pytest.raises(RecordError):
        parse_number(text, form)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("#,##0.00", "12,34.5"),
        ("#,##0.00", "1,2345"),
        ("#,##0.00", ",123"),
        ("#,##0.00", "1,,234"),
        ("#,##0.00", "1234,567"),
        ("#,##0.00", "1.234,50"),
        ("#,##0.00", "1,234,"),
        ("#.##0,00", "1,234.50"),
        ("#.##0,00", "1234.50"),
        ("0,00", "1234.50"),
        ("(0.00)", "(1.00"),
        ("(0.00)", "1.00)"),
        ("(0.00)", "12.00-"),
        ("0.00-", "(12.00)"),
        ("0.00-", "-12.00-"),
        ("0V00", "12.00"),
        ("0V00", "12,00"),
    ],
)
def test_marks_must_be_where_they_belong(form: str, text: str) -> None:
    with pytest.raises(RecordError):
        parse_number(text, form)


def test_a_negative_nothing_is_nothing() -> None:
    found = [parse_number(text, form) for text, form in (("-0.00", None), ("(0.00)", "(0.00)"), ("000-", "0V00-"))]
    assert [str(number) for number in found] == ["0.00", "0.00", "0.00"]


@st.composite
def forms(draw: st.DrawFn) -> str:
    """Any number format there is."""
    implied = draw(st.integers(0, 6))
    point = draw(st.sampled_from([".", ","]))
    mark = draw(st.sampled_from(["", ",", ".", " ", "'"]).filter(lambda mark: implied or mark != point))
    whole = (f"#{mark}##" if mark else "") + "0" * draw(st.integers(1, 3))
    fraction = "V" + "0" * implied if implied else draw(st.sampled_from(["", f"{point}00", f"{point}###"]))
    opened = draw(st.booleans())
    return ("(" if opened else "") + whole + fraction + (")" if opened else "") + draw(st.sampled_from(["", "-"]))


AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15)


@given(forms(), AMOUNTS)
def test_what_a_form_writes_the_same_form_reads_back(form: str, number: Decimal) -> None:
    try:
        text = write_number(number, number_format(form))
    except RecordError:
        return  # more decimals than the form has
    assert parse_number(text, form) == number
    assert by_nest(Column(type="decimal", format=form), text) == number


def reads(form: str, text: str) -> Decimal | None:
    """What a second reader makes of it, character by character and without `Decimal`'s own ideas."""
    rule = number_format(form)
    text, signs = text.strip(), 0
    negative = False
    if rule.parentheses and text.startswith("(") and text.endswith(")"):
        text, negative, signs = text[1:-1], True, signs + 1
    if rule.trailing_minus and text.endswith("-"):
        text, negative, signs = text[:-1], True, signs + 1
    if text[:1] in {"+", "-"}:
        text, negative, signs = text[1:], negative or text[0] == "-", signs + 1
    whole, point, fraction = text.partition(rule.point) if rule.implied is None else (text, "", "")
    groups = whole.split(rule.thousands) if rule.thousands else [whole]
    sizes = [len(groups[0]) in {1, 2, 3}, *(len(group) == 3 for group in groups[1:])]
    digits = "".join(groups) + fraction
    if signs > 1 or not groups[0] or (len(groups) > 1 and not all(sizes)) or (point and not fraction):
        return None
    if not digits or any(digit not in "0123456789" for digit in digits):
        return None
    number = int(digits) * (-1 if negative else 1)
    return Decimal(number).scaleb(-(len(fraction) if rule.implied is None else rule.implied))


TEXTS = st.text(st.sampled_from("0123456789.,'()+- _eENaInf٣１²−\u00a0"), max_size=9)


@given(
    forms() | st.just("0.###"),
    TEXTS | st.from_regex(re.compile(r"\(?[+-]?[0-9]{1,3}([,.' ][0-9]{3}){0,2}([.,][0-9]{1,2})?\)?-?"), fullmatch=True),
)
@example("(0.00)-", "(12.00)-")
@example("(0.00)-", "(12.00-)")
def test_two_readers_agree_on_what_is_an_amount_and_which(form: str, text: str) -> None:
    try:
        found: Decimal | None = parse_number(text, form)
    except RecordError:
        found = None
    assert found == reads(form, text)


@given(TEXTS | st.from_regex(re.compile(r"[+-]?[0-9]{1,21}(\.[0-9]{0,12})?"), fullmatch=True) | st.text(max_size=5))
def test_the_fast_way_reads_what_the_strict_reader_reads(text: str) -> None:
    """Generated code looks at an amount with one pattern; all else goes to the reader that explains."""
    column = Column(type="decimal")
    try:
        expected: Any = Field("amount", column, 0).read(text)
    except RecordError:
        expected = None
    assert by_nest(column, text) == expected
    if not any(letter in text for letter in "\0\ud800"):
        assert by_csv(column, text) == expected
    assert expected is None or re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", str(expected))


@given(st.text(max_size=8))
def test_no_text_at_all_is_an_amount_but_digits(text: str) -> None:
    try:
        found = parse_number(text)
    except RecordError:
        return
    assert re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text.strip())
    assert found.is_finite()
