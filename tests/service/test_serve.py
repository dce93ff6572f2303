"""`serve` as it lives: it starts what is due, re-reads its specs, leaves in good order, and comes back after a kill."""

from __future__ import annotations

import json

import pytest

from tests.security.peer import Peer
from tests.service.serving import Gate, Serve, numbers, offer, stage_in, until

SIX = [f"A-{n}" for n in range(1, 7)]


@pytest.fixture
def peer():
    with Peer() as running:
        yield running


def firings(stage):
    return stage.rows("select cause, state, attempt from firing order by queued_at")


def test_it_posts_what_comes_answers_and_leaves_when_asked(tmp_path, peer):
    stage = stage_in(tmp_path, peer)
    offer(stage, "A-1", "A-2")
    with Serve(stage) as serve:
        until(lambda: len(peer.bills) == 2)
        assert serve.get("/live") == (200, '{"live":true}')
        assert serve.get("/ready")[0] == 200
        offer(stage, "A-3", name="bills_2.csv")
        until(lambda: len(peer.bills) == 3)
        ended = serve.wait_for("ended (0)")
        assert (ended["flow"], ended["tenant"], ended["level"]) == ("bills/bills", "default", "info")
        assert stage.rows("select kind, doing from worker")[0][0] == "serve"
        with Serve(stage) as second:
            assert second.ended() == 5
            assert f"is at work already: process {serve.process.pid}" in "".join(second.lines)
        serve.ask_to_leave()

        assert serve.ended() == 0
        assert serve.process.stdout.read() == ""
    assert numbers(stage) == ["A-1", "A-2", "A-3"]
    assert stage.rows("select * from worker") == []


def test_a_changed_spec_is_taken_up_and_a_broken_one_leaves_the_last_good_one_at_work(tmp_path, peer):
    stage = stage_in(tmp_path, peer, every="1h")
    with Serve(stage) as serve:
        serve.wait_for("ended (0)")
        offer(stage, "A-1")
        stage.change("", ("every: 1h", "every: 1s"))
        until(lambda: numbers(stage) == ["A-1"])
        assert serve.said("its new version is in force")
        stage.change("", ("amount: total", "amount: totl"))
        told = serve.wait_for("its last good version goes on")
        assert (told["level"], "E2" in told["said"]) == ("warning", True)
        offer(stage, "A-2", name="bills_2.csv")
        until(lambda: numbers(stage) == ["A-1", "A-2"])
        stage.change("", ("amount: totl", "amount: total"))
        serve.wait_for("holds again, as it was")
        serve.ask_to_leave()
        assert serve.ended() == 0


def test_asked_to_leave_in_the_middle_it_finishes_the_document_in_hand_and_the_next_start_goes_on(tmp_path, peer):
    stage = stage_in(tmp_path, peer, every="1h")
    offer(stage, *SIX)
    gate = Gate(stage, 2, kept=False)
    with Serve(stage) as serve:
        serve.wait_until(gate.reached.is_set)
        serve.ask_to_leave()
        until(lambda: serve.get("/ready")[0] == 503)
        gate.open.set()
        assert serve.ended() == 0
    assert numbers(stage) == SIX[:2]
    assert firings(stage) == [("schedule", "queued", 0)]
    assert set(stage.states().values()) == {"posted", "ready"}

    with Serve(stage) as serve:
        until(lambda: len(peer.bills) == 6)
        serve.wait_for("ended (0)")
    assert sorted(numbers(stage)) == SIX
    assert firings(stage) == [("schedule", "done", 0)]


@pytest.mark.parametrize("kept", [True, pytest.param(False, marks=pytest.mark.faults)])
def test_killed_in_the_middle_nothing_is_lost_or_doubled(tmp_path, peer, kept):
    """`kept`: the shop had taken the bill in hand, whose answer nobody got."""
    stage = stage_in(tmp_path, peer, every="1h")
    offer(stage, *SIX)
    gate = Gate(stage, 3, kept=kept)
    with Serve(stage) as serve:
        serve.wait_until(gate.reached.is_set)
        serve.kill()
    gate.open.set()
    peer.answer = lambda _asked: None
    assert firings(stage) == [("schedule", "running", 0)]

    with Serve(stage) as serve:
        serve.wait_for("its process ended in the middle of it: queued")
        serve.wait_for("ended (")
        until(lambda: sorted(numbers(stage)) == SIX)
        serve.ask_to_leave()
        assert serve.ended() == 0
    assert set(stage.states().values()) <= {"posted", "adopted"}
    assert firings(stage)[0] == ("schedule", "done", 1)


def test_asked_twice_it_ends_at_once(tmp_path, peer):
    stage = stage_in(tmp_path, peer, every="1h")
    offer(stage, *SIX)
    gate = Gate(stage, 2, kept=True)
    with Serve(stage) as serve:
        serve.wait_until(gate.reached.is_set)
        serve.ask_to_leave()
        serve.wait_for("leaving")
        serve.ask_to_leave()
        assert serve.ended() == 143
    gate.open.set()


def test_of_several_specs_those_that_hold_are_served_and_without_any_nothing_is(tmp_path, peer):
    stage = stage_in(tmp_path, peer, every="1h")
    broken = stage.spec.with_name("broken.yaml")
    broken.write_text("mlconnector: 1\nintegration: broken\ntitel: Broken\n")
    with Serve(stage) as serve:
        assert "E1" in serve.wait_for("has errors")["said"]
        assert "1 flow" in serve.wait_for("serving ")["said"]
    nothing = stage.cli("serve", str(broken), "--no-web")
    assert (nothing.returncode, "`titel`" in nothing.stderr) == (1, True)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert stage.cli("serve", str(empty)).returncode == 2


def test_the_log_keeps_no_secret_and_every_line_is_json(tmp_path, peer):
    stage = stage_in(tmp_path, peer)
    peer.answer = lambda asked: (400, {}, b'{"message": "no \\u001b[31m\\r\\n{\\"level\\": 1} canary"}')
    offer(stage, "A-1")
    with Serve(stage, str(stage.spec), "--no-web", "--debug") as serve:
        serve.wait_for("ended (")
        serve.ask_to_leave()
        assert serve.ended() == 0
        assert "canary pass" not in "".join(serve.lines)
    for line in serve.lines:
        assert {"at", "level", "said", "from"} <= json.loads(line).keys()
        assert not any(mark in line for mark in ("\x1b", "\r"))
