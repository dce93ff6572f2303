"""Payments, vendors, seeds and the view of a person in the Epicor stand-in."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import httpx
import pytest

from engine.sandbox.epicor import Epicor

PAYMENTS, CHECK_GROUPS, VENDORS = "Erp.BO.PaymentEntrySvc", "Erp.BO.APChkGrpSvc", "Erp.BO.VendorSvc"
ACCOUNTS = "Erp.BO.GLAccountSvc"


def head(kinetic, number: int = 501, vendor: str = "ACME") -> dict:
    ds = kinetic.ds(PAYMENTS, "CreateNewCheckHed", pcGroupID="PAY1", ds={})
    ds = kinetic.ds(PAYMENTS, "OnChangeVendor", pcVendorID=vendor, ds=ds)
    ds = kinetic.ds(PAYMENTS, "OnChangeCheckDate", pdtCheckDate="2025-01-30", ds=ds)
    ds = kinetic.ds(PAYMENTS, "OnChangeCheckNum", piCheckNum=number, ds=ds)
    return kinetic.ds(PAYMENTS, "OnChangeManualPrint", plManualPrint=True, ds=ds)


def tran(kinetic, ds: dict, amount: object, invoice: str = "INV-77") -> dict:
    number = ds["CheckHed"][0]["HeadNum"]
    ds = kinetic.ds(PAYMENTS, "GetNewAPTran", ds=ds, headNum=number, apTranNo=0, invoiceNum="")
    body = {"pcInvoiceNum": invoice, "pcChangeExchangeRateResponse": "", "ds": ds}
    ds = kinetic.ds(PAYMENTS, "OnChangeInvoiceNum", **body)
    return kinetic.ds(PAYMENTS, "OnChangeDocTranAmt", pdDocTranAmt=amount, ds=ds)


def test_the_chain_of_calls_makes_a_payment(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    ds = kinetic.ds(CHECK_GROUPS, "GetNewAPChkGrpNoLock", ds={})
    ds["APChkGrp"][0]["GroupID"] = "PAY2"
    ds = kinetic.ds(CHECK_GROUPS, "OnChangeBankAcctID", pcBankAcctID="OPER", ds=ds)
    ds = kinetic.ds(CHECK_GROUPS, "OnChangePayMethod", vPMUID=1, ds=ds)
    kinetic.ds(CHECK_GROUPS, "Update", ds=ds)
    ds = kinetic.ds(PAYMENTS, "Update", ds=head(kinetic))
    ds = kinetic.ds(PAYMENTS, "Update", ds=tran(kinetic, ds, 100))
    assert ds["CheckHed"][0]["DocCheckAmt"] == 100
    (payment,) = epicor.payments()
    assert (payment["CheckNum"], payment["VendorNum"], payment["BankAcctID"]) == (501, 112, "OPER")
    assert [(row["InvoiceNum"], row["DocTranAmt"]) for row in payment["APTrans"]] == [("INV-77", 100)]
    whats = [effect.what for effect in epicor.history.effects("payment*")]
    assert whats == ["payment_group.saved", "payment.saved", "payment.line_saved"]
    read = kinetic.post(PAYMENTS, "GetByID", headNum=payment["HeadNum"])["returnObj"]
    assert read["APTran"] == ds["APTran"]
    assert epicor.ignored == set()


def test_a_payment_beyond_the_open_balance_is_refused(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    first = kinetic.ds(PAYMENTS, "Update", ds=head(kinetic))
    kinetic.ds(PAYMENTS, "Update", ds=tran(kinetic, first, 100))
    second = tran(kinetic, kinetic.ds(PAYMENTS, "Update", ds=head(kinetic, 502)), 20.5)
    for amount in (20.51, -1):
        second["APTran"][0]["DocTranAmt"] = amount
        answer = kinetic.fails(PAYMENTS, "Update", ds=second)
        assert (answer.status_code, answer.json()["ErrorDetails"][0]["Field"]) == (400, "DocTranAmt")
    over = kinetic.fails(PAYMENTS, "OnChangeDocTranAmt", pdDocTranAmt=20.51, ds=second)
    assert "open balance 20.5" in over.json()["ErrorMessage"]
    second["APTran"][0]["DocTranAmt"] = 20.5
    second = kinetic.ds(PAYMENTS, "OnChangeDocDiscAmt", pdDocDiscAmt=0.5, ds=second)
    assert kinetic.fails(PAYMENTS, "Update", ds=second).status_code == 400


def test_an_unknown_invoice_or_anothers_is_refused(kinetic) -> None:
    kinetic.invoice(vendor="OBRIEN")
    ds = kinetic.ds(PAYMENTS, "Update", ds=head(kinetic))
    body = {"headNum": ds["CheckHed"][0]["HeadNum"], "apTranNo": 0, "invoiceNum": ""}
    ds = kinetic.ds(PAYMENTS, "GetNewAPTran", ds=ds, **body)
    body = {"pcInvoiceNum": "INV-77", "pcChangeExchangeRateResponse": "", "ds": ds}
    assert kinetic.fails(PAYMENTS, "OnChangeInvoiceNum", **body).status_code == 400


@pytest.mark.parametrize("vendor", ["HOLD", "GONE", "NOBODY"])
def test_a_vendor_that_may_not_be_paid_is_refused(kinetic, vendor: str) -> None:
    ds = kinetic.ds(PAYMENTS, "CreateNewCheckHed", pcGroupID="PAY1", ds={})
    assert kinetic.fails(PAYMENTS, "OnChangeVendor", pcVendorID=vendor, ds=ds).status_code == 400
    ds["CheckHed"][0]["VendorNum"] = {"HOLD": 115, "GONE": 114, "NOBODY": 0}[vendor]
    assert kinetic.fails(PAYMENTS, "Update", ds=ds).status_code == 400


def test_a_check_number_is_used_once_per_bank_account(kinetic, epicor: Epicor) -> None:
    kinetic.ds(PAYMENTS, "Update", ds=head(kinetic))
    assert "Duplicate check number 501" in kinetic.fails(PAYMENTS, "Update", ds=head(kinetic)).json()["ErrorMessage"]
    assert len(epicor.payments()) == 1


def test_numbers_of_abandoned_payments_are_burned(kinetic) -> None:
    numbers = [head(kinetic)["CheckHed"][0]["HeadNum"] for _ in range(3)]
    assert numbers == [1001, 1002, 1003]


def test_a_payment_can_be_deleted_until_it_is_posted(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    first = kinetic.ds(PAYMENTS, "Update", ds=head(kinetic))
    first = kinetic.ds(PAYMENTS, "Update", ds=tran(kinetic, first, 20))["CheckHed"][0]["HeadNum"]
    kinetic.post(PAYMENTS, "DeleteByID", headNum=first)
    assert epicor.payments() == []
    second = kinetic.ds(PAYMENTS, "Update", ds=head(kinetic))["CheckHed"][0]["HeadNum"]
    epicor.post_payments("PAY1")
    assert kinetic.fails(PAYMENTS, "DeleteByID", headNum=second).status_code == 400
    assert kinetic.fails(PAYMENTS, "GetByID", headNum=first).status_code == 404


def test_a_strict_site_pays_posted_invoices_only(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    epicor.rules.pay_posted_only = True
    ds = kinetic.ds(PAYMENTS, "Update", ds=head(kinetic))
    body = {"headNum": ds["CheckHed"][0]["HeadNum"], "apTranNo": 0, "invoiceNum": ""}
    ds = kinetic.ds(PAYMENTS, "GetNewAPTran", ds=ds, **body)
    body = {"pcInvoiceNum": "INV-77", "pcChangeExchangeRateResponse": "", "ds": ds}
    assert kinetic.fails(PAYMENTS, "OnChangeInvoiceNum", **body).status_code == 400
    epicor.post_group("ML0131")
    assert kinetic.ds(PAYMENTS, "OnChangeInvoiceNum", **body)["APTran"][0]["DocTranAmt"] == Decimal("120.5")


def test_a_payment_needs_a_known_group_bank_and_method(kinetic) -> None:
    assert kinetic.fails(PAYMENTS, "CreateNewCheckHed", pcGroupID="NOPE", ds={}).status_code == 400
    ds = kinetic.ds(CHECK_GROUPS, "GetNewAPChkGrp", ds={})
    assert kinetic.fails(CHECK_GROUPS, "OnChangeBankAcctID", pcBankAcctID="NOPE", ds=ds).status_code == 400
    assert kinetic.fails(CHECK_GROUPS, "OnChangePayMethod", vPMUID=9, ds=ds).status_code == 400
    assert kinetic.fails(CHECK_GROUPS, "Update", ds=ds).status_code == 400
    kinetic.post(CHECK_GROUPS, "LockGroup", pcGroupID="PAY1")
    assert kinetic.post(CHECK_GROUPS, "GetByID", groupID="PAY1")["returnObj"]["APChkGrp"][0]["ActiveUserID"] == "mlc"
    kinetic.post(CHECK_GROUPS, "UnLockGroup", pcGroupID="PAY1")


def test_a_vendor_is_found_changed_and_made(kinetic, epicor: Epicor) -> None:
    ds = kinetic.post(VENDORS, "GetByVendID", vendorID="ACME")["returnObj"]
    before = ds["Vendor"][0]["SysRevID"]
    ds["Vendor"][0] |= {"Name": "Acme Ltd", "RowMod": "U"}
    assert kinetic.ds(VENDORS, "Update", ds=ds)["Vendor"][0]["SysRevID"] > before
    ds = kinetic.ds(VENDORS, "GetNewVendor", ds={})
    ds["Vendor"][0] |= {"VendorID": "newco", "Name": "Newco", "TermsCode": "N30"}
    made = kinetic.ds(VENDORS, "Update", ds=ds)["Vendor"][0]
    assert (made["VendorID"], made["VendorNum"]) == ("NEWCO", 116)
    assert kinetic.post(VENDORS, "GetByID", vendorNum=116)["returnObj"]["Vendor"] == [made]
    assert [effect.key for effect in epicor.history.effects("vendor.saved")] == ["ACME", "NEWCO"]
    gone = kinetic.fails(VENDORS, "GetByVendID", vendorID="NOBODY")
    assert (gone.status_code, gone.json()["ErrorType"]) == (404, "Ice.Common.RecordNotFoundException")


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({"VendorID": "ACME", "Name": "Again"}, 409),
        ({"VendorID": "", "Name": "None"}, 400),
        ({"VendorID": "NINECHARS", "Name": "Long"}, 400),
        ({"VendorID": "OK", "Name": ""}, 400),
        ({"VendorID": "OK", "Name": "Ok", "TermsCode": "N99"}, 400),
    ],
)
def test_a_vendor_that_breaks_a_rule_is_refused(kinetic, row: dict, status: int) -> None:
    ds = kinetic.ds(VENDORS, "GetNewVendor", ds={})
    ds["Vendor"][0] |= row
    assert kinetic.fails(VENDORS, "Update", ds=ds).status_code == status


def test_accounts_are_looked_up(kinetic) -> None:
    found = kinetic.post(ACCOUNTS, "GetByID", coACode="MAIN", glAccount="6100|00|10")["returnObj"]
    assert found["GLAccount"][0]["AccountDesc"] == "Supplies"
    for account, exists in (("6100|00|10", True), ("9999|00|00", False), ("0", False)):
        answer = kinetic.post(ACCOUNTS, "GlAccountExists", ipCOACode="MAIN", ipGLAccount=account)
        assert answer["returnObj"] is exists
    body = {"COACode": "MAIN", "ExtCompanyID": "", "RestrictID": "", "EffectiveDate": "2025-01-01"}
    body["ValidateDynamicSegment"] = False
    kinetic.post(ACCOUNTS, "ValidateGLAccount", GLAccount="6100|00|10", **body)
    assert kinetic.fails(ACCOUNTS, "ValidateGLAccount", GLAccount="0", **body).status_code == 400


def test_an_order_is_read_whole(kinetic) -> None:
    order = kinetic.post("Erp.BO.POSvc", "GetByID", poNum=4001)["returnObj"]
    assert [len(order[name]) for name in ("POHeader", "PODetail", "PORel")] == [1, 1, 1]
    assert kinetic.fails("Erp.BO.POSvc", "GetByID", poNum=1).status_code == 404


def test_a_person_changes_a_vendor_and_its_revision_rises(kinetic, epicor: Epicor) -> None:
    before = epicor.vendors()[0]["SysRevID"]
    assert epicor.touch_vendor("ACME", Name="By hand")["SysRevID"] > before
    changed = kinetic.get(f"{VENDORS}/Vendors", filter=f"SysRevID gt {before + 100}")["value"]
    assert changed == []
    assert kinetic.get(f"{VENDORS}/Vendors", orderby="SysRevID desc", top="1")["value"][0]["Name"] == "By hand"
    with pytest.raises(LookupError, match="no Vendor has"):
        epicor.touch_vendor("NOBODY")


def test_a_seeded_invoice_is_whole_and_payable(kinetic, epicor: Epicor) -> None:
    lines = [{"DocExtCost": "7.25", "GLAccount": "6100|00|10", "Description": "x"}, {"DocExtCost": "2.75"}]
    epicor.seed(
        invoices=[
            {"VendorNum": 112, "InvoiceNum": "S-1", "DocInvoiceVendorAmt": "10.00", "Posted": True, "lines": lines}
        ]
    )
    (stored,) = epicor.invoices()
    assert (stored["DocInvoiceAmt"], stored["DocInvoiceVariance"]) == (10, 0)
    assert [line["APInvExps"][0]["GLAccount"] for line in stored["APInvDtls"]] == ["6100|00|10", ""]
    ds = kinetic.ds(PAYMENTS, "Update", ds=head(kinetic))
    kinetic.ds(PAYMENTS, "Update", ds=tran(kinetic, ds, 10, "S-1"))
    assert epicor.history.effects("ap_invoice.*") == []


@pytest.mark.parametrize(
    ("seed", "says"),
    [
        ({"suppliers": []}, "`suppliers` cannot be seeded"),
        ({"vendors": [{"VendorId": "X"}]}, "`VendorId` is no column of Vendor"),
        ({"vendors": [{"VendorNum": "1"}]}, "`Vendor.VendorNum` does not take"),
        ({"invoices": [{"VendorNum": 5}]}, "seed the vendor first"),
        ({"invoices": [{"VendorNum": 1, "DocInvoiceVendorAmt": 1.5}]}, "takes no float"),
        ({"invoices": [{"VendorNum": 1, "InvoiceDate": "soon"}]}, "does not take `'soon'` as date"),
    ],
)
def test_a_bad_seed_says_what_is_wrong(seed: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Epicor(seed=seed)


def test_the_same_random_makes_the_same_ids() -> None:
    seed = {"vendors": [{"VendorID": "ACME"}]}
    first, second = (Epicor(random=Random(3), seed=seed).vendors()[0]["SysRowID"] for _ in range(2))
    assert first == second


def test_a_fixed_port_can_be_asked_for() -> None:
    with Epicor() as first:
        port = int(httpx.URL(first.url).port or 0)
    with Epicor(port=port) as second:
        assert second.url == f"http://127.0.0.1:{port}/live"
