"""Payments of the Epicor stand-in read back: the sets of checks and of what they pay, by change and in pages."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.sandbox.epicor import Epicor

PAYMENTS, INVOICES = "Erp.BO.PaymentEntrySvc", "Erp.BO.APInvoiceSvc"


def check(number: int, amount: str, **columns: object) -> dict:
    pays = [{"InvoiceNum": "INV-77", "DocTranAmt": amount, "DocDiscAmt": "0.10"}]
    shared = {"VendorNum": 112, "GroupID": "PAY1", "CheckDate": "2025-01-02"}
    return {**shared, "CheckNum": number, "pays": pays, **columns}


def test_changed_payments_and_their_lines_are_listed(kinetic, epicor: Epicor, clock) -> None:
    kinetic.invoice()
    epicor.seed(payments=[check(501, "60")])
    clock.forward(hours=1)
    epicor.seed(payments=[check(502, "40")])
    for name in ("PaymentEntries", "APTrans"):
        since = {"filter": "ChangeDate ge 2025-01-31T10:00:00Z", "select": "CheckNum,ChangeDate"}
        rows = kinetic.get(f"{PAYMENTS}/{name}", **since)["value"]
        assert rows == [{"CheckNum": 502, "ChangeDate": "2025-01-31T10:12:44Z"}]
    clock.forward(hours=1)
    epicor.post_payments("PAY1")
    later = "ChangeDate gt 2025-01-31T11:00:00Z and Posted eq true"
    body = kinetic.get(f"{PAYMENTS}/PaymentEntries", filter=later, expand="APTrans($select=InvoiceNum,DocTranAmt)")
    assert [row["APTrans"] for row in body["value"]] == [
        [{"InvoiceNum": "INV-77", "DocTranAmt": 60}],
        [{"InvoiceNum": "INV-77", "DocTranAmt": 40}],
    ]
    assert len(kinetic.get(f"{INVOICES}/APInvoices", filter="ChangeDate gt 2025-01-31T11:00:00Z")["value"]) == 1
    old = f"{epicor.url}/api/v1/{PAYMENTS}/PaymentEntries"
    rows = kinetic.get(old, filter="ChangeDate ge datetime'2025-01-31T11:00:00'", expand="APTrans")["value"]
    assert len(rows) == 2


@pytest.mark.parametrize("name", ["PaymentEntries", "APTrans"])
def test_payments_come_in_pages(kinetic, epicor: Epicor, name: str) -> None:
    epicor.seed(payments=[check(1 + n, "1.00") for n in range(120)])
    assert len(kinetic.get(f"{PAYMENTS}/{name}")["value"]) == 100
    seen = [
        row["HeadNum"]
        for skip in ("0", "60", "120")
        for row in kinetic.get(f"{PAYMENTS}/{name}", orderby="HeadNum", top="60", skip=skip)["value"]
    ]
    assert seen == list(range(1001, 1121))


def test_a_seeded_payment_has_its_totals(epicor: Epicor) -> None:
    epicor.seed(payments=[check(501, "60"), check(502, "40", DocCheckAmt="45.00")])
    first, second = epicor.payments()
    assert (first["DocCheckAmt"], first["DocPaymentTotal"]) == (60, 60)
    assert (second["DocCheckAmt"], second["DocPaymentTotal"]) == (45, 45)
    assert (first["APTrans"][0]["DiscAmt"], first["APTrans"][0]["TranDate"]) == (Decimal("0.10"), first["CheckDate"])


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "VendorNumVendorID eq 'ACME'"},
        {"filter": "CheckNum eq '501'"},
        {"filter": "ChangeDate gt datetime'2025-01-01T00:00:00'"},
        {"expand": "APTran"},
        {"select": "HeadNum,PaidOn"},
    ],
)
def test_what_cannot_be_asked_is_refused(kinetic, options: dict[str, str]) -> None:
    answer = kinetic.refused(f"{PAYMENTS}/PaymentEntries", **options)
    assert answer.status_code == 400
    assert "ODataException" in answer.json()["ErrorType"]


def test_an_entity_is_read_by_its_key(kinetic, epicor: Epicor) -> None:
    epicor.seed(payments=[check(501, "60")])
    assert kinetic.get(f"{PAYMENTS}/PaymentEntries('EPIC06',1001)")["CheckNum"] == 501
    assert kinetic.get(f"{PAYMENTS}/APTrans('EPIC06',1001,1,'INV-77',false)")["DocTranAmt"] == 60
    assert kinetic.refused(f"{PAYMENTS}/PaymentEntries('EPIC06',9)").status_code == 404
