"""Control numbers and acknowledgements: used once, kept once, and what is rejected waits for a person."""

from datetime import timedelta

import pytest

from engine.contracts import State
from engine.state import exchange
from engine.state.exchange import Answer
from engine.state.facts import OutgoingFile

US = "ZZ:US>ZZ:THEM"


def sent(house, make, many=3, *, ends="done", control=7, series=US, flow="payments"):
    """A file of documents p0, p1 …; `ends` is how its upload ended: done, sending, held."""
    house.take_in(*(make(f"{flow}{i}", flow=flow) for i in range(many)), flow=flow)
    documents = house.ledger.claim(flow, house.clock(), many, owner="me")
    number = house.ledger.counter(flow)
    file = OutgoingFile(
        flow=flow, folder="/out", name=f"820_{control}.edi", sha256="e" * 64, size=9, number=number,
        made_at=house.clock(), series=series, control=control, answered=True, run_id="run-9",
    )  # fmt: skip
    house.ledger.outbox_build(file, documents)
    house.ledger.outbox_sending(flow, number)
    if ends == "done":
        house.ledger.outbox_done(flow, number)
    if ends == "held":
        house.ledger.outbox_held(flow, number, "nobody knows whether it arrived")
    return exchange.file_of(house.ledger._desk, series, control)


def states(house, flow="payments"):
    found = house.ledger.find_documents(flow=flow, limit=9999)
    return [d.state.value for d in sorted(found, key=lambda d: int(d.key.removeprefix(flow)))]


def desk(house):
    return house.ledger._desk


def test_a_file_keeps_its_number_its_series_and_the_time_in_it(house, make):
    file = sent(house, make)
    assert (file.control, file.made_at, file.answer, file.state) == (7, house.clock(), "due", "done")
    assert exchange.file_of(desk(house), US, 8) is None
    assert exchange.file_of(desk(house), "ZZ:US>ZZ:OTHER", 7) is None


def test_an_accepted_file_stays_posted_and_is_waited_for_no_more(house, make):
    file = sent(house, make)
    assert exchange.waited_for(desk(house), "payments") == 1
    assert exchange.answered(desk(house), file, Answer(accepted=True)) == 0
    assert exchange.waited_for(desk(house), "payments") == 0
    assert states(house) == ["posted"] * 3
    assert "file accepted" in house.events()


def test_a_rejected_file_is_held_once_with_the_reason(house, make):
    file = sent(house, make, 1100)
    answer = Answer(accepted=False, reason="code 5")
    assert exchange.answered(desk(house), file, answer) == 1100
    assert set(states(house)) == {"held"}
    found = house.ledger.document("payments0")
    assert (found.reason, found.reference, found.tries) == ("code 5", "/out/820_7.edi", 1)
    house.ledger.release("payments0", State.READY, actor="tess", reason="again")
    assert exchange.answered(desk(house), file, answer) == 0
    assert states(house)[0] == "ready"


def test_only_the_rejected_documents_are_held(house, make):
    file = sent(house, make)
    assert exchange.answered(desk(house), file, Answer(accepted=True, rejected=(2,), reason="x")) == 1
    assert states(house) == ["posted", "held", "posted"]


@pytest.mark.parametrize("ends", ["sending", "held"])
def test_an_answer_proves_that_the_file_arrived(house, make, ends):
    file = sent(house, make, ends=ends)
    assert exchange.answered(desk(house), file, Answer(accepted=True)) == 0
    assert states(house) == ["posted"] * 3
    assert house.ledger.outbox_pending("payments") == []


@pytest.mark.parametrize("ends", ["sending", "held"])
def test_a_rejection_proves_it_too(house, make, ends):
    file = sent(house, make, ends=ends)
    exchange.answered(desk(house), file, Answer(accepted=False, reason="no"))
    assert states(house) == ["held"] * 3
    assert house.ledger.document("payments0").reason == "no"


def test_what_a_person_decided_meanwhile_stays(house, make):
    file = sent(house, make, ends="held")
    house.ledger.cancel("payments1", actor="tess", reason="paid by hand")
    exchange.answered(desk(house), file, Answer(accepted=True))
    assert states(house) == ["posted", "cancelled", "posted"]


def test_a_missing_answer_is_told_once_and_may_still_come(house, make):
    file = sent(house, make)
    assert exchange.overdue(desk(house), "payments", house.clock() - timedelta(hours=24)) == []
    house.clock.move(hours=25)
    (told,) = exchange.overdue(desk(house), "payments", house.clock() - timedelta(hours=24))
    assert told.name == "820_7.edi"
    assert exchange.overdue(desk(house), "payments", house.clock()) == []
    assert exchange.waited_for(desk(house), "payments") == 1
    exchange.answered(desk(house), file, Answer(accepted=True))
    assert exchange.waited_for(desk(house), "payments") == 0


def test_control_numbers_used_up_are_known_with_their_file(house):
    def take(name, sha, *numbers):
        from .conftest import make_parcel

        with house.ledger.intake("advices", make_parcel(name, sha256=sha), "run") as intake:
            intake.use_up("partner|box", numbers)
            intake.finish({})

    take("a.edi", "a" * 64, ("ZZ:THEM", "000000001"), ("ZZ:OTHER", "000000001"))
    found = exchange.used_up(desk(house), "partner|box", [("ZZ:THEM", "000000001"), ("ZZ:THEM", "000000002")])
    assert {number: (before.name, before.sha256) for number, before in found.items()} == {
        ("ZZ:THEM", "000000001"): ("a.edi", "a" * 64)
    }
    assert exchange.used_up(desk(house), "other|box", [("ZZ:THEM", "000000001")]) == {}


def test_a_spoilt_parcel_still_answers_its_sender(house, make):
    from .conftest import make_parcel

    parcel = make_parcel("bad.edi", sha256="b" * 64)
    with house.ledger.intake("advices", parcel, "run") as intake:
        intake.add([make("ack-1", flow="advices.acks")])
        intake.spoil("nothing of it can be used")
    assert house.ledger.parcel("advices", "b" * 64).state == "bad"
    assert house.ledger.parcel("advices", "b" * 64).reason == "nothing of it can be used"
    assert house.ledger.document("ack-1").state is State.READY
