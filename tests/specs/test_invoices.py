"""What becomes of an invoice: posted, waiting, held or passed over, as the ERP's own records show it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from .world import invoice, line, payment


def test_an_approved_invoice_is_posted_whole_and_coded(world):
    world.offer("invoices_001.csv", invoice())
    result = world.run("invoices")
    assert (result.exit_code, world.counts(result)) == (0, {"posted": 1})
    world.assert_whole("00123")
    (found,) = world.epicor.invoices()
    assert [x["GLAccount"] for each in found["APInvDtls"] for x in each["APInvExps"]] == ["6100|00|10", "6200|00|00"]
    assert found["VendorNumVendorID"] == "ACME"
    assert (str(found["InvoiceDate"]), str(found["ApplyDate"])) == ("2026-02-20", "2026-02-28")
    assert world.document("00123").reference == "12/00123"
    world.assert_understood()


def test_an_unknown_vendor_waits_and_goes_once_the_vendor_exists(world):
    world.offer("invoices_001.csv", invoice("N-1", vendor_id="NEWCO"), invoice())
    world.run("invoices")
    assert world.numbers() == ["00123"]
    assert world.state("N-1") == "waiting"
    world.run("invoices")
    assert world.numbers() == ["00123"]
    world.epicor.seed(vendors=[{"VendorNum": 99, "VendorID": "NEWCO", "Name": "Newco"}])
    world.run("invoices")
    world.assert_whole("N-1")
    assert world.state("N-1") == "posted"


def test_lines_that_do_not_add_up_are_held_with_the_reason(world):
    world.offer("invoices_001.csv", invoice(invoice_total="10.31"))
    assert world.run("invoices").exit_code == 3
    document = world.document("00123")
    assert (document.state.value, world.numbers()) == ("held", [])
    assert "Lines do not add up to the invoice total" in document.reason


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (line(1, "5.00", "MYSTERY"), "MYSTERY"),
        (line(1, "5.00", "OFFICE", "CC77"), "CC77"),
        (line(1, "5.00", "SOFTWARE", "CC20"), "6300|00|20"),
    ],
    ids=["gl_code", "cost_center", "account_the_erp_lacks"],
)
def test_an_unknown_dimension_is_held_with_its_field(world, bad, named):
    world.offer("invoices_001.csv", invoice("G-1", bad), invoice())
    assert world.run("invoices").exit_code == 3
    document = world.document("G-1")
    assert (document.state.value, world.numbers()) == ("held", ["00123"])
    assert named in document.reason
    assert "GLAccount" in document.reason


@pytest.mark.parametrize("status", ["PENDING", "REJECTED", ""])
def test_what_is_not_approved_is_never_posted(world, status):
    world.offer("invoices_001.csv", invoice("P-1", approval_status=status), invoice())
    world.run("invoices")
    assert world.numbers() == ["00123"]


def test_a_credit_memo_becomes_a_debit_memo(world):
    world.offer("invoices_001.csv", invoice("CM-5", line(1, "-25.50"), document_type="CREDIT_MEMO"), invoice())
    result = world.run("invoices", "credit_memos")
    assert world.counts(result, "credit_memos") == {"posted": 1, "passed_over": 1}
    world.assert_whole("00123")
    memo = next(row for row in world.epicor.invoices() if row["InvoiceNum"] == "CM-5")
    assert memo["DebitMemo"] is True
    assert (memo["DocInvoiceVendorAmt"], memo["DocInvoiceVariance"]) == (Decimal("-25.50"), 0)
    world.assert_understood()


def test_a_credit_memo_with_a_positive_total_is_held(world):
    world.offer("invoices_001.csv", invoice("CM-6", line(1, "25.50"), document_type="CREDIT_MEMO"))
    world.run("invoices", "credit_memos")
    assert (world.state("CM-6"), world.numbers()) == ("held", [])


def test_a_payment_is_applied_to_its_invoices(world):
    world.offer("invoices_001.csv", invoice(), invoice("00124", line(1, "7.00")))
    world.stampli.write_payments("payments_001.csv", [payment("5001", {"00123": "10.30", "00124": "7.00"})])
    result = world.run("invoices", "payments")
    assert world.counts(result, "payments") == {"posted": 1}
    (paid,) = world.epicor.payments()
    assert (paid["CheckNum"], paid["DocPaymentTotal"]) == (5001, Decimal("17.30"))
    assert {tran["InvoiceNum"]: tran["DocTranAmt"] for tran in paid["APTrans"]} == {
        "00123": Decimal("10.30"),
        "00124": Decimal("7.00"),
    }
    world.assert_understood()


def test_a_payment_waits_for_its_invoice_and_then_goes(world):
    world.offer("invoices_001.csv", invoice("N-1", vendor_id="NEWCO"))
    world.stampli.write_payments("payments_001.csv", [payment("5002", {"N-1": "10.30"}, vendor_id="NEWCO")])
    world.run("invoices", "payments")
    assert (world.epicor.payments(), world.state("5002")) == ([], "waiting")
    world.epicor.seed(vendors=[{"VendorNum": 99, "VendorID": "NEWCO", "Name": "Newco"}])
    world.run("invoices", "payments")
    assert world.numbers() == ["N-1"]
    (paid,) = world.epicor.payments()
    assert [tran["InvoiceNum"] for tran in paid["APTrans"]] == ["N-1"]


def test_payments_need_a_run_of_invoices(world):
    world.stampli.write_payments("payments_001.csv", [payment()])
    result = world.run("payments")
    assert result.exit_code == 4
    assert "needs a run of `invoices`" in result.flows[0].error
    assert "run `invoices` first" in result.flows[0].error


def test_masters_that_are_not_fresh_stop_the_invoices_before_anything_is_read(make_world):
    world = make_world()
    world.offer("invoices_001.csv", invoice())
    result = world.run("invoices")
    assert result.exit_code == 4
    assert "`invoices` needs a run of `vendors`" in result.flows[0].error
    assert (world.numbers(), world.outbound()) == ([], ["invoices_001.csv"])
    world.run("vendors")
    world.clock.forward(days=9)
    assert world.run("invoices").exit_code == 4
    world.run("vendors")
    assert world.run("invoices").exit_code == 0
    world.assert_whole("00123")
