"""What a person corrects between two runs: a cause mended for a whole group, a cursor forgotten or set back; nothing is sent twice."""

from __future__ import annotations

import json

from engine.desk.keeping import reset_cursor, set_cursor, show_state
from engine.desk.people import list_held
from engine.desk.replay import replay_documents

from .world import invoice


def test_a_forgotten_cursor_reads_everything_again_and_sends_nothing_twice(world):
    world.run("vendors")
    with world.workspace() as workspace:
        assert "reads on from" in show_state(workspace, flow="vendors", form="text")
    assert world.counts(world.run("vendors"), "vendors").get("seen", 0) <= 2
    with world.workspace() as workspace:
        reset_cursor(workspace, "vendors", reason="they restored their database", form="text")
        assert "reads on from" not in show_state(workspace, flow="vendors", form="text")
    assert world.counts(world.run("vendors"), "vendors") == {"seen": 2}
    with world.workspace() as workspace:
        assert "reads on from" in show_state(workspace, flow="vendors", form="text")


def test_a_cursor_set_back_reads_what_changed_since_then(world):
    world.run("vendors")
    world.epicor.touch_vendor("ACME", City="Boulder")
    world.run("vendors")
    with world.workspace() as workspace:
        before = json.loads(show_state(workspace, flow="vendors", form="json"))[0]["cursors"][0]["value"]
        set_cursor(workspace, "vendors", "1", reason="once more", source=None, form="text")
    assert world.counts(world.run("vendors"), "vendors") == {"seen": 2}
    with world.workspace() as workspace:
        assert json.loads(show_state(workspace, flow="vendors", form="json"))[0]["cursors"][0]["value"] == before


def test_a_cause_in_the_erp_is_one_group_and_goes_once_it_is_mended(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    world.epicor.update("APInvGrp", {"GroupID": "MLC"}, ActiveUserID="maria")
    world.offer("invoices_002.csv", *(invoice(f"R-{n}") for n in range(4)))
    world.run("invoices")
    with world.workspace() as workspace:
        (group,) = json.loads(list_held(workspace, every=True, form="json", by_cause=True))
        assert (group["documents"], group["amount"], group["state"]) == (4, "41.20", "rejected")
        assert "locked by user maria" in group["reason"]
        assert "all 4 that came in meanwhile" in group["hint"]
        world.epicor.update("APInvGrp", {"GroupID": "MLC"}, ActiveUserID="")
        replay_documents(workspace, world.seams(), [], failed=False, remap=None, group=group["cause"])
    world.run("invoices")
    for number in range(4):
        world.assert_whole(f"R-{number}")
