"""Every step of the protocol is possible, and no other."""

from datetime import timedelta
from itertools import product

import pytest

from engine.contracts import State
from engine.errors import UsageError
from engine.state.facts import IllegalTransition
from engine.state.transitions import ALLOWED, BY_PEOPLE, FIRST

PAIRS = [pair for pair in product(State, State) if pair[1] is not State.SENDING]


def stand(house, document, state):
    """Puts a document into any state, as if it had got there."""
    house.sql(
        "UPDATE document SET state = :state, epoch = 0, batch = NULL WHERE key = :key",
        state=state.value,
        key=document.key,
    )
    return house.ledger.document(document.key)


def test_change_takes_every_step_of_the_table_and_refuses_every_other(house, make):
    (document,) = house.take_in(make())

    for origin, to in PAIRS:
        at = stand(house, document, origin)
        if (origin, to) in ALLOWED:
            assert house.ledger.change(at, to).state is to
            assert house.ledger.document("k1").state is to
        else:
            with pytest.raises(IllegalTransition):
                house.ledger.change(at, to)
            assert house.ledger.document("k1").state is origin


def test_sending_is_reached_by_intend_only_and_from_its_three_states(house, make, clock):
    (document,) = house.take_in(make())

    for origin in State:
        at = stand(house, document, origin)
        with pytest.raises(IllegalTransition):
            house.ledger.change(at, State.SENDING)
        if (origin, State.SENDING) in ALLOWED:
            assert house.ledger.intend(at, "save", b"{}", clock() + timedelta(seconds=60)).state is State.SENDING
        else:
            with pytest.raises(IllegalTransition):
                house.ledger.intend(at, "save", b"{}", clock())


def test_nothing_leads_from_doubt_to_another_send_without_a_look(house):
    """Neither SENDING nor IN_DOUBT has a way to READY except `certainly not processed`."""
    assert (State.IN_DOUBT, State.READY) not in ALLOWED
    assert (State.IN_DOUBT, State.REJECTED) not in ALLOWED
    assert not [to for origin, to in ALLOWED if origin in {State.POSTED, State.ADOPTED, State.CANCELLED}]


def test_people_can_decide_exactly_what_the_table_says(house, make):
    (document,) = house.take_in(make())
    ledger = house.ledger

    for origin, to in product(State, (State.HELD, State.READY, State.IN_DOUBT, State.CANCELLED, State.POSTED)):
        stand(house, document, origin)
        who = {"actor": "ana", "reason": "checked"}

        def decide(to=to, who=who):
            if to is State.HELD:
                return ledger.hold("k1", **who)
            if to is State.CANCELLED:
                return ledger.cancel("k1", **who)
            if to is State.POSTED:
                return ledger.attest("k1", "4711", **who)
            return ledger.release("k1", to, **who)

        if (origin, to) in BY_PEOPLE:
            assert decide().state is to
        else:
            with pytest.raises(UsageError):
                decide()
    assert set(ALLOWED) | {(State.IN_DOUBT, State.HELD)} >= BY_PEOPLE


@pytest.mark.parametrize("state", [state for state in State if state not in FIRST])
def test_a_document_is_never_taken_in_as_sent_or_settled(house, make, parcel, state):
    with pytest.raises(IllegalTransition), house.ledger.intake("invoices", parcel(), "r") as intake:
        intake.add([make(state=state)])
