"""What a person does about a document: in their name, once, told, and never to a document that is not what they saw."""

from __future__ import annotations

import os
import re
import time

import pytest

from engine.contracts import State
from engine.service.console.links import document_address
from engine.service.working import perform

from .office import invoice


@pytest.fixture(scope="module")
def desk(office):
    """A morning with more to decide than usual: H-10 to H-19 are held, R-1 and R-10 to R-12 rejected; each test takes its own."""
    office.world.offer(
        "invoices_0303.csv",
        *(invoice(f"H-{n}", invoice_total="10.31") for n in range(10, 20)),
        *(invoice(f"R-{n}") for n in range(10, 13)),
    )
    office.world.run("invoices")
    office.world.epicor.close_periods(None)
    return Acting(office)


class Acting:
    """An office, with addresses of documents and the flow's run as the service would make it."""

    def __init__(self, office):
        self.office, self.world, self.parts = office, office.world, office.parts

    def address(self, number):
        found = self.world.document(number)
        return document_address(found.key, found.version)

    def open(self, number, name="olga"):
        visitor = self.office.visit(name)
        visitor.get(self.address(number))
        return visitor

    def seen(self, visitor):
        return re.search(r'name="seen" value="([^"]+)"', visitor.text)[1]

    def act(self, visitor, number, what, **form):
        visitor.post(f"{self.address(number)}/{what}", seen=self.seen(visitor), **form)
        return visitor

    def run(self):
        firing = self.parts.firings.take("test")
        return perform(self.parts, firing, stopping=lambda: False) if firing is not None else None

    def last(self, number):
        return self.office.workspace.trail.entries(key=self.world.document(number).key)[-1]


def test_from_a_refusal_to_a_posted_invoice_without_reloading(desk):
    """Replay, the flow runs at once, and the part of the page that asks by itself ends with the state and the story."""
    olga = desk.open("R-10")
    desk.act(olga, "R-10", "replay", reason="period open")

    assert olga.page.url.path == desk.address("R-10")
    assert "goes on at the next run with its stored payload" in olga.seen
    assert "The flow is about to run, as olga asked" in olga.seen
    assert 'hx-trigger="every 2s"' in olga.text
    assert (desk.last("R-10").actor, desk.last("R-10").detail["reason"]) == ("olga", "period open")
    assert desk.run() == "done"
    part = olga.get(f"{desk.address('R-10')}/now", **{"HX-Request": "true"}).text
    assert "hx-trigger" not in part
    assert "It is complete in the target" in part
    assert 'hx-swap-oob="true"' in part
    assert "as olga asked" in part
    assert desk.world.saved("R-10") == 1


def test_a_reload_of_the_answer_does_nothing_again(desk):
    olga = desk.open("R-11")
    desk.act(olga, "R-11", "replay")
    lines = len(desk.office.workspace.trail.entries(key=desk.world.document("R-11").key))
    assert [answer.status_code for answer in olga.page.history] == [303]
    olga.get(olga.page.url.path)
    assert len(desk.office.workspace.trail.entries(key=desk.world.document("R-11").key)) == lines
    assert len(desk.parts.firings.queued()) == 1


def test_two_press_at_once_and_one_acts(desk):
    ada, olga = desk.open("H-10", "ada"), desk.open("H-10")
    desk.act(olga, "H-10", "reject", reason="sent by mistake")
    desk.act(ada, "H-10", "send", reason="looks right")

    assert "H-10 will not be posted" in olga.seen
    assert "Nothing was changed: H-10 was changed meanwhile by olga and is now cancelled" in ada.seen
    assert desk.world.state("H-10") == "cancelled"


def test_what_came_back_in_the_same_state_is_not_what_was_seen(desk):
    """Held, let go, held again: an old page's button is about another situation."""
    olga = desk.open("H-11")
    ledger, held = desk.office.workspace.ledger, desk.world.document("H-11")
    ledger.release(held.key, State.READY, actor="ada", reason="go")
    ledger.hold(held.key, actor="ada", reason="no, wait")
    desk.act(olga, "H-11", "send", reason="looks right")
    assert "changed meanwhile by ada" in olga.seen
    assert desk.world.state("H-11") == "held"


@pytest.mark.parametrize("what", ["reject", "send", "posted"])
def test_a_grave_decision_needs_its_words(desk, what):
    olga = desk.open("H-12")
    desk.act(olga, "H-12", what, reason="  ")
    assert "Nothing was changed: Say" in olga.seen
    assert desk.world.state("H-12") == "held"


def test_counted_as_posted_under_a_reference(desk):
    olga = desk.open("H-13")
    desk.act(olga, "H-13", "posted", reference="12/H-13", reason="keyed by hand")
    assert "counts as posted under 12/H-13" in olga.seen
    assert (desk.world.state("H-13"), desk.world.document("H-13").reference) == ("posted", "12/H-13")


def test_sent_after_all(desk):
    olga = desk.open("H-14")
    desk.act(olga, "H-14", "send", reason="a cent of rounding")
    assert "goes on at the next run" in olga.seen
    assert desk.world.state("H-14") == "ready"


def test_looked_up_again(desk):
    olga = desk.open("H-15")
    desk.act(olga, "H-15", "look")
    assert "it is looked up first" in olga.seen
    assert desk.world.state("H-15") == "in_doubt"
    assert "goes on by itself" not in olga.seen


def test_mapped_again_with_the_spec_on_the_shelf(desk):
    desk.world.change("crosswalks/gl_codes.csv", ("OFFICE,", "MYSTERY,6100,\nOFFICE,"))
    long_ago = time.time() - 60
    os.utime(desk.world.spec.parent / "crosswalks" / "gl_codes.csv", (long_ago, long_ago))
    desk.parts.shelf.look()
    olga = desk.open("G-1")
    desk.act(olga, "G-1", "remap", reason="code added")
    assert re.search(r"G-1: ready \[spec [0-9a-f]{8} -> [0-9a-f]{8}\]", olga.seen), olga.seen
    told = desk.office.workspace.trail.entries(key=desk.world.document("G-1").key)
    assert ("mapped again", "olga") in [(line.event, line.actor) for line in told]
    assert next(line for line in told if line.event == "mapped again").detail["reason"] == "code added"


def test_what_can_not_be_mapped_says_why_and_stays(desk):
    olga = desk.open("B-1")
    desk.act(olga, "B-1", "remap")
    assert desk.world.state("B-1") == "quarantined"
    assert "B-1" in olga.seen


def test_the_flow_is_run_now_on_request(desk):
    olga = desk.open("D-1")
    olga.post(f"{desk.address('D-1')}/run")
    assert "The flow was asked to run now" in olga.seen
    desk.world.clock.forward(minutes=30)
    assert desk.run() == "done"
    assert desk.parts.firings.listed(limit=1)[0].by == "olga"
    assert desk.world.state("D-1") in {"posted", "in_doubt"}


@pytest.mark.parametrize(
    "what", ["replay", "remap", "look", "send", "posted", "reject", "confirm", "decline", "run", "go-on"]
)
def test_who_may_only_look_changes_nothing(office, what):
    vic = office.visit("vic")
    found = office.world.document("H-1")
    place = document_address(found.key, found.version)
    vic.get(place)
    before = office.workspace.trail.head()
    assert vic.post(f"{place}/{what}", seen="held", reason="because").status_code == 403
    assert vic.get(f"{place}/{what}").status_code in {404, 405}
    assert office.workspace.trail.head() == before
    assert office.parts.firings.queued() == []


def test_an_act_nobody_knows_and_a_form_of_another_page(office, operator):
    found = office.world.document("H-1")
    place = document_address(found.key, found.version)
    operator.get(place)
    seen = re.search(r'name="seen" value="([^"]+)"', operator.text)[1]
    operator.post(f"{place}/explode", seen=seen)
    assert "no action `explode`" in operator.seen
    operator.get(place)
    assert operator.post(f"{place}/reject", token=False, seen=seen, reason="x").status_code == 403
    operator.get(place)
    assert operator.post(f"{place}/reject", same_origin=False, seen=seen, reason="x").status_code == 403
    assert office.world.state("H-1") == "held"


def test_a_posted_document_offers_nothing_and_takes_nothing(office, operator):
    found = office.world.document("INV-1002")
    place = document_address(found.key, found.version)
    operator.get(place)
    assert "What you can do" not in operator.seen
    from engine.service.console.document_told import seen_of

    for what in ("replay", "reject", "send", "remap"):
        operator.get(place)
        operator.post(
            f"{place}/{what}", seen=seen_of(office.workspace.ledger.document(found.key, found.version)), reason="x"
        )
        assert "Nothing was changed" in operator.seen
    assert office.world.state("INV-1002") == "posted"
