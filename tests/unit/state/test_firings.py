"""What is due is started once, whoever looks; and whoever lost a firing writes nothing to it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import UsageError
from engine.state.boot import boot_of
from engine.state.firings import Due, Firings
from engine.state.ledger_desk import Desk

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def firings_of(house, announce=None):
    desk = Desk(house.database, "acme", house.clock, boot_of(house.clock), house.vault, house.trail, "tester")
    return Firings(desk, announce) if announce else Firings(desk)


@pytest.fixture
def firings(house):
    house.clock.now = NINE
    return firings_of(house)


def every_quarter(planned, now):
    """Due at `next_at`, next a quarter of an hour later."""
    if planned.next_at > now:
        return Due(next_at=planned.next_at, last_at=now)
    return Due(at=planned.next_at, next_at=planned.next_at + QUARTER)


def patient(planned, now):
    return Due(at=planned.next_at, next_at=planned.next_at + QUARTER, overlap="queue")


def states(firings, flow="bills/invoices"):
    return [each.state for each in firings.listed(flow)]


def test_what_is_due_waits_once_and_its_next_time_is_noted(firings, house):
    firings.plan("bills/invoices", "every 15m", NINE)
    firings.plan("bills/vendors", "cron", NINE + QUARTER)

    (queued,) = firings.tick(every_quarter)

    assert (queued.flow, queued.at, queued.cause, queued.state) == ("bills/invoices", NINE, "schedule", "queued")
    assert firings.planned()["bills/invoices"].next_at == NINE + QUARTER
    assert firings.tick(every_quarter) == []
    assert firings.listed() == [queued]


def test_a_flow_that_waits_or_works_is_not_queued_again_and_that_is_told(firings, house):
    firings.plan("bills/invoices", "every 15m", NINE)
    firings.tick(every_quarter)
    house.clock.move(minutes=15)
    assert firings.tick(every_quarter) == []
    assert firings.listed()[0].reason == "a start of the flow waited already"
    firings.take("me")
    house.clock.move(minutes=15)
    assert firings.tick(every_quarter) == []

    newest = firings.listed()[0]
    assert (newest.state, newest.reason) == ("skipped", "the run before had not ended")
    assert states(firings) == ["skipped", "skipped", "running"]


def test_a_flow_that_overlaps_may_have_one_wait_behind_the_one_at_work(firings, house):
    firings.plan("bills/invoices", "every 15m", NINE)
    firings.tick(patient)
    firings.take("me")
    house.clock.move(minutes=15)
    (queued,) = firings.tick(patient)
    house.clock.move(minutes=15)

    assert firings.tick(patient) == []
    assert firings.take("me") is None, "one of a flow at a time"
    assert firings.queued() == [queued]


def test_a_time_that_was_fired_for_is_never_fired_for_again(firings, house):
    """As when the clock goes back, or a schedule is planned anew."""
    firings.plan("bills/invoices", "every 15m", NINE)
    firings.end(_taken(firings.tick(every_quarter), firings), "run-1", 0)
    firings.plan("bills/invoices", "every 15m ", NINE)

    assert firings.tick(every_quarter) == []
    assert states(firings) == ["done"]


def _taken(_queued, firings):
    taken = firings.take("me")
    assert taken is not None
    return taken


def test_many_schedulers_and_many_takers_each_firing_once(house):
    house.clock.now = NINE
    firings = firings_of(house)
    firings.plan_all([(f"bills/flow-{n}", "every 15m", NINE) for n in range(60)])
    queued, taken = [], []

    def work(mine):
        queued.extend(mine.tick(every_quarter))
        while found := mine.take(threading.current_thread().name):
            taken.append(found)

    threads = [threading.Thread(target=work, args=(firings_of(house.more()),), name=f"w{n}") for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while found := firings.take("late"):
        taken.append(found)

    assert sorted(each.flow for each in queued) == sorted({f"bills/flow-{n}" for n in range(60)})
    assert sorted(each.id for each in taken) == sorted(each.id for each in queued)


def test_the_most_urgent_is_taken_first_and_a_backfill_last(firings, house):
    firings.plan("bills/scheduled", "every 15m", NINE)
    firings.tick(every_quarter)
    firings.ask("bills/backfill", cause="person", options={"full": True})
    firings.ask("bills/hooked", cause="webhook")
    firings.ask("bills/asked", cause="person", by="ann")

    first = [firings.take("me", lowest=1) for _ in range(4)]
    assert [each and each.flow for each in first] == ["bills/asked", "bills/hooked", "bills/scheduled", None]
    assert firings.take("me").flow == "bills/backfill"


def test_asking_twice_is_one_start_that_does_what_both_asked(firings, house):
    hooked, new = firings.ask("bills/invoices", cause="webhook")
    again, joined = firings.ask("bills/invoices", cause="webhook")
    assert (new, joined, again) == (True, False, hooked)

    merged, new = firings.ask("bills/invoices", cause="person", by="ann", options={"since": "2026-01-01"})

    assert (new, merged.id, merged.options, merged.priority) == (False, hooked.id, {"since": "2026-01-01"}, 0)
    assert firings.one(hooked.id) == merged
    assert "flow asked for" in house.events(flow="bills/invoices")


def test_a_start_asked_for_while_the_flow_works_waits_behind_it(firings, house):
    firings.ask("bills/invoices", cause="webhook")
    at_work = firings.take("me")
    second, new = firings.ask("bills/invoices", cause="webhook")

    assert new
    assert firings.take("me") is None
    firings.end(at_work, "run-1", 3)
    assert firings.take("me").id == second.id


def test_only_whoever_has_it_may_end_it(firings, house):
    firings.ask("bills/invoices", cause="webhook")
    mine = firings.take("dead:1")
    assert firings.take_back(mine, "its process died") == "queued"
    theirs = firings.take("alive:2")

    assert theirs.attempt == 1
    assert not firings.end(mine, "run-1", 0)
    assert firings.put_back(mine, reason="late") == ""
    assert firings.end(theirs, "run-2", 0)
    assert firings.one(theirs.id).run == "run-2"


def test_a_start_whose_process_dies_every_time_is_given_up(firings, house):
    firings.ask("bills/invoices", cause="webhook")
    said = [firings.take_back(firings.take(f"dead:{n}"), "its process died") for n in range(3)]

    assert said == ["queued", "queued", "failed"]
    last = firings.listed()[0]
    assert (last.state, last.exit_code, last.reason) == ("failed", 70, "its process died")


def test_put_back_it_waits_for_its_moment_and_gives_way_to_a_newer_one(firings, house):
    firings.ask("bills/invoices", cause="webhook", options={"since": "x"})
    mine = firings.take("me")
    assert firings.put_back(mine, NINE + timedelta(seconds=5), "another run is at work") == "queued"
    assert firings.take("me") is None
    house.clock.move(seconds=5)
    mine = firings.take("me")
    assert mine.attempt == 0
    newer, _ = firings.ask("bills/invoices", cause="webhook")

    assert firings.put_back(mine, reason="stopped") == "superseded"
    assert firings.one(mine.id).reason == "stopped; a newer start waited already"
    assert firings.one(newer.id).options == {"since": "x"}, "what it was to do besides is not lost"


def test_a_person_does_not_wait_for_a_backoff(firings, house):
    firings.ask("bills/invoices", cause="again", not_before=NINE + QUARTER, tries=2)
    assert firings.take("me") is None
    firings.ask("bills/invoices", cause="person", by="ann")

    found = firings.take("me")
    assert (found.tries, found.priority) == (2, 30)


def test_what_is_announced_stands_or_falls_with_the_firing(house):
    house.clock.now = NINE
    told = []

    def refuse(connection, firing):
        assert connection.in_transaction()
        told.append(firing.flow)
        raise RuntimeError("the queue is away")

    with pytest.raises(RuntimeError):
        firings_of(house, refuse).ask("bills/invoices", cause="webhook")

    assert told == ["bills/invoices"]
    assert firings_of(house).listed() == []


def test_a_paused_flow_does_nothing_by_itself(firings, house):
    firings.plan("bills/invoices", "every 15m", NINE)
    firings.pause("bills/invoices", paused=True, by="ann")
    assert firings.tick(every_quarter) == []
    assert firings.planned()["bills/invoices"].said_by == "ann"
    firings.ask("bills/invoices", cause="webhook")
    assert firings.take("me") is None
    firings.pause("bills/invoices", paused=False, by="ann")
    firings.end(firings.take("me"), "run-1", 0)
    assert len(firings.tick(every_quarter)) == 1
    assert house.events(flow="bills/invoices") == ["flow paused", "flow resumed"]


def test_a_person_can_start_what_is_paused_and_what_waited_goes_along(firings, house):
    firings.plan("bills/invoices", "", None)
    firings.pause("bills/invoices", paused=True, by="ann")
    waiting, _ = firings.ask("bills/invoices", cause="webhook")
    firings.ask("bills/invoices", cause="person", by="bob")

    taken = firings.take("me")
    assert (taken.id, taken.cause, taken.by) == (waiting.id, "person", "bob")


def test_what_waits_can_be_given_up(firings, house):
    waiting, _ = firings.ask("bills/invoices", cause="webhook")
    assert firings.give_up(waiting, "the flow is gone")
    assert not firings.give_up(waiting, "the flow is gone")
    assert firings.one(waiting.id).state == "skipped"


def test_pausing_what_is_not_there(firings):
    with pytest.raises(UsageError, match="There is no flow `bills/nothing` to pause"):
        firings.pause("bills/nothing", paused=True, by="ann")


def test_planned_anew_only_when_the_plan_differs_and_forgotten_when_it_went(firings, house):
    firings.plan("bills/invoices", "every 15m", NINE)
    firings.plan("bills/invoices", "every 15m", NINE + QUARTER)
    assert firings.planned()["bills/invoices"].next_at == NINE
    firings.plan("bills/invoices", "every 5m", NINE + QUARTER)
    assert firings.planned()["bills/invoices"].next_at == NINE + QUARTER
    firings.plan("other/flow", "every 5m", NINE)

    firings.forget({"bills/vendors"}, of={"bills"})
    assert set(firings.planned()) == {"other/flow"}
    firings.forget(())
    assert firings.planned() == {}


def test_a_flow_this_process_knows_nothing_of_is_left_alone(firings, house):
    firings.plan("other/flow", "every 5m", NINE)
    assert firings.tick(lambda planned, now: None) == []
    firings.ask("other/flow", cause="webhook")
    assert firings.take("me", knows=lambda flow: False) is None
    assert firings.take("me", knows=lambda flow: flow == "other/flow") is not None


def test_counted_listed_and_pruned(firings, house):
    for n in range(3):
        firings.ask(f"bills/flow-{n}", cause="webhook")
        house.clock.move(minutes=1)
    firings.end(firings.take("me"), "run-1", 4, "the system can't be reached")

    assert firings.counts() == {"queued": 2, "running": 0}
    assert [each.flow for each in firings.listed(limit=2)] == ["bills/flow-2", "bills/flow-1"]
    assert [each.flow for each in firings.listed(before=NINE + timedelta(minutes=1))] == ["bills/flow-0"]
    assert firings.listed("bills/flow-0")[0].state == "failed"
    assert firings.prune(NINE + timedelta(days=1)) == 1
    assert len(firings.listed()) == 2
