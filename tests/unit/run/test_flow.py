"""A run of several flows: order, needs, locks, alerts, and what one flow's trouble means for the others."""

from __future__ import annotations

import pytest

from engine.errors import UsageError
from engine.run.load import load
from engine.run.running import Options, chosen, run_spec
from engine.run.seams import quiet
from engine.state.locks import flow_lock

SECOND = """
  again:
    title: Again
    needs: {invoices: {within: 2d}}
    read: {object: partner.invoices}
    key: [vendor, number]
    map: {vendor: vendor, number: number, total: total}
    write: {object: partner.ledger, pattern: append}
"""


@pytest.fixture
def two(desk):
    """`again` stands first in the file and needs `invoices`."""
    desk.write_spec(lambda text: text.replace("flows:", "flows:" + SECOND.rstrip()))
    return desk


def test_master_data_comes_first_whatever_the_order_of_the_file(two):
    integration = load(two.spec)

    assert [flow.name for flow in chosen(integration, ())] == ["invoices", "again"]
    assert [flow.name for flow in chosen(integration, ("again",))] == ["again"]


def test_an_unknown_flow_is_told_with_those_there_are(two):
    with pytest.raises(UsageError, match="no flow `agian`; it has again, invoices"):
        two.run(flows=("agian",))


def test_a_need_that_never_ran_stops_the_flow_and_says_what_to_do(two):
    summary = two.run(flows=("again",)).flows[0]

    assert summary.exit_code == 4
    assert summary.error.startswith("`again` needs a run of `invoices` within 2d")
    assert summary.error.endswith("it last succeeded never: run `invoices` first")


def test_a_need_is_met_by_a_good_run_and_only_so_long(two):
    two.run(flows=("invoices",))
    two.time.pass_by(days=1)
    fresh = two.run(flows=("again",)).flows[0]
    two.time.pass_by(days=1, hours=1)
    stale = two.run(flows=("again",)).flows[0]

    assert fresh.error == ""
    assert "on 2026-11-21 09:00 UTC" in stale.error


def test_one_file_read_by_two_flows_is_put_away_after_the_second(two):
    two.place("a.csv", "ACME,1,10,I")

    two.run(flows=("invoices",))
    still_there = (two.box / "in" / "a.csv").exists()
    two.run(flows=("again",))

    assert still_there
    assert not (two.box / "in" / "a.csv").exists()


def test_a_flow_at_work_elsewhere_is_left_alone_and_the_other_runs(two):
    two.place("a.csv", "ACME,1,10,I")
    two.run(flows=("invoices",))
    with flow_lock(two.workspace.database, "default", "books/invoices"):
        result = two.run()

    assert {flow.flow: flow.exit_code for flow in result.flows} == {"invoices": 5, "again": 0}
    assert result.exit_code == 5


def test_a_source_that_is_gone_stops_no_delivery(desk):
    desk.place("a.csv", "ACME,1,10,I")
    desk.run(limit=1, only="1")
    desk.place("b.csv", "ACME,2,10,I")
    out = desk.box / "out"
    out.rename(desk.box / "away")
    undelivered = desk.run().flows[0]
    (desk.box / "away").rename(out)
    for file in (desk.box / "in").iterdir():
        file.unlink()
    (desk.box / "in").rmdir()

    summary = desk.run().flows[0]

    assert undelivered.exit_code == 4
    assert summary.exit_code == 4
    assert "/in" in summary.error
    assert desk.states() == {"1": "posted", "2": "posted"}


def test_stopping_before_a_flow_starts_it_not(two):
    result = run_spec(two.spec, two.workspace, two.seams, Options(), quiet, stopping=lambda: True)

    assert result.flows == []


def test_who_is_to_be_told_is_named_in_the_log(desk, caplog):
    desk.write_spec(
        lambda text: text.replace("flows:", "alerts:\n  ap_team: {to: {env: AP_TEAM}}\nflows:").replace(
            "append, on_changed: hold}", "append}\n    on_error: {alert: ap_team}"
        )
    )
    desk.place("a.csv", "ACME,1,13,I")

    desk.run()

    assert "alert to ap_team: invoices: 1 in = 1 held (13)" in caplog.text


def test_a_good_run_alerts_nobody(desk, caplog):
    desk.place("a.csv", "ACME,1,10,I")
    desk.run()

    assert caplog.text == ""


def test_the_run_is_kept_with_its_figures(desk):
    desk.place("a.csv", "ACME,1,10,I", "ACME,2,13,I")
    desk.run()

    run = desk.workspace.ledger.last_run("books/invoices")

    assert run.outcome == "partial"
    assert run.summary["counts"] == {"read": 2, "posted": 1, "held": 1}


def test_what_was_left_earlier_is_told_again(desk):
    desk.place("a.csv", "ACME,1,13,I")
    desk.run()
    desk.place("b.csv", "ACME,2,10,I")

    assert desk.run().flows[0].lines() == ["invoices: 1 in = 1 posted (10)", "  from earlier runs: 1 held"]
