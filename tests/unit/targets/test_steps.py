"""A chain of calls writes a document once, and says exactly what it knows when something goes wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.contracts import Document, Receipt, State
from engine.errors import InDoubt, RecordError, Refused, TransientError
from engine.targets.steps import Create, Look, StepTarget, Ways

from .erp import GONE, LOST, Asked, Reply, Time, built, connected

CREATE = """
guarantee: {class: lookup, settle: 2m}
one_at_a_time: {need: group}
steps:
  - {name: group, post: GetGroup, send: {id: {need: group}}, absent: ok, keep: {group: "rows[0]"}}
  - {name: new_group, when: "!group", post: NewGroup, send: {id: {need: group}}}
  - {name: skeleton, post: GetNew, send: {ds: {const: {}}}, expect: ds, keep: {ds: ds}}
  - name: save
    post: Save
    commits: true
    send: {ds: {set: ds, at: {"Head[0].Number": document.Number, "Head[0].Comment": marker}}}
    expect: ran
    keep: {ds: ds, id: id}
  - each: document.Lines
    as: line
    steps:
      - {name: new_line, post: NewLine, send: {ds: ds, at: index}, keep: {ds: ds}}
      - {name: save_line, post: SaveLine, commits: true, send: {ds: ds, Amount: line.Amount, Text: line.Text}, expect: ran, keep: {ds: ds}}
reference: {text: "{{ document.Vendor }}/{{ id }}"}
undo:
  when: found.Posted == `false`
  steps:
    - {name: delete, post: Delete, send: {id: found.Id}, absent: ok}
"""
FIND = """
get: Invoices
query: {number: document.Number}
records: value
show: {Total: Total, Date: Date}
ours: found.Comment == marker
whole: length(found.Lines) == length(document.Lines)
reference: {text: "{{ found.Vendor }}/{{ found.Id }}"}
"""
POLLED = """
guarantee: {class: blind}
steps:
  - {name: release, post: Release, commits: true, send: {n: document.Number}}
  - {name: wait, get: Status, poll: {until: "answer.body.done", every: 2s, within: 10s}, keep: {id: id}}
reference: {text: "{{ id }}"}
"""
PAYLOAD = {
    "Number": "00123",
    "Vendor": "ACME",
    "Date": date(2026, 11, 2),
    "Total": Decimal("10.40"),
    "Lines": [{"Amount": Decimal("10.10"), "Text": "a"}, {"Amount": Decimal("0.30"), "Text": "b"}],
}


def document(**more: Any) -> Document:
    return Document(
        key="acme|00123", version=1, flow="invoices", kind="invoice", number="00123", party="ACME", state=State.PROBING,
        content_hash="x", source={}, payload={**PAYLOAD, **more},
    )  # fmt: skip


class Erp:
    """The system of CREATE. `instead` holds what a call answers in place of the usual, by its name and, for lines, number."""

    def __init__(self) -> None:
        self.groups: set[str] = set()
        self.invoices: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.instead: dict[str, Reply] = {}
        self.lost_after: str = ""

    def __call__(self, asked: Asked) -> Reply:
        name = asked.path
        if name in {"NewLine", "SaveLine"}:
            name += str(len(self.invoices[-1]["Lines"]) + 1)
        self.asked.append(name)
        self.bodies.append(asked.body)
        if name in self.instead:
            return self.instead[name]
        reply = getattr(self, asked.path)(asked)
        return LOST if name == self.lost_after else reply

    def GetGroup(self, asked: Asked) -> Reply:
        return Reply(body={"rows": [{"id": "G"}]}) if asked.body["id"] in self.groups else GONE

    def NewGroup(self, asked: Asked) -> Reply:
        self.groups.add(asked.body["id"])
        return Reply(body={})

    def GetNew(self, asked: Asked) -> Reply:
        return Reply(body={"ds": {"Head": [{"Number": "", "Comment": ""}], "Lines": []}})

    def Save(self, asked: Asked) -> Reply:
        head = asked.body["ds"]["Head"][0]
        made = {"Id": 7, "Vendor": "ACME", "Total": 10.4, "Posted": False, "Lines": [], "Date": "2026-11-02T00:00:00"}
        self.invoices.append({**head, **made})
        return Reply(body={"ran": True, "id": 7, "ds": asked.body["ds"]})

    def NewLine(self, asked: Asked) -> Reply:
        return Reply(body={"ds": asked.body["ds"]})

    def SaveLine(self, asked: Asked) -> Reply:
        self.invoices[-1]["Lines"].append({"Amount": asked.body["Amount"]})
        return Reply(body={"ran": True, "ds": asked.body["ds"]})

    def Delete(self, asked: Asked) -> Reply:
        before = len(self.invoices)
        self.invoices = [invoice for invoice in self.invoices if invoice["Id"] != asked.body["id"]]
        return Reply(body={}) if len(self.invoices) < before else GONE

    def Invoices(self, asked: Asked) -> Reply:
        return Reply(body={"value": [i for i in self.invoices if i["Number"] == asked.query["number"]]})


@contextmanager
def target(erp: Any, create: str = CREATE, find: str | None = FIND, **more: Any) -> Iterator[StepTarget]:
    time = more.pop("time", None) or Time()
    need = {"group": "G"}
    compare = tuple(more.pop("compare", ()))
    with connected(erp, need, time) as http:
        look = built(Look, find) if find else None
        ways = Ways(create=built(Create, create), look=look, compare=compare)
        yield StepTarget(ways, http, need, clock=time.clock, sleep=time.sleep, **more)


def sent(erp: Any, intents: list[str], create: str = CREATE, doc: Document | None = None, **more: Any) -> Receipt:
    with target(erp, create, **more) as writer:
        return writer.send(doc or document(), intents.append)


def test_a_document_is_written_step_by_step_with_what_was_kept() -> None:
    erp, intents = Erp(), []
    receipt = sent(erp, intents)

    assert receipt.reference == "ACME/7"
    assert receipt.detail == {"id": 7}
    assert erp.asked == [
        "GetGroup", "NewGroup", "GetNew", "Save", "NewLine1", "SaveLine1", "NewLine2", "SaveLine2",
    ]  # fmt: skip
    assert intents == ["save", "save_line[1]", "save_line[2]"]
    assert erp.bodies[3]["ds"]["Head"] == [{"Number": "00123", "Comment": document().marker}]
    assert [erp.bodies[5]["Text"], erp.bodies[7]["Text"]] == ["a", "b"]
    assert [erp.bodies[4]["at"], erp.bodies[6]["at"]] == [1, 2]


def test_a_step_whose_when_is_false_is_skipped() -> None:
    erp = Erp()
    erp.groups.add("G")
    sent(erp, [])

    assert "NewGroup" not in erp.asked


def test_the_intent_is_made_before_each_commit_step_goes_out() -> None:
    erp = Erp()
    seen: list[tuple[str, int]] = []
    with target(erp) as writer:
        writer.send(document(), lambda step: seen.append((step, len(erp.asked))))

    assert seen == [("save", 3), ("save_line[1]", 5), ("save_line[2]", 7)]


def test_an_intent_that_can_not_be_made_stops_before_the_wire() -> None:
    erp = Erp()

    def intend(step: str) -> None:
        raise OSError("disk full")

    with target(erp) as writer, pytest.raises(OSError, match="disk full"):
        writer.send(document(), intend)
    assert "Save" not in erp.asked


@pytest.mark.parametrize(
    ("lost", "steps"), [("Save", 1), ("SaveLine1", 2), ("SaveLine2", 3)]
)  # fmt: skip
def test_a_lost_answer_of_a_commit_step_is_a_doubt(lost: str, steps: int) -> None:
    erp, intents = Erp(), []
    erp.lost_after = lost
    with pytest.raises(InDoubt):
        sent(erp, intents)

    assert len(intents) == steps
    assert erp.asked[-1] == lost
    assert erp.asked.count(lost) == 1


@pytest.mark.parametrize("name", ["GetGroup", "GetNew"])
@pytest.mark.parametrize("reply", [LOST, Reply(status=500, body={}), Reply(raw=b"<html>", headers={})])
def test_before_the_first_commit_a_doubt_is_only_a_delay(name: str, reply: Reply) -> None:
    erp, intents = Erp(), []
    erp.instead[name] = reply
    with pytest.raises(TransientError):
        sent(erp, intents)

    assert intents == []


@pytest.mark.parametrize(
    "reply", [LOST, Reply(status=500, body={}), Reply(status=429, body={}), Reply(status=403, body={"why": "no"})]
)
@pytest.mark.parametrize("name", ["NewLine1", "NewLine2"])
def test_after_a_commit_every_doubt_is_a_doubt_about_the_document(name: str, reply: Reply) -> None:
    erp = Erp()
    erp.instead[name] = reply
    with pytest.raises(InDoubt, match=r"new_line\[.\].*half-written"):
        sent(erp, [])


@pytest.mark.parametrize("reply", [Reply(status=429, body={}), Reply(status=403, body={"why": "no"})])
def test_a_later_commit_step_that_was_not_processed_leaves_a_doubt(reply: Reply) -> None:
    erp = Erp()
    erp.instead["SaveLine1"] = reply
    with pytest.raises(InDoubt, match="half-written"):
        sent(erp, [])


def test_a_first_commit_step_that_was_not_processed_is_only_a_delay() -> None:
    erp = Erp()
    erp.instead["Save"] = Reply(status=429, body={})
    with pytest.raises(TransientError):
        sent(erp, [])


@pytest.mark.parametrize(
    ("name", "half"), [("GetNew", False), ("Save", False), ("NewLine1", True), ("SaveLine1", True), ("SaveLine2", True)]
)
def test_a_refusal_tells_whether_something_was_saved_before(name: str, half: bool) -> None:
    erp = Erp()
    erp.instead[name] = Reply(status=400, body={"why": "Period is closed", "id": "c-1"})
    with pytest.raises(Refused, match="Period is closed") as refused:
        sent(erp, [])

    assert refused.value.half_written is half
    assert (refused.value.reference, refused.value.status) == ("c-1", 400)


def test_a_duplicate_at_a_commit_step_is_a_doubt_that_says_so() -> None:
    erp = Erp()
    erp.instead["Save"] = Reply(status=409, body={"why": "exists"})
    with pytest.raises(InDoubt) as doubt:
        sent(erp, [])

    assert doubt.value.duplicate


@pytest.mark.parametrize("body", [{"ran": False, "ds": {}}, {"ds": {}}, {}])
def test_success_that_is_not_declared_is_a_doubt(body: Any) -> None:
    erp = Erp()
    erp.instead["Save"] = Reply(body=body)
    with pytest.raises(InDoubt, match="`ran` does not hold"):
        sent(erp, [])


def test_an_expectation_that_can_not_be_worked_out_is_a_doubt() -> None:
    erp = Erp()
    erp.instead["Save"] = Reply(body={"ran": "yes", "ds": {}})
    with pytest.raises(InDoubt):
        sent(erp, [], CREATE.replace("expect: ran\n", "expect: ran == `1`\n"))


def test_an_unexpected_answer_before_the_first_commit_is_a_refusal() -> None:
    erp = Erp()
    erp.instead["GetNew"] = Reply(body={"ds": None})
    with pytest.raises(Refused, match="skeleton"):
        sent(erp, [])


def test_an_answer_that_can_not_be_kept_after_a_commit_is_a_doubt() -> None:
    erp = Erp()
    erp.instead["Save"] = Reply(body={"ran": True, "id": [], "ds": {}})
    with pytest.raises(InDoubt, match="half-written"):
        sent(erp, [], CREATE.replace("id: id}", 'id: "upper(id)"}'))


def test_a_reference_that_can_not_be_told_is_a_doubt() -> None:
    erp = Erp()
    with pytest.raises(InDoubt, match="reference"):
        sent(erp, [], CREATE.replace("{{ id }}", "{{ number }}"))


def test_a_request_that_can_not_be_built_is_the_documents_fault() -> None:
    erp, intents = Erp(), []
    with pytest.raises(RecordError):
        sent(erp, intents, CREATE.replace("Head[0].Number", "Head[3].Number"))

    assert "Save" not in erp.asked


def test_a_missing_record_is_an_error_where_the_spec_does_not_allow_it() -> None:
    erp = Erp()
    with pytest.raises(Refused, match="not there"):
        sent(erp, [], CREATE.replace("absent: ok, keep: {group", "keep: {group"))


def test_a_loop_over_nothing_does_nothing_and_over_no_list_is_an_error() -> None:
    erp = Erp()
    sent(erp, [], doc=document(Lines=None))
    assert erp.asked[-1] == "Save"

    with pytest.raises(InDoubt, match="no list"):
        sent(Erp(), [], doc=document(Lines="abc"))


def test_loops_inside_loops_name_both_places_and_give_their_names_back() -> None:
    create = """
    guarantee: {class: blind}
    steps:
      - each: document.Lines
        as: line
        steps:
          - each: line.Parts
            as: part
            steps: [{name: put, post: Put, commits: true, send: {part: part.Name, at: index}}]
          - {name: end, post: End, commits: true, send: {line: line.Text, part: part, at: index}}
    """
    asked: list[Any] = []

    def serve(request: Asked) -> Reply:
        asked.append(request.body)
        return Reply(body={})

    lines = [{"Text": "a", "Parts": [{"Name": "x"}, {"Name": "y"}]}, {"Text": "b", "Parts": []}]
    intents: list[str] = []
    sent(serve, intents, create, document(Lines=lines), find=None)

    assert intents == ["put[1][1]", "put[1][2]", "end[1]", "end[2]"]
    assert asked == [
        {"part": "x", "at": 1}, {"part": "y", "at": 2}, {"line": "a", "part": None, "at": 1}, {"line": "b", "part": None, "at": 2},
    ]  # fmt: skip
