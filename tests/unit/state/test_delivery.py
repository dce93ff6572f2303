"""Claims, intents, answers: who may change a document, and what is kept of it."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from engine.contracts import State
from engine.errors import UsageError
from engine.state.boot import Boot
from engine.state.facts import LostClaim


def claim_one(house, flow="invoices", owner="me"):
    (document,) = house.ledger.claim(flow, house.clock(), 1, owner=owner)
    return document


def test_claims_go_by_arrival_and_each_document_has_one_owner(house, make):
    house.take_in(make("b"), make("a"), make("c"))
    house.take_in(make("0"))
    other = house.more()

    first = house.ledger.claim("invoices", house.clock(), 3, owner="one")
    second = other.ledger.claim("invoices", house.clock(), 3, owner="two")

    assert [document.key for document in first] == ["b", "a", "c"]
    assert [document.key for document in second] == ["0"]
    assert {(document.state, document.epoch) for document in first} == {(State.PROBING, 1)}
    assert first[0] == house.ledger.document("b")


def test_two_workers_never_get_the_same_document(house, make):
    house.take_in(*(make(f"k{i:03}") for i in range(120)))
    other, taken, lock = house.more(), [], threading.Lock()

    def work(ledger, name):
        while found := ledger.claim("invoices", house.clock(), 7, owner=name):
            with lock:
                taken.extend(document.key for document in found)

    workers = [threading.Thread(target=work, args=(h.ledger, n)) for n, h in enumerate((house, other, house, other))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == [f"k{i:03}" for i in range(120)]


def test_what_is_not_due_is_not_claimed(house, make, clock):
    house.take_in(make("later", not_before=clock() + timedelta(minutes=1)))
    assert house.ledger.claim("invoices", clock(), 9, owner="me") == []
    clock.move(minutes=1)
    assert claim_one(house).key == "later"


def test_a_lost_claim_changes_nothing_and_is_told(house, make):
    house.take_in(make())
    mine = claim_one(house)
    house.ledger.abandoned("invoices", lambda owner: False, settle=timedelta(minutes=5))

    with pytest.raises(LostClaim):
        house.ledger.change(mine, State.ADOPTED)

    assert house.ledger.document("k1").state is State.READY
    house.trail.flush()
    assert house.events(key="k1") == ["received", "claimed", "ready", "lost claim"]


def test_the_intent_is_durable_with_its_request_before_the_wire(house, make, clock):
    house.take_in(make())
    sending = house.ledger.intend(
        claim_one(house), "save", b'{"amount":10.10}', clock() + timedelta(seconds=60), spec_sha="s2"
    )

    seen = house.more().ledger
    assert (sending.state, sending.tries, sending.step) == (State.SENDING, 1, "save")
    assert seen.document("k1").state is State.SENDING
    (attempt,) = seen.attempts("k1")
    assert (attempt.request, attempt.spec_sha, attempt.finished_at) == (b'{"amount":10.10}', "s2", None)
    assert attempt.deadline_at == clock() + timedelta(seconds=60)


def test_steps_of_one_attempt_count_once_and_close_one_another(house, make, clock):
    house.take_in(make())
    sending = house.ledger.intend(claim_one(house), "header", b"1", clock())
    sending = house.ledger.intend(sending, "lines", b"2", clock())
    posted = house.ledger.receipt(
        sending, State.POSTED, outcome="done", status=201, response=b"r" * 9000, reference="12/00123"
    )

    header, lines = house.ledger.attempts("k1")
    assert (posted.tries, posted.reference, posted) == (1, "12/00123", house.ledger.document("k1"))
    assert (header.outcome, header.response, lines.outcome, lines.status) == ("done", b"", "done", 201)
    assert lines.response == b"r" * 4096


def test_a_late_answer_is_kept_with_its_attempt_and_moves_nothing(house, make, clock):
    house.take_in(make())
    sending = house.ledger.intend(claim_one(house), "save", b"1", clock())
    house.ledger.abandoned("invoices", lambda owner: False, settle=timedelta(minutes=5))

    with pytest.raises(LostClaim):
        house.ledger.receipt(sending, State.POSTED, outcome="done", status=200, response=b"ok", reference="9")

    assert house.ledger.document("k1").state is State.IN_DOUBT
    (attempt,) = house.ledger.attempts("k1")
    assert (attempt.outcome, attempt.response) == ("done", b"ok")
    assert "late answer" in house.events(key="k1")


def test_doubt_is_looked_at_only_after_settle(house, make, clock):
    house.take_in(make())
    sending = house.ledger.intend(claim_one(house), "save", b"1", clock())
    doubt = house.ledger.receipt(
        sending, State.IN_DOUBT, outcome="time-out", settle=timedelta(minutes=5), reason="60 s"
    )

    assert doubt.not_before == clock() + timedelta(minutes=5)
    clock.move(minutes=4, seconds=59)
    assert house.ledger.claim("invoices", clock(), 9, owner="me") == []
    clock.move(seconds=1)
    looked = claim_one(house)
    assert (looked.state, looked.epoch, looked.tries) == (State.IN_DOUBT, 2, 1)
    assert house.ledger.claim("invoices", clock(), 9, owner="other") == []
    again = house.ledger.intend(looked, "save", b"1", clock())
    assert again.tries == 2
    assert house.ledger.receipt(again, State.POSTED, outcome="done", reference="1").state is State.POSTED


class Machine:
    def __init__(self):
        self.boot = Boot("host", "boot-1", 1000.0)

    def __call__(self):
        return self.boot

    def later(self, seconds, boot="boot-1", host="host"):
        self.boot = Boot(host, boot, seconds)


def in_doubt(house, make, settle=300):
    house.take_in(make())
    sending = house.ledger.intend(claim_one(house), "save", b"1", house.clock())
    return house.ledger.receipt(sending, State.IN_DOUBT, outcome="reset", settle=timedelta(seconds=settle))


def test_a_wall_clock_set_forward_does_not_shorten_settle(house, make, clock):
    machine = Machine()
    here = house.more(machine)
    in_doubt(here, make)
    clock.move(days=1)
    machine.later(1100)
    assert here.ledger.claim("invoices", clock(), 9, owner="me") == []
    machine.later(1300)
    assert claim_one(here).key == "k1"


def test_a_wall_clock_set_back_does_not_stop_it(house, make, clock):
    machine = Machine()
    here = house.more(machine)
    in_doubt(here, make)
    clock.move(days=-1)
    machine.later(1300)
    assert claim_one(here).key == "k1"


def test_after_a_restart_of_the_machine_the_observation_begins_anew(house, make, clock):
    machine = Machine()
    here = house.more(machine)
    in_doubt(here, make)
    clock.move(minutes=10)
    machine.later(20, boot="boot-2")
    assert here.ledger.claim("invoices", clock(), 9, owner="me") == []
    clock.move(minutes=5)
    machine.later(320, boot="boot-2")
    assert claim_one(here).key == "k1"


def test_another_machine_goes_by_the_wall_clock(house, make, clock):
    machine = Machine()
    here = house.more(machine)
    in_doubt(here, make)
    machine.later(5, boot="boot-9", host="other")
    assert here.ledger.claim("invoices", clock(), 9, owner="me") == []
    clock.move(minutes=5)
    assert claim_one(here).key == "k1"


def test_dead_owners_lose_what_they_had_and_the_third_crash_is_for_a_person(house, make, clock):
    house.take_in(make())
    for crash in (1, 2, 3):
        claim_one(house, owner="dead")
        assert house.ledger.abandoned("invoices", lambda owner: True, settle=timedelta(0)) == []
        (found,) = house.ledger.abandoned("invoices", lambda owner: owner != "dead", settle=timedelta(minutes=5))
        assert (found.crashes, found.state) == (crash, State.HELD if crash == 3 else State.READY)
        assert found == house.ledger.document("k1")
    assert "died 3 times" in found.reason


def test_sending_of_a_dead_owner_is_in_doubt_from_the_moment_it_is_noticed(house, make, clock):
    house.take_in(make())
    house.ledger.intend(claim_one(house, owner="dead"), "save", b"1", clock())
    clock.move(hours=3)

    (found,) = house.ledger.abandoned("invoices", lambda owner: False, settle=timedelta(minutes=5))

    assert (found.state, found.crashes, found.epoch) == (State.IN_DOUBT, 1, 2)
    assert found.not_before == clock() + timedelta(minutes=5)
    assert found == house.ledger.document("k1")


def test_rejected_comes_back_when_it_is_due(house, make, clock):
    house.take_in(make())
    sending = house.ledger.intend(claim_one(house), "save", b"1", clock())
    due = clock() + timedelta(minutes=15)
    house.ledger.receipt(sending, State.REJECTED, outcome="refused", status=400, reason="GL closed", not_before=due)
    assert house.ledger.document("k1").reason == "GL closed"
    assert house.ledger.claim("invoices", clock(), 9, owner="me") == []
    clock.move(minutes=15)
    assert claim_one(house).state is State.PROBING


def test_waiting_is_counted_from_its_beginning(house, make, clock):
    (document,) = house.take_in(make(state=State.WAITING))
    since = clock()
    clock.move(days=1)
    document = house.ledger.change(
        document, State.WAITING, not_before=clock() + timedelta(hours=1), reason="vendor ACME"
    )
    assert house.ledger.waiting("invoices", clock(), 9) == []
    clock.move(days=1)
    assert house.ledger.waiting("invoices", clock(), 9) == [document]
    assert house.ledger.waiting_since(document) == since
    document = house.ledger.change(document, State.READY)
    assert house.ledger.waiting_since(claim_one(house)) is None


def test_a_change_carries_new_payload_and_identifiers(house, make):
    (document,) = house.take_in(make(state=State.QUARANTINED, payload=None, identifiers={"invoice": "A-1"}))
    changed = house.ledger.change(
        document,
        State.READY,
        payload={"x": Decimal("1.50")},
        spec_sha="s2",
        identifiers={"invoice": "B‑2"},
        amount="1.50",
    )
    assert changed == house.ledger.document("k1")
    assert changed.payload == {"x": Decimal("1.50")}
    assert house.ledger.find_documents(identifier="a-1") == []
    assert house.ledger.find_documents(identifier=" b-2 ") == [changed]


def test_people_leave_their_name_and_reason(house, make):
    (document,) = house.take_in(make())
    held = house.ledger.hold("k1", actor="ana", reason="call the vendor")
    assert (held.state, held.reason) == (State.HELD, "call the vendor")
    with pytest.raises(UsageError, match="name and a reason"):
        house.ledger.release("k1", State.READY, actor="ana", reason=" ")
    released = house.ledger.release("k1", State.READY, actor="bob", reason="fine")
    assert released == house.ledger.document("k1")
    with pytest.raises(LostClaim):
        house.ledger.change(document, State.PROBING)
    told = house.trail.entries(key="k1")[-1]
    assert (told.actor, told.detail["reason"]) == ("bob", "fine")


@pytest.mark.parametrize("to", [State.READY, State.IN_DOUBT])
def test_what_may_still_land_is_not_looked_at_before_that_whoever_releases_it(house, make, clock, to):
    settle = timedelta(minutes=5)
    house.take_in(make())
    for _ in range(2):
        claim_one(house, owner="dead")
        house.ledger.abandoned("invoices", lambda owner: False, settle=settle)
    house.ledger.intend(claim_one(house, owner="dead"), "save", b"1", clock() + settle)
    clock.move(hours=1)
    (held,) = house.ledger.abandoned("invoices", lambda owner: False, settle=settle)
    clock.move(minutes=1)
    released = house.ledger.release("k1", to, actor="ana", reason="looked there myself")

    assert (held.state, held.crashes) == (State.HELD, 3)
    assert (released.not_before, released.crashes) == (clock() + timedelta(minutes=4), 0)
    assert released == house.ledger.document("k1")
    assert house.ledger.claim("invoices", clock(), 9, owner="me") == []
    clock.move(minutes=4)
    assert claim_one(house).key == "k1"


def test_a_definite_answer_lets_a_release_go_at_once(house, make, clock):
    house.take_in(make())
    sending = house.ledger.intend(claim_one(house), "save", b"1", clock() + timedelta(minutes=5))
    house.ledger.receipt(sending, State.REJECTED, outcome="rejected", status=400, reason="GL closed")
    released = house.ledger.release("k1", State.READY, actor="ana", reason="opened it")
    assert (released.not_before, released.tries, released.forgiven, released.turns) == (None, 1, 1, 0)
    assert claim_one(house).turns == 0


def test_one_version_is_not_let_go_while_another_is_on_its_way(house, make, clock):
    house.take_in(make())
    sending = house.ledger.intend(claim_one(house), "save", b"1", clock() + timedelta(minutes=5))
    house.take_in(make(version=1, state=State.CONFLICT))
    with pytest.raises(UsageError, match="Another version"):
        house.ledger.release("k1", State.READY, actor="ana", reason="this one", version=1)
    house.ledger.receipt(sending, State.HELD, outcome="held", reason="?")
    released = house.ledger.release("k1", State.READY, actor="ana", reason="this one", version=1)
    assert released.not_before == clock() + timedelta(minutes=5), "the other version's request may still land"


def test_what_was_never_mapped_cant_be_released_nor_an_unknown_key(house, make):
    house.take_in(make(state=State.HELD, payload=None))
    with pytest.raises(UsageError, match="never mapped"):
        house.ledger.release("k1", State.READY, actor="ana", reason="go")
    with pytest.raises(UsageError, match="no document"):
        house.ledger.cancel("nope", actor="ana", reason="go")
    with pytest.raises(UsageError, match="reference"):
        house.ledger.attest("k1", " ", actor="ana", reason="go")


def test_searching_and_adding_up(house, make, clock, parcel):
    one, two = parcel(), parcel()
    house.take_in(make("k1", amount="10.10", parcel_id=one.id), make("k2", amount="0.20", parcel_id=one.id), parcel=one)
    clock.move(hours=1)
    house.take_in(make("k3", flow="payments"), parcel=two, run="run-2", flow="payments")

    found = house.ledger.find_documents
    assert [d.key for d in found(parcel=one.id)] == ["k1", "k2"]
    assert [d.key for d in found(run="run-2")] == ["k3"]
    assert [d.key for d in found(since=clock())] == ["k3"]
    assert [d.key for d in found(flow="invoices", states=[State.READY], limit=1)] == ["k1"]
    assert found(key="k2", states=[State.POSTED]) == []
    assert house.ledger.tally("invoices")[State.READY].amount == Decimal("10.30")
    assert house.ledger.counts() == {State.READY: 3}


def test_one_tenant_sees_nothing_of_another(house, make):
    from engine.state.ledger import Ledger
    from engine.state.trail import Trail
    from engine.state.vault import open_vault

    house.take_in(make())
    seams = {"redactor": house.redactor, "clock": house.clock}
    vault = open_vault(house.database, "other", house.workspace, environment={}, **seams)
    trail = Trail(house.database, "other", vault=vault, actor="x", **seams)
    with Ledger(house.database, "other", clock=house.clock, vault=vault, trail=trail, actor="x") as other:
        assert other.document("k1") is None
        assert other.counts() == {}
        assert other.claim("invoices", house.clock(), 9, owner="x") == []


def test_a_search_can_leave_the_document_itself_out(house, make):
    first, second = make("k1", identifiers={"near": "ACME 7"}), make("k2", identifiers={"near": "ACME 7"})
    house.take_in(first, second)

    assert {found.key for found in house.ledger.find_documents(identifier="ACME 7")} == {"k1", "k2"}
    assert [found.key for found in house.ledger.find_documents(identifier="ACME 7", but="k1")] == ["k2"]
