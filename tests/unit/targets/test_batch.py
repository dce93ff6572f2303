"""Documents that share a call: each has its own intent, its own answer and its own doubt."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Lock
from typing import Any

import pytest

from engine.contracts import Document, State
from engine.errors import InDoubt, Refused, TransientError
from engine.targets.steps import Create, Look, StepTarget, Ways, faults_in_target

from .erp import LOST, Asked, Reply, Time, built, connected

CREATE = """
guarantee: {class: lookup, settle: 2m}
steps:
  - name: save
    post: Save
    commits: true
    batch:
      most: 3
      results: items
      match: result.number == document.number
      refused: result.status != 'OK'
      message: result.text
    send: {items: {each: documents, map: {number: number, note: marker}}}
    keep: {id: result.id}
reference: {text: "J{{ id }}"}
"""
FIND = """
get: Find
query: {number: document.number}
records: value
show: {}
whole: answer
"""


def a_document(number: str) -> Document:
    return Document(
        key=f"k|{number}", version=0, flow="f", kind="k", number=number, party="p", state=State.PROBING,
        content_hash="h", source={}, payload={"number": number},
    )  # fmt: skip


class Erp:
    """Saves what it is sent, a call at a time; `instead` answers a call of so many items, or items by their number."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.instead: dict[Any, Any] = {}
        self.lock = Lock()

    def __call__(self, asked: Asked) -> Reply:
        with self.lock:
            numbers = [item["number"] for item in asked.body["items"]]
            self.calls.append(numbers)
            for key in (len(numbers), tuple(numbers)):
                if key in self.instead:
                    reply: Reply = self.instead[key]
                    return reply
            answers = [self.instead.get(n, {"number": n, "status": "OK", "id": int(n)}) for n in reversed(numbers)]
            return Reply(body={"items": [answer for answer in answers if answer is not None]})


@contextmanager
def target(erp: Erp) -> Iterator[StepTarget]:
    time = Time()
    with connected(erp, {}, time) as http:
        ways = Ways(create=built(Create, CREATE), look=built(Look, FIND))
        yield StepTarget(ways, http, {}, clock=time.clock, sleep=time.sleep)


class Sending:
    """Several documents at once, as the delivery loop sends them."""

    def __init__(self, writer: StepTarget) -> None:
        self.writer = writer
        self.events: list[str] = []
        self.failing: set[str] = set()

    def one(self, number: str, barrier: Barrier | None = None) -> Any:
        def intend(step: str) -> None:
            if number in self.failing:
                raise TransientError("the disk is full")
            self.events.append(f"{step} {number}")

        with self.writer.under_way():
            if barrier is not None:
                barrier.wait(10)
            try:
                return self.writer.send(a_document(number), intend).reference
            except (Refused, InDoubt, TransientError) as error:
                return error

    def all(self, *numbers: str) -> dict[str, Any]:
        barrier = Barrier(len(numbers))
        with ThreadPoolExecutor(len(numbers)) as pool:
            return dict(zip(numbers, pool.map(lambda n: self.one(n, barrier), numbers), strict=True))


def test_three_go_in_one_call_and_each_gets_its_own_answer():
    erp = Erp()
    with target(erp) as writer:
        assert writer.at_once == 3
        sending = Sending(writer)
        assert sending.all("1", "2", "3") == {"1": "J1", "2": "J2", "3": "J3"}
    assert [sorted(call) for call in erp.calls] == [["1", "2", "3"]]
    assert sorted(sending.events) == ["save 1", "save 2", "save 3"]


def test_one_alone_does_not_wait():
    erp = Erp()
    with target(erp) as writer:
        assert Sending(writer).one("7") == "J7"
    assert erp.calls == [["7"]]


def test_more_than_fit_go_in_several_calls():
    erp = Erp()
    with target(erp) as writer:
        found = Sending(writer).all(*map(str, range(1, 8)))
    assert found == {str(n): f"J{n}" for n in range(1, 8)}
    assert sorted(number for call in erp.calls for number in call) == [str(n) for n in range(1, 8)]
    assert max(map(len, erp.calls)) <= 3


def test_a_refused_item_is_refused_alone_with_what_the_system_says():
    erp = Erp()
    erp.instead["2"] = {"number": "2", "status": "ERROR", "text": "supplier on hold"}
    with target(erp) as writer:
        found = Sending(writer).all("1", "2", "3")
    assert (found["1"], found["3"]) == ("J1", "J3")
    assert isinstance(found["2"], Refused)
    assert "supplier on hold" in str(found["2"])
    assert not found["2"].half_written


@pytest.mark.parametrize(
    "answer",
    [None, {"number": "9", "status": "OK", "id": 9}, {"number": "1", "status": "OK", "id": 5}, {"number": "2"}],
    ids=["lacks it", "another's", "one's twice", "without a word"],
)
def test_row_16_what_the_answer_does_not_tell_is_a_doubt_of_that_document(answer):
    erp = Erp()
    erp.instead["2"] = answer
    with target(erp) as writer:
        found = Sending(writer).all("1", "2", "3")
    assert found["3"] == "J3"
    assert isinstance(found["2"], InDoubt | Refused)
    if answer is None or answer.get("number") != "2":
        assert isinstance(found["2"], InDoubt)


@pytest.mark.parametrize("reply", [LOST, Reply(status=500, body={}), Reply(body=None), Reply(body={"items": 5})])
def test_no_answer_is_everybodys_doubt(reply):
    erp = Erp()
    erp.instead[3] = reply
    with target(erp) as writer:
        found = Sending(writer).all("1", "2", "3")
    assert [type(each) for each in found.values()] == [InDoubt] * 3


def test_refused_together_each_goes_alone_next():
    erp = Erp()
    erp.instead[3] = Reply(status=400, body={"why": "one of them is wrong"})
    erp.instead["2",] = Reply(status=400, body={"why": "it is this one"})
    with target(erp) as writer:
        sending = Sending(writer)
        first = sending.all("1", "2", "3")
        again = sending.all("1", "2", "3")
    assert [type(each) for each in first.values()] == [TransientError] * 3
    assert (again["1"], again["3"]) == ("J1", "J3")
    assert "it is this one" in str(again["2"])
    assert sorted(map(len, erp.calls)) == [1, 1, 1, 3]


def test_one_whose_intent_can_not_be_made_stays_behind():
    erp = Erp()
    with target(erp) as writer:
        sending = Sending(writer)
        sending.failing = {"2"}
        found = sending.all("1", "2", "3")
    assert isinstance(found["2"], TransientError)
    assert (found["1"], found["3"]) == ("J1", "J3")
    assert [sorted(call) for call in erp.calls] == [["1", "3"]]


def test_nobody_left_sends_nothing():
    erp = Erp()
    with target(erp) as writer:
        sending = Sending(writer)
        sending.failing = {"1", "2"}
        assert all(isinstance(each, TransientError) for each in sending.all("1", "2").values())
    assert erp.calls == []


def test_a_batch_is_the_only_step_and_commits():
    def faults(text: str) -> str:
        return " ".join(faults_in_target(Ways(create=built(Create, text), look=built(Look, FIND))))

    assert faults(CREATE) == ""
    assert "the only step" in faults(CREATE.replace("steps:", "steps:\n  - {name: first, get: First}"))
    assert "it commits" in faults(CREATE.replace("    commits: true\n", ""))
