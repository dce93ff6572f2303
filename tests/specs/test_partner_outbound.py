"""Vendors, invoices and payments to the partner: the exact bytes, each change once, whatever happens to the upload."""

from __future__ import annotations

import pytest

from engine.sandbox.faults import Fault

from .partner_world import PASSWORD

POSTED = {"Posted": True, "GroupID": "G1"}
INVOICE = {
    "VendorNum": 12,
    "InvoiceNum": "00123",
    "InvoiceDate": "2026-02-20",
    "DueDate": "2026-03-22",
    "DocInvoiceVendorAmt": "1234.50",
    "Description": 'Paper, "A4"',
    **POSTED,
}
PAYMENT = {
    "HeadNum": 1001,
    "VendorNum": 12,
    "CheckNum": 5001,
    "CheckDate": "2026-03-01",
    "pays": [
        {"InvoiceNum": "00123", "DocTranAmt": "10.00", "DocDiscAmt": "0.30"},
        {"InvoiceNum": "00124", "DocTranAmt": "5.00"},
    ],
    **POSTED,
}


def sent_once(world, flow, *names):
    """Two runs of a flow: these files came out of the first, and none of the second."""
    world.run(flow)
    world.run(flow)
    assert [path.name for path in world.partner.taken()] == list(names)


def lines(*rows):
    """One file of these rows."""
    return ["".join(f"{row}\r\n" for row in rows)]


def test_vendors_byte_for_byte(partner_world):
    partner_world.epicor.touch_vendor("ACME", Address1="1 Main St, Suite 5", City="Denver", TaxPayerID="001")
    sent_once(partner_world, "vendors_out", "vendors_20260302T090000Z_000001.csv")
    assert partner_world.sent("*") == lines(
        "vendor_id,vendor_name,legal_name,status,address1,address2,city,state,postal_code,country,email,phone,"
        "payment_terms,currency,tax_id",
        'ACME,Acme Industrial Supply,,ACTIVE,"1 Main St, Suite 5",,Denver,,,USA,,,N30,USD,001',
        "NWFRT,Northwind Freight,,ACTIVE,,,,,,USA,,,N30,USD,",
    )
    partner_world.assert_understood()


def test_invoices_byte_for_byte(partner_world):
    memo = {**INVOICE, "InvoiceNum": "CM-1", "DebitMemo": True, "DocInvoiceVendorAmt": "-5.00", "Description": ""}
    draft = {**INVOICE, "InvoiceNum": "DRAFT", "Posted": False}
    partner_world.epicor.seed(invoices=[INVOICE, {**memo, "REFPONum": 4711, "OpenPayable": False}, draft])
    sent_once(partner_world, "invoices_out", "invoices_20260302T090000Z_000001.csv")
    assert partner_world.sent("*") == lines(
        "vendor_id,vendor_name,invoice_number,document_type,invoice_date,due_date,payment_terms,currency,"
        "invoice_total,open_balance,status,po_number,description",
        'ACME,Acme Industrial Supply,00123,INVOICE,2026-02-20,2026-03-22,N30,USD,1234.50,1234.50,OPEN,,"Paper, ""A4"""',
        "ACME,Acme Industrial Supply,CM-1,CREDIT_MEMO,2026-02-20,2026-03-22,N30,USD,-5.00,-5.00,PAID,4711,",
    )
    partner_world.assert_understood()


def test_payments_byte_for_byte(partner_world):
    others = [
        {**PAYMENT, "HeadNum": 1002, "CheckNum": 5002, "Posted": False},
        {**PAYMENT, "HeadNum": 1003, "CheckNum": 5003, "Voided": True},
    ]
    partner_world.epicor.seed(payments=[PAYMENT, *others])
    sent_once(partner_world, "payments_out", "payments_20260302T090000Z_000001.csv")
    assert partner_world.sent("*") == lines(
        "payment_id,payment_number,payment_date,bank_account,vendor_id,vendor_name,currency,payment_total,"
        "invoice_number,amount_paid,discount_taken",
        "1001,5001,2026-03-01,OPER,ACME,Acme Industrial Supply,USD,15.00,00123,10.00,0.30",
        "1001,5001,2026-03-01,OPER,ACME,Acme Industrial Supply,USD,15.00,00124,5.00,0.00",
    )
    partner_world.assert_understood()


def test_a_payment_of_no_invoice_is_one_row_and_one_of_many_as_many(partner_world):
    many = [{"InvoiceNum": f"I{n:03}", "DocTranAmt": "1.10"} for n in range(120)]
    others = [{**PAYMENT, "HeadNum": 1002, "CheckNum": 5002, "pays": []}]
    partner_world.epicor.seed(payments=[{**PAYMENT, "pays": many}, *others])
    sent_once(partner_world, "payments_out", "payments_20260302T090000Z_000001.csv")
    rows = partner_world.partner.read_taken("payments_*")
    assert [row["invoice_number"] for row in rows] == [*(f"I{n:03}" for n in range(120)), ""]
    assert {row["amount_paid"] for row in rows} == {"1.10", ""}
    assert {(row["payment_number"], row["payment_total"]) for row in rows} == {("5001", "132.00"), ("5002", "0.00")}


def test_a_changed_vendor_comes_out_once_in_a_file_of_the_next_number(partner_world):
    partner_world.run("vendors_out")
    partner_world.epicor.touch_vendor("ACME", City="Boulder")
    partner_world.run("vendors_out")
    partner_world.run("vendors_out")
    names = [path.name for path in partner_world.partner.taken()]
    assert names == ["vendors_20260302T090000Z_000001.csv", "vendors_20260302T091500Z_000002.csv"]
    assert partner_world.sent(names[1])[0].splitlines()[1:] == [
        "ACME,Acme Industrial Supply,,ACTIVE,,,Boulder,,,USA,,,N30,USD,"
    ]


def test_a_draft_and_an_unposted_payment_come_once_they_are_posted(partner_world):
    partner_world.epicor.seed(invoices=[{**INVOICE, "Posted": False}], payments=[{**PAYMENT, "Posted": False}])
    partner_world.run("invoices_out", "payments_out")
    assert partner_world.partner.taken() == []
    partner_world.epicor.update("APInvHed", {"InvoiceNum": "00123"}, Posted=True)
    partner_world.epicor.update("CheckHed", {"HeadNum": 1001}, Posted=True)
    partner_world.run("invoices_out", "payments_out")
    partner_world.run("invoices_out", "payments_out")
    assert [path.name.split("_")[0] for path in partner_world.partner.taken()] == ["invoices", "payments"]


def test_an_invoice_whose_balance_changed_comes_again(partner_world):
    partner_world.epicor.seed(invoices=[INVOICE])
    partner_world.run("invoices_out")
    partner_world.epicor.update("APInvHed", {"InvoiceNum": "00123"}, DocInvoiceBal="0.00", OpenPayable=False)
    partner_world.run("invoices_out")
    partner_world.run("invoices_out")
    rows = partner_world.partner.read_taken("invoices_*")
    assert [(row["open_balance"], row["status"]) for row in rows] == [("1234.50", "OPEN"), ("0.00", "PAID")]


def test_more_invoices_than_a_page_holds_are_complete_and_each_once(partner_world):
    partner_world.epicor.seed(invoices=[{**INVOICE, "InvoiceNum": f"I{n:04}"} for n in range(250)])
    partner_world.run("invoices_out")
    numbers = [row["invoice_number"] for row in partner_world.partner.read_taken("invoices_*")]
    assert numbers == [f"I{n:04}" for n in range(250)]


@pytest.mark.parametrize(
    ("kind", "at", "value"),
    [("drop", "rename", None), ("drop", "rename", "after"), ("drop", "write", None), ("no_space", "write", None)],
)
def test_an_upload_that_breaks_ends_as_exactly_one_file(partner_world, kind, at, value):
    partner_world.partner.faults.add(Fault(kind=kind, at=at, value=value))
    for _ in range(3):
        partner_world.run("vendors_out")
    assert len(partner_world.partner.taken()) == 1
    assert {row["vendor_id"] for row in partner_world.partner.read_taken()} == {"ACME", "NWFRT"}
    assert [path.name for path in partner_world.partner.path("/outbound").iterdir() if path.name[0] == "."] == []


def test_the_partners_password_stands_nowhere_in_the_clear(partner_world):
    partner_world.vendors({"vendor_id": "NEWCO", "payment_terms": "N99"})
    partner_world.run()
    kept = [path for path in partner_world.home.rglob("*") if path.is_file()]
    assert kept
    assert [path.name for path in kept if PASSWORD.encode() in path.read_bytes()] == []
