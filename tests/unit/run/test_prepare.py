"""A record becomes a document: selected, identified, mapped, checked; or waits for what it refers to."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from engine.contracts import BadRow, Row, State
from engine.errors import RecordError
from engine.run.prepare import UNREAD

from .conftest import a_document, take_in

RECORD = {"vendor": "ACME", "number": "1", "total": None, "kind": "I"}

AFTER = """
  payments:
    title: Payments
    read: {object: partner.invoices}
    when: kind == 'PAY'
    key: [vendor, number]
    after: {flow: invoices, key: [vendor, number]}
    map: {vendor: vendor, number: number, total: total}
    write: {object: partner.ledger, pattern: append}
"""


@pytest.fixture
def preparer(desk):
    session = desk.session()
    return session.preparer(session.integration.flows["invoices"])


def test_the_key_names_tenant_books_object_and_parts(desk, preparer):
    identity = preparer.identify(RECORD)

    assert identity.key == f"default|partner|{desk.box}|ledger|ACME|1"
    assert (identity.number, identity.party) == ("1", "ACME")


@pytest.mark.parametrize("missing", ["", None])
def test_without_a_part_of_its_key_nothing_can_be_delivered_once(preparer, missing):
    with pytest.raises(RecordError, match="`number`: is part of the key"):
        preparer.identify(RECORD | {"number": missing})


def test_a_record_the_flow_does_not_want_is_passed_over(preparer):
    assert not preparer.wanted(Row(place="row 2", values=RECORD | {"kind": "DRAFT"}))
    assert preparer.wanted(Row(place="row 2", values=RECORD))


def test_an_unread_record_keeps_its_reason_and_says_so_for_good(desk, preparer):
    bad = BadRow(place="row 9", values={"vendor": "ACME", "number": "1"}, error="'x' is no number", field="total")

    document = preparer.unread(bad, "p")
    take_in(desk.workspace, document)

    kept = desk.workspace.ledger.document(document.key)
    assert (kept.state, kept.reason, kept.step) == (State.QUARANTINED, "`total`: 'x' is no number", UNREAD)


def test_an_unread_record_without_a_key_has_one_of_its_own(preparer):
    first = preparer.unread(BadRow(place="row 9", values={}, error="torn"), "p")
    second = preparer.unread(BadRow(place="row 10", values={}, error="torn"), "p")

    assert first.key != second.key
    assert first.number == "row 9"


def test_a_check_holds_and_the_reason_tells_which(preparer):
    draft = preparer.draft(preparer.identify(RECORD), RECORD | {"total": Decimal(13)}, "p", "row 2")

    (done,) = preparer.finish([draft])

    assert done.state is State.HELD
    assert "Thirteen is unlucky" in done.reason
    assert done.payload is not None  # mapped all the same, so that a person can let it go


def test_what_cannot_be_mapped_is_quarantined(preparer):
    values = RECORD | {"vendor": "V" * 21}
    draft = preparer.draft(preparer.identify(values), values, "p", "row 2")

    (done,) = preparer.finish([draft])

    assert done.state is State.QUARANTINED
    assert "vendor" in done.reason


@pytest.fixture
def two_flows(desk):
    desk.write_spec(lambda text: text.replace("DRAFT'", "PAY'") + AFTER)
    return desk


def test_a_document_waits_for_the_one_it_refers_to(two_flows):
    desk = two_flows
    desk.place("a.csv", "ACME,1,13,I")  # held
    desk.run(flows=("invoices",))
    key = desk.document("1").key
    session = desk.session()
    preparer = session.preparer(session.integration.flows["payments"])
    draft = preparer.draft(preparer.identify(RECORD), RECORD, "p", "row 2")

    (waiting,) = preparer.finish([draft])
    desk.workspace.ledger.cancel(key, actor="tess", reason="no")
    (ready,) = preparer.finish([draft])

    assert (waiting.state, waiting.reason) == (State.WAITING, "waits for invoices 1, which is held")
    assert ready.state is State.READY


def test_an_edit_of_a_document_that_is_in_the_target_holds_nothing_up(two_flows):
    """Its later version waits for a person; what refers to it finds the first one there."""
    desk = two_flows
    session = desk.session()
    preparer = session.preparer(session.integration.flows["payments"])
    draft = preparer.draft(preparer.identify(RECORD), RECORD, "p", "row 2")
    invoice = preparer.identify(RECORD).key
    desk.place("a.csv", "ACME,1,12,I")
    desk.run(flows=("invoices",))
    take_in(desk.workspace, a_document("1", key=invoice, version=1, state=State.CONFLICT), name="an edit")

    assert desk.workspace.ledger.states([invoice]) == {invoice: State.POSTED}
    assert preparer.finish([draft])[0].state is State.READY


def test_a_document_nobody_has_heard_of_holds_nothing_up(two_flows):
    session = two_flows.session()
    preparer = session.preparer(session.integration.flows["payments"])
    draft = preparer.draft(preparer.identify(RECORD), RECORD, "p", "row 2")

    assert preparer.finish([draft])[0].state is State.READY


def test_who_waited_too_long_is_a_persons(two_flows):
    desk = two_flows
    desk.write_spec(
        lambda text: (
            text.replace("DRAFT'", "PAY'")
            + AFTER.replace("number]}", "number]}\n    max_wait: 2d").replace(
                "flow: invoices, key: [vendor, number]", "flow: invoices, key: [vendor, total]"
            )
        )
    )
    session = desk.session()
    flow = session.integration.flows["payments"]
    preparer = session.preparer(flow)
    blocker = preparer.identify(RECORD | {"number": "77"})
    take_in(desk.workspace, a_document("77", key=blocker.key, state=State.HELD))
    values = RECORD | {"total": Decimal(77)}
    (waits,) = preparer.finish([preparer.draft(preparer.identify(values), values, "p", "row 2")])
    take_in(desk.workspace, waits, flow=flow.id, name="pay")

    desk.run(flows=("payments",))
    still = desk.workspace.ledger.document(waits.key)
    desk.time.now += timedelta(days=2, minutes=1)
    desk.run(flows=("payments",))
    after = desk.workspace.ledger.document(waits.key)

    assert still.state is State.WAITING
    assert after.state is State.HELD
    assert "waits for invoices 77" in after.reason
    assert "waited since 2026-11-21" in after.reason


def test_who_waited_goes_on_when_it_is_there(two_flows):
    desk = two_flows
    session = desk.session()
    flow = session.integration.flows["payments"]
    waits = a_document("5", key="pay/5", flow=flow.id, state=State.WAITING, payload=None, source=RECORD, reason="waits")
    take_in(desk.workspace, waits, flow=flow.id)

    assert desk.run(flows=("payments",)).flows[0].moved == {"posted": 1}
