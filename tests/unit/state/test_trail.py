"""Nobody changes, drops, moves or cuts a line of the trail unseen."""

from contextlib import suppress

import pytest

from engine.errors import UsageError
from engine.state.trail import Head


def tell(house, many=5):
    for n in range(many):
        house.trail.note("event", key=f"k{n}", detail={"n": n})
    house.trail.flush()


def problems(house, expected=None):
    return [(found.n, found.problem) for found in house.trail.verify(expected).breaks]


def test_an_untouched_trail_verifies_and_names_its_head(house):
    tell(house)
    found = house.trail.verify()
    assert (found.lines, found.head.n, found.breaks) == (5, 5, ())
    assert house.trail.verify(found.head).breaks == ()


@pytest.mark.parametrize("column", ["at", "actor", "event", "key", "detail", "flow", "run", "parcel", "hash"])
def test_an_edited_line_is_found(house, column):
    tell(house)
    house.sql(f"UPDATE trail SET {column} = 'x' WHERE n = 3")
    assert (3, "line 3 was changed or moved") in problems(house)


def test_a_deleted_line_is_found(house):
    tell(house)
    house.sql("DELETE FROM trail WHERE n IN (2)")
    assert problems(house) == [(3, "line 2 is missing")]


def test_swapped_lines_are_found(house):
    tell(house)
    house.sql("UPDATE trail SET n = -1 WHERE n = 2")
    house.sql("UPDATE trail SET n = 2 WHERE n = 3")
    house.sql("UPDATE trail SET n = 3 WHERE n = -1")
    assert [n for n, _ in problems(house)][:2] == [2, 3]


def test_a_line_of_another_tenant_does_not_fit(house):
    tell(house)
    house.sql("UPDATE trail SET tenant = 'other' WHERE n = 5")
    house.sql("UPDATE chain SET tenant = 'other'")
    assert problems(house)


def test_an_end_cut_off_with_its_head_needs_the_head_noted_outside(house):
    tell(house)
    noted = house.trail.head()
    (fourth,) = house.sql("SELECT hash FROM trail WHERE n = 4").scalars()
    house.sql("DELETE FROM trail WHERE n = 5")
    assert problems(house) == [(5, "the trail ends at line 4, and should end at line 5")]
    house.sql("UPDATE chain SET n = 4, hash = :hash", hash=fourth)
    assert problems(house) == []
    assert problems(house, noted) == [(5, "the trail ends at line 4, and reached line 5 earlier")]
    assert problems(house, Head(4, "0" * 64)) == [(4, "line 4 is not the one noted outside")]


def test_lines_survive_a_failed_transaction_and_keep_their_order(house):
    house.trail.note("first")
    with suppress(ZeroDivisionError), house.trail.writing() as work:
        work.tell("never")
        raise ZeroDivisionError
    house.trail.note("second")
    assert house.ledger.counter("x") == 1
    assert house.events() == ["first", "second"]


def test_two_processes_write_one_chain(house):
    other = house.more()
    for n in range(6):
        (house if n % 2 else other).trail.note(f"e{n}")
        (house if n % 2 else other).trail.flush()
    assert house.events() == [f"e{n}" for n in range(6)]
    assert problems(house) == []


def test_secrets_are_masked_and_details_capped(house):
    house.redactor.add("hunter22-very-secret")
    house.trail.note("call", detail={"password": "abc", "body": "x hunter22-very-secret y"})
    house.trail.note("long", detail={"body": "é" * 9000})
    house.trail.flush()
    house.trail.note("held", detail={"reason": "x hunter22-very-secret y", "by": {"password": "abc"}, "version": 1})
    house.trail.flush()
    call, long, held = house.trail.entries()
    assert held.detail == {"reason": "x *** y", "by": {"password": "***"}, "version": 1}
    assert call.detail == {"password": "***", "body": "x *** y"}
    assert list(long.detail) == ["cut"]
    assert house.sql("SELECT max(length(detail)) FROM trail").scalar() <= 4096


def test_entries_are_found_by_key_run_flow_and_time(house, make, clock):
    house.take_in(make("k1"), make("k2"), run="run-1")
    clock.move(hours=1)
    house.take_in(make("k3"), run="run-2")
    assert [entry.key for entry in house.trail.entries(run="run-2")] == ["", "k3"]
    assert [entry.key for entry in house.trail.entries(since=clock())] == ["", "k3"]
    assert [entry.n for entry in house.trail.entries(flow="invoices", limit=2)] == [4, 5]
    assert house.trail.entries(key="k1")[0].actor == "tester"


def test_a_refused_decision_leaves_no_line(house, make):
    house.take_in(make())
    with pytest.raises(UsageError):
        house.ledger.attest("k1", "1", actor="ana", reason="x")
    assert house.events(key="k1") == ["received"]
