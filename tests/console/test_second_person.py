"""Sending what a blind target may have already: one asks, another confirms or declines, and nobody does both."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from engine.contracts import Guarantee
from engine.run.workspace import open_workspace
from engine.service.console.links import document_address
from engine.state import people
from engine.state.approvals import remember_guarantee

from .office import hashed, invoice

FLOW = "epicor-kinetic--stampli/invoices"


@pytest.fixture(scope="module")
def blind(office):
    """As if the flow's target could not be asked; B-10 to B-15 are held."""
    office.world.offer("invoices_0303.csv", *(invoice(f"B-{n}", invoice_total="10.31") for n in range(10, 16)))
    office.world.run("invoices")
    remember_guarantee(office.workspace.desk, FLOW, Guarantee.BLIND)
    people.add(office.workspace.desk, "otto", "operator", hashed())
    return office


def address(office, number):
    found = office.world.document(number)
    return document_address(found.key, found.version)


def act(visitor, office, number, what, **form):
    visitor.get(address(office, number))
    seen = re.search(r'name="seen" value="([^"]+)"', visitor.text)[1]
    visitor.post(f"{address(office, number)}/{what}", seen=seen, **form)
    return visitor


def events(office, number):
    return [(e.event, e.actor) for e in office.workspace.trail.entries(key=office.world.document(number).key)]


def test_one_asks_and_another_confirms(blind):
    olga, otto = blind.visit("olga"), blind.visit("otto")
    olga.get(address(blind, "B-10"))
    assert "Ask to send it" in olga.seen
    assert "Look it up" in olga.seen, "the spec on the shelf can look"

    act(olga, blind, "B-10", "send", reason="called the vendor")

    assert "another person must confirm" in olga.seen
    assert "olga asks to send it" in olga.seen
    assert "Take it back" in olga.seen
    assert "Confirm: send it" not in olga.seen
    assert blind.world.state("B-10") == "held"
    otto.get(address(blind, "B-10"))
    assert "Confirm: send it" in otto.seen
    act(otto, blind, "B-10", "confirm", reason="called too")
    assert "goes on at the next run, as olga asked. The flow was asked to run now." in otto.seen
    assert blind.world.state("B-10") == "ready"
    assert events(blind, "B-10")[-3:] == [("send asked", "olga"), ("send confirmed", "otto"), ("ready", "otto")]


def test_nobody_confirms_what_they_asked_for(blind):
    olga = act(blind.visit("olga"), blind, "B-11", "send", reason="sure")
    act(olga, blind, "B-11", "confirm", reason="quite sure")
    assert "it needs another person" in olga.seen
    act(olga, blind, "B-11", "send", reason="very sure")
    assert "you asked for it" in olga.seen
    assert blind.world.state("B-11") == "held"


def test_the_other_one_declines(blind):
    act(blind.visit("olga"), blind, "B-12", "send", reason="sure")
    otto = act(blind.visit("otto"), blind, "B-12", "decline", reason="it is there")
    assert "is not sent, as olga had asked" in otto.seen
    assert "asks to send it" not in otto.seen
    assert (blind.world.state("B-12"), events(blind, "B-12")[-1]) == ("held", ("send declined", "otto"))


def test_an_asking_ends_with_the_situation_it_was_about(blind):
    """Held again after somebody looked: the old asking is about another doubt."""
    olga = act(blind.visit("olga"), blind, "B-13", "send", reason="sure")
    otto = blind.visit("otto")
    otto.get(address(blind, "B-13"))
    seen = re.search(r'name="seen" value="([^"]+)"', otto.text)[1]
    act(olga, blind, "B-13", "look")
    otto.post(f"{address(blind, 'B-13')}/confirm", seen=seen, reason="yes")
    assert "changed meanwhile by olga" in otto.seen
    blind.workspace.ledger.hold(blind.world.document("B-13").key, actor="ada", reason="again")
    otto.get(address(blind, "B-13"))
    assert "asks to send it" not in otto.seen
    act(otto, blind, "B-13", "confirm", reason="yes")
    assert "Nobody asks to send B-13 any more" in otto.seen
    assert blind.world.state("B-13") == "held"


def test_both_ask_at_once_and_the_second_is_told_instead_of_taken_for_the_confirmation(blind):
    olga, otto = blind.visit("olga"), blind.visit("otto")
    for visitor in (olga, otto):
        visitor.get(address(blind, "B-14"))
    forms = [re.search(r'name="seen" value="([^"]+)"', v.text)[1] for v in (olga, otto)]
    olga.post(f"{address(blind, 'B-14')}/send", seen=forms[0], reason="a")
    otto.post(f"{address(blind, 'B-14')}/send", seen=forms[1], reason="b")
    assert "olga has asked to send B-14 meanwhile: confirm or decline that" in otto.seen
    assert blind.world.state("B-14") == "held"


def test_console_and_command_are_the_same_two_people(blind):
    from engine.desk.people import release, show_document

    act(blind.visit("olga"), blind, "B-15", "send", reason="called the vendor")
    seams = replace(blind.world.seams())
    for name, word in ((" OLGA", "you asked for it"), ("otto", "as olga asked")):
        with open_workspace(blind.world.home, seams=seams, redactor=blind.world.redactor, actor=name) as workspace:
            if name == "otto":
                assert "olga asks to send it (called the vendor)" in show_document(workspace, "B-15", form="text")
            assert word in release(workspace, "B-15", reason="ok", posted_as=None, send=True)
    assert blind.world.state("B-15") == "ready"


def test_no_other_way_leads_there(blind):
    """A replay, mapped again or not, of what a blind target may have."""
    olga = blind.visit("olga")
    conflict = blind.world.document("INV-1001")
    act(olga, blind, "INV-1001", "replay")
    assert "takes two people" in olga.seen or "never mapped" in olga.seen or "not mapped yet" in olga.seen
    act(olga, blind, "H-1", "remap")
    assert "stays held" in olga.seen
    assert blind.world.state("H-1") == "held"
    assert blind.workspace.ledger.document(conflict.key, conflict.version).state.value == "conflict"
    olga.get("/queue?q=Lines+do+not+add")
    names = re.findall(r'name="name" value="([^"]+)"', olga.text)
    olga.post("/bulk/chosen", name=names, act="remap", back="/queue")
    assert "0 go on" in olga.seen
