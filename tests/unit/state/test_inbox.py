"""Events are stored once each, in order, whoever stores them."""

from __future__ import annotations

import threading
from datetime import timedelta

from engine.state.inbox import events_after, store_event

SOURCE = "a--b/b"
TYPES = ["made", "paid"]


def store(house, event, kind="made", hint="r-1", source=SOURCE):
    return store_event(house.ledger._desk, source, event, kind, hint, "0" * 64)


def events(house, after=0, types=TYPES, source=SOURCE, limit=100):
    return events_after(house.ledger._desk, source, types, after, limit)


def test_an_event_is_stored_once_and_told_in_the_trail(house):
    assert store(house, "e-1")
    assert not store(house, "e-1", hint="another")
    (event,) = events(house)
    assert (event.id, event.type, event.hint, event.received_at) == ("e-1", "made", "r-1", house.clock())
    assert house.events().count("webhook received") == 1


def test_the_same_id_of_another_source_is_another_event(house):
    assert store(house, "e-1")
    assert store(house, "e-1", source="a--c/c")
    assert len(events(house)) == 1


def test_numbers_rise_even_when_the_clock_falls_back(house, clock):
    store(house, "e-1")
    clock.now -= timedelta(days=1)
    store(house, "e-2")
    assert [event.id for event in events(house)] == ["e-1", "e-2"]


def test_what_was_read_and_other_types_are_left_out(house):
    for number in range(5):
        store(house, f"e-{number}", kind="made" if number % 2 else "gone")
    found = events(house)
    assert [event.id for event in found] == ["e-1", "e-3"]
    assert [event.id for event in events(house, after=found[0].n)] == ["e-3"]
    assert [event.id for event in events(house, limit=1)] == ["e-1"]


def test_one_event_delivered_to_two_processes_at_once_is_stored_once(house):
    other, found = house.more(), []
    ready = threading.Barrier(2)

    def take(one):
        ready.wait(5)
        found.extend(store(one, f"e-{number}") for number in range(20))

    threads = [threading.Thread(target=take, args=(one,)) for one in (house, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == 20
    assert len({event.n for event in events(house)}) == 20
