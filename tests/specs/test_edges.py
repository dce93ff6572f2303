"""What the ERP refuses, what comes in the wrong order, and values that try to be more than values."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.desk.people import release
from engine.sandbox.faults import Fault

from .world import invoice, line, payment


def test_a_payment_that_comes_before_its_invoice_goes_once_the_invoice_is_there(world):
    world.stampli.write_payments("payments_001.csv", [payment()])
    world.run("invoices", "payments")
    assert world.epicor.payments() == [], "what the ERP had begun to store is removed again"
    assert world.state("5001") in {"waiting", "rejected"}, world.document("5001").reason
    world.offer("invoices_001.csv", invoice())
    for _ in range(2):
        world.run("invoices", "payments")
    (paid,) = world.epicor.payments()
    assert [tran["InvoiceNum"] for tran in paid["APTrans"]] == ["00123"]
    assert world.state("5001") == "posted"


def test_a_closed_period_rejects_with_the_erps_own_words_and_goes_when_it_is_open_again(world):
    world.epicor.close_periods(date(2026, 2, 28))
    world.offer("invoices_001.csv", invoice())
    assert world.run("invoices").exit_code == 3
    document = world.document("00123")
    assert (document.state.value, world.numbers()) == ("rejected", [])
    assert len(document.reason) > 10
    world.epicor.close_periods(None)
    world.run("invoices")
    world.assert_whole("00123")


def test_what_is_refused_again_and_again_ends_before_a_person(world):
    world.epicor.close_periods(date(2026, 12, 31))
    world.offer("invoices_001.csv", invoice())
    for _ in range(7):
        world.run("invoices")
    assert (world.state("00123"), world.numbers()) == ("held", [])
    tried = world.calls("*UpdateMaster")
    world.run("invoices")
    assert world.calls("*UpdateMaster") == tried


def test_a_group_open_on_somebodys_screen_delays_and_loses_nothing(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    world.epicor.lock_group("MLC")
    world.offer("invoices_002.csv", invoice("00124"))
    world.run("invoices")
    assert world.numbers() == ["00123"]
    world.epicor.update("APInvGrp", {"GroupID": "MLC"}, ActiveUserID="")
    for _ in range(2):
        world.run("invoices")
    world.assert_whole("00124")


def test_the_same_number_of_two_vendors_is_two_invoices(world):
    world.offer("invoices_001.csv", invoice(), invoice(vendor_id="NWFRT"))
    world.run("invoices")
    assert [(row["VendorNumVendorID"], row["InvoiceNum"]) for row in world.epicor.invoices()] == [
        ("ACME", "00123"),
        ("NWFRT", "00123"),
    ]


@pytest.mark.parametrize(
    "again", ["00123 ", "００123", "inv‑7"], ids=["trailing_blank", "full_width_digits", "non_breaking_hyphen"]
)
def test_the_same_number_written_otherwise_is_not_posted_twice(world, again):
    first = "INV-7" if again.startswith("inv") else "00123"
    world.offer("invoices_001.csv", invoice(first))
    world.run("invoices")
    world.offer("invoices_002.csv", invoice(again))
    world.run("invoices")
    assert world.numbers() == [first]


@pytest.mark.parametrize("again", ["123", "0-0123"], ids=["leading_zeros", "punctuation"])
def test_a_number_that_is_nearly_the_same_waits_for_a_person(world, again):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    world.offer("invoices_002.csv", invoice(again))
    assert world.run("invoices").exit_code == 3
    assert (world.state(again), world.numbers()) == ("held", ["00123"])
    with world.workspace() as workspace:
        release(workspace, again, reason="another one", posted_as=None, send=True)
    for _ in range(2):
        world.run("invoices")
    world.assert_whole(again)


def test_a_vendor_id_that_tries_to_be_a_query_finds_nobody(world):
    vendors = ["A'or'1", "ACME'", "%", "*", "ACME&$to", "{{ 7 }}", "'; drop", "X' or 1 eq 1 or 'a' eq 'a"]
    tries = [invoice(f"Q-{n}", vendor_id=vendor) for n, vendor in enumerate(vendors)]
    world.offer("invoices_001.csv", *tries, invoice())
    world.run("invoices")
    assert world.numbers() == ["00123"]
    states = [world.state(each["invoice_number"]) for each in tries]
    assert states == ["waiting" if len(vendor) <= 8 else "quarantined" for vendor in vendors]


def test_texts_arrive_as_they_were_written_and_templates_in_them_stay_text(world):
    texts = ["{{ 7*7 }}", "=1+1", "Ümläut €", 'quote " and, comma', "<b>&amp;</b>", "line\nbreak", "O'Brien"]
    lines = [line(n + 1, "1.00") | {"line_description": text} for n, text in enumerate(texts)]
    world.offer("invoices_001.csv", invoice("T-1", *lines))
    world.run("invoices")
    (found,) = world.epicor.invoices()
    assert [each["Description"] for each in found["APInvDtls"]] == texts


def test_invoices_of_many_vendors_each_find_their_own(world):
    vendors = [{"VendorNum": 200 + n, "VendorID": f"M{n:02}", "Name": f"Many {n}"} for n in range(45)]
    world.epicor.seed(vendors=vendors)
    world.offer("invoices_001.csv", *(invoice(f"I-{n:02}", vendor_id=f"M{n:02}") for n in range(45)))
    world.run("invoices")
    assert {row["InvoiceNum"]: row["VendorNum"] for row in world.epicor.invoices()} == {
        f"I-{n:02}": 200 + n for n in range(45)
    }
    assert world.calls("*VendorSvc/Vendors") <= 4, "looked up twenty at a time"


def test_many_small_amounts_add_up_to_the_cent(world):
    lines = [line(n + 1, amount) for n, amount in enumerate(["0.10", "0.20", "0.30", "33.33", "33.33", "33.34"] * 5)]
    world.offer("invoices_001.csv", invoice("C-1", *lines))
    world.run("invoices")
    (found,) = world.epicor.invoices()
    assert found["DocInvoiceVendorAmt"] == Decimal("503.00")
    assert (found["DocInvoiceVariance"], len(found["APInvDtls"])) == (0, 30)


def test_a_number_longer_than_the_erp_takes_is_kept_back(world):
    world.offer("invoices_001.csv", invoice("N" * 51), invoice())
    assert world.run("invoices").exit_code == 3
    assert world.numbers() == ["00123"]
    assert "InvoiceNum" in world.document("N" * 51).reason


@pytest.mark.parametrize("kind", ["deep", "gzip_bomb", "redirect", "error_in_200", "html"])
def test_an_answer_made_to_hurt_costs_a_run_at_most(world, kind):
    world.offer("invoices_001.csv", invoice())
    value = "16" if kind == "gzip_bomb" else None
    world.epicor.faults.add(Fault(kind=kind, at="*VendorSvc/Vendors", value=value))
    world.epicor.faults.add(Fault(kind=kind, at="*APInvoiceSvc/GetByID", value=value))
    for _ in range(3):
        world.run("invoices")
    world.assert_whole("00123")


def test_the_wrong_company_says_so_and_reads_nothing(world):
    world.environ["EPICOR_COMPANY"] = "OTHER"
    world.masters_are_fresh()
    world.offer("invoices_001.csv", invoice())
    result = world.run("invoices")
    assert result.exit_code == 4
    assert "company" in result.flows[0].error
    assert (world.numbers(), world.outbound()) == ([], ["invoices_001.csv"])


def test_a_missing_setting_is_told_by_name_before_anything_is_reached(world):
    del world.environ["EPICOR_COMPANY"]
    calls = len(world.epicor.history.calls())
    with pytest.raises(Exception, match="EPICOR_COMPANY"):
        world.run("vendors")
    assert len(world.epicor.history.calls()) == calls
