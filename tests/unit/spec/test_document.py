from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from time import perf_counter

import pytest

from engine.errors import SpecError
from engine.spec.document import MAX_BYTES, Mark, Node, Problems, read_document, read_text

ROOT = Path(__file__).resolve().parents[3]


def read(text: str) -> Node:
    problems = Problems()
    node = read_text(text, problems, shown="spec.yaml")
    assert node is not None
    assert problems.found == ()
    return node


def faults(text: str) -> list[tuple[str, int, int]]:
    problems = Problems()
    read_text(text, problems, shown="spec.yaml")
    return [(p.code, p.line, p.column) for p in problems.found]


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("15", "int", 15),
        ("-3", "int", -3),
        ("0", "int", 0),
        ("1.5", "decimal", Decimal("1.5")),
        ("0.05", "decimal", Decimal("0.05")),
        ("true", "bool", True),
        ("false", "bool", False),
        ("null", "null", None),
        ("", "null", None),
        ("yes", "text", "yes"),
        ("off", "text", "off"),
        ('"0600"', "text", "0600"),
        ("'1.10'", "text", "1.10"),
        ("15m", "text", "15m"),
        ("1.2.3", "text", "1.2.3"),
        ("12E", "text", "12E"),
        ("2024-W05", "text", "2024-W05"),
        ("22:30", "text", "22:30"),
        ("None", "text", "None"),
    ],
)
def test_a_scalar_is_what_it_looks_like_to_a_person(written: str, kind: str, value: object) -> None:
    node = read(f"a: {written}\n").get("a")
    assert node is not None
    assert (node.kind, node.value) == (kind, value)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "0600",
            "1_000",
            "1.10",
            "1.0",
            "1.",
            ".5",
            "+5",
            "1e3",
            "12E4",
            "0x1F",
            "0o17",
            ".inf",
            "-.inf",
            ".nan",
            "-0",
        ),
        *("2024-01-05", "2024-1-5", "2024-01-05T10:00:00Z", "True", "FALSE", "Null", "~", "9" * 31),
    ],
)
def test_a_scalar_that_would_change_its_form_must_be_quoted(written: str) -> None:
    problems = Problems()
    node = read_text(f"a: {written}\n", problems, shown="spec.yaml")
    assert node is not None
    assert node.plain() == {"a": written}
    assert [(p.code, p.line, p.column, p.path) for p in problems.found] == [("E014", 1, 4, "a")]
    assert f'"{written}"' in (problems.found[0].suggestion or "")


def test_every_key_and_value_knows_its_place() -> None:
    node = read('flows:\n  invoices:\n    steps: [{name: save}, {"x.y": 1}]\n')
    steps = node.value["flows"].value["invoices"].value["steps"]
    assert node.keys["flows"] == Mark("spec.yaml", 1, 1, 5)
    assert steps.mark == Mark("spec.yaml", 3, 12)
    assert [child.path for child in steps.children()] == ["flows.invoices.steps[0]", "flows.invoices.steps[1]"]
    assert steps.value[0].value["name"].mark == Mark("spec.yaml", 3, 20, 4)
    assert steps.value[1].value["x.y"].path == 'flows.invoices.steps[1]."x.y"'


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("a: total > 5\n", 8, (1, 12)),
        ('a: "total > 5"\n', 8, (1, 13)),
        ("a: 'it''s x'\n", 5, (1, 11)),
        ('a: "x\\" \\u00e9y"\n', 4, (1, 15)),
        ("a: |\n  one\n  two\n", 5, (3, 4)),
        ("a: |\n\n    one\n", 2, (3, 6)),
        ("a: >\n  one\n  two\n", 5, (1, 4)),
        ("a: one\n  two\n", 5, (1, 4)),
        ('a: "one\n  two"\n', 5, (1, 4)),
    ],
)
def test_a_place_inside_a_text(text: str, offset: int, place: tuple[int, int]) -> None:
    node = read(text).get("a")
    assert node is not None
    mark = node.at(offset)
    assert (mark.line, mark.column) == place


def test_all_duplicates_are_told_and_the_first_wins() -> None:
    problems = Problems()
    node = read_text("a: 1\nb: 2\na: 3\nb: 4\na: 5\n", problems, shown="spec.yaml")
    assert node is not None
    assert node.plain() == {"a": 1, "b": 2}
    assert [(p.code, p.line, p.suggestion) for p in problems.found] == [
        ("E009", 3, "first used on line 1"),
        ("E009", 4, "first used on line 2"),
        ("E009", 5, "first used on line 1"),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: {{ x }}-b\n", ("E015", 1, 4)),
        ("a: !x && y\n", ("E011", 1, 4)),
        ("a: !x y\n", ("E011", 1, 4)),
        ("a: &x !y z\n", ("E010", 1, 4)),
        ("? [a]\n: b\n", ("E016", 1, 3)),
        ("1: b\n", ("E016", 1, 1)),
        (": b\n", ("E016", 1, 1)),
        ("a\n", None),
        ("a: {k: [x}\n", ("E018", 1, 10)),
        ("a: [1, 2\nb: 3\n", ("E018", 1, 4)),
        ('a: "\\d"\n', ("E006", 1, 6)),
        ("a\nb: 1\n", ("E006", 2, 2)),
        ("a: - b\n", ("E006", 1, 4)),
        ("a: |\n  x\n y\n", ("E006", 3, 2)),
        ("a: 1\n...\nfoo\n", ("E013", 3, 1)),
        ('a: "\\ud800"\n', ("E005", 1, 4)),
        ('a: "\\0"\n', ("E005", 1, 4)),
        ("a: {b: string(8), c: decimal(18,2)!, d: x}\n", ("E019", 1, 22)),
    ],
)
def test_what_is_no_spec_is_told_where_it_starts(text: str, fault: tuple[str, int, int] | None) -> None:
    assert faults(text) == ([fault] if fault else [])


@pytest.mark.parametrize(
    "character", ["\x00", "\x07", "\x85", "\u00ad", "\u200b", "\u200d", "\u202e", "\u2066", "\ufeff"]
)
def test_characters_nobody_sees_are_refused(character: str) -> None:
    assert faults(f"a: b{character}c\n") == [("E005", 1, 5)]


def test_what_the_parser_objects_to_never_reaches_people_as_it_is() -> None:
    """Whatever is cut out of a spec, the outcome is a node or problems with our own words."""
    text = (ROOT / "specs" / "epicor-kinetic--stampli.yaml").read_text(encoding="utf-8")[:3000]
    for cut in range(0, len(text), 37):
        problems = Problems()
        node = read_text(text[:cut] + text[cut + 3 :], problems, shown="spec.yaml")
        assert node is not None or problems.has_errors
        for problem in problems.found:
            assert "expected <" not in problem.message
            assert "\n" not in problem.message
            assert 1 <= problem.line <= text.count("\n") + 2


def test_a_list_of_brackets_is_refused_at_once() -> None:
    assert faults("[" * 200_000) == [("E004", 1, 65)]


def test_a_file_that_is_too_large_or_not_there(tmp_path: Path) -> None:
    problems = Problems()
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * MAX_BYTES)
    assert read_document(tmp_path / "large.yaml", problems) is None
    assert read_document(tmp_path / "missing.yaml", problems, shown="missing.yaml") is None
    assert read_document(tmp_path, problems, shown="folder") is None
    assert sorted(p.code for p in problems.found) == ["E001", "E001", "E003"]


def test_a_byte_order_mark_and_windows_lines_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")
    problems = Problems()
    node = read_document(path, problems)
    assert node is not None
    assert node.plain() == {"a": 1, "b": "x"}
    assert node.keys["b"].line == 2


def test_errors_are_raised_with_all_problems_and_advice_is_not() -> None:
    problems = Problems()
    place = Mark("a.yaml", 1, 1)
    problems.add("W403", place, "advice")
    problems.raise_errors()
    problems.add("E101", place, "an error")
    problems.add("E101", place, "an error")
    with pytest.raises(SpecError) as raised:
        problems.raise_errors()
    assert [p.severity for p in raised.value.problems] == ["error", "warning"]


def test_a_shipped_spec_is_read_fast() -> None:
    """15 kB in well under a tenth of a second; the bound is loose for a busy machine."""
    started = perf_counter()
    assert read_document(ROOT / "specs" / "systems" / "epicor-kinetic.yaml", Problems()) is not None
    assert perf_counter() - started < 1
