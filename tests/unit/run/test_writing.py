"""The delivery loop: several at once, put back when the connection is wrong, patient where waiting is short, and fail-closed."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from engine.contracts import State
from engine.errors import InDoubt, SetupError, TransientError
from engine.run.deliver import Delivery, IfExists
from engine.run.seams import Seams, quiet
from engine.run.writing import Turns, Writing

from .conftest import a_document, take_in
from .shelf import Shelf

FLOW = "books/invoices"


def never() -> bool:
    return False


def loop(desk, shelf, *, at_once=4, progress=quiet, **seams):
    delivery = Delivery(
        ledger=desk.workspace.ledger, target=shelf, if_exists=IfExists(), clock=desk.time, random=lambda: 0.5
    )
    outside = Seams(clock=desk.time, sleep=seams.get("sleep", desk.time.sleep), random=lambda: 0.5, environ={})
    return Writing(FLOW, desk.workspace.ledger, delivery, at_once, outside, progress)


class Together(Shelf):
    """Lets nobody through before so many are in the room."""

    def __post_init__(self) -> None:
        self.barrier = threading.Barrier(3)

    def find(self, document):
        self.barrier.wait(timeout=5)
        return super().find(document)


def test_as_many_at_once_as_the_target_allows(desk):
    take_in(desk.workspace, *(a_document(str(n)) for n in range(6)))
    shelf = Together()
    shelf.__post_init__()

    assert loop(desk, shelf, at_once=3).run("run", never) == {"posted": 6}
    assert sorted(shelf.headers) == [str(n) for n in range(6)]


def test_everything_due_is_delivered_once_by_several_threads(desk):
    take_in(desk.workspace, *(a_document(str(n)) for n in range(40)))
    shelf = Shelf()

    assert loop(desk, shelf, at_once=8).run("run", never) == {"posted": 40}
    assert all(len(made) == 1 for made in shelf.headers.values())


def test_a_wrong_connection_puts_every_claimed_document_back(desk):
    take_in(desk.workspace, *(a_document(str(n)) for n in range(9)))
    shelf = Shelf(script={"find": [("before", SetupError("login refused"))] * 9})

    with pytest.raises(SetupError, match="login refused"):
        loop(desk, shelf, at_once=2).run("run", never)

    assert set(desk.states().values()) == {"ready"}
    assert shelf.sent == []


def test_after_a_wrong_connection_the_next_run_delivers_all(desk):
    take_in(desk.workspace, *(a_document(str(n)) for n in range(5)))
    shelf = Shelf(script={"find": [("before", SetupError("login refused"))]})
    with pytest.raises(SetupError):
        loop(desk, shelf, at_once=1).run("run", never)

    assert loop(desk, shelf).run("run", never) == {"posted": 5}


class Broken(Shelf):
    """Has a bug on one document, at one step."""

    number, step = "2", "find"

    def find(self, document):
        if self.step == "find" and document.number == self.number:
            raise ZeroDivisionError("a bug")
        return super().find(document)

    def _commit(self, step, document):
        super()._commit(step, document)
        if step == self.step and document.number == self.number:
            raise ZeroDivisionError("a bug")


@pytest.mark.parametrize(
    ("step", "state"), [("find", State.HELD), ("header", State.IN_DOUBT), ("lines", State.IN_DOUBT)]
)
def test_a_bug_keeps_its_document_and_stops_no_other(desk, caplog, step, state):
    take_in(desk.workspace, *(a_document(str(n)) for n in range(5)))
    shelf = Broken()
    shelf.step = step

    outcomes = loop(desk, shelf, at_once=1).run("run", never)

    kept = desk.workspace.ledger.document("key/2")
    assert outcomes == {"posted": 4}
    assert kept.state is state
    assert "unexpected error" in kept.reason
    assert "2" in caplog.text


def test_what_a_bug_left_in_doubt_is_looked_at_only_after_settle(desk, caplog):
    take_in(desk.workspace, a_document("2"))
    shelf = Broken()
    shelf.step = "header"
    loop(desk, shelf).run("run", never)

    due = desk.workspace.ledger.document("key/2").not_before

    assert due == desk.time() + shelf.settle


def test_a_short_wait_is_waited_out_in_the_run(desk):
    take_in(desk.workspace, a_document("1"))
    shelf = Shelf(script={"find": [("before", TransientError("busy", after=7))]})

    assert loop(desk, shelf).run("run", never)["posted"] == 1
    assert 7 <= sum(desk.time.slept) <= 30


def test_a_long_wait_is_left_to_the_next_run(desk):
    take_in(desk.workspace, a_document("1"))
    shelf = Shelf(script={"header": [("after", InDoubt("no answer"))]})

    assert loop(desk, shelf).run("run", never) == {"in_doubt": 1}
    assert desk.time.slept == []


def test_patience_ends(desk):
    take_in(desk.workspace, a_document("1"))
    shelf = Shelf(script={"find": [("before", TransientError("busy", after=20))] * 9})

    loop(desk, shelf).run("run", never)

    assert sum(desk.time.slept) <= 30
    assert desk.states() == {"1": "ready"}


def test_stopping_claims_nothing_more_and_puts_back_what_is_not_begun(desk):
    take_in(desk.workspace, *(a_document(str(n)) for n in range(9)))
    shelf = Shelf()
    asked = iter([False, False, False, *[True] * 99])

    loop(desk, shelf, at_once=1).run("run", lambda: next(asked))

    assert len(shelf.headers) == 1
    assert Counter(desk.states().values()) == {"posted": 1, "ready": 8}


def test_stopping_waits_for_nothing_that_is_due_later(desk):
    take_in(desk.workspace, a_document("1"))
    shelf = Shelf(script={"find": [("before", TransientError("busy", after=20))] * 9})
    stops = iter([*[False] * 6, *[True] * 99])

    loop(desk, shelf).run("run", lambda: next(stops))

    assert 0 < sum(desk.time.slept) < 5


def test_one_key_delivers_that_document_and_waits_for_no_other(desk):
    take_in(desk.workspace, a_document("1"), a_document("2"))
    shelf = Shelf()

    assert loop(desk, shelf).run("run", never, "key/2") == {"posted": 1}
    assert desk.states() == {"1": "ready", "2": "posted"}
    assert desk.time.slept == []


def test_progress_is_told_of_each_document(desk):
    take_in(desk.workspace, a_document("1"))
    told = []

    loop(desk, Shelf(), progress=lambda event, detail: told.append((event, detail["number"], detail["state"]))).run(
        "run", never
    )

    assert told == [("delivered", "1", "posted")]


def test_no_more_turns_than_allowed_and_one_given_back_early_makes_room_once():
    turns = Turns(2)
    with turns.one() as give_back, turns.one():
        assert not turns._free.acquire(blocking=False)
        give_back()
        give_back()
        assert turns._free.acquire(blocking=False)
        assert not turns._free.acquire(blocking=False)
        turns._free.release()
    assert [turns._free.acquire(blocking=False) for _ in range(3)] == [True, True, False]


def test_a_turn_that_ends_with_an_error_is_free_again():
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError), turns.one():
        raise ZeroDivisionError
    assert turns._free.acquire(blocking=False)


class Watched(Shelf):
    """Counts how many documents are at the target at the same moment."""

    def __post_init__(self) -> None:
        self.lock, self.there, self.most = threading.Lock(), 0, 0

    def send(self, document, intend):
        with self.lock:
            self.there += 1
            self.most = max(self.most, self.there)
        try:
            return super().send(document, intend)
        finally:
            with self.lock:
                self.there -= 1


@pytest.mark.parametrize("at_once", [1, 2])
def test_never_more_at_the_target_than_it_allows(desk, at_once):
    take_in(desk.workspace, *(a_document(str(n)) for n in range(20)))
    shelf = Watched()
    shelf.__post_init__()

    assert loop(desk, shelf, at_once=at_once).run("run", never) == {"posted": 20}
    assert 1 <= shelf.most <= at_once


class Unwritable:
    """A ledger whose disk fails at the third intent."""

    def __init__(self, ledger) -> None:
        self._ledger, self._left = ledger, 2

    def __getattr__(self, name):
        return getattr(self._ledger, name)

    def intend(self, *given, **named):
        self._left -= 1
        if self._left < 0:
            raise OSError("the disk is full")
        return self._ledger.intend(*given, **named)

    def change(self, document, to, **fields):
        if to is State.HELD:
            raise OSError("the disk is full")
        return self._ledger.change(document, to, **fields)


def test_when_the_ledger_can_not_be_written_the_run_ends_with_that_error(desk):
    take_in(desk.workspace, *(a_document(str(n)) for n in range(9)))
    shelf = Shelf()
    ledger = Unwritable(desk.workspace.ledger)
    delivery = Delivery(ledger=ledger, target=shelf, if_exists=IfExists(), clock=desk.time, random=lambda: 0.5)
    outside = Seams(clock=desk.time, sleep=desk.time.sleep, random=lambda: 0.5, environ={})

    with pytest.raises(OSError, match="disk is full"):
        Writing(FLOW, ledger, delivery, 1, outside, quiet).run("run", never)

    assert shelf.sent == ["header 0", "lines 0"]
