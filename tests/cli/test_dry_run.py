"""A dry run as an operator reads it: what would change against the target, field by field, and what asking cost."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest

from engine.run import rehearse
from tests.specs.world import World, invoice, line


@pytest.fixture
def world(tmp_path):
    with ExitStack() as stack:
        world = World(stack, tmp_path)
        world.masters_are_fresh()
        yield world


def there(world, number, total="10.30", **fields):
    lines = [{"Description": "line 1", "DocExtCost": total, "GLAccount": "6100|00|10"}]
    given = {
        "VendorNum": 12,
        "InvoiceNum": number,
        "InvoiceDate": "2026-02-20",
        "DocInvoiceVendorAmt": total,
        "lines": lines,
    }
    world.epicor.seed(invoices=[given | fields])


def rehearsed(world, **options):
    result = world.run("invoices", dry_run=True, **options)
    data = json.loads(result.render("json"))
    (flow,) = data["flows"]
    return (
        result.render("text"),
        data,
        {shown["number"]: shown["change"] for shown in flow["documents"] if "change" in shown},
    )


def test_each_document_is_added_there_already_or_different(world):
    there(world, "SAME")
    there(world, "OTHER", "10.35")
    world.offer(
        "invoices_001.csv", invoice("NEW"), invoice("SAME", line(1, "10.30")), invoice("OTHER", line(1, "10.30"))
    )
    text, data, changes = rehearsed(world)

    assert {number: change["kind"] for number, change in changes.items()} == {
        "NEW": "add",
        "SAME": "there",
        "OTHER": "differs",
    }
    (amount,) = [one for one in changes["OTHER"]["fields"] if one["field"] == "DocInvoiceVendorAmt"]
    assert (amount["there"], amount["here"], amount["decides"]) == ("10.35", "10.30", True)
    assert "~ DocInvoiceVendorAmt: 10.35 there, 10.30 here" in text
    assert "1 to add, 1 there already, 1 there and different" in text
    assert data["flows"][0]["changes"] == {"add": 1, "there": 1, "differs": 1}


def test_it_tells_what_it_cost_by_system(world):
    world.offer("invoices_001.csv", invoice("A"), invoice("B"))
    before = len(world.epicor.history.calls())
    text, data, _ = rehearsed(world)

    asked = len(world.epicor.history.calls()) - before
    cost = data["calls"]
    assert cost["by_system"]["epicor"] == asked
    assert cost["total"] == sum(cost["by_system"].values())
    assert f"This preview cost {cost['total']} calls: epicor {asked}, stampli " in text


def test_looks_can_be_capped_and_what_was_not_looked_at_is_told(world):
    world.offer("invoices_001.csv", *(invoice(f"L-{n}") for n in range(4)))
    text, _, changes = rehearsed(world, max_calls=2)

    assert [change["kind"] for change in changes.values()] == ["add", "add", "untold", "untold"]
    assert "preview unavailable: the target was looked at 2 times, and --max-calls allows no more" in text
    assert "no change" not in text


def test_a_target_that_can_not_be_looked_at_makes_the_preview_unavailable(world):
    world.offer("invoices_001.csv", invoice("A"))
    world.epicor.faults.add("500:GetByID:0")
    text, _, changes = rehearsed(world)

    assert (changes["A"]["kind"], bool(changes["A"]["why"])) == ("untold", True)
    assert "preview unavailable" in text


def test_files_are_not_compared_and_say_so(desk):
    desk.place("a.csv", "1,10.50")
    result = desk.at("run", desk.spec, "--dry-run", "--format", "json")
    (shown,) = json.loads(result.stdout)["flows"][0]["documents"]

    assert (shown["change"]["kind"], shown["would"]) == (
        "untold",
        "would be written to the next file; preview unavailable",
    )
    assert "This preview cost" in desk.at("run", desk.spec, "--dry-run").stdout


def test_more_than_is_shown_is_told(desk, monkeypatch):
    monkeypatch.setattr(rehearse, "MOST_SHOWN", 2)
    desk.place("a.csv", "1,10.50", "2,1", "3,1")
    text = desk.at("run", desk.spec, "--dry-run").stdout
    (flow,) = json.loads(desk.at("run", desk.spec, "--dry-run", "--format", "json").stdout)["flows"]

    assert "showing 2 of 3; the others were not looked up" in text
    assert (flow["shown"], flow["total"], len(flow["documents"])) == (2, 3, 2)


def test_nothing_new_is_its_own_outcome(desk):
    (flow,) = json.loads(desk.at("run", desk.spec, "--dry-run", "--format", "json").stdout)["flows"]
    real = json.loads(desk.at("run", desk.spec, "--format", "json").stdout)
    desk.place("a.csv", "1,10.50", "2,13")
    done = json.loads(desk.at("run", desk.spec, "--format", "json").stdout)

    assert flow["outcome"] == "empty"
    assert (real["outcome"], real["exit_code"], real["flows"][0]["headline"]) == ("empty", 0, "nothing new")
    assert (done["outcome"], done["flows"][0]["headline"]) == ("partial", "1 posted (10.50), 1 held (13)")


def test_no_workspace_is_made_to_look(desk):
    desk.place("a.csv", "1,10.50")
    result = desk.at("run", desk.spec, "--dry-run")

    assert result.exit_code == 0
    assert not (desk.folder / ".mlconnector").exists()


def test_quiet_and_one_line_a_step(desk):
    desk.place("a.csv", "1,10.50")
    told = desk.at("run", desk.spec, "--dry-run")
    silent = desk.at("run", desk.spec, "--quiet")

    assert told.stderr.splitlines()[1:] == ["invoices: started", "invoices: done"]
    assert silent.stderr.splitlines()[1:] == []
    assert "\x1b" not in told.output + silent.output
