"""How documents ended is told from the ledger: each once, by the version that counts, and only since the last time."""

from __future__ import annotations

from datetime import timedelta

from engine.contracts import State
from engine.state.endings import endings

FLOW = "invoices"


def told(house, since=None):
    return [(d.key, d.version, d.state.value) for d in endings(house.ledger._desk, FLOW, since)]


def post(house, key, version=0):
    document = house.ledger.document(key, version)
    (document,) = house.ledger.claim(FLOW, house.clock(), 1, owner="me", key=document.key)
    sending = house.ledger.intend(document, "save", b"{}", house.clock())
    return house.ledger.receipt(sending, State.POSTED, outcome="posted", reference="12/00123")


def test_what_is_on_its_way_has_no_ending(house, make):
    house.take_in(make("a"), make("b", state=State.HELD, reason="no vendor"), make("c", state=State.QUARANTINED))
    assert told(house) == [("b", 0, "held"), ("c", 0, "quarantined")]


def test_only_what_changed_since_then_is_told(house, make, clock):
    house.take_in(make("a"), make("b", state=State.HELD))
    clock.move(hours=1)
    since = clock()
    post(house, "a")
    assert told(house, since) == [("a", 0, "posted")]
    assert told(house, since + timedelta(seconds=1)) == []


def test_the_version_in_the_target_counts_before_a_later_one(house, make, clock):
    house.take_in(make("a"))
    post(house, "a")
    clock.move(minutes=1)
    house.take_in(make("a", version=1, content_hash="h2", state=State.CONFLICT))
    assert told(house) == [("a", 0, "posted")]


def test_a_version_that_was_replaced_is_not_told(house, make, clock):
    house.take_in(make("a", state=State.HELD))
    clock.move(minutes=1)
    house.take_in(make("a", version=1, content_hash="h2"))
    assert told(house) == []
    post(house, "a", 1)
    assert told(house) == [("a", 1, "posted")]


def test_another_flows_documents_are_not_told(house, make):
    house.take_in(make("a", flow="payments", state=State.HELD), flow="payments")
    assert told(house) == []


def test_many_are_told_in_the_order_of_their_changes(house, make, clock):
    for number in range(3):
        house.take_in(*(make(f"{number}-{n}", state=State.HELD) for n in range(400)))
        clock.move(minutes=1)
    found = [key for key, _, _ in told(house)]
    assert len(found) == 1200
    assert [key.split("-")[0] for key in found] == ["0"] * 400 + ["1"] * 400 + ["2"] * 400
