"""Templates: text from fields, nothing of Jinja to escape from, mistakes at their place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.errors import RecordError
from engine.mapping.expressions import ExpressionError
from engine.mapping.templates import LONGEST_RESULT, Template
from engine.redaction import Secret

SCOPE = {
    "number": "00123",
    "name": 'O\'Brien "& Sons"',
    "amount": Decimal("10.50"),
    "tiny": Decimal("1E-7"),
    "big": Decimal("1E+3"),
    "count": 3,
    "ok": True,
    "day": date(2026, 11, 21),
    "empty": None,
    "blank": "",
    "lines": [{"gl": "6100"}],
    "need": {"password": Secret("hunter22"), "company": "EPIC06"},
    "run": {"started": datetime(2026, 11, 21, 10, 15, tzinfo=UTC)},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Stampli {{ number }}", "Stampli 00123"),
        ("{{name}}", 'O\'Brien "& Sons"'),
        ("{{ amount }}/{{ ok }}/{{ day }}/{{ count }}", "10.50/true/2026-11-21/3"),
        ("{{ tiny }} {{ big }}", "0.0000001 1000"),
        ("vendors_{{ run.started | stamp }}.csv", "vendors_20261121T101500Z.csv"),
        ('{"Company": "{{ need.company }}"}', '{"Company": "EPIC06"}'),
        ("{{ need.password | base64 }}", "aHVudGVyMjI="),
        ("{{ lines[0].gl }}", "6100"),
        ("{{ lines[-1]['gl'] }}", "6100"),
        ("{{ empty | default('-') }}{{ blank | default('+') }}", "-+"),
        ("{{ nowhere | default('x') }}", "x"),
        ("{{ empty | coalesce(number) }}", "00123"),
        ("{{ 'yes' if ok else 'no' }}", "yes"),
        ("{{ 'paid' if amount > 100 }}", ""),
        ("{{ amount * 2 + 0.1 }}", "21.10"),
        ("{{ count - 5 }} {{ -count }}", "-2 -3"),
        ("{{ 1 / 8 }}", "0.125"),
        ("{{ number ~ '-' ~ count }}", "00123-3"),
        ("{{ number | strip_zeros | pad_left(6) }}", "000123"),
        ("VendorID eq {{ name | odata }}", "VendorID eq 'O''Brien \"& Sons\"'"),
        ("{{ ok and number }}|{{ not ok }}|{{ blank or 'b' }}", "00123|false|b"),
        ("a\n{{ number }}\n", "a\n00123\n"),
        ("plain", "plain"),
        ("", ""),
        ("a {{- number -}} b", "a00123b"),
    ],
)
def test_values(text, expected):
    assert Template(text)(SCOPE) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ empty }}",
        "{{ nowhere }}",
        "{{ lines }}",
        "{{ number + 'x' }}",
        "{{ number * 1000 }}",
        "{{ amount / 0 }}",
        "{{ amount == '10.50' }}",
        "{{ need.nowhere }}",
        "{{ number | round }}",
        "{{ blank | pad_left(2000) }}",
    ],
)
def test_what_is_no_text_names_the_template(text):
    with pytest.raises(RecordError) as caught:
        Template(text)(SCOPE)
    assert text in str(caught.value)


ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ number.__class__ }}",
    "{{ number['__class__'] }}",
    "{{ number|attr('__class__') }}",
    "{{ number|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ namespace() }}",
    "{{ joiner() }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages() }}",
    "{{ config.items() }}",
    "{{ request.application() }}",
    "{{ ''.format(number) }}",
    "{{ '{0.__class__}'.format(number) }}",
    "{{ '%s' % number }}",
    "{{ '%999999999d' % count }}",
    "{{ number|format }}",
    "{{ number|center(99999999) }}",
    "{{ number|map('upper') }}",
    "{{ lines|map(attribute='__class__')|list }}",
    "{{ lines|groupby('__class__') }}",
    "{{ lines|tojson }}",
    "{{ number|xmlattr }}",
    "{{ number|indent(99999999) }}",
    "{{ range(999999999) }}",
    "{{ 9**999999999 }}",
    "{{ 7 // 2 }}",
    "{{ 7 % 2 }}",
    "{{ [1] * 999999999 }}",
    "{{ {'a': 1} }}",
    "{{ (1, 2) }}",
    "{{ number[0:1] }}",
    "{{ number is defined }}",
    "{{ number in 'x' }}",
    "{{ number.upper() }}",
    "{{ lines.append(1) }}",
    "{{ _private }}",
    "{{ need._x }}",
    "{{ number | upper(**need) }}",
    "{{ number | upper(*lines) }}",
    "{{ number | pad_left(width=3) }}",
    "{% for x in lines %}{{ x }}{% endfor %}",
    "{% set x = 1 %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% macro m() %}{% endmacro %}",
    "{% raw %}{{ x }}{% endraw %}",
    "{% if ok %}x{% endif %}",
    "{%- with a=1 %}{% endwith %}",
    "{# comment #}",
    "{{ number if ok else __import__('os') }}",
    "{{ ().__class__ }}",
    "{{ 1.__class__ }}",
    "{{ 1e999 }}",
    "{{ caller() }}",
    "{{ super() }}",
    "{{ loop }}{{ x.y() }}",
    "{{ lines[number] }}",
    "{{ 1 < count < 5 }}",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_known_ways_out_are_refused_before_anything_runs(text):
    with pytest.raises(ExpressionError) as caught:
        Template(text)
    assert caught.value.code in {"E203", "E204", "E205", "E209"}
    assert 0 <= caught.value.offset <= len(text)


@pytest.mark.parametrize(
    ("text", "code", "offset", "word"),
    [
        ("Nr {{ number | uper }}", "E203", 15, "upper"),
        ("{{ number | pad_left }}", "E204", 12, ""),
        ("{{ number | sort_by(1) }}", "E203", 12, "sort"),
        ("{{ a }} {{ _b }}", "E205", 11, ""),
        ("ab {{ number", "E205", 3, ""),
        ("{{ number | regex_match('(') }}", "E211", 12, ""),
        ("{{ day | format_date('x') }}", "E212", 9, ""),
        ("ab {% if x %}", "E205", 3, ""),
    ],
)
def test_mistakes_are_placed_and_answered(text, code, offset, word):
    with pytest.raises(ExpressionError) as caught:
        Template(text)
    assert (caught.value.code, caught.value.offset) == (code, offset)
    assert word in (caught.value.suggestion or "")


@pytest.mark.parametrize(
    "text", ["x" * 2049, "{{ " + "(" * 600 + "a" + ")" * 600 + " }}", "{{ " + "not " * 300 + "a }}"]
)
def test_costly_templates_are_refused(text):
    with pytest.raises(ExpressionError):
        Template(text)


def test_the_result_is_capped():
    assert len(Template("{{ a }}")({"a": "x" * LONGEST_RESULT})) == LONGEST_RESULT
    with pytest.raises(RecordError, match="more than"):
        Template("{{ a }}!")({"a": "x" * LONGEST_RESULT})


def test_paths_are_what_is_read_and_where():
    text = "Nr {{ number }} of {{ need.company | upper }} {{ 'number' if lines[0].gl else x.y }}"
    template = Template(text)
    assert {path.shown: path.offset for path in template.paths} == {
        "number": 6,
        "need.company": text.index("need"),
        "lines[].gl": text.index("lines"),
        "x.y": text.index("x.y"),
    }
    assert template.roots == {"number", "need", "lines", "x"}


THEIRS = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
WORDS = st.text(st.characters(blacklist_characters="{}%#\r", blacklist_categories=["Cs"]), max_size=8)
PIECES = st.one_of(
    WORDS,
    st.sampled_from(
        [
            "{{ a }}",
            "{{b}}",
            "{{ c.d }}",
            "{{ 'x' if a == b else b }}",
            "{{ a ~ b }}",
            "{{ a or b }}",
            "{{ n + 2 }}",
            "{{ n * n }}",
        ]
    ),
)


@given(st.lists(PIECES, max_size=6).map("".join), WORDS, WORDS, st.integers(-99, 99))
def test_templates_mean_what_jinja_means(text, first, second, number):
    scope = {"a": first, "b": second, "c": {"d": first}, "n": number}
    assert Template(text)(scope) == THEIRS.from_string(text).render(scope)


@given(st.text("{}%#|.[]()'\"abc_ 1-+*/~<=", max_size=30))
def test_any_text_is_a_template_or_says_why_not(text):
    try:
        made = Template("{{ " + text + " }}")
    except ExpressionError:
        return
    try:
        made({"a": "x", "b": Decimal(1), "c": {"a": None}})
    except RecordError as error:
        assert str(error)  # noqa: PT017
