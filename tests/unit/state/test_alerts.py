"""Alerts and messages as they are remembered, on both databases, also with two processes at work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from engine.state import alerts, messages
from engine.state.alerts import Digest, Finding
from engine.state.boot import boot_of
from engine.state.ledger_desk import Desk


def desk_of(house):
    return Desk(house.database, "acme", house.clock, boot_of(house.clock), house.vault, house.trail, "tester")


@pytest.fixture
def desk(house):
    return desk_of(house)


def finding(clock, subject="c1", **more):
    given = {"integration": "books", "flow": "books/invoices", "kind": "held", "name": "team", "said": "why"}
    return Finding(**{**given, "subject": subject, "since": clock.now, **more})


def compose(new, solved):
    return Digest(subject=f"{len(new)} new", body=", ".join(alert.subject for alert in [*new, *solved]))


def tell(desk, addresses=1):
    return alerts.tell(desk, alerts.to_tell(desk, "books"), compose, addresses=addresses)


def states(desk):
    return {alert.subject: alert.state for alert in alerts.listed(desk, every=True)}


def test_it_opens_once_and_is_seen_again_silently(desk, clock, house):
    assert alerts.settle(desk, "books", [finding(clock)]) == (1, 0)
    lines = len(house.trail.entries())
    for _ in range(5):
        clock.move(minutes=5)
        assert alerts.settle(desk, "books", [finding(clock)]) == (0, 0)
    assert len(house.trail.entries()) == lines
    (alert,) = alerts.listed(desk)
    assert clock.now - alert.since == timedelta(minutes=25), "since when it was wrong, not when it was seen"
    assert clock.now - alert.seen_at <= timedelta(minutes=10)


def test_what_grows_keeps_its_place(desk, clock):
    alerts.settle(desk, "books", [finding(clock)])
    clock.move(minutes=1)
    alerts.settle(desk, "books", [finding(clock, times=200, amount="12.50", said="more")])
    (alert,) = alerts.listed(desk)
    assert (alert.times, alert.amount, alert.said, alert.opened_at) == (200, "12.50", "more", alert.since)


def test_what_nobody_heard_of_closes_without_a_word(desk, clock):
    alerts.settle(desk, "books", [finding(clock)])
    assert alerts.settle(desk, "books", []) == (0, 1)
    assert (states(desk), alerts.to_tell(desk, "books")) == ({"c1": "closed"}, [])


def test_what_was_told_is_solved_and_told_with_the_next(desk, clock):
    alerts.settle(desk, "books", [finding(clock)])
    assert tell(desk)
    alerts.settle(desk, "books", [])
    assert states(desk) == {"c1": "solved"}
    assert not tell(desk), "it wakes nobody by itself"
    alerts.settle(desk, "books", [finding(clock, "c2")])
    assert tell(desk)
    assert {message.body for message in messages.listed(desk)} == {"c2, c1", "c1"}
    assert states(desk) == {"c1": "closed", "c2": "open"}


def test_what_comes_back_before_it_was_told_as_solved_is_not_new(desk, clock):
    alerts.settle(desk, "books", [finding(clock)])
    tell(desk)
    alerts.settle(desk, "books", [])
    alerts.settle(desk, "books", [finding(clock)])
    assert not tell(desk)
    assert states(desk) == {"c1": "open"}


def test_what_comes_back_later_is_new(desk, clock):
    for _ in range(2):
        clock.move(hours=1)
        alerts.settle(desk, "books", [finding(clock)])
        clock.move(hours=1)
        alerts.settle(desk, "books", [])
    alerts.settle(desk, "books", [finding(clock)])
    (alert,) = alerts.listed(desk)
    assert (alert.since, alert.opened_at, alert.told_at) == (clock.now, clock.now, None)


def test_what_was_not_looked_at_stays(desk, clock):
    alerts.settle(desk, "books", [finding(clock), finding(clock, "c2")])
    assert alerts.settle(desk, "books", [], lambda alert: alert.subject == "c2") == (0, 1)
    assert states(desk) == {"c1": "closed", "c2": "open"}


def test_integrations_and_tenants_are_apart(desk, clock, house):
    other = Desk(house.database, "other", house.clock, boot_of(clock), house.vault, house.trail, "tester")
    alerts.settle(desk, "books", [finding(clock)])
    alerts.settle(desk, "shop", [finding(clock, integration="shop")])
    assert alerts.settle(desk, "shop", []) == (0, 1)
    assert [alert.integration for alert in alerts.listed(desk)] == ["books"]
    assert alerts.listed(other) == []


def test_what_lapses_is_not_told_as_solved(desk, clock):
    alerts.settle(desk, "books", [finding(clock, kind="bad_file")])
    tell(desk)
    clock.move(days=15)
    alerts.settle(desk, "books", [])
    assert states(desk) == {"c1": "closed"}


def test_a_reason_is_cleaned_and_masked(desk, clock, house):
    house.redactor.add("hunter2-hunter2")
    alerts.settle(desk, "books", [finding(clock, said="line\x00one hunter2-hunter2")])
    assert alerts.listed(desk)[0].said == "line one ***"


def test_two_processes_open_and_tell_once(desk, house, clock):
    desks = [desk, desk_of(house.more()), desk_of(house.more()), desk_of(house.more())]
    found = [finding(clock, f"c{n}") for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda each: alerts.settle(each, "books", found)[0], desks))
        told = list(pool.map(tell, desks))
    assert (sum(opened), told.count(True)) == (20, 1)
    assert [message.subject for message in messages.listed(desk)] == ["20 new"]
    assert house.trail.verify().breaks == ()


def test_two_processes_send_a_message_once(desk, house, clock):
    alerts.settle(desk, "books", [finding(clock)])
    tell(desk, addresses=3)
    desks = [desk, desk_of(house.more()), desk_of(house.more())]
    seen = [messages.due(each, "books") for each in desks]
    assert [len(each) for each in seen] == [3, 3, 3]
    with ThreadPoolExecutor(3) as pool:
        pairs = [(each, message) for each, found in zip(desks, seen, strict=True) for message in found]
        taken = list(pool.map(lambda pair: messages.take(*pair), pairs))
    assert taken.count(True) == 3
    assert messages.due(desk, "books") == []


def test_only_whoever_took_it_says_what_became_of_it(desk, clock):
    alerts.settle(desk, "books", [finding(clock)])
    tell(desk)
    (first,) = messages.due(desk, "books")
    assert messages.take(desk, first)
    clock.move(minutes=6)
    (again,) = messages.due(desk, "books")
    assert messages.take(desk, again)
    messages.failed(desk, first, "too late to matter")
    assert messages.listed(desk)[0].error == ""
    messages.sent(desk, again)
    assert [(m.state, m.tries, m.sent_at) for m in messages.listed(desk)] == [("sent", 2, clock.now)]


def test_a_message_is_given_up_after_a_day(desk, clock):
    alerts.settle(desk, "books", [finding(clock)])
    tell(desk)
    began = clock.now
    given_up = False
    while not given_up:
        (message,) = messages.due(desk, "books")
        assert messages.take(desk, message)
        given_up = messages.failed(desk, message, "no")
        clock.now = messages.listed(desk)[0].not_before
    assert timedelta(hours=23) <= clock.now - began <= timedelta(hours=26)
    assert [message.state for message in messages.unsent(desk)] == ["failed"]
    assert messages.due(desk, "books") == []


def test_what_is_long_over_is_forgotten(desk, clock):
    alerts.settle(desk, "books", [finding(clock), finding(clock, "c2")])
    tell(desk)
    (message,) = messages.due(desk, "books")
    messages.take(desk, message)
    messages.sent(desk, message)
    alerts.settle(desk, "books", [finding(clock, "c2")])
    clock.move(days=91)
    assert alerts.forget(desk, clock.now - timedelta(days=90)) == 2
    assert (states(desk), messages.listed(desk)) == ({"c2": "open"}, [])
