"""The work of one machine: what waits is done, in the order of its urgency, and what becomes of it is written down."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from engine.service.live import Live
from engine.service.local import Pool
from engine.service.parts import Parts
from engine.service.scheduler import Scheduler
from engine.service.shelf import Shelf
from engine.service.working import MOST_TRIES, perform
from engine.state.firings import Firings
from engine.state.firings_workers import seen, workers
from engine.state.locks import flow_lock, owner_id
from tests.security.peer import Peer
from tests.security.stage import Stage

BILLS = "bills/bills"


class House:
    """One process's parts on a stage whose clock stands still."""

    def __init__(self, stage, workspace):
        self.stage, self.peer = stage, stage.peer
        self.shelf = Shelf([stage.spec.parent], wall=lambda: 1e12)
        self.shelf.look()
        self.parts = Parts(
            workspace=workspace,
            seams=stage.seams(),
            shelf=self.shelf,
            firings=Firings(workspace.desk),
            live=Live(stage.clock),
        )
        self.firings = self.parts.firings

    def work(self, pool=None):
        """Everything that may be started now, done; the states it came to."""
        pool = pool or Pool(self.parts)
        while pool.fill():
            pool.wait()
        return [(each.cause, each.state) for each in reversed(self.firings.listed())]

    def pass_by(self, **span):
        self.stage.clock.now += timedelta(**span)


@pytest.fixture
def house(tmp_path):
    with Peer() as peer:
        stage = Stage(tmp_path, peer)
        stage.store_secrets()
        with stage.workspace() as workspace:
            yield House(stage, workspace)


def test_what_is_due_is_done_and_its_outcome_stands_in_its_row(house):
    house.stage.offer_bill()
    scheduler = Scheduler(house.parts)
    scheduler.plan()
    scheduler.tick()

    assert house.work() == [("schedule", "done")]
    done = house.firings.listed(BILLS)[0]
    assert (done.exit_code, done.reason, done.owner) == (0, "1 posted (10.30)", owner_id())
    assert house.stage.states() == {"A-1": "posted"}
    assert house.parts.workspace.ledger.last_run(BILLS).id == done.run
    assert house.parts.live.now() == []
    assert (scheduler.tick(), house.work()) == ([], [("schedule", "done")])


def test_what_is_left_for_people_is_done_too(house):
    house.peer.answer = lambda asked: (400, {}, b'{"message": "no"}') if asked.method == "POST" else None
    house.stage.offer_bill()
    house.firings.ask(BILLS, cause="webhook")
    assert house.work() == [("webhook", "done")]
    assert house.firings.listed()[0].exit_code == 3


def test_a_flow_that_somebody_runs_by_hand_is_tried_again_a_little_later(house):
    house.firings.ask(BILLS, cause="person", by="ann")
    place = house.parts.workspace
    with flow_lock(place.database, place.tenant, BILLS):
        assert house.work() == [("person", "queued")]
    waiting = house.firings.listed()[0]
    assert "is at work already: process" in waiting.reason
    wait = (waiting.not_before - house.stage.clock.now).total_seconds()
    assert 3.75 <= wait <= 6.25, "those that were refused together do not come back together"
    assert place.trail.entries(flow=BILLS)[-1].event == "flow asked for", "no line for each time it is tried"
    house.pass_by(seconds=7)
    assert house.work() == [("person", "done")]
    assert place.trail.entries(flow=BILLS)[-1].actor == "ann"


def test_what_a_webhook_began_is_tried_again_while_a_system_is_away_and_a_schedule_has_its_next_time(house):
    house.stage.offer_bill()
    house.peer.answer = lambda asked: (503, {}, b"")
    Scheduler(house.parts).plan()
    Scheduler(house.parts).tick()
    assert house.work() == [("schedule", "failed")]

    house.firings.ask(BILLS, cause="webhook")
    waits = []
    for _ in range(MOST_TRIES + 2):
        house.work()
        waiting = house.firings.queued()
        if waiting:
            waits.append((waiting[0].not_before - house.stage.clock.now).total_seconds())
            house.pass_by(seconds=1000)
    assert len(waits) == MOST_TRIES
    assert waits == sorted(waits)
    assert 20 <= waits[0] <= waits[-1] <= 900
    causes = [each.cause for each in house.firings.listed() if each.state == "failed"]
    assert sorted(causes) == ["again"] * MOST_TRIES + ["schedule", "webhook"]


def test_it_is_tried_again_as_it_was_asked_for(house):
    house.stage.offer_bill()
    house.peer.answer = lambda asked: (503, {}, b"")
    house.firings.ask(BILLS, cause="person", by="ann", options={"full": True})
    house.work()
    (again,) = house.firings.queued()
    assert (again.cause, again.by, again.options, again.priority, again.tries) == ("again", "ann", {"full": True}, 0, 1)


def test_a_wrong_set_up_is_not_tried_again(house):
    house.firings.ask(BILLS, cause="webhook")
    (house.stage.files / "out").rename(house.stage.files / "away")
    assert house.work() == [("webhook", "failed")]
    assert house.firings.listed()[0].exit_code == 4


SECOND = """\
    needs: {second: {within: 1d}}
  second:
    title: Second
    read: {object: files.bills}
    key: [number]
    map: {code: number}
    write: {object: files.notes, pattern: append}
"""


@pytest.fixture
def two(house):
    """A flow that needs another one, which has no schedule and never ran."""
    house.stage.change("", ("    on_error: {alert: team}\n", SECOND))
    house.shelf.look()
    assert dict(house.shelf.broken) == {}
    Scheduler(house.parts).plan()
    return house


def test_a_flow_that_others_need_is_asked_for_where_it_never_ran(two):
    two.firings.ask(BILLS, cause="webhook")
    two.work()
    two.pass_by(seconds=7)
    two.work()
    first, last = sorted(two.firings.listed(), key=lambda each: each.ended_at)
    assert (first.flow, first.cause, first.state) == ("bills/second", "again", "done")
    assert (last.flow, last.cause, last.state) == (BILLS, "webhook", "done")


def test_a_flow_that_others_need_and_that_fails_is_not_asked_for_again_and_again(two):
    two.firings.ask("bills/second", cause="webhook")
    two.firings.end(two.firings.take("me"), "", 4, "its folder is gone")
    two.pass_by(minutes=5)
    two.firings.ask(BILLS, cause="webhook")
    two.work()
    failed = two.firings.listed(BILLS)[0]
    assert (failed.state, failed.exit_code) == ("failed", 4)
    assert "needs a run of `second` within" in failed.reason


def test_nobody_waits_for_a_flow_that_a_person_paused(two):
    two.firings.ask("bills/second", cause="webhook")
    two.firings.pause("bills/second", paused=True, by="ann")
    two.firings.ask(BILLS, cause="webhook")
    two.work()
    assert two.firings.listed(BILLS)[0].state == "failed"


def test_a_flow_waits_for_one_it_needs_that_is_about_to_run_for_the_first_time(two):
    house = two
    house.firings.ask(BILLS, cause="webhook")
    house.pass_by(seconds=1)
    house.firings.ask("bills/second", cause="webhook")
    pool = Pool(house.parts, 1)
    pool.fill()
    pool.wait()
    waiting = house.firings.listed(BILLS)[0]
    assert (waiting.state, waiting.reason) == ("queued", "`second`, which it needs, runs first")
    house.work(pool)
    house.pass_by(seconds=7)
    house.work(pool)
    assert {each.state for each in house.firings.listed()} == {"done"}


def test_a_flow_that_left_its_spec_is_not_waited_for(house):
    scheduler = Scheduler(house.parts)
    scheduler.plan()
    house.firings.ask(BILLS, cause="webhook")
    taken = house.firings.take("me")
    house.stage.change("", ("  bills:\n    title", "  invoices:\n    title"))
    house.shelf.look()
    assert perform(house.parts, taken, stopping=lambda: False) == "failed"
    assert house.firings.one(taken.id).reason == "the flow is no longer in its spec"

    house.pass_by(seconds=1)
    house.firings.ask(BILLS, cause="webhook")
    scheduler.plan()
    assert set(house.firings.planned()) == {"bills/invoices"}
    assert house.firings.listed(BILLS, limit=1)[0].state == "skipped"


def test_paused_and_changed_plans(house):
    scheduler = Scheduler(house.parts)
    scheduler.plan()
    house.firings.pause(BILLS, paused=True, by="ann")
    house.stage.change("", ("every: 15m", "every: 5m"))
    house.shelf.look()
    assert scheduler.tick() == [], "this process's version is another one than the plan's"
    scheduler.plan()
    planned = house.firings.planned()[BILLS]
    assert (planned.plan, planned.paused) == ("every 5m", True)
    assert scheduler.tick() == []


class Held:
    """Runs that last until they are let go."""

    def __init__(self):
        self.go, self.running = threading.Event(), []

    def __call__(self, parts, firing, *, stopping):
        self.running.append(firing.flow)
        self.go.wait(10)
        parts.firings.end(firing, "", 0)
        return "done"


@pytest.mark.parametrize(("at_once", "backfills"), [(3, 2), (1, 1)])
def test_backfills_never_take_the_last_place(house, at_once, backfills):
    held = Held()
    pool = Pool(house.parts, at_once, perform=held)
    pool._knows = lambda _flow: True
    for n in range(4):
        house.firings.ask(f"bills/old-{n}", cause="person", options={"full": True})
    pool.fill()
    assert len(pool.going()) == backfills
    house.firings.ask("bills/new", cause="webhook")
    pool.fill()
    assert ("bills/new" in {each.flow for each in pool.going()}) is (at_once > 1)
    held.go.set()
    assert pool.wait(10)


def test_a_start_whose_process_died_is_taken_up_by_the_next_one(house):
    house.firings.ask(BILLS, cause="webhook")
    house.firings.take("host:1:dead")
    seen(house.parts.workspace.desk, "host:1:dead", "serve", "x")
    pool = Pool(house.parts)
    pool.start()
    try:
        assert [each.owner for each in workers(house.parts.workspace.desk)] == [owner_id()]
        assert house.firings.queued()[0].reason == "its process ended in the middle of it"
        assert house.work(pool) == [("webhook", "done")]
        assert house.firings.listed()[0].attempt == 1
    finally:
        pool.stop()
        assert pool.wait(10)
    assert workers(house.parts.workspace.desk) == []


def test_what_this_process_could_not_write_down_is_done_again(house):
    house.firings.ask(BILLS, cause="webhook")
    house.firings.take(owner_id())
    pool = Pool(house.parts)
    pool.look()
    assert house.firings.queued()[0].attempt == 0
    assert house.work(pool) == [("webhook", "done")]


def test_stopped_before_it_began_it_waits_for_the_next_start(house):
    house.stage.offer_bill()
    house.firings.ask(BILLS, cause="webhook")
    taken = house.firings.take("me")
    assert perform(house.parts, taken, stopping=lambda: True) == "queued"
    assert house.firings.one(taken.id).reason == "stopped: it goes on at the next start"
