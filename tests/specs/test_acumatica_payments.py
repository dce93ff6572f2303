"""Payments of Stampli compared with those in Acumatica: what matches, what differs, and nothing is written."""

from __future__ import annotations

import pytest

from .acumatica_world import invoice
from .world import payment

CHECK = {"Vendor": "ACME", "CashAccount": "10200", "ApplicationDate": "2026-03-01", "Status": "Closed"}


@pytest.fixture
def paid(acumatica):
    """A world with a released bill INV-77 over 10.30, and a check 5001 that pays it."""
    acumatica.change("", ("after_entry: hold", "after_entry: release"))
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.run("invoices")
    (bill,) = acumatica.bills("INV-77")
    applied = [{"DocType": "Bill", "ReferenceNbr": bill["ReferenceNbr"], "AmountPaid": "10.30"}]
    acumatica.erp.seed(Check=[{**CHECK, "PaymentRef": "5001", "PaymentAmount": "10.30", "Details": applied}])
    acumatica.erp.history.clear()
    return acumatica


def reconcile(world, *payments):
    world.stampli.write_payments("payments_001.csv", payments)
    return world.counts(world.run("payments"), "payments")


def test_what_agrees_is_adopted_and_nothing_is_written(paid):
    assert reconcile(paid, payment("5001", {"INV-77": "10.30"})) == {"adopted": 1}
    assert paid.erp.history.effects("*") == []
    assert {call.method for call in paid.erp.history.calls("Check")} == {"GET"}
    paid.assert_logged_out()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"payment_date": "2026-03-02"}, "`ApplicationDate` is 2026-03-01T00:00:00+00:00 there, 2026-03-02 here"),
        ({"status": "VOIDED"}, "`Status` is PAID there, VOIDED here"),
        ({"currency": "EUR"}, "`CurrencyID` is USD there, EUR here"),
    ],
)
def test_what_differs_waits_for_a_person_with_both_values(paid, changes, says):
    assert reconcile(paid, payment("5001", {"INV-77": "10.30"}, **changes)) == {"held": 1}
    assert says in paid.document("5001").reason
    assert paid.erp.history.effects("*") == []


def test_another_amount_and_another_number_of_bills_are_told(paid):
    assert reconcile(paid, payment("5001", {"INV-77": "9.00", "INV-78": "0.30"})) == {"held": 1}
    reason = paid.document("5001").reason
    assert "`PaymentAmount` is 10.3000 there, 9.30 here" in reason
    assert "`Bills` is 1 there, 2 here" in reason


def test_a_check_voided_there_is_no_payment_any_more(paid):
    paid.erp.act("Check", "VoidCheck", Type="Payment", ReferenceNbr=paid.erp.checks()[0]["ReferenceNbr"])
    assert reconcile(paid, payment("5001", {"INV-77": "10.30"})) == {"held": 1}
    assert "`Status` is VOIDED there, PAID here" in paid.document("5001").reason


def test_a_payment_missing_there_is_asked_for_at_later_polls(paid):
    assert reconcile(paid, payment("5002", {"INV-77": "10.30"})) == {"rejected": 1}
    paid.erp.seed(Check=[{**CHECK, "PaymentRef": "5002", "PaymentAmount": "10.30"}])
    paid.run("payments")
    assert paid.state("5002") == "held", "it is there by now, and says it pays no bill"
    assert "`Bills` is 0 there, 1 here" in paid.document("5002").reason


def test_one_missing_for_good_is_told_to_a_person(paid):
    reconcile(paid, payment("5003", {"INV-77": "10.30"}))
    for _ in range(5):
        paid.run("payments")
    assert paid.state("5003") == "held"
    assert paid.erp.history.effects("*") == []
