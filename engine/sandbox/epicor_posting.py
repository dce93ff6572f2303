"""What AP staff do on screen in the Epicor Kinetic stand-in and no client may: posting groups, voiding payments."""

from __future__ import annotations

from decimal import Decimal

from engine.sandbox.epicor_columns import EMPTY_GUID
from engine.sandbox.epicor_invoice_save import lines_of
from engine.sandbox.epicor_store import Row, Store

_AMOUNTS = ("TranAmt", "DocTranAmt", "DiscAmt", "DocDiscAmt")


def post_group(store: Store, group_id: str) -> int:
    """Post the invoices of a group; how many. ValueError for a variance or an uncoded line."""
    with store.transaction():
        found = store.select("APInvHed", GroupID=group_id, Posted=False)
        for header in found:
            _check_postable(store, header)
            amounts = {"Posted": True, "UnpostedBal": Decimal(0)}
            store.put("APInvHed", {**header, **amounts})
            store.note("ap_invoice.posted", f"{header['VendorNum']}/{header['InvoiceNum']}")
        return len(found)


def post_payments(store: Store, group_id: str) -> int:
    """Post the payments of a group: the balances of the paid invoices fall. How many payments."""
    with store.transaction():
        found = store.select("CheckHed", GroupID=group_id, Posted=False)
        for head in found:
            for tran in store.below("APTran", head["Company"], head["HeadNum"]):
                _settle(store, store.put("APTran", {**tran, "Posted": True}))
            store.put("CheckHed", {**head, "Posted": True})
            store.note("payment.posted", str(head["HeadNum"]))
        return len(found)


def void_payment(store: Store, number: int) -> None:
    """Void a posted payment: each line gets a voided twin that takes it back. LookupError when there is none to void."""
    with store.transaction():
        head = store.get("CheckHed", number, company=store.company)
        if head is None or not head["Posted"] or head["Voided"]:
            raise LookupError(f"there is no posted payment {number} to void")
        for tran in store.below("APTran", store.company, number):
            taken_back = {name: -tran[name] for name in _AMOUNTS}
            _settle(store, store.put("APTran", {**tran, **taken_back, "Voided": True, "SysRowID": EMPTY_GUID}))
        store.put("CheckHed", {**head, "Voided": True})
        store.note("payment.voided", str(number))


def _check_postable(store: Store, header: Row) -> None:
    name = f"{header['VendorNum']}/{header['InvoiceNum']}"
    if header["DocInvoiceVariance"]:
        raise ValueError(f"invoice {name} has a variance of {header['DocInvoiceVariance']}; it cannot be posted")
    if any(not row["GLAccount"] for row in lines_of(store, header)[1]):
        raise ValueError(f"invoice {name} has a line without a GL account; it cannot be posted")


def _settle(store: Store, tran: Row) -> None:
    header = store.get("APInvHed", tran["VendorNum"], tran["InvoiceNum"], company=tran["Company"])
    if header is not None:
        balance = header["DocInvoiceBal"] - tran["DocTranAmt"] - tran["DocDiscAmt"]
        left = {"DocInvoiceBal": balance, "InvoiceBal": balance, "OpenPayable": bool(balance)}
        store.put("APInvHed", {**header, **left})
