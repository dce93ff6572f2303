"""What was delivered, looked up again in the ERP's stand-in: agreed, missing, twice, changed, not to be told."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest

from engine.desk.sweep import sweep
from engine.errors import UsageError
from engine.run.seams import quiet
from engine.run.story import tell
from engine.sandbox.faults import Fault
from tests.specs.world import World, invoice, payment


@pytest.fixture
def world(tmp_path):
    with ExitStack() as stack:
        world = World(stack, tmp_path)
        world.masters_are_fresh("vendors", "gl_accounts")
        yield world


def swept(world, *flows, days=7, forward=10, **seams):
    """A sweep ten minutes later, when what was sent has settled."""
    world.clock.forward(minutes=forward)
    with world.workspace() as workspace:
        return sweep(world.spec, workspace, world.seams(**seams), quiet, flows=flows, days=days)


def post(world, *numbers):
    world.offer("invoices_001.csv", *map(invoice, numbers))
    assert world.counts(world.run("invoices")) == {"posted": len(numbers)}


def remove(world, number):
    for table in ("APInvExp", "APInvDtl", "APInvHed"):
        for row in list(world.epicor.store.select(table, InvoiceNum=number)):
            world.epicor.store.remove(table, row)


def found(report, flow="invoices"):
    return next(each for each in report.flows if each.flow == flow)


def test_everything_agrees(world):
    post(world, "00123", "00124", "00125")
    before = len(world.epicor.history.effects())

    report = swept(world, "invoices")

    assert report.exit_code == 0
    calls = report.calls
    assert calls >= 3
    assert report.render("text").splitlines()[-1] == f"reconciled 3 of 3, 0 differences ({calls} calls)"
    assert len(world.epicor.history.effects()) == before, "a sweep changes nothing there"
    looks = world.calls("*APInvoiceSvc/GetByID")
    swept(world, "invoices")
    assert world.calls("*APInvoiceSvc/GetByID") - looks == 3, "one look a document"


def test_an_invoice_deleted_there_is_missing_and_its_story_tells_it(world):
    post(world, "00123", "00124")
    remove(world, "00123")

    report = swept(world, "invoices")

    (one,) = found(report).differences
    assert (one.number, one.event) == ("00123", "missing_in_target")
    assert report.exit_code == 3
    assert "reconciled 1 of 2, 1 difference (" in report.last_line
    assert world.state("00123") == "posted", "nothing is reversed"
    with world.workspace() as workspace:
        assert "missing_in_target" in tell(workspace, form="text", invoice="00123")
        assert "missing_in_target" not in tell(workspace, form="text", invoice="00124")


def test_what_was_delivered_a_moment_ago_is_not_called_missing(world):
    post(world, "00123")
    remove(world, "00123")

    report = swept(world, "invoices", forward=0)

    assert (report.exit_code, found(report).differences, found(report).failed) == (4, [], 1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"DocInvoiceVendorAmt": "99.00"}, "`DocInvoiceVendorAmt` is 99.00 there, 10.30 here"),
        ({"DocInvoiceVariance": "1.00"}, "not whole any more"),
    ],
)
def test_another_total_there_is_a_difference(world, changes, says):
    post(world, "00123")
    world.epicor.update("APInvHed", {"InvoiceNum": "00123"}, **changes)

    report = swept(world, "invoices")

    (one,) = found(report).differences
    assert one.event == "differs_in_target"
    assert says in one.said
    assert report.exit_code == 3
    assert says in report.render("text")


def test_a_payment_that_is_there_twice(world):
    post(world, "00123")
    world.stampli.write_payments("payments_001.csv", [payment()])
    world.run("payments")
    head = world.epicor.payments()[0]
    world.epicor.store.put(
        "CheckHed", {**world.epicor.rows("CheckHed")[0], "HeadNum": head["HeadNum"] + 1, "SysRowID": "twin"}
    )

    report = swept(world, "payments")

    (one,) = found(report, "payments").differences
    assert (one.event, report.exit_code) == ("duplicate_in_target", 3)
    with world.workspace() as workspace:
        assert "duplicate_in_target" in tell(workspace, form="text", invoice="5001")


def test_files_can_not_be_looked_up_and_are_never_called_fine(world):
    world.run("vendors")

    report = swept(world, "vendors")

    one = found(report, "vendors")
    assert one.blind == one.delivered == 2
    assert "2 delivered can't be looked up" in report.render("text")
    assert report.last_line.startswith("reconciled 0 of 2, 0 differences, 2 can't be looked up")


def test_a_look_that_fails_is_not_a_difference(world):
    post(world, "00123", "00124")
    world.epicor.faults.add(Fault(kind="500", at="*APInvoiceSvc/GetByID", nth=0))

    report = swept(world, "invoices")

    assert report.exit_code == 4
    assert found(report).differences == []
    assert found(report).failed == 2
    assert "2 could not be checked" in report.last_line


def test_a_system_out_of_reach_is_not_asked_for_each_document(world):
    post(world, *(f"N-{n}" for n in range(20)))
    world.epicor.faults.add(Fault(kind="500", at="*APInvoiceSvc/GetByID", nth=0))
    before = world.calls("*APInvoiceSvc/GetByID")

    report = swept(world, "invoices")

    assert found(report).failed == found(report).delivered == 20
    assert "not tried, for the looks before it failed" in report.render("text")
    assert world.calls("*APInvoiceSvc/GetByID") - before < 20 * 6


def test_only_the_last_days_count(world):
    post(world, "00123")
    world.clock.forward(days=10)

    assert swept(world, "invoices", days=7).last_line == "reconciled 0 of 0, 0 differences (0 calls)"
    assert "reconciled 1 of 1" in swept(world, "invoices", days=30).last_line


def test_what_is_open_for_a_day_is_told(world):
    world.offer("invoices_001.csv", invoice("00123", invoice_total="1.00"))
    world.run("invoices")
    assert swept(world, "invoices").exit_code == 0
    world.clock.forward(hours=25)

    report = swept(world, "invoices")

    assert report.exit_code == 3
    assert "1 older than 24 h and not settled: 00123 held since 2026-03-02" in report.render("text")


def test_a_sweep_as_json(world):
    post(world, "00123", "00124")
    remove(world, "00124")

    told = json.loads(swept(world, "invoices").render("json"))

    (flow,) = told["flows"]
    assert (told["exit_code"], flow["delivered"], flow["agreed"]) == (3, 2, 1)
    assert flow["differences"][0]["number"] == "00124"
    assert flow["differences"][0]["event"] == "missing_in_target"


def test_a_flow_there_is_not_is_wrong_usage(world):
    with pytest.raises(UsageError, match="has no flow `invoises`"):
        swept(world, "invoises")


def test_the_command_says_what_a_folder_can_not_tell(desk):
    desk.place("a.csv", "1,10.50", "2,11.50")
    desk.at("run", desk.spec)

    text = desk.at("sweep", desk.spec)
    data = json.loads(desk.at("sweep", desk.spec, "--format", "json").stdout)

    assert text.exit_code == 0
    assert "2 delivered can't be looked up" in text.stdout
    assert data["flows"][0]["cannot_be_looked_up"] == 2
    assert desk.at("sweep", desk.spec, "--days", "0").exit_code == 2
    assert desk.at("sweep", desk.spec, "--flow", "nix").exit_code == 2
