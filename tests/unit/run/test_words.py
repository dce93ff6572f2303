"""What a run says: figures as text and JSON, exit codes, plain progress, tables."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from engine.desk.terminal import display, say_plainly
from engine.run.show import as_json, table
from engine.run.summary import FlowSummary, Summary


def test_a_flow_tells_what_came_in_and_where_it_went():
    flow = FlowSummary(
        flow="invoices",
        counts=Counter({"read": 5, "passed_over": 1, "seen": 1, "posted": 2, "in_doubt": 1}),
        amounts={"posted": "30.50"},
        earlier=Counter({"held": 2}),
        bad_files=["a.csv: torn"],
    )
    flow.conclude()

    assert flow.lines() == [
        "invoices: 5 in = 1 passed over + 1 seen + 2 posted (30.50) + 1 in doubt",
        "  from earlier runs: 2 held",
        "  bad file a.csv: torn",
    ]
    assert (flow.exit_code, flow.outcome) == (3, "partial")


def test_nothing_new_is_an_outcome_of_its_own():
    flow = FlowSummary(flow="invoices")
    flow.conclude()

    assert (flow.lines(), flow.outcome, flow.exit_code) == (["invoices: nothing new"], "empty", 0)


def test_everything_posted_is_done():
    flow = FlowSummary(flow="invoices", counts=Counter({"read": 1, "posted": 1}))
    flow.conclude()

    assert (flow.outcome, flow.exit_code) == ("done", 0)


@pytest.mark.parametrize("state", ["held", "conflict", "quarantined", "rejected", "in_doubt"])
def test_what_needs_somebody_is_no_success(state):
    flow = FlowSummary(flow="invoices", counts=Counter({"read": 1}), moved=Counter({state: 1}))
    flow.conclude()

    assert flow.exit_code == 3


def test_a_file_that_cannot_be_used_is_no_success():
    flow = FlowSummary(flow="invoices", bad_files=["a.csv: torn"])
    flow.conclude()

    assert flow.exit_code == 3


@pytest.mark.parametrize(
    ("codes", "exit_code"), [([0, 0], 0), ([0, 3], 3), ([3, 4], 4), ([5, 4], 5), ([70, 5, 3], 70), ([], 0), ([2, 3], 2)]
)
def test_a_run_ends_with_the_gravest_of_its_flows(codes, exit_code):
    assert Summary(integration="x", flows=[FlowSummary(flow="f", exit_code=c) for c in codes]).exit_code == exit_code


def test_a_stopped_run_says_by_what():
    assert Summary(integration="x", flows=[FlowSummary(flow="f", exit_code=3)], stopped=143).exit_code == 143


def test_a_run_as_json():
    flow = FlowSummary(
        flow="invoices", run_id="r", counts=Counter({"read": 1, "posted": 1}), amounts={"posted": "1.10"}
    )
    told = json.loads(Summary(integration="books", flows=[flow], trail_head="abc").render("json"))

    assert told["flows"][0]["counts"] == {"read": 1, "posted": 1}
    assert told["flows"][0]["amounts"] == {"posted": "1.10"}
    assert (told["trail_head"], told["exit_code"]) == ("abc", 0)


def test_json_keeps_every_digit_and_writes_dates():
    value = {"a": Decimal("1.10"), "b": datetime(2026, 11, 21, tzinfo=UTC), "c": [Decimal("1E+3")]}

    assert json.loads(as_json(value)) == {"a": "1.10", "b": "2026-11-21T00:00:00+00:00", "c": ["1000"]}


def test_a_table_cuts_all_columns_but_the_last():
    text = table([("A", "B"), ("x" * 9, "y" * 9)], most=5)

    assert text == "A      B\nxxxx…  yyyyyyyyy"


def test_progress_without_a_terminal_is_plain_lines_on_stderr(capsys):
    with display(dry=False, plain=False) as progress:
        progress("flow", {"flow": "invoices"})
        progress("ingested", {"flow": "invoices", "name": "a.csv", "read": 3})
        progress("delivered", {"flow": "invoices", "number": "1", "state": "posted", "reason": ""})
        progress("delivered", {"flow": "invoices", "number": "2", "state": "held", "reason": "differs"})
        progress("something new", {})
        progress("ended", {"flow": "invoices", "outcome": "partial"})

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "invoices: started",
        "invoices: a.csv: 3 records",
        "invoices: 2 held: differs",
        "invoices: partial",
    ]


def test_a_parcel_without_records_is_told_too(capsys):
    say_plainly("ingested", {"flow": "invoices", "name": "a.csv"})

    assert capsys.readouterr().err == "invoices: a.csv: 0 records\n"
