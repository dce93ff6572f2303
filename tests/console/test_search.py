"""Finding by whatever a person has in hand: one hit goes straight to its page."""

from __future__ import annotations

import pytest

from engine.service.console.links import document_address


@pytest.mark.parametrize("asked", ["H-1", "h-1", " H-1 ", "Ｈ-1"])
def test_one_exact_hit_goes_straight_to_the_document(office, viewer, asked):
    viewer.page = viewer.client.get("/search", params={"q": asked})
    held = office.world.document("H-1")
    assert viewer.page.url.path == document_address(held.key, held.version)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("INV-1001", ["Exactly so", "conflict", "posted", "number"]),
        ("INV-100", ["Begins so", "INV-1001", "INV-1002"]),
        ("10.30", ["Exactly so", "amount", "INV-1001", "R-1"]),
        ("invoices_0301", ["Files", "invoices_0301.csv"]),
        ("MYSTERY", ["In the work queue", "G-1"]),
        ("no such thing", ["Nothing in the ledger is called so"]),
        ("%", ["In the work queue", "B-1"]),
        ("", ["Search"]),
    ],
)
def test_what_is_found_and_by_what(viewer, asked, words):
    viewer.page = viewer.client.get("/search", params={"q": asked})
    assert viewer.page.status_code == 200
    for word in words:
        assert word in viewer.seen, viewer.seen


@pytest.mark.parametrize("asked", ["12/INV-1002", "1234567.8", "1,234,567.80"])
def test_by_reference_and_by_amount(office, viewer, asked):
    viewer.page = viewer.client.get("/search", params={"q": asked})
    posted = office.world.document("INV-1002")
    assert viewer.page.url.path == document_address(posted.key, posted.version)


def test_by_key(office, viewer):
    held = office.world.document("H-1")
    viewer.page = viewer.client.get("/search", params={"q": held.key})
    assert viewer.page.url.path == document_address(held.key, held.version)


@pytest.mark.parametrize("asked", ["\x00", "'; DROP TABLE document; --", "%_\\", "x" * 5000, "\u202e", "\ud83d"])
def test_odd_words_are_no_error(viewer, asked):
    viewer.page = viewer.client.get("/search", params={"q": asked.encode("utf-8", "replace")})
    assert viewer.page.status_code == 200
