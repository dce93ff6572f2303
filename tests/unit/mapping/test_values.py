"""Value trees: every operation and modifier, and what is wrong with one at its place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RecordError
from engine.mapping.crosswalk import Crosswalk
from engine.mapping.structures import merge_two, parse_place, put, without
from engine.mapping.trees import compile_value
from engine.mapping.values import compile_expression, compile_template
from engine.redaction import Secret
from engine.spec.document import Problems, read_text

WALKS = {"codes": Crosswalk(name="codes", pairs={"OFFICE": "6100"})}
SCOPE = {
    "number": "00123",
    "name": "  O'Brien ",
    "long": "abcdefgh",
    "amount": Decimal("10.345"),
    "paid": True,
    "none": None,
    "blank": "",
    "day": date(2026, 11, 21),
    "text_day": "11/21/2026",
    "need": {"group": "MLC", "stampli": {"company_id": "1"}, "password": Secret("hunter22")},
    "document": {"number": "outer", "lines": [{"x": 1}, {"x": 2}]},
    "tags": ["a", "b"],
    "ds": {"head": [{"id": 1, "note": "keep"}], "rows": [{"y": 1}, {"y": 2}], "flag": False},
}


def compiled(text, *, crosswalks=WALKS):
    problems = Problems()
    node = read_text("tree: " + text, problems, shown="s.yaml")
    assert node is not None, problems.found
    return compile_value(node.get("tree"), problems, crosswalks=crosswalks), problems.found


def value_of(text, scope=SCOPE):
    value, problems = compiled(text)
    assert not problems, [str(problem) for problem in problems]
    return value(scope)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("number", "00123"),
        ("document.lines[1].x", 2),
        ("{from: number}", "00123"),
        ("{const: {a: [1, {from: x}]}}", {"a": [1, {"from": "x"}]}),
        ("{const: false}", False),
        ('{text: "Nr {{ number }}"}', "Nr 00123"),
        ("{need: group}", "MLC"),
        ("{need: stampli.company_id}", "1"),
        ("{need: nowhere.at_all}", None),
        ("[number, {const: 1}]", ["00123", 1]),
        ("{a: number, b: {c: paid}}", {"a": "00123", "b": {"c": True}}),
        ("{object: {from: number, text: paid}}", {"from": "00123", "text": True}),
        ('{join: [number, {const: "00"}, paid], with: "|"}', "00123|00|true"),
        ("{join: [none, none], with: x}", None),
        ("{join: [{need: password}, number], with: ':'}", "hunter22:00123"),
        (
            "{each: document.lines, map: {n: x, i: index, doc: document.number}}",
            [{"n": 1, "i": 1, "doc": "outer"}, {"n": 2, "i": 2, "doc": "outer"}],
        ),
        ("{each: tags, map: item}", ["a", "b"]),
        ("{each: none, map: item}", []),
        (
            "{merge: [ds, {const: {head: [{id: 5}], more: 1}}, {flag: none}]}",
            {"head": [{"id": 5, "note": "keep"}], "rows": [{"y": 1}, {"y": 2}], "flag": False, "more": 1},
        ),
        (
            '{set: ds, at: {"rows[-1].y": number, "head[0].id": none, "new.deep": paid}}',
            {
                "head": [{"id": 1, "note": "keep"}],
                "rows": [{"y": 1}, {"y": "00123"}],
                "flag": False,
                "new": {"deep": True},
            },
        ),
        ("{without: ds, keys: [head, rows]}", {"flag": False}),
        ("{without: {from: ds.head}, keys: [note]}", [{"id": 1}]),
        ("{from: name, trim: true}", "O'Brien"),
        ('{from: paid, values: {"true": PAID, "false": OPEN}}', "PAID"),
        ("{from: number, values: {a: b}, else: other}", "other"),
        ("{from: number, values: {a: b}, else: {from: paid}}", True),
        ("{from: none, values: {a: b}}", None),
        ("{from: none, default: number}", "00123"),
        ("{from: blank, default: {const: none}}", "none"),
        ("{from: name, trim: true, default: {const: x}}", "O'Brien"),
        ("{const: OFFICE, crosswalk: codes}", "6100"),
        ("{from: number, crosswalk: codes, on_missing: empty}", None),
        ("{from: none, crosswalk: codes}", None),
        ("{from: number, type: integer}", 123),
        ('{from: text_day, type: date, format: "%m/%d/%Y"}', date(2026, 11, 21)),
        ('{from: day, format: "%d.%m.%y"}', "21.11.26"),
        ("{from: amount, round: 2, default: {const: 1}}", Decimal("10.35")),
        ("{from: amount, type: string}", "10.345"),
        ('{from: amount, type: string, format: "0.000"}', "10.345"),
        ("{from: long, max_length: 8}", "abcdefgh"),
        ("{from: long, max_length: 3, cut: true}", "abc"),
        ("{from: number, required: true}", "00123"),
    ],
)
def test_values(text, expected):
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{from: long, max_length: 3}", "8 characters"),
        ("{from: none, required: true}", "required"),
        ("{from: blank, required: true}", "required"),
        ("{from: number, values: {a: b}}", "none of its `values`"),
        ("{from: number, crosswalk: codes}", "crosswalk `codes`"),
        ("{from: long, type: decimal}", "not a number"),
        ("{from: long, round: 2}", "only numbers"),
        ("{from: number, type: string(3)}", "5 characters"),
        ('{from: long, format: "%Y"}', "`format` writes"),
        ("{join: [number, none], with: x}", "empty"),
        ("{each: number, map: item}", "walks a list"),
        ('{set: ds, at: {"rows[2].y": number}}', "no item 2"),
        ("{set: none, at: {x: number}}", "nothing"),
        ('{set: ds, at: {"flag.x": number}}', "true/false"),
    ],
)
def test_what_can_not_be_made_says_why(text, words):
    with pytest.raises(RecordError, match=r".") as caught:
        value_of(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("outcome", "waits", "hold"), [("hold", False, True), ("wait", True, False), ("quarantine", False, False)]
)
def test_on_missing_decides_what_becomes_of_the_document(outcome, waits, hold):
    with pytest.raises(RecordError) as caught:
        value_of(f"{{from: number, crosswalk: codes, on_missing: {outcome}}}")
    assert (caught.value.waits, caught.value.hold) == (waits, hold)


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("5", "E210", 7),
        ("true", "E210", 7),
        ("null", "E210", 7),
        ("[1]", "E210", 8),
        ("{from: a, trimm: true}", "E210", 17),
        ("{from: a, text: b}", "E210", 7),
        ("{trim: true}", "E210", 7),
        ("{from: a, else: b}", "E210", 23),
        ("{from: a, cut: true}", "E210", 22),
        ("{from: a, on_missing: hold}", "E210", 29),
        ("{from: a, crosswalk: code}", "E306", 28),
        ("{from: a, crosswalk: codes, on_missing: never}", "E210", 47),
        ("{from: a, type: strin}", "E207", 23),
        ('{from: a, type: date, format: "yy"}', "E212", 37),
        ("{from: a, round: -1}", "E210", 24),
        ("{from: a, max_length: 0}", "E210", 29),
        ("{from: a, trim: 1}", "E210", 23),
        ("{from: a, values: b}", "E210", 25),
        ('{from: "a ="}', "E201", 17),
        ('{text: "ab {{ x | uper }}"}', "E203", 25),
        ("{from: a, default: {from: uper(b)}}", "E203", 33),
        ("{join: a}", "E210", 14),
        ("{set: a}", "E210", 7),
        ('{set: a, at: {"x[": b}}', "E210", 21),
        ("{without: a}", "E210", 7),
        ("{each: a}", "E210", 7),
        ("{merge: a}", "E210", 15),
        ("{object: a}", "E210", 16),
        ("{lookup: a.b, match: {c: d}, take: e}", "E210", 8),
        ("{const: 1, keys: [a]}", "E210", 18),
    ],
)
def test_mistakes_are_placed(text, code, column):
    value, problems = compiled(text)
    assert value is None
    assert (code, column) in [(problem.code, problem.column) for problem in problems], [str(p) for p in problems]


def test_bare_values_propose_const():
    assert compiled("5")[1][0].suggestion == "write {const: 5}"
    assert compiled("true")[1][0].suggestion == "write {const: true}"


def test_every_text_inside_is_known_with_its_node():
    value, _ = compiled('{a: x.y, b: [{text: "{{ z }}"}, {from: q, default: w}]}')
    assert [(node.value, sorted(source.roots)) for node, source in value.expressions] == [
        ("x.y", ["x"]),
        ("{{ z }}", ["z"]),
        ("q", ["q"]),
        ("w", ["w"]),
    ]


def test_an_expression_or_template_must_be_text():
    problems = Problems()
    node = read_text("{a: 5, b: [x]}", problems, shown="s.yaml")
    assert compile_expression(node.get("a"), problems) is None
    assert compile_template(node.get("b"), problems) is None
    assert [problem.code for problem in problems.found] == ["E201", "E205"]


def test_places_are_parsed():
    assert parse_place('APInvHed[0]."a.b"[-1].x') == ("APInvHed", 0, "a.b", -1, "x")
    for wrong in ("", "a[", "a..b", "[x]", "a[1", "a.[0]"):
        with pytest.raises(ValueError, match="place"):
            parse_place(wrong)


DATA = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(DATA, DATA)
def test_merging_changes_neither_side_and_keeps_the_right(left, right):
    before = repr((left, right))
    merged = merge_two(left, right)
    assert repr((left, right)) == before
    assert merge_two(left, None) == left
    assert merge_two(merged, right) == merged


@given(st.dictionaries(st.sampled_from("abc"), DATA, max_size=3))
def test_putting_changes_only_its_place(base):
    before = repr(base)
    changed = put(base, ("new", "x"), 1, "new.x")
    assert repr(base) == before
    assert changed == {**base, "new": {"x": 1}}
    assert without(changed, ["new"]) == base
