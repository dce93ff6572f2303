"""The delivery protocol, outcome by outcome, on the real ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.contracts import Document, Guarantee, Parcel, State
from engine.errors import InDoubt, Refused, SetupError, TransientError
from engine.mapping.documents import loose_number
from engine.redaction import Redactor
from engine.run.deliver import Delivery
from engine.run.model import IfExists
from engine.run.seams import Seams
from engine.run.workspace import open_workspace

from .shelf import Shelf

FLOW = "demo/invoices"


class Time:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def ledger(tmp_path, time):
    with open_workspace(tmp_path, seams=Seams(clock=time, environ={}), redactor=Redactor()) as workspace:
        yield workspace.ledger


def take_in(ledger, number="00123", version=0):
    document = Document(
        key=f"key/{number}",
        version=version,
        flow=FLOW,
        kind="ap_invoices",
        number=number,
        party="ACME",
        state=State.READY,
        content_hash="h",
        source={"invoice_number": number},
        payload={"InvoiceNum": number},
        identifiers={"near": f"ACME {loose_number(number)}"},
    )
    parcel = Parcel(id=f"p-{number}", kind="pass", name="pass", read=lambda: iter(()))
    with ledger.intake(FLOW, parcel, "run") as intake:
        intake.add([document])
        intake.finish({"read": 1})
    return document


def turn(ledger, time, shelf, *, times=1, if_exists=None):
    """So many runs of the delivery, each when everything is due; returns the document's last state."""
    delivery = Delivery(ledger=ledger, target=shelf, if_exists=if_exists or IfExists(), clock=time, random=lambda: 0.5)
    for _ in range(times):
        for document in ledger.claim(FLOW, time(), 10, owner="me:1:1"):
            delivery.advance(document)
        time.pass_by(minutes=20)
    return ledger.document("key/00123")


def test_an_absent_document_is_sent_once_and_posted(ledger, time):
    take_in(ledger)
    shelf = Shelf()

    after = turn(ledger, time, shelf, times=3)

    assert (after.state, after.reference) == (State.POSTED, "shelf/00123")
    assert shelf.sent == ["header 00123", "lines 00123"]


def test_one_already_there_and_the_same_is_adopted_without_a_write(ledger, time):
    take_in(ledger)
    shelf = Shelf(foreign={"00123": ()})

    after = turn(ledger, time, shelf)

    assert (after.state, after.reference, shelf.sent) == (State.ADOPTED, "theirs", [])


def test_one_already_there_with_another_amount_waits_for_a_person(ledger, time):
    take_in(ledger)
    shelf = Shelf(foreign={"00123": ("`Amount` is 10.30 there, 10.40 here",)})

    after = turn(ledger, time, shelf)

    assert after.state is State.HELD
    assert "10.30 there" in after.reason
    assert shelf.sent == []


@pytest.mark.parametrize("step", ["header", "lines"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_at_any_commit_step_ends_in_one_whole_document(ledger, time, step, when):
    take_in(ledger)
    shelf = Shelf(script={step: [(when, InDoubt("no answer"))]})

    doubtful = turn(ledger, time, shelf)
    after = turn(ledger, time, shelf, times=4)

    assert doubtful.state is State.IN_DOUBT
    assert after.state is State.POSTED
    assert len(shelf.headers["00123"]) == 1
    assert shelf.lines["00123"] == 1


def test_nothing_is_looked_up_before_settle_is_over(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"header": [("after", InDoubt("no answer"))]})
    delivery = Delivery(ledger=ledger, target=shelf, if_exists=IfExists(), clock=time, random=lambda: 0.5)
    delivery.advance(ledger.claim(FLOW, time(), 1, owner="me:1:1")[0])

    time.pass_by(seconds=119)
    early = ledger.claim(FLOW, time(), 1, owner="me:1:1")
    time.pass_by(seconds=1)
    due = ledger.claim(FLOW, time(), 1, owner="me:1:1")

    assert early == []
    assert [document.state for document in due] == [State.IN_DOUBT]


def test_absence_must_be_seen_twice_before_it_is_sent_again(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"header": [("before", InDoubt("no answer"))]})
    turn(ledger, time, shelf)

    once = turn(ledger, time, shelf)
    sent_after_one_look = list(shelf.sent)
    twice = turn(ledger, time, shelf)

    assert once.state is State.IN_DOUBT
    assert sent_after_one_look == []
    assert twice.state is State.POSTED


def test_a_document_that_never_gets_a_clear_answer_is_held_after_three_sends(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"header": [("before", InDoubt("no answer"))] * 9})

    after = turn(ledger, time, shelf, times=12)

    assert after.state is State.HELD
    assert "Sent 3 times" in after.reason


def test_a_failed_look_is_never_absent(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"find": [("before", TransientError("503"))] * 2})

    first = turn(ledger, time, shelf)
    after = turn(ledger, time, shelf, times=2)

    assert (first.state, first.tries) == (State.READY, 0)
    assert after.state is State.POSTED


def test_a_refusal_is_tried_at_later_polls_then_held(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"header": [("before", Refused("Invalid GL account"))] * 9})

    first = turn(ledger, time, shelf)
    last = turn(ledger, time, shelf, times=8)

    assert first.state is State.REJECTED
    assert last.state is State.HELD
    assert last.reason == "Invalid GL account"
    assert shelf.headers == {}


def test_a_refusal_before_any_commit_counts_too(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"skeleton": [("before", Refused("Invalid vendor"))] * 9})

    assert turn(ledger, time, shelf, times=9).state is State.HELD


def test_a_half_written_document_refused_is_undone_and_rejected(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"lines": [("before", Refused("Invalid GL account", half_written=True))]})

    after = turn(ledger, time, shelf)

    assert after.state is State.REJECTED
    assert shelf.headers == {}


def test_a_half_written_document_that_cannot_be_undone_is_held(ledger, time):
    take_in(ledger)
    shelf = Shelf(can_undo=False, script={"lines": [("before", Refused("Invalid GL account", half_written=True))]})

    after = turn(ledger, time, shelf)

    assert after.state is State.HELD
    assert shelf.headers["00123"]


def test_a_setup_error_puts_the_document_back_and_stops_the_flow(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"find": [("before", SetupError("login refused"))]})

    with pytest.raises(SetupError, match="login refused"):
        turn(ledger, time, shelf)

    assert ledger.document("key/00123").state is State.READY


def test_a_setup_error_after_a_commit_step_is_a_doubt(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"lines": [("before", SetupError("login refused"))]})

    with pytest.raises(SetupError):
        turn(ledger, time, shelf)

    assert ledger.document("key/00123").state is State.IN_DOUBT


def test_a_target_that_cannot_be_asked_holds_every_doubt(ledger, time):
    take_in(ledger)
    shelf = Shelf(guarantee=Guarantee.BLIND, script={"header": [("after", InDoubt("no answer"))]})

    after = turn(ledger, time, shelf, times=5)

    assert after.state is State.HELD
    assert shelf.sent == ["header 00123"]


def test_a_target_that_refuses_duplicates_is_believed_only_after_a_look(ledger, time):
    take_in(ledger)
    shelf = Shelf(unique=True, guarantee=Guarantee.KEYED, script={"header": [("after", InDoubt("no answer"))]})

    after = turn(ledger, time, shelf, times=4)

    assert after.state is State.POSTED
    assert len(shelf.headers["00123"]) == 1


def test_a_worker_that_lost_its_claim_writes_nothing(ledger, time):
    take_in(ledger)
    shelf = Shelf()
    stale = ledger.claim(FLOW, time(), 1, owner="me:1:1")[0]
    ledger.abandoned(FLOW, lambda owner: False, settle=shelf.settle)

    delivery = Delivery(ledger=ledger, target=shelf, if_exists=IfExists(), clock=time, random=lambda: 0.5)
    delivery.advance(stale)

    assert shelf.sent == []
    assert ledger.document("key/00123").state is State.READY


def test_a_number_that_differs_only_in_zeros_waits_for_a_person_who_may_let_it_go(ledger, time):
    shelf = Shelf()
    take_in(ledger, "123")
    turn(ledger, time, shelf)
    take_in(ledger, "00-123")

    turn(ledger, time, shelf)
    held = ledger.document("key/00-123")
    ledger.release("key/00-123", State.READY, actor="ann", reason="another invoice")
    turn(ledger, time, shelf)

    assert (held.state, "Possibly the same as 123" in held.reason) == (State.HELD, True)
    assert ledger.document("key/00-123").state is State.POSTED
    assert sorted(shelf.headers) == ["00-123", "123"]


def test_a_doubt_about_a_blind_target_is_sent_again_by_a_person_only_after_settle(ledger, time):
    take_in(ledger)
    shelf = Shelf(guarantee=Guarantee.BLIND, script={"header": [("before", InDoubt("no answer"))]})
    delivery = Delivery(ledger=ledger, target=shelf, if_exists=IfExists(), clock=time, random=lambda: 0.5)
    held = delivery.advance(ledger.claim(FLOW, time(), 1, owner="me:1:1")[0])
    ledger.release("key/00123", State.READY, actor="ann", reason="it is not there")

    time.pass_by(seconds=119)
    early = ledger.claim(FLOW, time(), 1, owner="me:1:1")
    time.pass_by(seconds=1)

    assert (held.state, early) == (State.HELD, [])
    assert turn(ledger, time, shelf).state is State.POSTED


def test_a_released_document_has_its_three_sends_again(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"header": [("before", InDoubt("no answer"))] * 6})
    held = turn(ledger, time, shelf, times=12)
    ledger.release("key/00123", State.IN_DOUBT, actor="ann", reason="the line is mended")
    again = turn(ledger, time, shelf, times=12)
    ledger.release("key/00123", State.IN_DOUBT, actor="ann", reason="now it is")
    after = turn(ledger, time, shelf, times=3)

    assert (held.state, held.tries, again.state, again.tries) == (State.HELD, 3, State.HELD, 6)
    assert (after.state, after.tries, after.turns) == (State.POSTED, 7, 1)


def test_a_refused_document_has_its_five_polls_again(ledger, time):
    take_in(ledger)
    shelf = Shelf(script={"header": [("before", Refused("Invalid GL account"))] * 6})
    held = turn(ledger, time, shelf, times=6)
    ledger.release("key/00123", State.READY, actor="ann", reason="account opened")
    first = turn(ledger, time, shelf)

    assert (held.state, first.state) == (State.HELD, State.REJECTED)
    assert turn(ledger, time, shelf).state is State.POSTED
