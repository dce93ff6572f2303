from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.errors import Problem, UsageError
from engine.spec.codes import CODES
from engine.spec.document import Problems
from engine.spec.explain import effective, explain_code
from engine.spec.report import as_github, as_json, as_sarif, as_text, summary
from engine.spec.tree import load_tree

LANGUAGE = Path(__file__).resolve().parents[2] / "language"


def problem(file: str, **changes: object) -> Problem:
    given: dict[str, object] = {
        "code": "E202",
        "message": "`invoce_date` is not a field of stampli.invoices",
        "file": file,
        "line": 2,
        "column": 8,
        "path": "flows.invoices.map.Date",
        "suggestion": "did you mean `invoice_date`?",
    }
    return Problem(**(given | changes))  # type: ignore[arg-type]  # the test's own shorthand


def test_text_shows_the_line_the_caret_and_the_path(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("map:\n Date: invoce_date\n", encoding="utf-8")
    assert as_text([problem(str(file))]) == (
        f"{file}:2:8: error[E202] `invoce_date` is not a field of stampli.invoices\n"
        "     2 |  Date: invoce_date\n"
        "       |        ^ did you mean `invoice_date`?\n"
        "         at flows.invoices.map.Date\n"
        "1 error"
    )


def test_a_long_line_is_cut_around_the_column(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("x" * 300 + "HERE" + "y" * 300, encoding="utf-8")
    lines = as_text([problem(str(file), line=1, column=301)]).split("\n")
    assert lines[1][lines[2].index("^") :].startswith("HERE")
    assert len(lines[1]) < 160


def test_a_file_that_is_gone_is_no_obstacle() -> None:
    assert "= did you mean" in as_text([problem("gone.yaml")])


def test_color_only_when_asked_for(tmp_path: Path) -> None:
    assert "\x1b" not in as_text([problem("gone.yaml")])
    assert "\x1b[31m" in as_text([problem("gone.yaml")], color=True)


def test_terminal_codes_in_a_spec_are_not_passed_on(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("\nab\x1b[2Jcd\n", encoding="utf-8")
    assert "\x1b" not in as_text([problem(str(file), column=1)])


def test_summary_counts() -> None:
    warning = problem("a", code="W401", severity="warning")
    assert summary([]) == "no problems"
    assert summary([problem("a"), problem("b"), warning]) == "2 errors, 1 warning"


def test_json_holds_everything() -> None:
    found = json.loads(as_json([problem("a.yaml")]))
    assert found["errors"] == 1
    assert found["problems"][0]["suggestion"] == "did you mean `invoice_date`?"


def test_github_escapes_what_would_end_the_command() -> None:
    text = as_github([problem("a,b:c.yaml", message="50%\nmore", suggestion=None)])
    assert text == "::error file=a%2Cb%3Ac.yaml,line=2,col=8,endColumn=9,title=E202::50%25%0Amore"


def test_sarif_names_the_rule_and_the_region() -> None:
    run = json.loads(as_sarif([problem("a.yaml"), problem("a.yaml", code="E101")]))["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E101", "E202"]
    assert [result["ruleIndex"] for result in run["results"]] == [1, 0]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 2, "startColumn": 8, "endColumn": 9}


def test_a_code_is_explained_with_an_example() -> None:
    assert "Right:" in explain_code("e202")
    with pytest.raises(UsageError, match="did you mean"):
        explain_code("E2O2")
    assert all(code.text for code in CODES.values())


def test_effective_values_come_with_the_place_they_were_written(tmp_path: Path) -> None:
    problems = Problems()
    path = LANGUAGE / "valid" / "overlay-columns.yaml"
    tree = load_tree(path, problems, roots=(LANGUAGE / "systems",))
    assert tree is not None
    found = {value.path: (value.value, Path(value.file).name) for value in effective(tree)}
    assert found["systems.shop.with.password"] == ("{secret: shop.password}", "overlay-columns.yaml")
    assert found["systems.shop.with.tries"] == ("3", "shop.yaml")
    assert found["systems.files.objects.invoices.pickup.folder"] == ("/acme", "overlay-columns.yaml")
    assert found["systems.files.objects.invoices.pickup.match"] == ("invoices_*.csv", "files.yaml")
    assert found["systems.files.objects.invoices.document.header.total.type"] == ("decimal", "files.yaml")
    assert found["flows.bills.key"] == ("[vendor, number]", "overlay-columns.yaml")
