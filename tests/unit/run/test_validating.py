"""`validate` and `explain`: what a path means, what is printed in each format, and the exit code."""

from __future__ import annotations

import json

import pytest

from engine.desk.promises import promises
from engine.desk.validating import explain, validate_paths
from engine.errors import SpecError, UsageError
from engine.run.load import check, load

BAD = ("amount: total", "amount: totl")


def validated(*paths, form="text", strict=False, data=None):
    return validate_paths([str(path) for path in paths], form=form, strict=strict, data=data)


def test_a_good_spec_says_what_it_promises(desk):
    text, code = validated(desk.spec)

    assert code == 0
    assert "invoices: partner.invoices -> partner.ledger: file, one file under exactly one name" in text
    assert text.endswith("1 file: no problems")


def test_a_bad_spec_has_its_problem_at_its_place(desk):
    desk.write_spec(lambda text: text.replace(*BAD))

    text, code = validated(desk.spec)

    line = next(n for n, line in enumerate(desk.spec.read_text().splitlines(), 1) if "totl" in line)
    assert code == 1
    assert f"books.yaml:{line}:13: error[E202]" in text
    assert "total" in text
    assert text.endswith("\n1 file: 1 error")
    assert text.startswith(str(desk.spec)), "an editor finds the place at the start of the line"


def test_a_folder_means_every_spec_in_it_but_hidden_ones(desk):
    (desk.folder / ".hidden").mkdir()
    (desk.folder / ".hidden" / "x.yaml").write_text("a: b")

    assert validated(desk.folder)[0].endswith("2 files: no problems")


@pytest.mark.parametrize("pattern", ["*.yaml", "**/*.yaml"])
def test_a_pattern_may_be_absolute(desk, pattern):
    files = 1 if pattern == "*.yaml" else 2

    assert f"{files} file" in validated(desk.folder / pattern)[0]


def test_a_file_named_twice_is_checked_once(desk):
    assert "1 file: " in validated(desk.spec, desk.spec)[0]


def test_no_spec_at_all_is_wrong_usage(desk):
    text, code = validated(desk.box)

    assert (code, text) == (2, f"No spec files in {desk.box}")


def test_a_file_that_is_not_there_is_a_problem(desk):
    text, code = validated(desk.folder / "none.yaml")

    assert code == 1
    assert "there is no file" in text


@pytest.mark.parametrize(("form", "places"), [("json", 1), ("sarif", 1), ("github", 1)])
def test_formats_for_machines_hold_the_problem(desk, form, places):
    desk.write_spec(lambda text: text.replace(*BAD))

    text, code = validated(desk.spec, form=form)

    assert code == 1
    assert text.count("E202") >= places
    if form != "github":
        json.loads(text)


def test_a_good_spec_as_json_is_json_alone(desk):
    assert json.loads(validated(desk.spec, form="json")[0])["errors"] == 0


def test_strict_makes_errors_of_warnings(desk):
    desk.write_spec(lambda text: text.replace("flows:", "crosswalks:\n  c: {file: c.csv, key: a, value: b}\nflows:"))
    (desk.folder / "c.csv").write_text("a,b\n1,2\n")

    assert validated(desk.spec)[1] == 0
    assert validated(desk.spec, strict=True)[1] == 1


def test_a_sample_is_read_as_the_flow_would(desk):
    sample = desk.folder / "sample.csv"
    sample.write_text("vendor,number,total,kind\nACME,1,10,I\nACME,2,ten,I\nACME,3,13,I\nACME,4,x,DRAFT\n")

    text, code = validated(desk.spec, data=sample)

    assert code == 1
    assert "sample.csv:3:1: error[E215]" in text
    assert "'ten' is not a number" in text
    assert "sample.csv:4:1: error[E215] Thirteen is unlucky" in text
    assert "sample.csv:2:" not in text


def test_a_sample_no_flow_reads_is_told(desk):
    sample = desk.folder / "sample.xlsx"
    sample.write_text("")

    text, code = validated(desk.spec, data=sample)

    assert code == 0
    assert "W406" in text


def test_a_sample_without_a_column_is_told_once(desk):
    sample = desk.folder / "sample.csv"
    sample.write_text("number,total,kind\n1,2,I\n2,2,I\n")

    text, code = validated(desk.spec, data=sample)

    assert code == 1
    assert text.count("vendor") == 1


def test_a_code_is_explained(desk):
    text, code = explain("e202")

    assert code == 0
    assert text.startswith("E202")


def test_a_spec_is_explained_value_by_value(desk):
    text, code = explain(str(desk.spec))

    assert code == 0
    assert any("flows.invoices.key" in line and "books.yaml:" in line for line in text.splitlines())
    assert any("partner.yaml:" in line for line in text.splitlines())


def test_what_is_neither_is_told_with_the_codes(desk):
    text, code = explain("nonsense")

    assert code == 2
    assert "neither a file nor a code" in text
    assert "E202" in text


def test_loading_raises_every_problem(desk):
    desk.write_spec(lambda text: text.replace(*BAD).replace("map: {vendor: vendor", "map: {vendor: vendr"))

    with pytest.raises(SpecError) as error:
        load(desk.spec)

    assert [problem.code for problem in error.value.problems] == ["E202", "E202"]
    assert list(error.value.problems) == list(check(desk.spec))


def test_a_system_file_is_checked_but_cannot_be_run(desk):
    system = desk.folder / "systems" / "partner.yaml"

    assert check(system) == ()
    with pytest.raises(UsageError, match="is no integration"):
        load(system)


def test_the_fingerprint_changes_with_every_file_the_meaning_depends_on(desk):
    first = load(desk.spec).sha
    system = desk.folder / "systems" / "partner.yaml"
    system.write_text(system.read_text() + "\n# more\n")

    assert load(desk.spec).sha != first


def test_promises_name_both_sides(desk):
    assert [line.split(": ")[0] for line in promises(load(desk.spec))] == ["invoices"]
