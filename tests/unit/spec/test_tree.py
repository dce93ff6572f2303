from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.spec.document import Problems, read_text
from engine.spec.overlay import merge
from engine.spec.scalars import format_duration, parse_duration
from engine.spec.tree import load_tree

LANGUAGE = Path(__file__).resolve().parents[2] / "language"
SPECS = Path(__file__).resolve().parents[3] / "specs"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15m", timedelta(minutes=15)),
        ("8d", timedelta(days=8)),
        ("250ms", timedelta(milliseconds=250)),
        ("1h30m", timedelta(minutes=90)),
        ("1d2h3m4s5ms", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)),
        ("0s", timedelta(0)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length
    assert format_duration(length) == text


@pytest.mark.parametrize("text", ["", "15", "15 m", "m", "1m1h", "-1s", "1.5h", "15M", "1m1m", "15m\n", "1234567s"])
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


def test_the_schema_and_the_parser_agree_on_durations() -> None:
    from engine.spec.schema import mistakes

    for text in ("15m", "250ms", "1h30m", "", "1m1h", "15", "5s5ms", "1.5h"):
        assert (parse_duration(text) is not None) == (not list(mistakes("duration", text))), text


def merged(below: str, above: str) -> object:
    problems = Problems()
    nodes = [read_text(text, problems, shown=name) for name, text in (("below", below), ("above", above))]
    assert nodes[0] is not None
    assert nodes[1] is not None
    return merge(nodes[0], nodes[1]).plain()


def test_an_overlay_merges_maps_and_replaces_the_rest() -> None:
    assert merged("{a: {x: 1, y: 2}, l: [1, 2]}", "{a: {y: 3}, l: [4], n: 5}") == {
        "a": {"x": 1, "y": 3},
        "l": [4],
        "n": 5,
    }


def test_an_overlay_takes_away_with_null_and_replaces_value_trees() -> None:
    assert merged("{match: x, name: {text: a}}", "{match: null, name: {const: null}}") == {"name": {"const": None}}


def test_a_shipped_spec_is_whole() -> None:
    problems = Problems()
    tree = load_tree(SPECS / "epicor-kinetic--stampli.yaml", problems)
    assert [str(p) for p in problems.found] == []
    assert tree is not None
    assert sorted(tree.systems) == ["epicor", "stampli"]
    assert {file.name for file in tree.files} >= {"epicor-kinetic.yaml", "stampli.yaml", "gl_codes.csv"}


@pytest.mark.parametrize("name", ["epicor-kinetic", "stampli"])
def test_a_shipped_system_is_whole(name: str) -> None:
    problems = Problems()
    assert load_tree(SPECS / "systems" / f"{name}.yaml", problems) is not None
    assert [str(p) for p in problems.found] == []


def test_every_missing_setting_is_told(tmp_path: Path) -> None:
    text = (LANGUAGE / "valid" / "integration.yaml").read_text(encoding="utf-8")
    for line in ("site: {env: SHOP_SITE}", "company: ABC", "username: {env: SHOP_USER}"):
        text = text.replace(f"      {line}\n", "")
    (tmp_path / "integration.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    load_tree(tmp_path / "integration.yaml", problems, roots=(LANGUAGE / "systems",))
    missing = [p.message for p in problems.found if p.code == "E304"]
    assert len(missing) == 3


def test_a_test_file_names_what_exists(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "mlconnector: 1\nintegration: a\nsystems: {x: {use: x}}\nflows: {one: {}}\n", "utf-8"
    )
    (tmp_path / "a.test.yaml").write_text(
        "mlconnector: 1\ntests: a\nsandbox: {y: {/in/a.csv: {file: a.csv}}}\n"
        "cases: [{name: n, run: [two], expect: {commits: 0}, then: [{run: [one]}]}]\n",
        "utf-8",
    )
    problems = Problems()
    load_tree(tmp_path / "a.test.yaml", problems)
    assert [(p.code, p.line) for p in problems.found] == [("E315", 3), ("E319", 3), ("E310", 4)]


def test_any_broken_shape_is_told_without_falling_over(tmp_path: Path) -> None:
    """Each value of a good spec in turn replaced by something of another kind: problems come out, never an exception."""
    lines = (LANGUAGE / "valid" / "integration.yaml").read_text(encoding="utf-8").split("\n")
    for index, line in enumerate(lines):
        if ": " not in line:
            continue
        for wrong in ("[1, {a: b}]", "{a: [1]}", "7", "null", "text"):
            broken = [*lines[:index], line.partition(": ")[0] + ": " + wrong, *lines[index + 1 :]]
            path = tmp_path / "integration.yaml"
            path.write_text("\n".join(broken), encoding="utf-8")
            load_tree(path, Problems(), roots=(LANGUAGE / "systems",))
