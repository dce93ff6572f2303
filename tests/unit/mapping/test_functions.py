"""The function library: every example runs in both notations, and mistakes are told before anything runs."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecordError
from engine.mapping.expressions import Expression, ExpressionError
from engine.mapping.functions import FILTERS, FUNCTIONS
from engine.mapping.signature import call_function
from engine.mapping.templates import Template
from engine.mapping.text import to_text

EXAMPLES = [(entry.name, number) for entry in FUNCTIONS.values() for number in range(len(entry.examples))]


def expression_of(entry, example):
    """The example as an expression: constants written out, dates and lists read from data."""
    data, parts = {}, []
    for index, value in enumerate(example.arguments):
        if isinstance(value, str) and value.startswith("&"):
            parts.append(value)
        elif isinstance(value, str):
            parts.append("'" + value.replace("'", "\\'") + "'")
        elif isinstance(value, int | Decimal) or value is None:
            parts.append(f"`{json.dumps(value) if not isinstance(value, Decimal) else value}`")
        else:
            data[f"a{index}"] = value
            parts.append(f"a{index}")
    return Expression(f"{entry.name}({', '.join(parts)})"), data


def template_of(entry, example):
    """The example as a filter: the first argument before the bar."""
    data = {f"a{index}": value for index, value in enumerate(example.arguments)}
    constants = [
        repr(v) if isinstance(v, str) and v.isascii() and "\\" not in v else f"a{i}"
        for i, v in enumerate(example.arguments)
    ]
    rest = f"({', '.join(constants[1:])})" if len(data) > 1 else ""
    return Template("{{ " + constants[0] + " | " + entry.name + rest + " }}"), data


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_every_example_holds_as_expression(name, number):
    entry = FUNCTIONS[name]
    example = entry.examples[number]
    expression, data = expression_of(entry, example)
    assert expression(data) == example.result
    assert type(expression(data)) is type(example.result)


@pytest.mark.parametrize(("name", "number"), [pair for pair in EXAMPLES if pair[0] in FILTERS])
def test_every_example_holds_as_filter(name, number):
    entry = FUNCTIONS[name]
    example = entry.examples[number]
    template, data = template_of(entry, example)
    if isinstance(example.result, list | dict):
        with pytest.raises(RecordError, match="not text"):
            template(data)
    else:
        assert template(data) == to_text(example.result)


def test_every_function_is_described_with_an_example():
    for entry in FUNCTIONS.values():
        assert entry.about.endswith("."), entry.name
        assert entry.examples, entry.name
        assert entry.usage.startswith(entry.name)
        assert entry.gives in {"text", "number", "boolean", "date", "datetime", "list", "object", "any"}, entry.name


@pytest.mark.parametrize("name", [name for name, entry in FUNCTIONS.items() if entry.nulls])
def test_a_null_first_argument_of_a_plain_kind_gives_null(name):
    entry = FUNCTIONS[name]
    assert call_function(entry, [None, *entry.examples[0].arguments[1:]]) is None


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([n for n, e in FUNCTIONS.items() if e.filter]), st.lists(ANY_VALUE, min_size=1, max_size=3))
def test_no_function_raises_anything_but_a_record_error(name, values):
    entry = FUNCTIONS[name]
    count = max(entry.least, min(len(values), entry.most or len(values)))
    arguments = (values * 3)[:count]
    text = f"{name}({', '.join(f'a{i}' for i in range(len(arguments)))})"
    try:
        Expression(text)({f"a{i}": value for i, value in enumerate(arguments)})
    except RecordError as error:
        assert text.split("(", maxsplit=1)[0] in str(error)  # noqa: PT017


@given(st.text())
def test_an_odata_literal_can_not_be_left(text):
    literal = FUNCTIONS["odata"].call(text)
    inside = literal[1:-1]
    assert literal[0] == literal[-1] == "'"
    assert "'" not in inside.replace("''", "")
    assert inside.replace("''", "'") == text


@pytest.mark.parametrize("keys", [[], [{}], [{"a b": 1}], [{"x eq 1 or y": 1}], ["x"], [{"x": None}], [{"x": ["y"]}]])
def test_a_filter_is_made_of_identifiers_and_plain_values(keys):
    with pytest.raises(RecordError):
        Expression("odata_any(keys)")({"keys": keys})


def test_amounts_with_parts_of_a_cent_are_not_rounded_on_the_way():
    with pytest.raises(RecordError, match="more decimals"):
        Expression("to_minor(`10.305`, 'USD')")({})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (r"regex_match(a, '(a)\1')", "E211"),
        ("regex_match(a, '(')", "E211"),
        ("regex_replace(a, '(?=x)', 'y')", "E211"),
        ("parse_date(a, 'yyyy')", "E212"),
        ("format_number(a, 'abc')", "E212"),
        ("pad_left(a, '5')", "E204"),
        ("upper(`1`)", "E204"),
        ("substring('x')", "E204"),
        ("upper(a, b)", "E204"),
    ],
)
def test_constant_arguments_are_checked_when_the_spec_is_read(text, code):
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert caught.value.code == code


def test_a_catastrophic_pattern_is_harmless():
    assert Expression("regex_match(a, '(a+)+$')")({"a": "a" * 50_000 + "!"}) is False


def test_results_do_not_grow_without_bound():
    record = {"a": "x" * 100_000}
    with pytest.raises(RecordError, match="more than"):
        Expression("replace(a, 'x', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy')")(record)
    with pytest.raises(RecordError, match="width"):
        Expression("pad_left('x', `100000`)")(record)


def test_dates_add_up():
    assert Expression("add_days(d, `-1`)")({"d": date(2026, 3, 1)}) == date(2026, 2, 28)
    with pytest.raises(RecordError):
        Expression("add_days(d, `100000`)")({"d": date(9999, 3, 1)})
    assert isinstance(Expression("datetime('2026-01-01')")({}), datetime)
