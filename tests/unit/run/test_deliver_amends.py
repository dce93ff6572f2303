"""Master data: what is missing is written, what differs is brought up to date, and a doubt about either is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from engine.contracts import Found, Guarantee, Receipt, State
from engine.errors import InDoubt, Refused
from engine.run.deliver import MAX_REFUSALS, MAX_SENDS, Delivery
from engine.run.model import IfExists

from .shelf import Shelf
from .test_deliver import FLOW, ledger, take_in, time  # noqa: F401  # fixtures


@dataclass
class Cabinet(Shelf):
    """Cards by number with what is written on them; `script` may fail `amend` as it fails the other steps."""

    cards: dict[str, str] = field(default_factory=dict)
    wanted: str = "new terms"
    sticky: bool = False

    def find(self, document):
        self._fail("find", "before")
        shown = self.cards.get(document.number)
        if shown is None:
            return Found(matches=0)
        differences = () if shown == self.wanted else (f"`Terms` is {shown} there, {self.wanted} here",)
        return Found(matches=1, whole=True, reference="card", differences=differences)

    def send(self, document, intend):
        intend("add")
        return self._write("add", document)

    def amend(self, document, found, intend):
        intend("amend")
        return self._write("amend", document)

    def _write(self, step, document):
        failure = self._next(step)
        if failure and failure[0] == "before":
            raise failure[1]
        self.sent.append(step)
        if not self.sticky:
            self.cards[document.number] = self.wanted
        if failure:
            raise failure[1]
        return Receipt(reference="card")


def turn(ledger, time, cabinet, *, times=1):  # noqa: F811
    delivery = Delivery(
        ledger=ledger, target=cabinet, if_exists=IfExists(), clock=time, random=lambda: 0.5, amends=True
    )
    for _ in range(times):
        for document in ledger.claim(FLOW, time(), 10, owner="me:1:1"):
            delivery.advance(document)
        time.pass_by(minutes=20)
    return ledger.document("key/00123")


@pytest.mark.parametrize(
    ("cards", "sent", "state"),
    [
        ({}, ["add"], State.POSTED),
        ({"00123": "old terms"}, ["amend"], State.POSTED),
        ({"00123": "new terms"}, [], State.ADOPTED),
    ],
    ids=["missing", "different", "the same"],
)
def test_what_is_missing_is_added_and_what_differs_brought_up_to_date(ledger, time, cards, sent, state):  # noqa: F811
    take_in(ledger)
    cabinet = Cabinet(cards=cards)
    assert turn(ledger, time, cabinet, times=3).state is state
    assert cabinet.sent == sent


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_to_an_update_is_settled_by_looking(ledger, time, when):  # noqa: F811
    take_in(ledger)
    cabinet = Cabinet(cards={"00123": "old terms"}, script={"amend": [(when, InDoubt("no answer"))]})

    first = turn(ledger, time, cabinet)
    last = turn(ledger, time, cabinet, times=3)

    assert (first.state, last.state) == (State.IN_DOUBT, State.POSTED)
    assert cabinet.sent == ["amend"]


def test_an_update_that_never_takes_waits_for_a_person(ledger, time):  # noqa: F811
    take_in(ledger)
    doubts = [("after", InDoubt("no answer"))] * 9
    cabinet = Cabinet(cards={"00123": "old terms"}, sticky=True, script={"amend": doubts})

    last = turn(ledger, time, cabinet, times=12)

    assert last.state is State.HELD
    assert "still different" in last.reason
    assert len(cabinet.sent) == MAX_SENDS


def test_a_refused_update_is_tried_at_later_polls_and_then_waits_for_a_person(ledger, time):  # noqa: F811
    take_in(ledger)
    cabinet = Cabinet(cards={"00123": "old terms"}, script={"amend": [("before", Refused("no such terms"))] * 9})

    first = turn(ledger, time, cabinet)
    last = turn(ledger, time, cabinet, times=MAX_REFUSALS + 2)

    assert (first.state, last.state, last.reason) == (State.REJECTED, State.HELD, "no such terms")
    assert cabinet.guarantee is Guarantee.LOOKUP


def test_without_leave_to_amend_a_difference_waits_for_a_person(ledger, time):  # noqa: F811
    take_in(ledger)
    cabinet = Cabinet(cards={"00123": "old terms"})
    delivery = Delivery(ledger=ledger, target=cabinet, if_exists=IfExists(), clock=time, random=lambda: 0.5)
    for document in ledger.claim(FLOW, time(), 10, owner="me:1:1"):
        delivery.advance(document)
    assert ledger.document("key/00123").state is State.HELD
    assert cabinet.sent == []
