"""AP invoice entry of the Epicor Kinetic stand-in: the calls on the header, and saving a whole dataset."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from engine.sandbox.epicor_dataset import Dataset, dataset_of
from engine.sandbox.epicor_errors import business, not_found
from engine.sandbox.epicor_groups import open_group
from engine.sandbox.epicor_invoice_save import delete_invoice, lines_of, save_all
from engine.sandbox.epicor_lines import LINE_METHODS
from engine.sandbox.epicor_methods import Call, Method, answer, method
from engine.sandbox.epicor_store import Row, Store

SERVICE = "Erp.BO.APInvoiceSvc"
_SAVABLE = frozenset({"APInvHed", "APInvDtl", "APInvExp", "APInvExpTGLC", "APIHAPInvMsc", "APInvMsc", "APInvTax"})


def _new_header(call: Call, *, debit_memo: bool) -> dict[str, Any]:
    store = call.store
    group = open_group(store, call.args["cGroupID"], company=call.company, method_name=call.method)
    row = store.tables["APInvHed"].blank() | {
        "Company": call.company,
        "GroupID": group["GroupID"],
        "DebitMemo": debit_memo,
        "OpenPayable": True,
        "InvoiceDate": store.today(),
        "ApplyDate": group["ApplyDate"] or store.today(),
        "CurrencyCode": "USD",
        "ExchangeRate": Decimal(1),
        "EntryPerson": store.user,
    }
    call.ds.tables["APInvHed"].append(row)
    return answer(call.ds)


def _change_vendor(call: Call) -> dict[str, Any]:
    header = call.ds.current("APInvHed")
    wanted = call.args["ProposedVendorID"].upper()
    found = call.store.select("Vendor", Company=call.company, VendorID=wanted)
    if not found:
        raise business("Invalid Vendor ID.", table="APInvHed", field="VendorNumVendorID", method=call.method)
    _take_vendor(call.store, header, found[0], call.method)
    return answer(call.ds, confirmMsg="")


def _take_vendor(store: Store, header: Row, vendor: Row, method_name: str) -> None:
    if vendor["Inactive"]:
        message = f"Vendor {vendor['VendorID']} is inactive."
        raise business(message, table="APInvHed", field="VendorNumVendorID", method=method_name)
    header |= {
        "VendorNum": vendor["VendorNum"],
        "VendorNumVendorID": vendor["VendorID"],
        "VendorNumName": vendor["Name"],
        "TermsCode": vendor["TermsCode"],
        "CurrencyCode": vendor["CurrencyCode"],
        "PMUID": vendor["PMUID"],
    }
    header["DueDate"] = _due(store, header)


def _due(store: Store, header: Row) -> date | None:
    terms = store.get("Terms", header["TermsCode"], company=header["Company"])
    if terms is None or header["InvoiceDate"] is None:
        return None
    day: date = header["InvoiceDate"]
    return day + timedelta(days=terms["NumberOfDays"])


def _change_date(call: Call) -> dict[str, Any]:
    header = call.ds.current("APInvHed")
    if call.args["ProposedInvoiceDate"] is None:
        raise business("Invoice Date is required.", table="APInvHed", field="InvoiceDate", method=call.method)
    header["InvoiceDate"] = call.args["ProposedInvoiceDate"]
    header["DueDate"] = _due(call.store, header)
    return answer(call.ds, messages="")


def _change_amount(call: Call) -> dict[str, Any]:
    header = call.ds.current("APInvHed")
    amount = call.args["ProposedInvoiceVendorAmt"]
    header |= dict.fromkeys(("InvoiceVendorAmt", "DocInvoiceVendorAmt", "ScrDocInvoiceVendorAmt"), amount)
    header |= dict.fromkeys(("InvoiceVariance", "DocInvoiceVariance"), amount - header["DocInvoiceAmt"])
    return answer(call.ds)


def _change_terms(call: Call) -> dict[str, Any]:
    header = call.ds.current("APInvHed")
    code = call.args["ProposedTermsCode"]
    if call.store.get("Terms", code, company=call.company) is None:
        raise business(f"Invalid Terms Code '{code}'.", table="APInvHed", field="TermsCode", method=call.method)
    header["TermsCode"] = code
    header["DueDate"] = _due(call.store, header)
    return answer(call.ds)


def _change_order(call: Call) -> dict[str, Any]:
    header = call.ds.current("APInvHed")
    number = call.args["ProposedRefPONum"]
    order = call.store.get("POHeader", number, company=call.company)
    if order is None or not order["OpenOrder"] or order["VoidOrder"]:
        message = f"Purchase order {number} does not exist or is closed."
        raise business(message, table="APInvHed", field="REFPONum", method=call.method)
    header["REFPONum"] = number
    vendor = call.store.get("Vendor", order["VendorNum"], company=call.company)
    if vendor is not None:
        _take_vendor(call.store, header, vendor, call.method)
    return answer(call.ds, confirmMsg="")


def _update(call: Call) -> dict[str, Any]:
    save_all(call.store, call.ds, company=call.company)
    return answer(call.ds)


def _update_master(call: Call) -> dict[str, Any]:
    table, group_id = call.args["cTableName"], call.args["cGroupID"]
    if table not in _SAVABLE:
        raise business(f"Invalid table name '{table}'.", table=table, method=call.method)
    open_group(call.store, group_id, company=call.company, method_name=call.method)
    prompt = call.store.rules.prompt
    saved = 0 if prompt else save_all(call.store, call.ds, company=call.company)
    invoices = call.store.select("APInvHed", Company=call.company, GroupID=group_id)
    return answer(
        call.ds,
        grpTotalInvAmt=sum(row["DocInvoiceVendorAmt"] for row in invoices),
        requiresUserInput=bool(prompt),
        opMessage=prompt or "",
        opMsgChkBankRef="",
        opChkRevMsg="",
        lEnableGenLegalNum=False,
        lUpdateRan=saved > 0,
        opDUAMsg="",
    )


def whole(store: Store, header: Row, method_name: str) -> Dataset:
    """The stored invoice with all its lines, expenses and GL rows, as `GetByID` returns it."""
    lines, expenses, coded = lines_of(store, header)
    rows = {"APInvHed": [header], "APInvDtl": lines, "APInvExp": expenses, "APInvExpTGLC": coded}
    return dataset_of(SERVICE, method_name, **rows)


def _get(call: Call) -> dict[str, Any]:
    return {"returnObj": whole(call.store, _existing(call), call.method).out()}


def _delete(call: Call) -> dict[str, Any]:
    delete_invoice(call.store, _existing(call))
    return {"parameters": {}}


def _existing(call: Call) -> Row:
    key = (call.args["vendorNum"], call.args["invoiceNum"])
    header = call.store.get("APInvHed", *key, company=call.company)
    if header is None:
        raise not_found("Invoice not found.")
    return header


_CHANGE_DATE = method("ProposedInvoiceDate:D recalcAmts:s ds", _change_date)

METHODS: Mapping[str, Method] = {
    "GetNewAPInvHedInvoice": method("ds cGroupID:s", lambda call: _new_header(call, debit_memo=False)),
    "GetNewAPInvHedDebitMemo": method("ds cGroupID:s", lambda call: _new_header(call, debit_memo=True)),
    "ChangeVendorID": method("ProposedVendorID:s confirmCheck:b ds", _change_vendor),
    "ChangeInvoiceDateEx": _CHANGE_DATE,
    "ChangeInvoiceDate": _CHANGE_DATE,
    "ChangeInvoiceDateWithDateCheck": _CHANGE_DATE,
    "ChangeInvoiceVendorAmt": method("ProposedInvoiceVendorAmt:d ds", _change_amount),
    "ChangeTermsCode": method("ProposedTermsCode:s ds", _change_terms),
    "ChangeRefPONum": method("ProposedRefPONum:i confirmCheck:b ds", _change_order),
    **LINE_METHODS,
    "UpdateMaster": method(
        "ds cGroupID:s cTableName:s runChkCPay:b runChkBankRef:b runChkRevChrg:b suppressUserPrompts:b", _update_master
    ),
    "Update": method("ds", _update),
    "GetByID": method("vendorNum:i invoiceNum:s", _get, reads=True),
    "DeleteByID": method("vendorNum:i invoiceNum:s", _delete),
}
