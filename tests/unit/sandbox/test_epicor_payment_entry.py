"""Payment entry of the Epicor stand-in: groups, checks, what they pay, what refuses them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import httpx
import pytest

from engine.sandbox.epicor import Epicor

PAYMENTS, CHECK_GROUPS, INVOICES = "Erp.BO.PaymentEntrySvc", "Erp.BO.APChkGrpSvc", "Erp.BO.APInvoiceSvc"
BUSINESS = "Ice.Common.BusinessObjectException"


def head(kinetic, number: int = 501, vendor: str = "ACME", **columns: object) -> dict:
    """The unsaved dataset of a manual payment."""
    ds = kinetic.ds(PAYMENTS, "CreateNewCheckHed", pcGroupID="PAY1", ds={})
    ds = kinetic.ds(PAYMENTS, "OnChangeVendor", pcVendorID=vendor, ds=ds)
    ds = kinetic.ds(PAYMENTS, "OnChangeCheckDate", pdtCheckDate="2025-01-30T00:00:00", ds=ds)
    ds = kinetic.ds(PAYMENTS, "OnChangeManualPrint", plManualPrint=True, ds=ds)
    ds = kinetic.ds(PAYMENTS, "OnChangeCheckNum", piCheckNum=number, ds=ds)
    ds = kinetic.ds(PAYMENTS, "OnChangeDocPaymentTotal", pDocPaymentTotal=100, ds=ds)
    ds["CheckHed"][0] |= columns
    return ds


def saved(kinetic, number: int = 501, vendor: str = "ACME") -> dict:
    return kinetic.ds(PAYMENTS, "Update", ds=head(kinetic, number, vendor))


def new_line(kinetic, ds: dict, invoice: str = "INV-77") -> dict:
    number = ds["CheckHed"][0]["HeadNum"]
    return kinetic.ds(PAYMENTS, "GetNewAPTran", ds=ds, headNum=number, apTranNo=0, invoiceNum=invoice)


def line(kinetic, ds: dict, amount: object = 100, invoice: str = "INV-77", discount: object = 0) -> dict:
    """The dataset with one more unsaved line."""
    body = {"pcInvoiceNum": invoice, "pcChangeExchangeRateResponse": ""}
    ds = kinetic.ds(PAYMENTS, "OnChangeInvoiceNum", **body, ds=new_line(kinetic, ds, invoice))
    ds = kinetic.ds(PAYMENTS, "OnChangeDocTranAmt", pdDocTranAmt=amount, ds=ds)
    return kinetic.ds(PAYMENTS, "OnChangeDocDiscAmt", pdDocDiscAmt=discount, ds=ds) if discount else ds


def refusal(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()
    assert error["ErrorType"] == BUSINESS
    return answer.status_code, error["ErrorDetails"][0].get("Field", "")


@pytest.fixture
def pay(kinetic) -> Callable[..., dict]:
    """Saves a payment of one line of an invoice that is there, and returns its dataset."""

    def pay(number: int = 501, amount: object = 100, invoice: str = "INV-77", discount: object = 0) -> dict:
        unsaved = line(kinetic, saved(kinetic, number), amount, invoice, discount)
        return kinetic.ds(PAYMENTS, "Update", ds=unsaved)

    return pay


def test_a_payment_made_elsewhere_is_entered_with_discount(kinetic, epicor: Epicor, pay) -> None:
    kinetic.invoice()
    ds = pay(amount=118.5, discount=2)
    check, tran = ds["CheckHed"][0], ds["APTran"][0]
    assert (check["CheckNum"], check["ManualPrint"], check["VendorNumVendorID"]) == (501, True, "ACME")
    assert (check["CheckAmt"], check["DocCheckAmt"]) == (Decimal("118.5"), Decimal("118.5"))
    assert (check["FiscalYear"], check["FiscalPeriod"], check["RowMod"]) == (2025, 1, "")
    assert (tran["APTranNo"], tran["InvoiceNum"], tran["TranType"], tran["TranDate"]) == (
        1,
        "INV-77",
        "Pay",
        "2025-01-30T00:00:00",
    )
    assert (tran["TranAmt"], tran["DocTranAmt"], tran["DiscAmt"], tran["DocDiscAmt"]) == (
        Decimal("118.5"),
        Decimal("118.5"),
        2,
        2,
    )
    assert epicor.ignored == set()


def test_the_open_balance_is_what_a_new_line_proposes(kinetic, pay) -> None:
    kinetic.invoice()
    pay(501, 100)
    ds = line(kinetic, saved(kinetic, 502), 20.5)
    body = {"pcInvoiceNum": "INV-77", "pcChangeExchangeRateResponse": ""}
    assert kinetic.ds(PAYMENTS, "OnChangeInvoiceNum", **body, ds=ds)["APTran"][0]["DocTranAmt"] == Decimal("20.5")


def test_posting_lets_the_balance_of_the_invoice_fall_and_closes_it(kinetic, epicor: Epicor, pay) -> None:
    kinetic.invoice()
    epicor.post_group("ML0131")
    pay(501, 100)
    kinetic.post(PAYMENTS, "PostAllowed", pcGroupID="PAY1")
    epicor.post_payments("PAY1")
    assert (epicor.invoices()[0]["DocInvoiceBal"], epicor.invoices()[0]["OpenPayable"]) == (Decimal("20.5"), True)
    pay(502, 20, discount=0.5)
    epicor.post_payments("PAY1")
    assert (epicor.invoices()[0]["DocInvoiceBal"], epicor.invoices()[0]["OpenPayable"]) == (0, False)
    unsaved = new_line(kinetic, saved(kinetic, 503))
    body = {"pcInvoiceNum": "INV-77", "pcChangeExchangeRateResponse": ""}
    paid = kinetic.ds(PAYMENTS, "OnChangeInvoiceNum", **body, ds=unsaved)
    assert paid["APTran"][0]["DocTranAmt"] == 0
    assert refusal(kinetic.fails(PAYMENTS, "OnChangeDocTranAmt", pdDocTranAmt=0.01, ds=paid)) == (400, "DocTranAmt")


def test_a_voided_payment_opens_its_invoices_again(kinetic, epicor: Epicor, pay) -> None:
    kinetic.invoice()
    number = pay(501, 100)["CheckHed"][0]["HeadNum"]
    with pytest.raises(LookupError, match="no posted payment"):
        epicor.void_payment(number)
    epicor.post_payments("PAY1")
    epicor.void_payment(number)
    assert epicor.invoices()[0]["DocInvoiceBal"] == Decimal("120.5")
    rows = kinetic.get(f"{PAYMENTS}/APTrans", filter=f"HeadNum eq {number}", orderby="Voided")["value"]
    assert [(row["Voided"], row["DocTranAmt"]) for row in rows] == [(False, 100), (True, -100)]
    assert kinetic.get(f"{PAYMENTS}/PaymentEntries", filter="Voided eq true")["value"][0]["HeadNum"] == number


def test_one_payment_pays_several_invoices(kinetic, epicor: Epicor) -> None:
    kinetic.invoice("A-1", 40)
    kinetic.invoice("A-2", 60)
    ds = kinetic.ds(PAYMENTS, "Update", ds=line(kinetic, saved(kinetic), 40, "A-1"))
    ds = kinetic.ds(PAYMENTS, "Update", ds=line(kinetic, ds, 60, "A-2"))
    assert [(row["APTranNo"], row["InvoiceNum"]) for row in ds["APTran"]] == [(1, "A-1"), (2, "A-2")]
    assert ds["CheckHed"][0]["DocCheckAmt"] == 100
    kinetic.post(PAYMENTS, "PostAllowed", pcGroupID="PAY1")


def test_a_line_can_be_changed_and_taken_away_until_posted(kinetic, epicor: Epicor, pay) -> None:
    kinetic.invoice()
    ds = pay()
    ds["APTran"][0] |= {"DocTranAmt": 50, "RowMod": "U"}
    ds = kinetic.ds(PAYMENTS, "Update", ds=ds)
    assert ds["CheckHed"][0]["DocCheckAmt"] == 50
    ds["APTran"][0]["RowMod"] = "D"
    ds = kinetic.ds(PAYMENTS, "Update", ds=ds)
    assert (ds["APTran"], ds["CheckHed"][0]["DocCheckAmt"]) == ([], 0)
    epicor.post_payments("PAY1")
    answer = kinetic.fails(
        PAYMENTS, "GetNewAPTran", ds=ds, headNum=ds["CheckHed"][0]["HeadNum"], apTranNo=0, invoiceNum="INV-77"
    )
    assert refusal(answer) == (400, "HeadNum")


def test_lines_follow_the_date_and_number_of_their_check(kinetic, pay) -> None:
    kinetic.invoice()
    ds = pay()
    ds["CheckHed"][0] |= {"CheckDate": "2025-01-31T00:00:00", "CheckNum": 777, "RowMod": "U"}
    kinetic.ds(PAYMENTS, "Update", ds=ds)
    (tran,) = kinetic.get(f"{PAYMENTS}/APTrans")["value"]
    assert (tran["CheckNum"], tran["TranDate"]) == (777, "2025-01-31T00:00:00")


@pytest.mark.parametrize("invoice", ["NOPE", "", "OTHERS"])
def test_an_unknown_invoice_and_that_of_another_vendor_are_refused(kinetic, epicor: Epicor, invoice: str) -> None:
    kinetic.invoice("OTHERS", vendor="OBRIEN")
    ds = new_line(kinetic, saved(kinetic), invoice)
    body = {"pcInvoiceNum": invoice, "pcChangeExchangeRateResponse": ""}
    assert refusal(kinetic.fails(PAYMENTS, "OnChangeInvoiceNum", **body, ds=ds)) == (400, "InvoiceNum")
    ds["APTran"][0] |= {"InvoiceNum": invoice, "DocTranAmt": 1}
    assert refusal(kinetic.fails(PAYMENTS, "Update", ds=ds)) == (400, "InvoiceNum")
    assert epicor.payments()[0]["APTrans"] == []


def test_an_invoice_on_hold_is_not_paid(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    epicor.update("APInvHed", {"InvoiceNum": "INV-77"}, PayHold=True)
    body = {"pcInvoiceNum": "INV-77", "pcChangeExchangeRateResponse": "", "ds": new_line(kinetic, saved(kinetic))}
    assert refusal(kinetic.fails(PAYMENTS, "OnChangeInvoiceNum", **body)) == (400, "InvoiceNum")


@pytest.mark.parametrize(
    ("amount", "discount", "field"),
    [(120.51, 0, "DocTranAmt"), (120, 0.51, "DocTranAmt"), (-1, 0, "DocTranAmt"), (100, -1, "DocDiscAmt")],
)
def test_amounts_beyond_the_balance_are_refused_when_saved(kinetic, amount, discount, field: str) -> None:
    kinetic.invoice()
    ds = line(kinetic, saved(kinetic), 1)
    ds["APTran"][0] |= {"DocTranAmt": amount, "DocDiscAmt": discount}
    assert refusal(kinetic.fails(PAYMENTS, "Update", ds=ds)) == (400, field)


def test_a_credit_is_taken_with_a_negative_line(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    kinetic.invoice("CM-1", -20)
    ds = kinetic.ds(PAYMENTS, "Update", ds=line(kinetic, saved(kinetic), 120.5))
    ds = kinetic.ds(PAYMENTS, "Update", ds=line(kinetic, ds, -20, "CM-1"))
    assert ds["CheckHed"][0]["DocCheckAmt"] == Decimal("100.5")


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"VendorNum": 0}, "VendorNumVendorID"),
        ({"VendorNum": 114}, "VendorNumVendorID"),
        ({"VendorNum": 115}, "VendorNumVendorID"),
        ({"GroupID": "NOPE"}, "GroupID"),
        ({"BankAcctID": "NOPE"}, "BankAcctID"),
        ({"CheckDate": None}, "CheckDate"),
        ({"CheckDate": "2024-12-31"}, "CheckDate"),
        ({"CheckNum": 0}, "CheckNum"),
        ({"CheckNum": -5}, "CheckNum"),
        ({"ManualPrint": False}, "CheckNum"),
        ({"RowMod": "M"}, "RowMod"),
    ],
)
def test_a_payment_that_breaks_a_rule_names_the_field(kinetic, epicor: Epicor, columns: dict, field: str) -> None:
    epicor.close_periods(date(2024, 12, 31))
    assert refusal(kinetic.fails(PAYMENTS, "Update", ds=head(kinetic, **columns))) == (400, field)
    assert epicor.payments() == []


@pytest.mark.parametrize("number", [2**31, "501", None, 5.5])
def test_a_check_number_is_a_whole_number_of_32_bits(kinetic, number: object) -> None:
    answer = kinetic.send("POST", f"{PAYMENTS}/OnChangeCheckNum", {"piCheckNum": number, "ds": head(kinetic)})
    assert answer.status_code == (200 if number is None else 400)


def test_a_check_to_be_printed_has_no_number_yet(kinetic, epicor: Epicor) -> None:
    ds = kinetic.ds(PAYMENTS, "OnChangeManualPrint", plManualPrint=False, ds=head(kinetic))
    assert kinetic.ds(PAYMENTS, "Update", ds=ds)["CheckHed"][0]["CheckNum"] == 0
    ds = kinetic.ds(PAYMENTS, "OnChangeManualPrint", plManualPrint=False, ds=head(kinetic))
    kinetic.ds(PAYMENTS, "Update", ds=ds)
    assert len(epicor.payments()) == 2


def test_an_unmarked_payment_is_not_saved(kinetic, epicor: Epicor) -> None:
    kinetic.ds(PAYMENTS, "Update", ds=head(kinetic, RowMod=""))
    assert epicor.payments() == []
    no_row = kinetic.fails(PAYMENTS, "OnChangeCheckNum", piCheckNum=7, ds={})
    assert refusal(no_row) == (400, "")


def test_the_head_must_be_saved_and_stay_in_the_dataset(kinetic) -> None:
    kinetic.invoice()
    unsaved = head(kinetic)
    number = unsaved["CheckHed"][0]["HeadNum"]
    body = {"headNum": number, "apTranNo": 0, "invoiceNum": "INV-77"}
    answer = kinetic.fails(PAYMENTS, "GetNewAPTran", ds=unsaved, **body)
    assert (answer.status_code, answer.json()["ErrorType"]) == (404, "Ice.Common.RecordNotFoundException")
    ds = kinetic.ds(PAYMENTS, "Update", ds=unsaved)
    dropped = {**ds, "CheckHed": []}
    assert kinetic.fails(PAYMENTS, "GetNewAPTran", ds=dropped, **body).status_code == 400
    ds = new_line(kinetic, ds)
    del ds["CheckHed"]
    answer = kinetic.fails(PAYMENTS, "OnChangeDocTranAmt", pdDocTranAmt=1, ds=ds)
    assert "holds no CheckHed" in answer.json()["ErrorMessage"]


def test_an_old_revision_and_an_existing_key_are_refused(kinetic, epicor: Epicor, pay) -> None:
    kinetic.invoice()
    ds = pay()
    stale = {**ds, "CheckHed": [{**ds["CheckHed"][0], "SysRevID": 1, "RowMod": "U"}]}
    assert "modified by another user" in kinetic.fails(PAYMENTS, "Update", ds=stale).json()["ErrorMessage"]
    again = {**ds, "CheckHed": [{**ds["CheckHed"][0], "RowMod": "A", "CheckNum": 9}]}
    assert kinetic.fails(PAYMENTS, "Update", ds=again).status_code == 409
    gone = {**ds, "APTran": [{**ds["APTran"][0], "RowMod": "U", "SysRowID": "1" * 36}]}
    assert kinetic.fails(PAYMENTS, "Update", ds=gone).status_code == 404


def test_the_vendor_stays_while_invoices_are_selected(kinetic, pay) -> None:
    kinetic.invoice()
    ds = pay()
    ds["CheckHed"][0] |= {"VendorNum": 113, "RowMod": "U"}
    assert refusal(kinetic.fails(PAYMENTS, "Update", ds=ds)) == (400, "VendorNumVendorID")


def test_a_group_in_use_by_another_is_refused(kinetic, epicor: Epicor) -> None:
    unsaved = head(kinetic)
    epicor.update("APChkGrp", {"GroupID": "PAY1"}, ActiveUserID="maria")
    for method, body in (
        ("CreateNewCheckHed", {"pcGroupID": "PAY1", "ds": {}}),
        ("Update", {"ds": unsaved}),
        ("PostAllowed", {"pcGroupID": "PAY1"}),
    ):
        assert refusal(kinetic.fails(PAYMENTS, method, **body)) == (400, "ActiveUserID")
    assert kinetic.fails(CHECK_GROUPS, "LockGroup", pcGroupID="PAY1").status_code == 400
    assert kinetic.fails(CHECK_GROUPS, "LockGroup", pcGroupID="NOPE").status_code == 404
    kinetic.post(CHECK_GROUPS, "UnLockGroup", pcGroupID="PAY1")
    kinetic.ds(PAYMENTS, "Update", ds=unsaved)


def test_posting_is_allowed_when_every_payment_is_applied(kinetic, pay) -> None:
    assert refusal(kinetic.fails(PAYMENTS, "PostAllowed", pcGroupID="NOPE")) == (400, "GroupID")
    assert refusal(kinetic.fails(PAYMENTS, "PostAllowed", pcGroupID="PAY1")) == (400, "GroupID")
    kinetic.invoice()
    pay(amount=99.5)
    assert refusal(kinetic.fails(PAYMENTS, "PostAllowed", pcGroupID="PAY1")) == (400, "DocPaymentTotal")


@pytest.mark.parametrize(
    "method", ["OnChangeDocPaymentTotal", "OnChangeDocTranAmt", "OnChangeDocDiscAmt", "OnChangeInvoiceNum"]
)
def test_a_call_without_its_parameter_is_unreadable(kinetic, method: str) -> None:
    answer = kinetic.fails(PAYMENTS, method, ds=head(kinetic))
    assert answer.json()["ErrorMessage"].startswith("Unable to deserialize entity")


def test_missing_booleans_count_on_v2_but_not_on_v1(kinetic, epicor: Epicor) -> None:
    body = {"ds": head(kinetic)}
    assert kinetic.fails(PAYMENTS, "OnChangeManualPrint", **body).status_code == 400
    assert kinetic.send("POST", f"{epicor.url}/api/v1/{PAYMENTS}/OnChangeManualPrint", body).status_code == 200


def test_a_posted_set_row_is_saved_without_the_screens_defaults(kinetic, epicor: Epicor) -> None:
    row = {"GroupID": "PAY1", "BankAcctID": "OPER", "VendorNum": 112, "CheckNum": 9, "CheckDate": "2025-01-30"}
    assert kinetic.send("POST", f"{PAYMENTS}/PaymentEntries", row).status_code == 400
    made = kinetic.send("POST", f"{PAYMENTS}/PaymentEntries", {**row, "ManualPrint": True})
    assert (made.status_code, made.json()["HeadNum"], made.json()["Name"]) == (
        201,
        1002,
        "Acme",
    )  # the refused one took a number
    assert [payment["HeadNum"] for payment in epicor.payments()] == [1002]


def test_a_lost_answer_leaves_the_payment_behind(kinetic, epicor: Epicor) -> None:
    ds = head(kinetic)
    epicor.faults.add("lost_answer:Update:1")
    with pytest.raises(httpx.RemoteProtocolError):
        kinetic.post(PAYMENTS, "Update", ds=ds)
    text = "BankAcctID eq 'OPER' and CheckNum eq 501"
    assert len(kinetic.get(f"{PAYMENTS}/PaymentEntries", filter=text)["value"]) == 1
    assert "Duplicate check number" in kinetic.fails(PAYMENTS, "Update", ds=head(kinetic)).json()["ErrorMessage"]


def test_the_select_screen_is_not_offered(kinetic) -> None:
    assert kinetic.fails(PAYMENTS, "SelectInvoices", pcGroupID="PAY1").status_code == 404
