"""Saving payments in the Epicor Kinetic stand-in: heads, what they pay, and the balance left on an invoice."""

from __future__ import annotations

from decimal import Decimal

from engine.sandbox.epicor_dataset import Dataset
from engine.sandbox.epicor_errors import Refusal, business
from engine.sandbox.epicor_payment_groups import open_group
from engine.sandbox.epicor_store import Row, Store


def save_payments(store: Store, dataset: Dataset, *, company: str) -> None:
    """Save every row marked A, U or D and show the saved rows, with the payment's new total, in the dataset."""
    heads: set[int] = set()
    for row in dataset.changed("CheckHed"):
        _show(dataset, "CheckHed", row, _save_head(store, row, dataset.method))
    for row in dataset.changed("APTran"):
        _show(dataset, "APTran", row, _save_tran(store, row, dataset.method))
        heads.add(row["HeadNum"])
    for number in heads:
        head = store.get("CheckHed", number, company=company)
        if head is not None:
            paid = sum((row["DocTranAmt"] for row in store.below("APTran", company, number)), Decimal(0))
            store.put("CheckHed", {**head, "CheckAmt": paid, "DocCheckAmt": paid})
    rows = dataset.tables["CheckHed"]
    for position, row in enumerate(rows):
        stored = store.by_id(row["SysRowID"])
        if stored is not None and row["HeadNum"] in heads:
            rows[position] = dict(stored)


def _save_head(store: Store, row: Row, method_name: str) -> Row | None:
    if row["RowMod"] == "A" and row["HeadNum"] == 0:
        row["HeadNum"] = store.reserve("HeadNum", 1001)
    stored = store.stored_for("CheckHed", row)
    if (stored or row)["Posted"]:
        raise business("The payment is posted.", table="CheckHed", field="Posted", method=method_name)
    if row["RowMod"] == "D":
        for tran in store.below("APTran", row["Company"], row["HeadNum"]):
            store.remove("APTran", tran)
        store.remove("CheckHed", stored or row)
        store.note("payment.deleted", str(row["HeadNum"]))
        return None
    vendor = _check_head(store, row, stored, method_name)
    named = {"VendorNumVendorID": vendor["VendorID"], "Name": row["Name"] or vendor["Name"]}
    period = {"FiscalYear": row["CheckDate"].year, "FiscalPeriod": row["CheckDate"].month}
    saved = store.put("CheckHed", {**row, **named, **period})
    for tran in store.below("APTran", row["Company"], row["HeadNum"]):
        store.put("APTran", {**tran, **_of_head(saved)})
    store.note("payment.saved", str(row["HeadNum"]), check=row["CheckNum"], vendor=row["VendorNum"], new=stored is None)
    return saved


def _of_head(head: Row) -> Row:
    """What each line repeats of its payment."""
    return {"TranDate": head["CheckDate"], **{name: head[name] for name in ("CheckNum", "BankAcctID", "GroupID")}}


def _check_head(store: Store, row: Row, stored: Row | None, method_name: str) -> Row:
    """The vendor of a payment that may be saved; 400 for every rule it breaks."""

    def refuse(message: str, field: str) -> Refusal:
        return business(message, table="CheckHed", field=field, method=method_name)

    company = row["Company"]
    open_group(store, row["GroupID"], company=company, method_name=method_name)
    if store.get("BankAcct", row["BankAcctID"], company=company) is None:
        raise refuse(f"Invalid bank account '{row['BankAcctID']}'.", "BankAcctID")
    vendor = check_vendor(store.get("Vendor", row["VendorNum"], company=company), method_name)
    if stored and stored["VendorNum"] != row["VendorNum"] and store.below("APTran", company, row["HeadNum"]):
        raise refuse("The vendor cannot be changed while invoices are selected.", "VendorNumVendorID")
    if row["CheckDate"] is None:
        raise refuse("Check Date is required.", "CheckDate")
    closed = store.rules.closed_through
    if closed is not None and row["CheckDate"] <= closed:
        raise refuse(f"Check Date {row['CheckDate']} is not in an open fiscal period.", "CheckDate")
    if row["CheckNum"] < 0 or bool(row["CheckNum"]) is not row["ManualPrint"]:
        raise refuse("A manual payment, and no other, is entered with its check number.", "CheckNum")
    same = store.select("CheckHed", BankAcctID=row["BankAcctID"], CheckNum=row["CheckNum"], Company=company)
    if row["CheckNum"] and any(other["HeadNum"] != row["HeadNum"] for other in same):
        raise refuse(f"Duplicate check number {row['CheckNum']} for bank account {row['BankAcctID']}.", "CheckNum")
    return vendor


def check_vendor(vendor: Row | None, method_name: str) -> Row:
    """The vendor when it may be paid; 400 when it is unknown, inactive or on payment hold."""
    if vendor is None:
        raise business("Invalid Vendor ID.", table="CheckHed", field="VendorNumVendorID", method=method_name)
    if vendor["Inactive"] or vendor["PayHold"]:
        state = "inactive" if vendor["Inactive"] else "on payment hold"
        message = f"Vendor {vendor['VendorID']} is {state}."
        raise business(message, table="CheckHed", field="VendorNumVendorID", method=method_name)
    return vendor


def _save_tran(store: Store, row: Row, method_name: str) -> Row | None:
    head = store.get("CheckHed", row["HeadNum"], company=row["Company"])
    if head is None or head["Posted"]:
        message = f"Payment {row['HeadNum']} has not been saved or is posted."
        raise business(message, table="APTran", field="HeadNum", method=method_name)
    if row["RowMod"] == "A" and row["APTranNo"] == 0:
        taken = store.below("APTran", row["Company"], row["HeadNum"])
        row["APTranNo"] = 1 + max((tran["APTranNo"] for tran in taken), default=0)
    stored = store.stored_for("APTran", row)
    name = f"{row['HeadNum']}/{row['InvoiceNum']}"
    if row["RowMod"] == "D":
        store.remove("APTran", stored or row)
        store.note("payment.line_deleted", name)
        return None
    row["VendorNum"] = head["VendorNum"]
    invoice = payable(store, row, method_name)
    balance, amount = open_balance(store, invoice, row), row["DocTranAmt"] + row["DocDiscAmt"]
    if row["DocTranAmt"] * row["DocDiscAmt"] < 0:
        message = f"Discount {row['DocDiscAmt']} and payment {row['DocTranAmt']} must have the same sign."
        raise business(message, table="APTran", field="DocDiscAmt", method=method_name)
    if abs(amount) > abs(balance) or amount * balance < 0:
        message = f"Payment amount {amount} is more than the open balance {balance} of invoice {row['InvoiceNum']}."
        raise business(message, table="APTran", field="DocTranAmt", method=method_name)
    amounts = {"TranAmt": row["DocTranAmt"], "DiscAmt": row["DocDiscAmt"], "TranType": row["TranType"] or "Pay"}
    saved = store.put("APTran", {**row, **amounts, **_of_head(head)})
    store.note("payment.line_saved", name, amount=row["DocTranAmt"], new=stored is None)
    return saved


def payable(store: Store, tran: Row, method_name: str) -> Row:
    """The invoice a payment line is for; 400 when the vendor has none of that number or it may not be paid."""
    invoice = store.get("APInvHed", tran["VendorNum"], tran["InvoiceNum"], company=tran["Company"])
    if invoice is None:
        message = f"Invoice '{tran['InvoiceNum']}' does not exist for this vendor."
        raise business(message, table="APTran", field="InvoiceNum", method=method_name)
    if invoice["PayHold"] or (store.rules.pay_posted_only and not invoice["Posted"]):
        message = f"Invoice '{tran['InvoiceNum']}' is not posted or is on payment hold."
        raise business(message, table="APTran", field="InvoiceNum", method=method_name)
    return invoice


def open_balance(store: Store, invoice: Row, tran: Row) -> Decimal:
    """What is still open on an invoice when the other payments entered but not posted are taken off."""
    entered = store.select("APTran", Company=invoice["Company"], VendorNum=invoice["VendorNum"], Posted=False)
    others = (row for row in entered if row["InvoiceNum"] == invoice["InvoiceNum"] and not row["Voided"])
    taken = sum((row["DocTranAmt"] + row["DocDiscAmt"] for row in others if not _same(row, tran)), Decimal(0))
    balance: Decimal = invoice["DocInvoiceBal"] - taken
    return balance


def _same(row: Row, tran: Row) -> bool:
    return bool(row["HeadNum"] == tran["HeadNum"] and row["APTranNo"] == tran["APTranNo"])


def _show(dataset: Dataset, table: str, sent: Row, saved: Row | None) -> None:
    rows = dataset.tables[table]
    position = next(index for index, row in enumerate(rows) if row is sent)
    rows[position : position + 1] = [] if saved is None else [dict(saved)]
