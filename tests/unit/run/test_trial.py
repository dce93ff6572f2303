"""`mlconnector test`: what passes, what fails and how it is told, on the shipped integration and real stand-ins."""

from __future__ import annotations

import json
import logging
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.errors import SpecError, UsageError
from engine.run.load import load
from engine.sandbox.stands import stand_in
from engine.trial.expect import compare_outcomes, compare_rows, difference
from engine.trial.faults import place
from engine.trial.file import merged, read_trial_file
from engine.trial.trials import run_trials
from engine.trial.world import SteppedClock, quiet_log, supply

SPECS = Path(__file__).resolve().parents[3] / "specs"
SPEC = SPECS / "epicor-kinetic--stampli.yaml"
WORLD = """\
sandbox:
  epicor:
    vendors: [{VendorNum: 12, VendorID: ACME, Name: Acme}]
    gl_accounts:
      - {COACode: MAIN, GLAccount: "6100|00|10"}
      - {COACode: MAIN, GLAccount: "6200|00|00"}
  stampli: {/outbound/invoices_001.csv: {file: samples/invoice_two_lines.csv}}
"""


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """The shipped specs, with room for test files beside them."""
    for name in ("systems", "crosswalks", "samples"):
        shutil.copytree(SPECS / name, tmp_path / name)
    shutil.copy(SPECS / SPEC.name, tmp_path)
    return tmp_path


def write(specs: Path, cases: str, world: str = WORLD) -> Path:
    path = specs / "epicor-kinetic--stampli.test.yaml"
    path.write_text(f"mlconnector: 1\ntests: epicor-kinetic--stampli\n{world}cases:\n{cases}")
    return path


def tried(path: Path, form: str = "text", names: tuple[str, ...] = ()) -> tuple[str, int]:
    return run_trials([path], stand_in, names=names, form=form)


def test_a_case_that_comes_out_as_expected_passes(specs):
    path = write(
        specs,
        """\
  - name: posted once
    run: [invoices, invoices]
    expect:
      outcomes: {posted: 1}
      commits: 1
      epicor.ap_invoices: [{InvoiceNum: "00123", DocInvoiceVendorAmt: "10.3", InvoiceDate: "2026-02-20"}]
      stampli:/outbound/invoices_*.csv: {contains: "00123"}
""",
    )

    assert tried(path) == ("ok      posted once\n1 of 1 cases passed", 0)


def test_the_shipped_integration_keeps_its_promises():
    text, code = tried(SPECS / "epicor-kinetic--stampli.test.yaml")

    assert code == 0, text


def test_what_differs_is_told_with_both_sides_and_the_engines_reason(specs):
    path = write(
        specs,
        """\
  - name: too optimistic
    sandbox: {stampli: {/outbound/invoices_001.csv: {file: samples/invoice_wrong_sum.csv}}}
    run: [invoices]
    expect: {outcomes: {posted: 1}, commits: 1, epicor.ap_invoices: [{InvoiceNum: W-7}], "stampli:/inbound/x.csv": {}}
""",
    )

    text, code = tried(path)

    assert code == 1
    assert "FAILED  too optimistic" in text
    assert "outcomes: expected 1 posted, there are 0" in text
    assert "outcomes: expected 0 held, there are 1" in text
    assert "commits: expected 1, there are 0" in text
    assert "epicor.ap_invoices: expected 1 rows, there are 0" in text
    assert "stampli:/inbound/x.csv: there is no such file" in text
    assert "W-7 is held: Lines do not add up" in text
    assert text.endswith("0 of 1 cases passed")


def test_a_fault_that_strikes_nowhere_fails_its_case(specs):
    """Otherwise a case about a lost answer could pass without one."""
    path = write(
        specs,
        """\
  - name: nothing goes wrong
    fault: {at: save_line, nth: 9, kind: lost_answer}
    run: [invoices]
    expect: {outcomes: {posted: 1}}
""",
    )

    assert "lost_answer at `save_line` never struck" in tried(path)[0]


def test_a_flow_that_stops_fails_its_case(specs):
    path = write(
        specs,
        """\
  - name: the door is closed
    fault: {at: list, nth: 0, kind: denied}
    run: [invoices]
    expect: {outcomes: {}}
""",
    )

    text, code = tried(path)

    assert code == 1
    assert "`invoices` stopped: " in text


def test_json_tells_the_same(specs):
    path = write(specs, "  - {name: nothing, run: [payments], expect: {outcomes: {posted: 1}}}\n")

    told = json.loads(tried(path, form="json")[0])

    assert told["passed"] == 0
    assert told["failed"] == 1
    assert told["cases"][0]["differences"] == ["outcomes: expected 1 posted, there are 0"]


def test_cases_are_chosen_by_name_and_unknown_names_refused(specs):
    case = "  - {{name: {}, run: [payments], expect: {{outcomes: {{}}}}}}\n"
    path = write(specs, case.format("one") + case.format("two"))

    assert tried(path, names=("two",)) == ("ok      two\n1 of 1 cases passed", 0)
    with pytest.raises(UsageError, match="No case is called `three`; there are: one; two"):
        tried(path, names=("three",))


def test_a_file_with_mistakes_runs_nothing(specs):
    path = write(specs, "  - {name: one, runs: [payments], expect: {}}\n")

    with pytest.raises(SpecError, match="`runs`"):
        tried(path)


def test_other_files_are_no_test_files():
    with pytest.raises(UsageError, match=r"must end in `\.test\.yaml`"):
        read_trial_file(SPEC)


def test_a_case_replaces_shared_objects_and_files_by_name():
    shared = {"a": {"rows": [1], "/x": {"text": "x"}}}

    assert merged(shared, {"a": {"/x": {"text": "y"}}, "b": {"rows": [2]}}) == {
        "a": {"rows": [1], "/x": {"text": "y"}},
        "b": {"rows": [2]},
    }


def test_time_passes_only_when_it_is_moved():
    start = datetime(2026, 3, 2, tzinfo=UTC)
    clock = SteppedClock(start)

    clock.sleep(90)
    clock.forward(timedelta(hours=1))

    assert clock() == start + timedelta(hours=1, seconds=90)


def test_only_bugs_are_logged_meanwhile(caplog):
    log = logging.getLogger("engine.run.flow")

    with quiet_log():
        log.warning("alert")
        try:
            int("none")
        except ValueError:
            log.exception("a bug")
    log.warning("afterwards")

    assert [record.message for record in caplog.records] == ["a bug", "afterwards"]


@pytest.mark.parametrize(
    ("at", "nth", "expected"),
    [
        ("vendor", 2, ("epicor", "Erp.BO.APInvoiceSvc/ChangeVendorID", 2)),
        ("save", 1, ("epicor", "Erp.BO.APInvoiceSvc/UpdateMaster", 1)),
        ("save_line", 1, ("epicor", "Erp.BO.APInvoiceSvc/UpdateMaster", 2)),
        ("save_line", 2, ("epicor", "Erp.BO.APInvoiceSvc/UpdateMaster", 3)),
        ("code_line", 2, ("epicor", "Erp.BO.APInvoiceSvc/Update", 2)),
        ("save_line", 0, ("epicor", "Erp.BO.APInvoiceSvc/UpdateMaster", 0)),
        ("delete", 1, ("epicor", "Erp.BO.APInvoiceSvc/DeleteByID", 1)),
        ("find", 1, ("epicor", "Erp.BO.APInvoiceSvc/GetByID", 1)),
    ],
)
def test_a_step_is_found_by_its_call(at, nth, expected):
    assert place(at, nth, load(SPEC), ["invoices"]) == [expected]


def test_what_is_no_step_is_an_operation_of_every_system():
    assert place("rename", 3, load(SPEC), ["vendors"]) == [("epicor", "rename", 3), ("stampli", "rename", 3)]


def test_a_hit_that_cant_be_told_is_refused():
    with pytest.raises(UsageError, match="is call 2 of the step `save` can't be told"):
        place("save", 2, load(SPEC), ["invoices"])


def test_a_setting_the_stand_in_lacks_is_named():
    with pytest.raises(UsageError, match="`epicor-kinetic` has no value for the setting `site` of `epicor`"):
        supply(load(SPEC), {"epicor": {}, "stampli": {}})


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ("10.30", Decimal("10.3"), ""),
        (0, Decimal("0.00"), ""),
        ("x", Decimal(1), "is 1, expected x"),
        ("2026-02-20", date(2026, 2, 20), ""),
        (True, 1, "is 1, expected True"),
        (None, None, ""),
        ("00123", "123", "is 123, expected 00123"),
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": 1}, {"a": 2}, "a is 2, expected 1"),
        ([{"a": 1}], [{"a": 1, "b": 2}], ""),
        ([{"a": 1}], [], "expected 1 rows, there are 0; expected  {a: 1}; nothing like it is there"),
    ],
)
def test_values_are_compared_by_what_they_mean(expected, actual, told):
    assert difference(expected, actual) == told


def test_rows_may_come_in_any_order_and_none_may_be_left_over():
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]

    assert list(compare_rows([{"a": 2}, {"b": "x"}], rows)) == []
    assert list(compare_rows([{"a": 2}], rows)) == [
        "expected 1 rows, there are 2",
        "not expected  {a: 1, b: x}",
    ]
    assert list(compare_rows([{"a": 2}, {"a": 1, "b": "z"}], rows))[-1] == "nearest   b is x, expected z"


def test_records_passed_by_count_only_when_asked_for():
    assert list(compare_outcomes({"seen": 2}, [], {"seen": 1})) == ["outcomes: expected 2 seen, there are 1"]
    assert list(compare_outcomes({}, [], {"seen": 1})) == []
    assert list(compare_outcomes(None, [], {})) == []
