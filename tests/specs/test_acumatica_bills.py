"""Approved invoices into Acumatica: each exactly one bill, whole, whatever the server or the line does."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.desk.sweep import sweep
from engine.run.seams import quiet
from engine.sandbox.acumatica_store import Rules

from .acumatica_world import invoice, line

SAVES = (
    "lost_answer",
    "truncated",
    "truncated_unmarked",
    "reset",
    "500_after",
    "500",
    "503",
    "429",
    "html",
    "cut_before",
    "late",
    "expired_token",
    "redirect",
    "nan",
    "duplicate_keys",
)
ORDER = {
    "VendorID": "ACME",
    "Hold": False,
    "Details": [
        {"LineDescription": "Toner", "OrderQty": "2", "UnitCost": "60.25", "Account": "50000", "Subaccount": "000-000"}
    ],
}


def settle(world, *numbers):
    """Polls until these invoices (INV-77, where none is named) have been posted, six times at most."""
    for _ in range(6):
        world.run("invoices")
        if all(world.state(number) == "posted" for number in numbers or ("INV-77",)):
            return


def swept(world):
    """How many delivered bills a sweep looked at ten minutes later, and the differences it found."""
    world.clock.forward(minutes=10)
    with world.workspace() as workspace:
        report = sweep(world.spec, workspace, world.seams(), quiet, flows=("invoices",), days=7)
    (flow,) = report.flows
    return flow.delivered, len(flow.differences)


def test_an_invoice_becomes_a_bill_on_hold(acumatica):
    acumatica.offer("invoices_001.csv", invoice())
    assert acumatica.counts(acumatica.run("invoices")) == {"posted": 1}
    acumatica.assert_whole("INV-77")
    (bill,) = acumatica.bills("INV-77")
    assert bill["Status"] == "On Hold"
    assert bill["PostPeriod"] == "022026"
    assert [line["Subaccount"] for line in bill["Details"]] == ["000-000", "CC1-000"]
    assert acumatica.document("INV-77").reference == f"Bill {bill['ReferenceNbr']}"
    acumatica.assert_logged_out()
    acumatica.assert_understood()


def test_the_xml_template_makes_the_same_bill(acumatica):
    acumatica.offer_xml("invoices_001.xml", invoice())
    assert acumatica.counts(acumatica.run("invoices_xml"), "invoices_xml") == {"posted": 1}
    acumatica.assert_whole("INV-77")
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.run("invoices")
    acumatica.assert_whole("INV-77")


def test_a_matched_line_names_its_purchase_order(acumatica):
    acumatica.erp.seed(PurchaseOrder=[ORDER])
    matched = line(1, "120.50", po_line_number=1, project="X")
    acumatica.offer("invoices_001.csv", invoice("INV-1", matched, line(2, "5.00"), po_number="000001"))
    assert acumatica.counts(acumatica.run("invoices")) == {"posted": 1}
    (bill,) = acumatica.bills("INV-1")
    named = [(each["POOrderType"], each["POOrderNbr"], each["POLine"], each["Project"]) for each in bill["Details"]]
    assert named == [("Normal", "000001", 1, "X"), (None, None, None, None)]


def test_a_credit_memo_becomes_a_debit_adjustment(acumatica):
    acumatica.offer("invoices_001.csv", invoice("CM-1", line(1, "-20.00"), document_type="CREDIT_MEMO"))
    assert acumatica.counts(acumatica.run("credit_memos"), "credit_memos") == {"posted": 1}
    (bill,) = acumatica.bills("CM-1")
    assert (bill["Type"], bill["Amount"]) == ("Debit Adj.", Decimal("20.00"))


def test_a_bill_somebody_keyed_is_adopted_and_another_one_of_that_number_is_held(acumatica):
    keyed = {"Vendor": "ACME", "Date": "2026-02-20", "CurrencyID": "USD"}
    detail = {"Account": "50000", "Subaccount": "000-000"}
    acumatica.erp.seed(
        Bill=[
            {**keyed, "VendorRef": "INV-77", "Amount": "10.30", "Details": [{**detail, "ExtendedCost": "10.30"}]},
            {**keyed, "VendorRef": "INV-78", "Amount": "99.00", "Details": [{**detail, "ExtendedCost": "99.00"}]},
        ]
    )
    acumatica.offer("invoices_001.csv", invoice("INV-77"), invoice("INV-78"))
    assert acumatica.counts(acumatica.run("invoices")) == {"adopted": 1, "held": 1}
    assert "`Amount` is 99.0000 there, 10.30 here" in acumatica.document("INV-78").reason
    assert acumatica.erp.history.effects("bill.created") == []


@pytest.mark.parametrize("kind", SAVES)
def test_whatever_happens_to_the_save_there_is_one_bill(acumatica, kind):
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.strike(kind, "PUT Bill", value="100" if kind == "late" else None)
    settle(acumatica)
    assert acumatica.state("INV-77") == "posted"
    acumatica.assert_whole("INV-77")
    acumatica.assert_logged_out()


@pytest.mark.parametrize("kind", ["lost_answer", "500", "429", "late", "expired_token"])
@pytest.mark.parametrize("at", ["PUT Bill:2", "ReleaseBill", "status/*"])
def test_whatever_happens_on_the_way_to_release_there_is_one_released_bill(acumatica, kind, at):
    acumatica.change("", ("after_entry: hold", "after_entry: release"))
    acumatica.offer("invoices_001.csv", invoice())
    place, _, nth = at.partition(":")
    acumatica.strike(kind, place, int(nth or 1), "100" if kind == "late" else None)
    settle(acumatica)
    assert acumatica.state("INV-77") == "posted"
    acumatica.assert_whole("INV-77")
    (bill,) = acumatica.bills("INV-77")
    assert bill["Status"] == "Open"
    acumatica.assert_logged_out()
    acumatica.assert_understood()


def test_a_bill_taken_off_hold_stays_unreleased(acumatica):
    acumatica.change("", ("after_entry: hold", "after_entry: balance"))
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.run("invoices")
    assert [bill["Status"] for bill in acumatica.bills("INV-77")] == ["Balanced"]


def test_a_release_that_fails_leaves_no_bill_and_says_why(acumatica):
    acumatica.change("", ("after_entry: hold", "after_entry: release"))
    acumatica.erp.rules.action_fails = "The document is out of the balance."
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.run("invoices")
    assert acumatica.state("INV-77") == "rejected"
    assert "out of the balance" in acumatica.document("INV-77").reason
    assert acumatica.bills("INV-77") == []
    acumatica.erp.rules.action_fails = None
    acumatica.run("invoices")
    assert [bill["Status"] for bill in acumatica.bills("INV-77")] == ["Open"]


def test_every_error_of_the_echoed_bill_is_told_with_its_place(acumatica):
    acumatica.erp.close_periods(acumatica.clock().date())
    bad = line(1, "10.30", project="NOPE")
    acumatica.offer("invoices_001.csv", invoice("INV-77", bad))
    acumatica.run("invoices")
    document = acumatica.document("INV-77")
    assert document.state.value == "rejected"
    assert "PostPeriod: The 02-2026 financial period is closed" in document.reason
    assert "Details[1].Project: Project 'NOPE' cannot be found in the system." in document.reason
    assert acumatica.erp.bills() == []


def test_without_control_totals_the_amount_is_what_the_lines_make(acumatica):
    acumatica.erp.rules.control_totals = False
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.run("invoices")
    assert acumatica.state("INV-77") == "posted"
    acumatica.assert_whole("INV-77")


def test_where_vendor_references_are_unique_the_refusal_leads_to_a_look(make_acumatica):
    world = make_acumatica(rules=Rules(unique_vendor_ref=True))
    world.masters_are_fresh()
    world.offer("invoices_001.csv", invoice())
    world.strike("late", "PUT Bill", value="1")
    settle(world)
    world.assert_whole("INV-77")


def test_unknown_vendors_wait_and_unknown_accounts_are_held(acumatica):
    acumatica.offer("invoices_001.csv", invoice("A", vendor_id="NOBODY"), invoice("B", line(1, "5.00", "99999")))
    assert acumatica.counts(acumatica.run("invoices")) == {"waiting": 1, "held": 1}
    acumatica.erp.seed(Vendor=[{"VendorID": "NOBODY", "VendorName": "Somebody"}])
    acumatica.run("invoices")
    assert acumatica.state("A") == "posted"
    acumatica.assert_whole("A")


def test_a_server_that_lets_one_call_in_at_a_time_is_not_overrun(make_acumatica):
    world = make_acumatica(rules=Rules(at_once=1, queue=0))
    world.masters_are_fresh()
    numbers = [f"INV-{n}" for n in range(6)]
    world.offer("invoices_001.csv", *map(invoice, numbers))
    settle(world, *numbers)
    assert sorted(bill["VendorRef"] for bill in world.erp.bills()) == numbers
    world.assert_logged_out()


def test_a_business_error_told_as_500_is_a_refusal_and_an_unknown_one_a_doubt(acumatica):
    acumatica.change("", ("after_entry: hold", "after_entry: release"))
    acumatica.erp.rules.held_status = 500
    acumatica.erp.rules.polls = 0
    acumatica.erp.rules.action_fails = "Document Status is invalid for processing."
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.run("invoices")
    assert acumatica.state("INV-77") == "rejected"
    acumatica.erp.rules.action_fails = "Arithmetic operation resulted in an overflow."
    acumatica.run("invoices")
    assert acumatica.state("INV-77") == "in_doubt"
    assert "overflow" in acumatica.document("INV-77").reason
    acumatica.erp.rules.action_fails = None
    settle(acumatica)
    acumatica.assert_whole("INV-77")


def test_a_dry_run_says_what_would_change_and_writes_nothing(acumatica):
    acumatica.offer("invoices_001.csv", invoice())
    told = acumatica.run("invoices", dry_run=True).render("text")
    assert "INV-77" in told
    assert acumatica.erp.bills() == []
    acumatica.assert_logged_out()


def test_a_sweep_finds_what_was_deleted_or_changed_there(acumatica):
    acumatica.offer("invoices_001.csv", *[invoice(f"INV-{n}") for n in range(3)])
    acumatica.run("invoices")
    (bill,) = acumatica.bills("INV-0")
    acumatica.erp.update("Bill", {"VendorRef": "INV-0"}, Hold=False)
    acumatica.erp.act("Bill", "ReleaseBill", Type="Bill", ReferenceNbr=bill["ReferenceNbr"])
    assert swept(acumatica) == (3, 0)
    acumatica.erp.update("Bill", {"VendorRef": "INV-1"}, Amount="99.00")
    acumatica.erp.update("Bill", {"VendorRef": "INV-2"}, VendorRef="OTHER")
    assert swept(acumatica) == (3, 2)
