"""The partner's invoice confirmations compared with the ERP: equal, different, missing, and never a write."""

from __future__ import annotations

import pytest

from engine.sandbox.faults import Fault

FLOW = "confirmations_in"
INVOICE = {"VendorNum": 12, "InvoiceNum": "00123", "InvoiceDate": "2026-02-20", "DocInvoiceVendorAmt": "10.30"}


@pytest.fixture
def world(partner_world):
    """A world whose ERP has invoice 00123 of ACME over 10.30."""
    partner_world.epicor.seed(invoices=[INVOICE])
    return partner_world


def polled(world):
    return world.counts(world.run(FLOW), FLOW)


def changes(world):
    """Every request that could have changed something in the ERP."""
    return [call.path for call in world.epicor.history.calls() if call.method != "GET" and "token" not in call.path]


def test_an_invoice_booked_as_the_erp_has_it_is_adopted(world):
    world.confirmations({})
    assert polled(world) == {"adopted": 1}
    assert world.now(FLOW, "00123").reference == "12/00123"
    assert changes(world) == []
    assert (world.partner.path("/archive") / "confirmations_001.csv").is_file()
    world.assert_understood()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"invoice_total": "10.31"}, "`DocInvoiceVendorAmt` is 10.30 there, 10.31 here"),
        ({"invoice_date": "2026-02-21"}, "`InvoiceDate` is 2026-02-20T00:00:00 there, 2026-02-21 here"),
        ({"currency": "EUR"}, "`CurrencyCode` is USD there, EUR here"),
    ],
    ids=["amount", "date", "currency"],
)
def test_a_difference_is_told_with_both_values_and_waits_for_a_person(world, row, told):
    world.confirmations(row)
    assert polled(world) == {"held": 1}
    assert told in world.now(FLOW, "00123").reason
    world.run(FLOW)
    assert (world.now(FLOW, "00123").state.value, changes(world)) == ("held", [])


def test_an_amount_written_another_way_is_the_same_amount(world):
    world.confirmations({"invoice_total": "10.3"}, {"vendor_id": "acme", "invoice_total": "10.300"})
    assert polled(world).keys() <= {"adopted", "cancelled", "seen"}
    assert world.now(FLOW, "00123").state.value == "adopted"


def test_an_invoice_the_erp_does_not_have_is_asked_for_at_later_polls_and_then_held(world):
    world.confirmations({"invoice_number": "NONE-1"})
    assert polled(world) == {"rejected": 1}
    for _ in range(6):
        world.run(FLOW)
    assert world.now(FLOW, "NONE-1").state.value == "held"
    assert "no such document" in world.now(FLOW, "NONE-1").reason
    assert changes(world) == []


def test_an_invoice_entered_in_the_meantime_is_found(world):
    world.confirmations({"invoice_number": "00124", "invoice_total": "5.00"})
    assert polled(world) == {"rejected": 1}
    world.epicor.seed(invoices=[{**INVOICE, "InvoiceNum": "00124", "DocInvoiceVendorAmt": "5.00"}])
    world.run(FLOW)
    assert (world.now(FLOW, "00124").state.value, changes(world)) == ("adopted", [])


def test_an_invoice_of_an_unknown_vendor_and_one_the_partner_refused_wait_for_a_person(world):
    world.confirmations({"vendor_id": "NOBODY", "invoice_number": "X-1"}, {"status": "REFUSED"})
    assert polled(world) == {"held": 2}
    assert "NOBODY" in world.now(FLOW, "X-1").reason
    assert "has not booked" in world.now(FLOW, "00123").reason


def test_a_corrected_confirmation_takes_the_place_of_the_wrong_one(world):
    world.confirmations({"invoice_total": "10.31"})
    assert polled(world) == {"held": 1}
    world.confirmations({}, name="confirmations_002.csv")
    assert polled(world) == {"adopted": 1}
    versions = [(one.version, one.state.value) for one in world.documents("00123")]
    assert versions == [(0, "cancelled"), (1, "adopted")]


def test_a_number_with_a_quote_is_looked_for_as_it_is_written(world):
    world.epicor.seed(invoices=[{**INVOICE, "InvoiceNum": "O'B-1 & Co"}])
    world.confirmations({"invoice_number": "O'B-1 & Co"})
    assert polled(world) == {"adopted": 1}
    world.assert_understood()


@pytest.mark.parametrize("kind", ["lost_answer", "truncated", "html", "503"])
def test_a_look_that_fails_never_means_that_the_invoice_is_missing(world, kind):
    world.epicor.faults.add(Fault(kind=kind, at="*APInvoiceSvc/APInvoices"))
    world.confirmations({})
    for _ in range(2):
        world.run(FLOW)
    assert (world.now(FLOW, "00123").state.value, changes(world)) == ("adopted", [])


def test_two_flows_read_the_same_folder_and_each_takes_its_own_files(world):
    world.confirmations({})
    world.vendors({"vendor_id": "NEWCO"})
    world.partner.write("notes.txt", b"call me")
    assert polled(world) == {"adopted": 1}
    inbound = world.partner.path("/inbound")
    assert sorted(path.name for path in inbound.iterdir()) == ["notes.txt", "vendors_001.csv"]
    assert world.counts(world.run("vendors_in"), "vendors_in") == {"posted": 1}
    assert [path.name for path in inbound.iterdir()] == ["notes.txt"]
    assert sorted(path.name for path in world.partner.path("/archive").iterdir()) == [
        "confirmations_001.csv",
        "vendors_001.csv",
    ]
