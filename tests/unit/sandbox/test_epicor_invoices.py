"""AP invoices in the Epicor stand-in: the documented chain of calls, and every rule that breaks it."""

from __future__ import annotations

import threading
from decimal import Decimal

import httpx
import pytest

from engine.sandbox.epicor import Epicor

INVOICES, GROUPS = "Erp.BO.APInvoiceSvc", "Erp.BO.APInvGrpSvc"


def test_the_documented_chain_makes_a_whole_invoice(kinetic, epicor: Epicor) -> None:
    ds = kinetic.ds(GROUPS, "GetNewAPInvGrpNoLock", ds={})
    ds["APInvGrp"][0]["GroupID"] = "ML0201"
    kinetic.ds(GROUPS, "Update", ds=ds)
    header = kinetic.header()
    assert header["APInvHed"][0]["DueDate"] == "2025-02-19T00:00:00"
    assert header["APInvHed"][0]["TermsCode"] == "N30"
    ds = kinetic.line(kinetic.ds(INVOICES, "Update", ds=header), 100)
    ds = kinetic.line(ds, 20.5, "6200|00|20")
    (stored,) = epicor.invoices()
    assert stored["DocInvoiceVendorAmt"] == Decimal("120.5")
    assert stored["DocInvoiceVariance"] == 0
    assert [line["DocExtCost"] for line in stored["APInvDtls"]] == [100, Decimal("20.5")]
    accounts = [line["APInvExps"][0]["GLAccount"] for line in stored["APInvDtls"]]
    assert accounts == ["6100|00|10", "6200|00|20"]
    assert epicor.rows("APInvExpTGLC")[0]["SegValue3"] == "10"
    effects = [effect.what for effect in epicor.history.effects("ap_invoice.*")]
    assert effects == ["ap_invoice.header_saved", *["ap_invoice.line_saved", "ap_invoice.coded"] * 2]
    assert ds["APInvHed"][0]["DocInvoiceVariance"] == 0
    assert epicor.ignored == set()
    assert epicor.post_group("ML0131") == 1


def test_an_amount_stays_the_same_digit_for_digit(kinetic, epicor: Epicor) -> None:
    text = b'{"ds": %s, "ProposedInvoiceVendorAmt": 1234567890123.10}'
    ds = kinetic.ds(INVOICES, "GetNewAPInvHedInvoice", ds={}, cGroupID="ML0131")
    raw = httpx.Response(200, json=ds).content
    answer = kinetic.send(
        "POST",
        f"{INVOICES}/ChangeInvoiceVendorAmt",
        content=text % raw,
        headers={"Content-Type": "application/json"},
    )
    assert b'"DocInvoiceVendorAmt":1234567890123.10,' in answer.content


def test_a_debit_memo_shares_the_numbers_of_invoices(kinetic, epicor: Epicor) -> None:
    kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    ds = kinetic.ds(INVOICES, "GetNewAPInvHedDebitMemo", ds={}, cGroupID="ML0131")
    ds["APInvHed"][0] |= {"VendorNum": 112, "InvoiceNum": "INV-77", "TermsCode": "N30"}
    assert kinetic.fails(INVOICES, "Update", ds=ds).status_code == 409
    ds["APInvHed"][0]["InvoiceNum"] = "CM-1"
    assert kinetic.ds(INVOICES, "Update", ds=ds)["APInvHed"][0]["DebitMemo"] is True


def test_the_dataset_keeps_the_rows_and_shows_what_was_saved(kinetic) -> None:
    saved = kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    assert saved["APInvHed"][0]["RowMod"] == ""
    assert saved["APInvHed"][0]["SysRevID"] > 88000
    ds = kinetic.line(saved)
    assert ds["APInvHed"][0]["SysRevID"] > saved["APInvHed"][0]["SysRevID"]
    assert [row["InvoiceLine"] for row in ds["APInvDtl"]] == [1]
    assert ds["APInvExp"][0]["GLAccount"] == "6100|00|10"
    read = kinetic.post(INVOICES, "GetByID", vendorNum=112, invoiceNum="INV-77")["returnObj"]
    assert read == ds


def test_get_by_id_may_be_a_get(kinetic) -> None:
    kinetic.invoice()
    answer = kinetic.send("GET", f"{INVOICES}/GetByID", params={"vendorNum": "112", "invoiceNum": "INV-77"})
    assert answer.json()["returnObj"]["APInvHed"][0]["InvoiceNum"] == "INV-77"


def test_a_line_written_straight_into_update_master(kinetic, epicor: Epicor) -> None:
    ds = kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    line = {"Company": "EPIC06", "VendorNum": 112, "InvoiceNum": "INV-77", "InvoiceLine": 0, "Description": "Toner"}
    ds["APInvDtl"] = [{**line, "ScrVendorQty": 1, "DocUnitCost": 120.5, "ScrDocExtCost": 120.5, "RowMod": "A"}]
    answer = kinetic.master(ds, "APInvDtl")["parameters"]
    assert answer["lUpdateRan"] is True
    assert answer["grpTotalInvAmt"] == Decimal("120.5")
    assert answer["ds"]["APInvDtl"][0]["InvoiceLine"] == 1
    assert epicor.invoices()[0]["DocInvoiceAmt"] == Decimal("120.5")


def test_quantity_and_unit_cost_make_the_extended_cost(kinetic) -> None:
    ds = kinetic.ds(INVOICES, "Update", ds=kinetic.header(amount=30.3))
    ds = kinetic.ds(INVOICES, "GetNewAPInvDtl", ds=ds, vendorNum=112, invoiceNum="INV-77")
    ds = kinetic.ds(INVOICES, "ChangePartNum", ProposedPartNum="P-1", ds=ds)
    ds = kinetic.ds(INVOICES, "ChangeVendorQty", ProposedVendorQty=3, ds=ds)
    ds = kinetic.ds(INVOICES, "ChangeUnitCost", ProposedUnitCost=10.1, ds=ds)
    line = kinetic.ds(INVOICES, "Update", ds=ds)["APInvDtl"][0]
    assert (line["PartNum"], line["DocExtCost"], line["ScrDocExtCost"]) == ("P-1", Decimal("30.3"), Decimal("30.3"))


def test_an_order_brings_vendor_and_line(kinetic, epicor: Epicor) -> None:
    ds = kinetic.ds(INVOICES, "GetNewAPInvHedInvoice", ds={}, cGroupID="ML0131")
    ds = kinetic.ds(INVOICES, "ChangeRefPONum", ProposedRefPONum=4001, confirmCheck=False, ds=ds)
    ds["APInvHed"][0]["InvoiceNum"] = "PO-INV"
    ds = kinetic.ds(INVOICES, "Update", ds=ds)
    assert ds["APInvHed"][0]["VendorNumVendorID"] == "ACME"
    ds = kinetic.ds(INVOICES, "GetNewAPInvDtlUnreceived", ds=ds, iVendorNum=112, cInvoiceNum="PO-INV")
    ds = kinetic.ds(INVOICES, "ChangePONum", ProposedPONum=4001, ds=ds)
    ds = kinetic.ds(INVOICES, "ChangePOLine", ProposedPOLine=1, ds=ds)
    ds = kinetic.ds(INVOICES, "ChangePORelNum", ProposedPORelNum=1, ds=ds)
    kinetic.ds(INVOICES, "Update", ds=ds)
    assert epicor.invoices()[0]["APInvDtls"][0]["DocExtCost"] == Decimal("300.50")
    closed = kinetic.fails(INVOICES, "ChangeRefPONum", ProposedRefPONum=4002, confirmCheck=False, ds=ds)
    assert closed.status_code == 400


def test_the_vendors_default_account_codes_a_line(kinetic, epicor: Epicor) -> None:
    epicor.store.vendor_gl[112] = "6200|00|20"
    ds = kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    ds["APInvDtl"] = [{"VendorNum": 112, "InvoiceNum": "INV-77", "DocExtCost": 5, "RowMod": "A"}]
    assert kinetic.ds(INVOICES, "Update", ds=ds)["APInvExpTGLC"][0]["GLAccount"] == "6200|00|20"


def test_segments_alone_make_the_account_and_must_agree_with_it(kinetic) -> None:
    ds = kinetic.invoice()
    ds["APInvExpTGLC"][0] |= {"SegValue1": "6200", "SegValue3": "20", "RowMod": "U"}
    ds = kinetic.ds(INVOICES, "Update", ds=ds)
    assert ds["APInvExpTGLC"][0]["GLAccount"] == "6200|00|20"
    ds["APInvExpTGLC"][0] |= {"GLAccount": "6100|00|10", "SegValue1": "7777", "RowMod": "U"}
    assert kinetic.fails(INVOICES, "Update", ds=ds).json()["ErrorDetails"][0]["Field"] == "SegValue1"


def test_an_account_written_anywhere_else_codes_nothing(kinetic, epicor: Epicor) -> None:
    ds = kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    line = {"VendorNum": 112, "InvoiceNum": "INV-77", "DocExtCost": 5, "GLAccount": "6100|00|10", "RowMod": "A"}
    ds["APInvDtl"] = [line]
    ds = kinetic.ds(INVOICES, "Update", ds=ds)
    ds["APInvExp"][0] |= {"GLAccount": "6100|00|10", "RowMod": "U"}
    kinetic.ds(INVOICES, "Update", ds=ds)
    assert epicor.invoices()[0]["APInvDtls"][0]["APInvExps"][0]["GLAccount"] == ""
    with pytest.raises(ValueError, match="variance"):
        epicor.post_group("ML0131")


@pytest.mark.parametrize("account", ["9999|00|00", "0000|00|00", ""])
def test_an_inactive_or_unknown_account_is_refused(kinetic, epicor: Epicor, account: str) -> None:
    ds = kinetic.invoice()
    ds["APInvExpTGLC"][0] |= {"GLAccount": account, "RowMod": "U"}
    answer = kinetic.fails(INVOICES, "Update", ds=ds)
    assert answer.status_code == 400
    assert answer.json()["ErrorDetails"][0]["Table"] == "APInvExpTGLC"
    assert epicor.invoices()[0]["APInvDtls"][0]["APInvExps"][0]["GLAccount"] == "6100|00|10"


def test_a_dataset_without_its_header_breaks_change_methods(kinetic) -> None:
    ds = kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    ds = kinetic.ds(INVOICES, "GetNewAPInvDtlMiscellaneous", ds=ds, iVendorNum=112, cInvoiceNum="INV-77")
    del ds["APInvHed"]
    assert kinetic.fails(INVOICES, "ChangeExtCost", ProposedExtCost=1, ds=ds).status_code == 400
    assert kinetic.fails(INVOICES, "ChangeTermsCode", ProposedTermsCode="N30", ds=ds).status_code == 400


def test_a_change_needs_a_row_marked_as_changed(kinetic) -> None:
    ds = kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    refused = kinetic.fails(INVOICES, "ChangeTermsCode", ProposedTermsCode="N45", ds=ds)
    assert refused.status_code == 400
    ds["APInvHed"][0]["RowMod"] = "U"
    ds = kinetic.ds(INVOICES, "ChangeTermsCode", ProposedTermsCode="N45", ds=ds)
    assert kinetic.ds(INVOICES, "Update", ds=ds)["APInvHed"][0]["DueDate"] == "2025-03-06T00:00:00"


def test_a_line_needs_a_saved_invoice(kinetic) -> None:
    body = {"ds": kinetic.header(), "iVendorNum": 112, "cInvoiceNum": "INV-77"}
    assert kinetic.fails(INVOICES, "GetNewAPInvDtlMiscellaneous", **body).status_code == 400


def test_nothing_is_saved_of_a_dataset_with_one_bad_row(kinetic, epicor: Epicor) -> None:
    ds = kinetic.header()
    ds["APInvDtl"] = [
        {"VendorNum": 112, "InvoiceNum": "INV-77", "DocExtCost": 5, "RowMod": "A"},
        {"VendorNum": 112, "InvoiceNum": "OTHER", "DocExtCost": 5, "RowMod": "A"},
    ]
    kinetic.fails(INVOICES, "Update", ds=ds)
    assert epicor.invoices() == []
    assert epicor.history.effects() == []


def test_lines_are_changed_and_deleted_with_their_gl_rows(kinetic, epicor: Epicor) -> None:
    ds = kinetic.invoice()
    ds["APInvDtl"][0] |= {"DocExtCost": 99, "RowMod": "U"}
    ds = kinetic.ds(INVOICES, "Update", ds=ds)
    assert ds["APInvExp"][0]["DocExpAmt"] == 99
    assert ds["APInvHed"][0]["DocInvoiceVariance"] == Decimal("21.5")
    ds["APInvDtl"][0]["RowMod"] = "D"
    assert kinetic.ds(INVOICES, "Update", ds=ds)["APInvDtl"] == []
    assert epicor.rows("APInvExp") == epicor.rows("APInvExpTGLC") == []


def test_an_unposted_invoice_can_be_deleted_a_posted_one_not(kinetic, epicor: Epicor) -> None:
    kinetic.invoice("A")
    epicor.post_group("ML0131")
    kinetic.invoice("B")
    assert kinetic.fails(INVOICES, "DeleteByID", vendorNum=112, invoiceNum="A").status_code == 400
    kinetic.post(INVOICES, "DeleteByID", vendorNum=112, invoiceNum="B")
    assert [row["InvoiceNum"] for row in epicor.invoices()] == ["A"]
    assert [effect.key for effect in epicor.history.effects("ap_invoice.deleted")] == ["112/B"]
    assert kinetic.fails(INVOICES, "DeleteByID", vendorNum=112, invoiceNum="B").status_code == 404
    ds = kinetic.post(INVOICES, "GetByID", vendorNum=112, invoiceNum="A")["returnObj"]
    ds["APInvHed"][0] |= {"Description": "late", "RowMod": "U"}
    assert kinetic.fails(INVOICES, "Update", ds=ds).status_code == 400


def test_a_group_is_locked_on_a_screen_until_unlocked(kinetic, epicor: Epicor) -> None:
    epicor.lock_group("ML0131")
    body = {"ds": {}, "cGroupID": "ML0131"}
    assert "locked by user maria" in kinetic.fails(INVOICES, "GetNewAPInvHedInvoice", **body).json()["ErrorMessage"]
    kinetic.post(GROUPS, "UnlockGroup", InGroupID="ML0131")
    kinetic.post(INVOICES, "GetNewAPInvHedInvoice", **body)


def test_groups_are_read_locked_and_deleted_when_empty(kinetic, epicor: Epicor) -> None:
    ds = kinetic.post(GROUPS, "GetByID", groupID="ML0131")["returnObj"]
    ds = kinetic.ds(GROUPS, "LockAPGroup", groupID="ML0131", ds=ds)
    assert epicor.rows("APInvGrp")[0]["ActiveUserID"] == "mlc"
    kinetic.invoice()
    assert kinetic.fails(GROUPS, "DeleteByID", groupID="ML0131").status_code == 400
    kinetic.post(INVOICES, "DeleteByID", vendorNum=112, invoiceNum="INV-77")
    kinetic.post(GROUPS, "DeleteByID", groupID="ML0131")
    assert epicor.rows("APInvGrp") == []
    assert kinetic.fails(GROUPS, "GetByID", groupID="ML0131").status_code == 404


def test_two_writers_of_one_number_make_one_invoice(kinetic, epicor: Epicor) -> None:
    sets = [kinetic.header(), kinetic.header()]
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda ds=ds: statuses.append(kinetic.send("POST", f"{INVOICES}/Update", {"ds": ds}).status_code)
        )
        for ds in sets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409]
    assert len(epicor.invoices()) == 1


def test_unknown_names_are_passed_over_and_remembered(kinetic, epicor: Epicor) -> None:
    ds = kinetic.header()
    ds["APInvHed"][0]["RefPONum"] = 7
    kinetic.post(INVOICES, "Update", ds=ds, surplus=1)
    assert epicor.ignored == {"Update: APInvHed.RefPONum", "Update: surplus"}


def test_a_posted_payment_lowers_the_balance(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    epicor.post_group("ML0131")
    epicor.seed(
        payments=[
            {
                "VendorNum": 112,
                "GroupID": "PAY1",
                "CheckNum": 9,
                "pays": [{"InvoiceNum": "INV-77", "DocTranAmt": "120.50"}],
            }
        ]
    )
    assert epicor.post_payments("PAY1") == 1
    (stored,) = epicor.invoices()
    assert (stored["DocInvoiceBal"], stored["OpenPayable"]) == (0, False)
