"""Files to drop: one name, one content, one set of documents."""

from datetime import timedelta

import pytest

from engine.contracts import State
from engine.errors import UsageError
from engine.state.facts import IllegalTransition, LostClaim, OutgoingFile

FILE = {"flow": "vendors", "folder": "/inbound", "name": "vendors_1.csv", "sha256": "e" * 64, "size": 120}


def build(house, documents, number=None):
    number = number or house.ledger.counter("vendors")
    return house.ledger.outbox_build(
        OutgoingFile(**FILE, number=number, made_at=house.clock(), run_id="run-9"), documents
    )


def taken(house, make, many=3):
    house.take_in(*(make(f"v{i}", flow="vendors") for i in range(many)), flow="vendors")
    return house.ledger.claim("vendors", house.clock(), many, owner="me")


def test_a_file_and_its_documents_are_one_and_come_back_in_order(house, make):
    documents = taken(house, make)[::-1]
    batch = build(house, documents)

    assert house.ledger.outbox_pending("vendors") == [batch]
    assert (batch.number, batch.documents, batch.state) == (1, 3, "built")
    found = list(house.more().ledger.outbox_documents("vendors", 1))
    assert [d.key for d in found] == ["v2", "v1", "v0"]
    assert {(d.state, d.tries) for d in found} == {(State.SENDING, 1)}


def test_done_posts_every_document_under_the_files_name_once(house, make):
    build(house, taken(house, make, 1100))
    assert house.ledger.outbox_done("vendors", 1) == 1100
    assert house.ledger.outbox_done("vendors", 1) == 0

    assert house.ledger.outbox_pending("vendors") == []
    assert house.ledger.counts("vendors") == {State.POSTED: 1100}
    assert house.ledger.document("v7").reference == "/inbound/vendors_1.csv"
    assert house.events(key="v7") == ["received", "claimed", "sending", "posted"]
    assert [d.key for d in house.ledger.outbox_documents("vendors", 1)][1099] == "v1099"


def test_documents_straight_from_ready_need_no_claim(house, make):
    documents = house.take_in(make("v1", flow="vendors"), flow="vendors")
    assert build(house, iter(documents)).documents == 1


def test_one_document_changed_meanwhile_and_nothing_is_built(house, make):
    documents = taken(house, make)
    house.ledger.change(documents[1], State.ADOPTED)
    with pytest.raises(LostClaim):
        build(house, documents)
    assert house.ledger.outbox_pending("vendors") == []
    assert house.ledger.counts("vendors") == {State.PROBING: 2, State.ADOPTED: 1}


def test_what_is_sent_already_goes_into_no_second_file(house, make):
    documents = taken(house, make)
    build(house, documents)
    with pytest.raises(LostClaim):
        build(house, documents)
    with pytest.raises(IllegalTransition):
        build(house, house.ledger.outbox_documents("vendors", 1))


def test_a_built_file_survives_its_builder(house, make):
    """Recovery of dead owners leaves the documents of a file to the file."""
    build(house, taken(house, make))
    assert house.ledger.abandoned("vendors", lambda owner: False, settle=timedelta(0)) == []


def test_a_file_nobody_can_tell_about_is_for_a_person(house, make):
    build(house, taken(house, make))
    assert house.ledger.outbox_held("vendors", 1, "gone from the folder before it was confirmed") == 3
    (found, *_) = house.ledger.find_documents(states=[State.HELD])
    assert "gone from the folder" in found.reason
    assert house.ledger.release("v1", State.READY, actor="ana", reason="send again").state is State.READY
    assert len(house.ledger.claim("vendors", house.clock(), 9, owner="me")) == 1
    with pytest.raises(UsageError):
        house.ledger.outbox_done("vendors", 2)
