"""Payment entry of the Epicor Kinetic stand-in: payment groups, the calls on a payment and on what it pays."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.sandbox.epicor_dataset import dataset_of
from engine.sandbox.epicor_errors import business, not_found
from engine.sandbox.epicor_methods import Call, Method, answer, method
from engine.sandbox.epicor_payment_groups import open_group
from engine.sandbox.epicor_payment_save import check_vendor, open_balance, payable, save_payments
from engine.sandbox.epicor_store import Row

SERVICE = "Erp.BO.PaymentEntrySvc"


def _new_head(call: Call) -> dict[str, Any]:
    store = call.store
    group = open_group(store, call.args["pcGroupID"], company=call.company, method_name=call.method)
    row = store.tables["CheckHed"].blank() | {
        "Company": call.company,
        "HeadNum": store.reserve("HeadNum", 1001),
        **{name: group[name] for name in ("GroupID", "BankAcctID", "CheckDate", "PMUID", "CurrencyCode")},
    }
    call.ds.tables["CheckHed"].append(row)
    return answer(call.ds)


def _change_vendor(call: Call) -> dict[str, Any]:
    head = call.ds.current("CheckHed")
    found = call.store.select("Vendor", Company=call.company, VendorID=call.args["pcVendorID"].upper())
    vendor = check_vendor(found[0] if found else None, call.method)
    head |= {"VendorNum": vendor["VendorNum"], "VendorNumVendorID": vendor["VendorID"], "Name": vendor["Name"]}
    return answer(call.ds)


def _setter(parameter: str, *columns: str) -> Any:
    def change(call: Call) -> dict[str, Any]:
        head = call.ds.current("CheckHed")
        head |= dict.fromkeys(columns, call.args[parameter])
        return answer(call.ds)

    return change


def _new_tran(call: Call) -> dict[str, Any]:
    head = _stored_head(call, call.args["headNum"])
    if head["Posted"]:
        raise business(f"Payment {head['HeadNum']} is posted.", table="APTran", field="HeadNum", method=call.method)
    row = call.store.tables["APTran"].blank() | {
        "Company": call.company,
        "APTranNo": call.args["apTranNo"],
        "InvoiceNum": call.args["invoiceNum"],
        "HeadNum": head["HeadNum"],
        "TranType": "Pay",
        "TranDate": head["CheckDate"],
        **{name: head[name] for name in ("CheckNum", "BankAcctID", "GroupID", "VendorNum")},
    }
    call.ds.require("CheckHed")
    call.ds.tables["APTran"].append(row)
    return answer(call.ds)


def _change_invoice(call: Call) -> dict[str, Any]:
    call.ds.require("CheckHed")
    tran = call.ds.current("APTran")
    invoice = payable(call.store, {**tran, "InvoiceNum": call.args["pcInvoiceNum"]}, call.method)
    tran["InvoiceNum"] = invoice["InvoiceNum"]
    tran |= dict.fromkeys(("TranAmt", "DocTranAmt"), open_balance(call.store, invoice, tran))
    return answer(call.ds)


def _change_manual(call: Call) -> dict[str, Any]:
    head, manual = call.ds.current("CheckHed"), call.args["plManualPrint"]
    # A check that is yet to be printed gets its number from the printing.
    head |= {"ManualPrint": manual} if manual else {"ManualPrint": False, "CheckNum": 0}
    return answer(call.ds)


def _change_amount(call: Call) -> dict[str, Any]:
    tran, amount = _tran(call), call.args["pdDocTranAmt"]
    _check_amount(call, tran, amount)
    tran |= dict.fromkeys(("TranAmt", "DocTranAmt"), amount)
    return answer(call.ds)


def _change_discount(call: Call) -> dict[str, Any]:
    tran, discount = _tran(call), call.args["pdDocDiscAmt"]
    tran |= dict.fromkeys(("DiscAmt", "DocDiscAmt"), discount)
    return answer(call.ds)


def _tran(call: Call) -> Row:
    call.ds.require("CheckHed")
    return call.ds.current("APTran")


def _check_amount(call: Call, tran: Row, amount: Decimal) -> None:
    invoice = payable(call.store, tran, call.method)
    balance = open_balance(call.store, invoice, tran)
    if abs(amount) > abs(balance):
        message = f"Payment amount {amount} is more than the open balance {balance} of invoice {tran['InvoiceNum']}."
        raise business(message, table="APTran", field="DocTranAmt", method=call.method)


def _update(call: Call) -> dict[str, Any]:
    save_payments(call.store, call.ds, company=call.company)
    return answer(call.ds)


def _get(call: Call) -> dict[str, Any]:
    head = _stored_head(call, call.args["headNum"])
    trans = call.store.below("APTran", call.company, head["HeadNum"])
    return {"returnObj": dataset_of(SERVICE, call.method, CheckHed=[head], APTran=trans).out()}


def _delete(call: Call) -> dict[str, Any]:
    head = _stored_head(call, call.args["headNum"])
    if head["Posted"]:
        raise business("A posted payment cannot be deleted.", table="CheckHed", field="Posted", method=call.method)
    for tran in call.store.below("APTran", call.company, head["HeadNum"]):
        call.store.remove("APTran", tran)
    call.store.remove("CheckHed", head)
    call.store.note("payment.deleted", str(head["HeadNum"]))
    return {"parameters": {}}


def _post_allowed(call: Call) -> dict[str, Any]:
    """400 names what stands in the way of posting the group; that it answers nothing else is inferred."""
    store, group_id = call.store, call.args["pcGroupID"]
    open_group(store, group_id, company=call.company, method_name=call.method)
    heads = store.select("CheckHed", Company=call.company, GroupID=group_id, Posted=False)
    if not heads:
        message = f"Group {group_id} holds no payments."
        raise business(message, table="APChkGrp", field="GroupID", method=call.method)
    for head in heads:
        if head["DocCheckAmt"] != head["DocPaymentTotal"]:
            message = f"Payment {head['HeadNum']} of {head['DocPaymentTotal']} is applied to {head['DocCheckAmt']}."
            raise business(message, table="CheckHed", field="DocPaymentTotal", method=call.method)
    return {"parameters": {}}


def _stored_head(call: Call, number: int) -> Row:
    head = call.store.get("CheckHed", number, company=call.company)
    if head is None:
        raise not_found(f"Payment {number} not found.")
    return head


METHODS: Mapping[str, Method] = {
    "CreateNewCheckHed": method("pcGroupID:s ds", _new_head),
    "OnChangeVendor": method("pcVendorID:s ds", _change_vendor),
    "OnChangeCheckDate": method("pdtCheckDate:D ds", _setter("pdtCheckDate", "CheckDate")),
    "OnChangeCheckNum": method("piCheckNum:i ds", _setter("piCheckNum", "CheckNum")),
    "OnChangeManualPrint": method("plManualPrint:b ds", _change_manual),
    "OnChangeDocPaymentTotal": method(
        "pDocPaymentTotal:d ds", _setter("pDocPaymentTotal", "PaymentTotal", "DocPaymentTotal")
    ),
    "GetNewAPTran": method("ds headNum:i apTranNo:i invoiceNum:s", _new_tran),
    "OnChangeInvoiceNum": method("pcInvoiceNum:s pcChangeExchangeRateResponse:s ds", _change_invoice),
    "OnChangeDocTranAmt": method("pdDocTranAmt:d ds", _change_amount),
    "OnChangeDocDiscAmt": method("pdDocDiscAmt:d ds", _change_discount),
    "Update": method("ds", _update),
    "PostAllowed": method("pcGroupID:s", _post_allowed),
    "GetByID": method("headNum:i", _get, reads=True),
    "DeleteByID": method("headNum:i", _delete),
}
