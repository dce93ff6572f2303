"""Alerts: what is wrong and was, what people were told, and whether a message would arrive."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.state import alerts, messages
from engine.state.alerts import Digest, Finding

EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe"


@pytest.fixture
def board(make_office):
    office = make_office(filled=False)
    return office, office.workspace.desk, office.visit("vic")


def wrong(desk, **more):
    now = desk.clock()
    given = {"integration": "books", "kind": "held", "flow": "books/invoices", "name": "ap_team", "subject": "12ab34cd",
             "said": "Lines do not add up", "next_step": "mlconnector held list --by-cause", "times": 12, "amount": "1234.50",
             "since": now - timedelta(hours=2)}  # fmt: skip
    return Finding(**(given | more))


def told(desk, integration, digest):
    assert alerts.tell(desk, alerts.to_tell(desk, integration), lambda _new, _solved: digest, addresses=1)


def test_what_is_wrong_is_told_with_what_to_do(board):
    _, desk, visitor = board
    alerts.settle(desk, "books", [wrong(desk)])

    visitor.get("/alerts")

    assert visitor.page.status_code == 200
    assert visitor.text.count("<h1") == 1
    for words in (
        "12 documents are held",
        "1,234.50",
        "Lines do not add up",
        "mlconnector held list",
        "ap_team, not yet",
    ):
        assert words in visitor.seen, words
    assert "/queue?flow=books%2Finvoices&amp;state=held&amp;cause=12ab34cd" in visitor.text.replace(
        "/invoices&", "%2Finvoices&"
    )


def test_what_is_right_again_stands_below(board):
    office, desk, visitor = board
    alerts.settle(desk, "books", [wrong(desk)])
    office.world.clock.forward(minutes=10)
    alerts.settle(desk, "books", [])

    visitor.get("/alerts")

    open_, _, over = visitor.text.partition('id="over-h"')
    assert "Nothing is wrong." in open_
    assert "12 documents are held" in over


def test_messages_and_their_errors_are_shown(board):
    _, desk, visitor = board
    alerts.settle(desk, "books", [wrong(desk)])
    told(desk, "books", Digest(subject="[books] 1 problem", body="the whole text"))
    (message,) = messages.due(desk, "books")
    messages.take(desk, message)
    messages.failed(desk, message, "the server said no")

    visitor.get("/alerts")

    for words in ("[books] 1 problem", "the whole text", "the server said no", "books/ap_team"):
        assert words in visitor.seen, words


def test_only_of_a_flow(board):
    _, desk, visitor = board
    alerts.settle(desk, "books", [wrong(desk), wrong(desk, flow="books/payments", said="paid twice")])

    visitor.get("/alerts?flow=books/payments")

    assert "paid twice" in visitor.seen
    assert "do not add up" not in visitor.seen


def test_nothing_is_wrong_yet(board):
    board[2].get("/alerts")
    for words in ("Nothing is wrong.", "Nothing was wrong lately.", "No message was written yet."):
        assert words in board[2].seen


def test_an_admin_sends_a_test_message_and_sees_what_became_of_it(office):
    """The address of this world is a made-up one: it is not reached, and nothing of it is shown."""
    ada = office.visit("ada")
    ada.get("/alerts")
    assert "epicor-kinetic--stampli/ap_team" in ada.seen

    ada.post("/alerts/test", to="epicor-kinetic--stampli/ap_team")

    assert ada.page.status_code == 200
    assert "Test message to epicor-kinetic--stampli/ap_team" in ada.seen
    assert "NOT sent" in ada.seen
    assert "canary-alert-address" not in ada.text
    assert office.workspace.trail.entries(limit=1)[0].event == "alert test"
    assert office.workspace.trail.entries(limit=1)[0].actor == "ada"


@pytest.mark.parametrize("name", ["vic", "olga"])
def test_nobody_else_does(office, name):
    visitor = office.visit(name)
    visitor.get("/alerts")
    assert "Does a message arrive?" not in visitor.seen
    before = office.workspace.trail.head()

    visitor.get("/help")
    visitor.post("/alerts/test", to="epicor-kinetic--stampli/ap_team")

    assert visitor.page.status_code == 403
    assert office.workspace.trail.head() == before


@pytest.mark.parametrize("to", ["", "no/such", "epicor-kinetic--stampli/nobody", EVIL])
def test_a_receiver_there_is_not_is_told(office, admin, to):
    admin.get("/alerts")
    admin.post("/alerts/test", to=to)
    assert admin.page.status_code == 400
    assert "<script>alert" not in admin.text


def test_hostile_values_stay_text(board):
    _, desk, visitor = board
    alerts.settle(
        desk,
        EVIL,
        [wrong(desk, integration=EVIL, flow=EVIL, kind=EVIL, subject=EVIL, name=EVIL, said=EVIL, heals=EVIL)],
    )
    told(desk, EVIL, Digest(subject=EVIL, body=EVIL))

    visitor.get("/alerts")

    assert visitor.page.status_code == 200
    assert "<script>alert" not in visitor.text
    assert "<img src=x" not in visitor.text
    assert "\u202e" not in visitor.text
    assert visitor.seen.count("alert(1)") > 5
