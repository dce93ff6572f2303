"""A document's page: what it is, what was read and mapped, what the target shows, what happened; and nothing hostile comes alive."""

from __future__ import annotations

import pytest

from engine.contracts import State
from engine.service.console.document_words import MEANS, NEXT
from engine.service.console.links import document_address, document_named

from .office import invoice, line

EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe"


def address(office, number, version=None):
    found = [each for each in office.world.documents(number) if version in {None, each.version}]
    return document_address(found[-1].key, found[-1].version)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("INV-1002", ["posted", "It is complete in the target", "12/INV-1002", "1,234,567.80"]),
        ("H-1", ["held", "Lines do not add up", "What to do:", "invoice_total", "10.31"]),
        ("G-1", ["held", "'MYSTERY' is not in crosswalk", "It was never mapped", "all that stopped for it"]),
        ("W-1", ["waiting", "VendorID", "goes on by itself"]),
        ("B-1", ["quarantined", "20.02.2026", "Mend crosswalk, data or spec"]),
        ("R-1", ["rejected", "Apply Date", "(HTTP 400)", "Request and answer"]),
        ("D-1", ["in doubt", "not sent again before the target was looked at"]),
        ("INV-1001", ["conflict", "Other versions of it", "version 0", "99.00"]),
    ],
)
def test_every_state_is_told_in_plain_words(office, viewer, number, words):
    viewer.get(address(office, number))

    assert viewer.page.status_code == 200
    for word in words:
        assert word in viewer.seen, f"{word}: {viewer.seen}"
    assert "What you can do" not in viewer.seen, "a viewer may do nothing"
    assert viewer.text.count("<h1") == 1


def test_where_it_came_from_and_as_what_it_was_mapped(office, viewer):
    viewer.get(address(office, "H-1"))

    assert "file invoices_0301.csv, rows 5-6, read" in viewer.seen
    assert "Record as read: lines" in viewer.seen
    assert "APInvDtls" in viewer.seen
    assert "6100|00|10" in viewer.seen


def test_the_story_tells_each_call_with_its_answer(office, viewer):
    viewer.get(address(office, "R-1"))

    assert "the document as mapped" in viewer.seen
    assert "is not in an open fiscal period" in viewer.text.split('id="story"')[1]
    assert "epicor save: POST" in viewer.seen
    for secret in office.world.secrets.values():
        assert secret not in viewer.text


def test_what_the_target_shows_is_asked_on_a_button_and_compared_side_by_side(office, operator, viewer):
    place = address(office, "INV-1001", 1)
    before = office.world.calls("*")
    operator.get(place)
    viewer.get(place)
    assert office.world.calls("*") == before, "looking at the page asks nobody"
    assert "Ask the target now" in operator.seen
    assert "Ask the target now" not in viewer.seen

    operator.post(f"{place}/shows")

    assert "It has one, as 12/INV-1001; measured by this one it is not whole" in operator.seen
    assert "<del>10.30</del>" in operator.text
    assert "<ins>99.00</ins>" in operator.text
    assert office.world.calls("*") > before
    assert viewer.post(f"{place}/shows").status_code == 403


def test_nothing_of_that_key_there(office, operator):
    operator.get(address(office, "H-1"))
    operator.post(address(office, "H-1") + "/shows")
    assert "It has no document of this key" in operator.seen


@pytest.mark.parametrize("name", ["x", "..%2f..%2fetc", "AAAA.1", "%00.0", "YWJj.999999999", ""])
def test_an_address_that_names_nothing(viewer, name):
    viewer.get(f"/documents/{name}")
    assert viewer.page.status_code in {400, 404}
    assert "Traceback" not in viewer.text


@pytest.mark.parametrize("key", ["default|a/b|ü ö", "#?&%2F", "\x00\n", "k" * 500])
def test_whatever_stands_in_a_key_can_be_addressed(key):
    address = document_address(key, 12)
    assert address.isascii()
    assert document_named(address.rpartition("/")[2]) == (key, 12)


def test_every_state_has_its_words():
    assert set(MEANS) == set(State)
    assert set(NEXT) < set(State)


def test_hostile_values_are_text_in_every_field(office):
    """In number, vendor, reason, line, file name and reference: on every page that shows them."""
    office.world.offer(
        "invoices_<b>bold.csv",
        invoice(f"E-1{EVIL[:25]}", line(1, "10.30", EVIL), vendor_id="ACME", vendor_name=EVIL, company_id=EVIL),
        invoice("E-2", vendor_id=EVIL),
    )
    office.world.run("invoices")
    olga = office.visit("olga")
    found = [each for each in office.workspace.ledger.find_documents(limit=50) if each.number.startswith("E-")]
    assert len(found) == 2
    pages = [
        "/queue",
        "/queue?q=%3Cscript%3E&party=%3Cimg%3E&flow=%22%3E",
        "/search?q=%3Cscript%3Ealert(1)",
        "/search?q=E-",
    ]
    pages += [document_address(each.key, each.version) for each in found]
    for place in [*pages, *(f"{page}/now" for page in pages if page.startswith("/documents"))]:
        olga.get(place)
        assert olga.page.status_code == 200
        body = olga.text.partition("<body>")[2] or olga.text
        assert "<script>" not in body
        assert "<img" not in body
        assert "<b>bold" not in body
        assert "\u202e" not in body
    assert "&lt;script&gt;" in olga.get(pages[-1]).text


def test_a_target_that_can_not_be_asked_is_not_taken_for_empty(office):
    office.world.epicor.stop()
    olga = office.visit("olga")
    olga.get(address(office, "H-1"))
    olga.post(address(office, "H-1") + "/shows")
    assert "This does not mean that it is not there" in olga.seen
