"""What the Acumatica stand-in fills in and checks in each kind of record before it is stored.

Stricter where nothing is proven: a bill line needs account and subaccount (its own or its order line's), derived fields
are dropped quietly, and a bill with control totals on keeps the Amount it was given, right or wrong, until its release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from engine.sandbox.acumatica_record import Record
from engine.sandbox.acumatica_saving import Line, Saving, cents

BILL_TYPES = ("Bill", "Credit Adj.", "Debit Adj.", "Prepayment")
CHECK_TYPES = ("Payment", "Check", "Prepayment", "Refund")
_FROM_ORDER: Mapping[str, str] = {
    "InventoryID": "InventoryID",
    "TransactionDescription": "LineDescription",
    "Account": "Account",
    "Subaccount": "Subaccount",
    "Project": "Project",
    "ProjectTask": "ProjectTask",
    "CostCode": "CostCode",
    "UOM": "UOM",
    "UnitCost": "UnitCost",
}


def complete_vendor(saving: Saving) -> None:
    saving.default(VendorClass="DEFAULT", Status="Active", CurrencyID="USD", Terms="30D", PaymentMethod="CHECK")
    saving.default(LegalName=saving.values["VendorName"], F1099Vendor=False, LocationName="Primary Location")


def complete_account(saving: Saving) -> None:
    saving.default(AccountID=saving.store.next_id("Account"), Active=True, PostOption="Detail", CashAccount=False)
    saving.default(UseDefaultSubaccount=False)


def complete_subaccount(saving: Saving) -> None:
    saving.default(SubaccountID=saving.store.next_id("Subaccount"), Active=True, Secured=False)


def complete_project(saving: Saving) -> None:
    saving.default(Status="Active")


def complete_order(saving: Saving) -> None:
    """An order's lines are numbered, its totals added up; ControlTotal is what the client says."""
    values = saving.values
    saving.default(Type="Normal", Date=saving.today, Branch=saving.branch, Location="MAIN")
    saving.default(Hold=saving.store.rules.hold_on_entry, TaxTotal=Decimal(0))
    _take_vendor(saving, "VendorID")
    number = max((line.record.values["LineNbr"] or 0 for line in saving.details()), default=0)
    for line in saving.details():
        inner = line.record.values
        if inner["LineNbr"] is None:
            number += 1
            inner["LineNbr"] = number
        for name, value in {
            "LineType": "Non-Stock",
            "Completed": False,
            "Cancelled": False,
            "BranchID": values["Branch"],
        }.items():
            inner[name] = value if inner[name] is None else inner[name]
        for name in ("OrderQty", "UnitCost", "QtyOnReceipts", "ReceivedAmount"):
            inner[name] = inner[name] or Decimal(0)
        _cost(line, "OrderQty")
    values["LineTotal"] = sum((line.record.values["ExtendedCost"] for line in saving.details()), Decimal(0))
    values["OrderTotal"] = values["LineTotal"] + values["TaxTotal"]
    saving.default(ControlTotal=values["OrderTotal"])
    values["Status"] = "On Hold" if values["Hold"] else "Open"


def complete_bill(saving: Saving) -> None:
    values, store = saving.values, saving.store
    saving.default(Type="Bill", Date=saving.today, BranchID=saving.branch, LocationID="MAIN")
    if values["Type"] not in BILL_TYPES:
        saving.wrong("Type", f"The list value '{values['Type']}' is not allowed for the field Type.")
    saving.default(Hold=store.rules.hold_on_entry, ApprovedForPayment=False, IsTaxValid=False, TaxTotal=Decimal(0))
    _take_vendor(saving, "Vendor")
    days = store.lists["terms"].get(values["Terms"] or "", 0)
    saving.default(DueDate=values["Date"] + timedelta(days=days), PostPeriod=f"{values['Date']:%m%Y}")
    _check_period(saving)
    _check_vendor_ref(saving)
    for line in saving.details():
        _complete_bill_line(saving, line)
    total = sum((line.record.values["Amount"] for line in saving.details()), Decimal(0))
    values["Amount"] = cents(values["Amount"]) if store.rules.control_totals else total
    if values["Amount"] < 0:
        saving.wrong("Amount", "'Amount' should not be negative.")
    values["Balance"] = values["Amount"]
    values["Status"] = "On Hold" if values["Hold"] else "Balanced"


def complete_check(saving: Saving) -> None:
    """A payment of bills: what it applies must be open bills of the vendor, and no more than their balance."""
    values, store = saving.values, saving.store
    saving.default(Type="Payment", ApplicationDate=saving.today, PaymentMethod="CHECK", CurrencyID="USD")
    saving.default(Hold=store.rules.hold_on_entry)
    if values["Type"] not in CHECK_TYPES:
        saving.wrong("Type", f"The list value '{values['Type']}' is not allowed for the field Type.")
    _check_active(saving, "Vendor")
    for line in saving.details():
        inner = line.record.values
        bill = store.get("Bill", inner["DocType"] or "Bill", inner["ReferenceNbr"])
        if bill is None or not bill.released or bill.values["Vendor"] != values["Vendor"]:
            saving.wrong(
                "ReferenceNbr", f"'Reference Nbr.' '{inner['ReferenceNbr']}' cannot be found in the system.", line
            )
            continue
        paid, balance = cents(inner["AmountPaid"]), bill.values["Balance"]
        if paid < 0 or paid > balance:
            saving.wrong("AmountPaid", f"'Amount Paid' must be between 0 and {balance}.", line)
        inner |= {"DocType": inner["DocType"] or "Bill", "AmountPaid": paid, "Balance": balance - paid}
        inner["CashDiscountBalance"] = Decimal(0)
    applied = sum((cents(line.record.values["AmountPaid"]) for line in saving.details()), Decimal(0))
    values["PaymentAmount"] = cents(values["PaymentAmount"])
    if values["PaymentAmount"] < 0:
        saving.wrong("PaymentAmount", "'Payment Amount' should not be negative.")
    values["UnappliedBalance"] = values["PaymentAmount"] - applied
    if values["UnappliedBalance"] < 0:
        saving.wrong("PaymentAmount", "The document is out of balance: more is applied than paid.")
    values["Status"] = "On Hold" if values["Hold"] else "Balanced"


def complete_payment(saving: Saving) -> None:
    saving.default(
        Type="Payment", ApplicationDate=saving.today, CurrencyID="USD", Hold=saving.store.rules.hold_on_entry
    )
    saving.values["PaymentAmount"] = cents(saving.values["PaymentAmount"])
    saving.values["Status"] = "On Hold" if saving.values["Hold"] else "Balanced"


def complete_entry(saving: Saving) -> None:
    saving.default(Module="GL", LedgerID="ACTUAL", TransactionDate=saving.today, BranchID=saving.branch)
    saving.default(PostPeriod=f"{saving.values['TransactionDate']:%m%Y}", Hold=saving.store.rules.hold_on_entry)
    _check_period(saving)
    for line in saving.details():
        inner = line.record.values
        inner |= {"BranchID": inner["BranchID"] or saving.values["BranchID"]}
        inner |= {name: cents(inner[name]) for name in ("DebitAmount", "CreditAmount")}
    saving.values["Status"] = "On Hold" if saving.values["Hold"] else "Balanced"


COMPLETE: Mapping[str, Callable[[Saving], None]] = {
    "Vendor": complete_vendor,
    "Account": complete_account,
    "Subaccount": complete_subaccount,
    "Project": complete_project,
    "PurchaseOrder": complete_order,
    "Bill": complete_bill,
    "Check": complete_check,
    "Payment": complete_payment,
    "JournalTransaction": complete_entry,
}


def _take_vendor(saving: Saving, name: str) -> None:
    vendor = _check_active(saving, name)
    terms = vendor.values["Terms"] if vendor else None
    currency = vendor.values["CurrencyID"] if vendor else None
    saving.default(Terms=terms, CurrencyID=currency or "USD")


def _check_active(saving: Saving, name: str) -> Record | None:
    vendor = saving.store.get("Vendor", saving.values[name]) if saving.values[name] else None
    if vendor is not None and vendor.values["Status"] != "Active":
        saving.wrong(name, f"The vendor status is '{vendor.values['Status']}'.")
    return vendor


def _check_period(saving: Saving) -> None:
    period: str = saving.values["PostPeriod"]
    match = re.fullmatch(r"(0[1-9]|1[0-2])(\d{4})", period, re.ASCII)
    if match is None:
        saving.wrong("PostPeriod", f"'Post Period' '{period}' cannot be found in the system.")
        return
    closed = saving.store.rules.closed_through
    changed = saving.before is None or saving.before.values["PostPeriod"] != period
    if changed and closed is not None and int(match[2] + match[1]) <= closed:
        saving.wrong("PostPeriod", f"The {match[1]}-{match[2]} financial period is closed in the MAIN company.")


def _check_vendor_ref(saving: Saving) -> None:
    values = saving.values
    if not saving.store.rules.unique_vendor_ref or not values["VendorRef"]:
        return
    same = ("Vendor", "VendorRef", "Type")
    for other in saving.store.all("Bill"):
        if other.id != saving.draft.id and all(other.values[name] == values[name] for name in same):
            message = f"The document with the vendor reference '{values['VendorRef']}' already exists for this vendor."
            saving.wrong("VendorRef", message)
            return


def _complete_bill_line(saving: Saving, line: Line) -> None:
    inner = line.record.values
    if inner["POOrderNbr"] or inner["POLine"] or inner["POOrderType"]:
        _take_order_line(saving, line)
    inner["Branch"] = inner["Branch"] or saving.values["BranchID"]
    inner["NonBillable"] = inner["NonBillable"] or False
    _cost(line, "Qty")
    inner["Amount"] = inner["ExtendedCost"]
    for name in ("Account", "Subaccount"):
        if not inner[name]:
            saving.wrong(name, f"'{name}' cannot be empty.", line)


def _cost(line: Line, quantity: str) -> None:
    """ExtendedCost as given, or worked out anew when only quantity or price was."""
    inner = line.record.values
    given = line.given.values
    priced = inner[quantity] is not None and inner["UnitCost"] is not None
    asked = inner["ExtendedCost"] is None or ("ExtendedCost" not in given and {quantity, "UnitCost"} & set(given))
    if priced and asked:
        inner["ExtendedCost"] = inner[quantity] * inner["UnitCost"]
    inner["ExtendedCost"] = cents(inner["ExtendedCost"])


def _take_order_line(saving: Saving, line: Line) -> None:
    """What the line takes from the purchase order line it is matched with; it must be open and the vendor's."""
    inner = line.record.values
    for name, shown in (("POOrderType", "PO Type"), ("POOrderNbr", "PO Number"), ("POLine", "PO Line Nbr.")):
        if inner[name] is None:
            saving.wrong(name, f"'{shown}' cannot be empty.", line)
            return
    order = saving.store.get("PurchaseOrder", inner["POOrderType"], inner["POOrderNbr"])
    if order is None:
        saving.wrong("POOrderNbr", f"'PO Number' '{inner['POOrderNbr']}' cannot be found in the system.", line)
        return
    if order.values["VendorID"] != saving.values["Vendor"]:
        saving.wrong("POOrderNbr", f"The purchase order {inner['POOrderNbr']} is of another vendor.", line)
        return
    matched = next((row.values for row in order.lists["Details"] if row.values["LineNbr"] == inner["POLine"]), None)
    if matched is None:
        saving.wrong("POLine", f"'PO Line Nbr.' '{inner['POLine']}' cannot be found in the system.", line)
    elif line.before is None and (order.values["Status"] != "Open" or matched["Completed"] or matched["Cancelled"]):
        saving.wrong(
            "POLine", f"The line {inner['POLine']} of the purchase order {inner['POOrderNbr']} is not open.", line
        )
    else:
        for name, source in _FROM_ORDER.items():
            if inner[name] is None:
                inner[name] = matched[source]


def is_balanced(record: Record) -> bool:
    """Whether a bill's Amount is what its lines add up to."""
    lines: list[dict[str, Any]] = [line.values for line in record.lists["Details"]]
    return bool(sum((line["Amount"] for line in lines), record.values["TaxTotal"]) == record.values["Amount"])
