"""A dry run tells what would be sent, looks for real, and writes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from engine.contracts import Guarantee
from engine.errors import Refused
from engine.targets.captured import CapturedTarget
from engine.targets.steps import Request

from .erp import Asked, Reply
from .test_steps import CREATE, FIND, POLLED, Erp, document, target
from .test_steps_find import written


def never(step: str) -> None:
    raise AssertionError(step)


def previewed(create: str = CREATE, **more: Any) -> list[Request]:
    with target(Erp(), create) as writer:
        return writer.requests(document(**more))


def test_calls_are_told_as_far_as_no_answer_is_needed() -> None:
    assert previewed() == [
        ("group", "POST", "GetGroup", {"id": "G"}),
        ("new_group", "POST", "NewGroup", "only if `!group`, which needs the answer of step `group`"),
        ("skeleton", "POST", "GetNew", {"ds": {}}),
        ("save", "POST", "Save", "needs the answer of step `skeleton`"),
        ("new_line[1]", "POST", "NewLine", "needs the answer of step `save`"),
        ("save_line[1]", "POST", "SaveLine", "needs the answer of step `new_line[1]`"),
        ("new_line[2]", "POST", "NewLine", "needs the answer of step `save_line[1]`"),
        ("save_line[2]", "POST", "SaveLine", "needs the answer of step `new_line[2]`"),
    ]


SIMPLE = """
guarantee: {class: lookup}
steps:
  - {name: skip, when: document.Urgent, post: Urgent}
  - each: document.Lines
    as: line
    steps: [{name: put, post: {text: "Lines/{{ index }}"}, commits: true, send: {Amount: line.Amount}}]
  - {name: end, get: End, keep: {rows: rows}}
  - each: rows
    as: row
    steps: [{name: touch, put: Touch, send: {row: row}}]
"""


def test_items_of_the_document_are_told_and_items_of_an_answer_are_not() -> None:
    with target(Erp(), SIMPLE) as writer:
        told = writer.requests(document())

    assert [request[:3] for request in told] == [
        ("put[1]", "POST", "Lines/1"), ("put[2]", "POST", "Lines/2"), ("end", "GET", "End"), ("touch[?]", "PUT", "Touch"),
    ]  # fmt: skip
    assert [str(told[0].body["Amount"]), told[2].body, told[3].body] == ["10.10", None, "once for each of `rows`"]


def test_what_can_not_be_built_says_why() -> None:
    create = SIMPLE.replace("send: {Amount: line.Amount}", 'send: {Amount: "upper(line.Amount)"}')
    assert "can't be told" in previewed(create)[0].body


def test_a_dry_run_looks_and_sends_nothing() -> None:
    erp = Erp()
    with target(erp) as writer:
        dry = CapturedTarget(writer, writer.requests)
        assert dry.find(document()).matches == 0
        receipt = dry.send(document(), never)

        assert receipt.reference == ""
        assert erp.asked == ["Invoices"]
        (only,) = dry.captured
        assert (only.number, only.sent, only.note, only.payload["Number"]) == ("00123", True, "", "00123")
        assert [request.step for request in only.requests][:2] == ["group", "new_group"]
        assert (dry.guarantee, dry.one_at_a_time, dry.can_undo) == (Guarantee.LOOKUP, "G", False)
        with pytest.raises(Refused):
            dry.undo(document(), dry.find(document()))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "exists already as ACME/7"),
        ({"Total": 9}, "exists already as ACME/7 and differs: `Total` is 9 there, 10.40 here"),
        ({"Lines": []}, "exists already as ACME/7, half-written"),
    ],
)
def test_a_dry_run_says_what_exists_already(more: dict[str, Any], says: str) -> None:
    with target(written(**more), compare=["Total"]) as writer:
        dry = CapturedTarget(writer)
        assert dry.find(document()).matches == 1
        assert [(item.note, item.sent) for item in dry.captured] == [(says, False)]


def test_a_dry_run_counts_what_exists_several_times() -> None:
    erp = written()
    erp.invoices.append(dict(erp.invoices[0]))
    with target(erp) as writer:
        dry = CapturedTarget(writer)
        dry.find(document())
        assert dry.captured[0].note == "exists already, 2 times"


def test_a_look_that_fails_makes_the_preview_unavailable_and_not_the_run() -> None:
    def serve(asked: Asked) -> Reply:
        return Reply(status=403, body={"why": "no right"})

    with target(serve, CREATE, FIND) as writer:
        dry = CapturedTarget(writer, writer.requests)
        assert dry.find(document()).matches == 0
        dry.send(document(), never)
        assert dry.captured[0].note.startswith("preview unavailable")
        assert "no right" in dry.captured[0].note
        assert dry.captured[0].sent


def test_a_blind_target_is_not_looked_at() -> None:
    with target(Erp(), POLLED, None) as writer:
        dry = CapturedTarget(writer)
        assert dry.find(document()).matches == 0
        assert dry.captured == []
