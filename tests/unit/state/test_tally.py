"""What is counted from the trail is counted once, whoever counts, and adds up to what the documents' rows say."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from engine.contracts import State
from engine.state import overview_figures, tally
from engine.state.transitions import ALLOWED, BY_PEOPLE, CLAIMED, FIRST


def desk(house):
    return house.ledger._desk


def count(house):
    """Everything there is to count; in how many turns."""
    turns = 0
    while tally.count_on(desk(house)):
        turns += 1
    return turns


def figures(house, day=None):
    found = tally.by_day(desk(house), date(2026, 1, 1))
    return {
        (each.flow, each.day, each.state): (each.documents, str(each.amount))
        for each in found
        if day is None or each.day == day
    }


def test_what_came_in_and_what_became_of_it_is_counted_by_flow_and_day_with_exact_amounts(house, make, clock):
    house.take_in(
        make("k1", amount="0.10"), make("k2", amount="0.20"), make("k3", amount="12345678901234567890.12"),
        make("k4", state=State.HELD, amount="7.00", reason="look"), make("k5", state=State.QUARANTINED, payload=None, amount=None),
    )  # fmt: skip
    post(house, 3)
    count(house)
    assert figures(house) == {
        ("invoices", "2026-11-02", "received"): (5, "12345678901234567897.42"),
        ("invoices", "2026-11-02", "posted"): (3, "12345678901234567890.42"),
        ("invoices", "2026-11-02", "held"): (1, "7.00"),
        ("invoices", "2026-11-02", "quarantined"): (1, "0"),
    }


def post(house, many, flow="invoices"):
    for document in house.ledger.claim(flow, house.clock(), many, owner="me"):
        sending = house.ledger.intend(document, "save", b"{}", deadline_at=house.clock())
        house.ledger.receipt(sending, State.POSTED, outcome="posted", reference="R")


def test_a_second_count_adds_nothing_and_a_later_line_is_counted_on(house, make, clock):
    house.take_in(make("k1", amount="1.00"))
    count(house)
    before = figures(house)
    assert (count(house), figures(house), tally.behind(desk(house))) == (0, before, 0)
    clock.move(days=1)
    house.take_in(make("k2", amount="2.50"))
    assert tally.behind(desk(house)) > 0
    count(house)
    assert figures(house, "2026-11-03") == {("invoices", "2026-11-03", "received"): (1, "2.50")}
    assert figures(house, "2026-11-02") == before


def test_what_comes_to_the_same_state_all_day_is_one_document_and_another_the_next_day(house, make, clock):
    house.take_in(make("k1", amount="5.00"))
    for turn in range(4):
        (document,) = house.ledger.claim("invoices", clock(), 1, owner="me")
        house.ledger.change(document, State.REJECTED, reason="closed")
        if turn % 2:
            count(house)
        clock.move(hours=5)
    count(house)
    rejected = {day: found for (_, day, state), found in figures(house).items() if state == "rejected"}
    assert rejected == {"2026-11-02": (1, "5.00")}
    clock.move(hours=5)
    (document,) = house.ledger.claim("invoices", clock(), 1, owner="me")
    house.ledger.change(document, State.REJECTED, reason="closed")
    count(house)
    rejected = {day: found for (_, day, state), found in figures(house).items() if state == "rejected"}
    assert rejected == {"2026-11-02": (1, "5.00"), "2026-11-03": (1, "5.00")}


def test_a_version_that_is_replaced_counts_as_cancelled_and_a_persons_word_counts_too(house, make):
    house.take_in(make("k1", state=State.QUARANTINED, payload=None, amount="1.00"))
    house.take_in(make("k1", version=1, amount="2.00", content_hash="h2"))
    house.take_in(make("k2", state=State.HELD, amount="4.00", reason="look"))
    house.ledger.attest("k2", "REF-1", actor="ada", reason="I saw it")
    count(house)
    cancelled = {state: found for (_, _, state), found in figures(house).items() if state in {"cancelled", "posted"}}
    assert cancelled == {"cancelled": (1, "1.00"), "posted": (1, "4.00")}


def test_a_line_too_long_to_keep_whole_is_counted_as_well(house, make):
    house.take_in(make("k1", state=State.HELD, reason="why " * 2000, amount="3.00", place="p" * 5000))
    count(house)
    assert figures(house)["invoices", "2026-11-02", "held"] == (1, "3.00")


def test_what_is_no_amount_counts_as_nothing(house, make):
    house.take_in(make("k1", amount="NaN"), make("k2", amount="1e3"), make("k3", amount="x"), make("k4", amount=""))
    count(house)
    assert figures(house)["invoices", "2026-11-02", "received"] == (4, "1000")


def test_two_services_that_count_at_once_count_everything_once(house, make):
    house.take_in(*(make(f"k{n}", amount="0.01") for n in range(1300)))
    other = house.more()
    errors = []

    def work(one):
        try:
            count(one)
        except Exception as error:  # noqa: BLE001 - the test tells it
            errors.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in (house, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert figures(house) == {("invoices", "2026-11-02", "received"): (1300, "13.00")}


def test_a_count_that_is_cut_off_is_done_again_from_where_it_stood(home, make):
    home.take_in(*(make(f"k{n}", amount="1.00") for n in range(1100)))
    tally.count_on(desk(home))
    home.sql(
        "CREATE TRIGGER stop BEFORE UPDATE ON counter WHEN NEW.name = 'tally' BEGIN SELECT RAISE(ABORT, 'cut'); END"
    )
    with pytest.raises(Exception, match="cut"):
        tally.count_on(desk(home))
    home.sql("DROP TRIGGER stop")
    count(home)
    assert figures(home) == {("invoices", "2026-11-02", "received"): (1100, "1100.00")}


def test_the_last_hours_are_known_and_forgotten_after_two_days(house, make, clock):
    house.take_in(make("k1", amount="1.00"))
    clock.move(hours=20)
    house.take_in(make("k2", amount="2.00"))
    count(house)
    lately = [(each.day, str(each.amount)) for each in tally.lately(desk(house), 24)]
    assert lately == [("2026-11-02T07", "1.00"), ("2026-11-03T03", "2.00")]
    clock.move(hours=5)
    assert [each.day for each in tally.lately(desk(house), 24)] == ["2026-11-03T03"]
    clock.move(hours=30)
    tally.forget_hours(desk(house))
    assert [each.day for each in tally.lately(desk(house), 47)] == ["2026-11-03T03"]
    assert len(figures(house)) == 2, "the days stay"


def test_every_state_that_is_counted_can_be_told_by_a_line_of_the_trail():
    """The tally reads lines named by the state come to; claims alone are named otherwise, and are not counted."""
    reached = {to for _, to in (*ALLOWED, *BY_PEOPLE)} | FIRST
    assert set(State) == reached
    counted = {State(name) for name in tally._STATES}
    assert counted & CLAIMED == set()


def test_the_figures_agree_with_the_rows_after_a_busy_day(house, make):
    many = {State.READY: 40, State.HELD: 7, State.CONFLICT: 3, State.QUARANTINED: 5}
    made = [
        make(f"{state.value}{n}", state=state, amount=f"{n}.{n:02d}", payload=None if state is State.QUARANTINED else {"a": "1"})
        for state, total in many.items()
        for n in range(total)
    ]  # fmt: skip
    house.take_in(*made)
    post(house, 33)
    count(house)
    rows = Counter(State(row.state) for row in house.sql("SELECT state FROM document"))
    told = {state: found[0] for (_, _, state), found in figures(house).items()}
    assert told == {
        "received": 55, "posted": rows[State.POSTED], "held": rows[State.HELD], "conflict": rows[State.CONFLICT],
        "quarantined": rows[State.QUARANTINED],
    }  # fmt: skip
    stands = {each.state: (each.documents, each.amount) for each in overview_figures.stopped(desk(house))}
    for state in (State.HELD, State.CONFLICT, State.QUARANTINED):
        wanted = sum((Decimal(f"{n}.{n:02d}") for n in range(many[state])), Decimal(0))
        assert stands[state] == (many[state], wanted)
    (way,) = overview_figures.going(desk(house), ["invoices", "never"])
    assert (way.state, way.documents) == (State.READY, 7)
