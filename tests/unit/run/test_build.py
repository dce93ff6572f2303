"""Every type hint a kind may have, and what a block that does not fit leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest

from engine.connections.login_kinds import ApiKey, Basic
from engine.connections.places import KeyLogin, PasswordLogin
from engine.mapping.expressions import Expression
from engine.mapping.templates import Template
from engine.mapping.types import FieldType
from engine.mapping.values import Value
from engine.run.build import Builder, fields_of
from engine.spec.document import Problems, read_document


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    a: int
    b: str = "b"


@dataclass(frozen=True, kw_only=True, slots=True)
class Other:
    c: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Picky:
    n: int = 0

    def __post_init__(self) -> None:
        if self.n > 9:
            raise ValueError("`n` is at most 9")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    text: str = ""
    number: int = 0
    yes: bool = False
    amount: Decimal = Decimal(0)
    wait: timedelta = timedelta(0)
    ask: Expression | None = None
    words: Template | None = None
    tree: Value | None = None
    choice: Literal["x", "y"] = "x"
    many: tuple[str, ...] = ()
    named: dict[str, Expression] = field(default_factory=dict)
    inner: Inner | None = None
    either: Inner | Other | None = None
    login: Basic | ApiKey | None = None
    files: PasswordLogin | KeyLogin | None = None
    fields: dict[str, FieldType] = field(default_factory=dict)
    lookback: timedelta | int = timedelta(minutes=1)
    anything: Any = None
    picky: Picky | None = None
    from_: str = ""


@pytest.fixture
def built(tmp_path):
    """The kind a YAML text stands for, and the codes of what was wrong."""

    def build(text, kind=Kind, **choices):
        (tmp_path / "a.yaml").write_text(text)
        problems = Problems()
        node = read_document(tmp_path / "a.yaml", problems)
        return Builder(problems, choices).build(kind, node), [problem.code for problem in problems.found]

    return build


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("text: abc", "text", "abc"),
        ("number: 7", "number", 7),
        ("yes: true", "yes", True),
        ("amount: 0.5", "amount", Decimal("0.5")),
        ("amount: 1", "amount", Decimal(1)),
        ("wait: 5m", "wait", timedelta(minutes=5)),
        ("wait: 250ms", "wait", timedelta(milliseconds=250)),
        ("choice: y", "choice", "y"),
        ("many: [a, b]", "many", ("a", "b")),
        ("many: a", "many", ("a",)),
        ("inner: {a: 1}", "inner", Inner(a=1)),
        ("inner: {a: 1, b: c}", "inner", Inner(a=1, b="c")),
        ("either: {c: 2}", "either", Other(c=2)),
        ("either: {a: 2}", "either", Inner(a=2)),
        ("lookback: 3", "lookback", 3),
        ("lookback: 2h", "lookback", timedelta(hours=2)),
        ("anything: {a: [1, x]}", "anything", {"a": [1, "x"]}),
        ("from: there", "from_", "there"),
        ("inner: null", "inner", None),
    ],
)
def test_a_value_becomes_what_its_hint_says(built, text, name, value):
    kind, problems = built(text)

    assert problems == []
    assert getattr(kind, name) == value


@pytest.mark.parametrize(
    "text",
    [
        "number: abc",
        "text: 7",
        "yes: 1",
        "wait: soon",
        "choice: z",
        "inner: {b: x}",
        "inner: text",
        "either: {}",
        "amount: x",
    ],
)
def test_what_does_not_fit_leaves_the_default_for_its_shape_is_told_elsewhere(built, text):
    kind, problems = built(text)

    assert problems == []
    name = text.partition(":")[0]
    assert getattr(kind, name) == getattr(Kind(), name)


def test_expressions_templates_and_trees_are_compiled(built):
    kind, problems = built(
        'ask: "a == `1`"\nwords: "{{ a }}-x"\ntree: {text: "{{ a }}"}\nnamed: {n: a}\nfields: {f: "string(8)!"}'
    )

    assert problems == []
    assert kind.ask({"a": 1}) is True
    assert kind.words({"a": 1}) == "1-x"
    assert kind.tree({"a": 1}) == "1"
    assert kind.named["n"]({"a": 3}) == 3
    assert (kind.fields["f"].length, kind.fields["f"].required) == (8, True)


def test_a_bare_text_is_an_expression_in_a_tree(built):
    assert built("tree: a.b")[0].tree({"a": {"b": 5}}) == 5


@pytest.mark.parametrize(
    ("text", "code"),
    [('ask: "a ="', "E201"), ('words: "{{ a"', "E205"), ("tree: 7", None), ('ask: "nofun(a)"', "E203")],
)
def test_what_does_not_compile_is_told(built, text, code):
    _, problems = built(text)

    assert problems
    assert code is None or problems == [code]


def test_every_mistake_of_a_block_is_told_at_once(built):
    assert built('ask: "a ="\nnamed: {x: "b =", y: "c ="}')[1] == ["E201"] * 3


def test_a_block_named_by_its_key(built):
    basic = built("login: {basic: {username: {const: u}, password: {const: p}}}")[0].login
    key = built("login: {api_key: {header: X-Key, value: {const: k}}}")[0].login

    assert isinstance(basic, Basic)
    assert basic.username({}) == "u"
    assert isinstance(key, ApiKey)
    assert key.header == "X-Key"


def test_a_login_whose_key_is_its_field(built):
    assert isinstance(built("files: {password: {const: p}}")[0].files, PasswordLogin)
    assert isinstance(built("files: {key: {private_key: {const: k}}}")[0].files, KeyLogin)


CHOOSE = "inner: {choose: mode, one: {a: 1}, two: {a: 2}}"


@pytest.mark.parametrize(
    ("choices", "a"), [({"mode": "one"}, 1), ({"mode": "two"}, 2), ({}, 1), ({"mode": "three"}, 1)]
)
def test_a_choice_takes_its_branch_and_an_open_one_the_first(built, choices, a):
    assert built(CHOOSE, **choices)[0].inner == Inner(a=a)


def test_a_choice_in_a_choice(built):
    text = "number: {choose: p, x: {choose: q, y: 1, z: 2}}"

    assert built(text, p="x", q="z")[0].number == 2


def test_a_branch_that_is_null_leaves_the_default(built):
    assert built("text: {choose: mode, one: abc, two: null}", mode="two")[0].text == ""


def test_a_choice_inside_a_map_of_trees(built):
    @dataclass(frozen=True, kw_only=True)
    class Headers:
        headers: dict[str, Value] = field(default_factory=dict)

    text = "headers: {a: {choose: mode, one: {const: 1}, two: {const: null}}}"

    assert built(text, Headers, mode="one")[0].headers["a"]({}) == 1
    assert built(text, Headers, mode="two")[0].headers["a"]({}) is None


def test_what_the_kind_itself_refuses_is_told_at_its_block(built):
    kind, problems = built("picky: {n: 10}")

    assert kind.picky is None
    assert problems == ["E105"]


def test_a_required_key_that_is_missing_yields_no_kind(built):
    assert built("b: x", Inner)[0] is None


def test_fields_are_told_with_whether_they_must_be_there():
    assert fields_of(Inner) == (("a", int, True), ("b", str, False))
