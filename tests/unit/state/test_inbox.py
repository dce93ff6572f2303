"""Events are stored once each, in order, whoever stores them."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from engine.state.inbox import Announced, Kept, events_after, store_events

SOURCE = "a--b/b"
TYPES = ["made", "paid"]


def announced(event, kind="made", hint="r-1", source=SOURCE):
    return Announced(source=source, id=event, type=kind, hint=hint, sha256="0" * 64)


def store(house, event, **more):
    (kept,) = store_events(house.ledger._desk, [announced(event, **more)])
    return kept.new


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


def test_many_are_stored_together_in_their_order_each_once(house, clock):
    store(house, "e-2")
    first = clock.now
    clock.move(minutes=1)
    kept = store_events(house.ledger._desk, [announced(f"e-{n}") for n in (1, 2, 3, 1, 3)])
    assert kept == [
        Kept(new=True, received_at=clock.now),
        Kept(new=False, received_at=first),
        Kept(new=True, received_at=clock.now),
        Kept(new=False, received_at=clock.now),
        Kept(new=False, received_at=clock.now),
    ]
    found = events(house)
    assert [event.id for event in found] == ["e-2", "e-1", "e-3"]
    assert [event.n for event in found] == sorted({event.n for event in found})
    assert house.events().count("webhook received") == 3


def test_events_of_several_sources_go_together(house):
    kept = store_events(house.ledger._desk, [announced("e-1"), announced("e-1", source="a--c/c"), announced("e-2")])
    assert [each.new for each in kept] == [True, True, True]
    assert [event.id for event in events(house)] == ["e-1", "e-2"]
    assert [event.id for event in events(house, source="a--c/c")] == ["e-1"]


def test_where_all_are_known_nothing_is_written(home):
    store(home, "e-1")
    with home.more().database.write():  # whoever had to write would wait for this to end
        assert not store(home, "e-1")


def test_more_than_one_statement_takes(house):
    many = [announced(f"e-{n}") for n in range(1201)]
    assert all(each.new for each in store_events(house.ledger._desk, many))
    assert not any(each.new for each in store_events(house.ledger._desk, many))
    assert len(events(house, limit=2000)) == 1201


def test_what_cannot_be_written_is_not_half_stored(home):
    home.sql("CREATE TRIGGER full BEFORE INSERT ON inbox WHEN NEW.event = 'e-2' BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(Exception, match="full"):
        store_events(home.ledger._desk, [announced("e-1"), announced("e-2")])
    assert events(home) == []
    assert store(home, "e-1")


def test_many_at_once_on_a_server_are_stored_once_each(served):
    """Two processes that were sent the same storm, in opposite orders."""
    other, found = served.more(), []
    ready = threading.Barrier(2)

    def take(one, numbers):
        ready.wait(5)
        for start in range(0, 200, 20):
            some = [announced(f"e-{n}", source=f"a--{n % 3}/b") for n in numbers[start : start + 20]]
            found.extend(each.new for each in store_events(one.ledger._desk, some))

    numbers = list(range(200))
    threads = [threading.Thread(target=take, args=each) for each in ((served, numbers), (other, numbers[::-1]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), sum(found)) == (400, 200)
