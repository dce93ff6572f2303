"""AP invoice lines of the Epicor Kinetic stand-in: new lines of each kind and the calls that fill them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from engine.sandbox.epicor_dataset import Dataset
from engine.sandbox.epicor_errors import business
from engine.sandbox.epicor_methods import Call, Method, answer, method
from engine.sandbox.epicor_store import Row

_KINDS: Mapping[str, str] = {
    "Miscellaneous": "M",
    "Unreceived": "U",
    "JobMiscellaneous": "J",
    "Advance": "A",
    "Asset": "S",
}
_COSTS = ("ExtCost", "DocExtCost", "ScrDocExtCost")


def _new_line(call: Call, kind: str, vendor_num: int, invoice_num: str) -> dict[str, Any]:
    header = call.store.get("APInvHed", vendor_num, invoice_num, company=call.company)
    if header is None:
        message = f"Invoice {invoice_num} of vendor {vendor_num} has not been saved."
        raise business(message, table="APInvHed", field="InvoiceNum", method=call.method)
    if header["Posted"]:
        raise business(f"Invoice {invoice_num} is posted.", table="APInvHed", field="Posted", method=call.method)
    row = call.store.tables["APInvDtl"].blank() | {
        "Company": call.company,
        "VendorNum": vendor_num,
        "InvoiceNum": invoice_num,
        "LineType": kind,
        "VendorQty": Decimal(1),
        "ScrVendorQty": Decimal(1),
    }
    call.ds.tables["APInvDtl"].append(row)
    return answer(call.ds)


def _new_kind(kind: str) -> Callable[[Call], dict[str, Any]]:
    return lambda call: _new_line(call, kind, call.args["iVendorNum"], call.args["cInvoiceNum"])


def set_cost(line: Row, cost: Decimal) -> None:
    """Give the line an extended cost; the unit cost follows from the quantity."""
    line |= dict.fromkeys(_COSTS, cost)
    quantity = line["ScrVendorQty"]
    line |= dict.fromkeys(("UnitCost", "DocUnitCost"), cost / quantity if quantity else cost)


def set_unit_cost(line: Row, cost: Decimal) -> None:
    """Give the line a unit cost; the extended cost follows from the quantity, to the cent."""
    line |= dict.fromkeys(("UnitCost", "DocUnitCost"), cost)
    line |= dict.fromkeys(_COSTS, (cost * line["ScrVendorQty"]).quantize(Decimal("0.01")))


def set_quantity(line: Row, quantity: Decimal) -> None:
    """Give the line a quantity; the extended cost follows when there is a unit cost."""
    line |= dict.fromkeys(("VendorQty", "ScrVendorQty"), quantity)
    if line["DocUnitCost"]:
        set_unit_cost(line, line["DocUnitCost"])


def _line(dataset: Dataset) -> Row:
    dataset.require("APInvHed")
    return dataset.current("APInvDtl")


def _change_part(call: Call) -> dict[str, Any]:
    _line(call.ds)["PartNum"] = call.args["ProposedPartNum"]
    return answer(call.ds)


def _change_cost(call: Call) -> dict[str, Any]:
    set_cost(_line(call.ds), call.args["ProposedExtCost"])
    return answer(call.ds)


def _change_unit_cost(call: Call) -> dict[str, Any]:
    set_unit_cost(_line(call.ds), call.args["ProposedUnitCost"])
    return answer(call.ds)


def _change_quantity(call: Call) -> dict[str, Any]:
    set_quantity(_line(call.ds), call.args["ProposedVendorQty"])
    return answer(call.ds)


def _change_order(call: Call) -> dict[str, Any]:
    line, number = _line(call.ds), call.args["ProposedPONum"]
    if call.store.get("POHeader", number, company=call.company) is None:
        raise business(f"Invalid PO number {number}.", table="APInvDtl", field="PONum", method=call.method)
    line["PONum"] = number
    return answer(call.ds)


def _change_order_line(call: Call) -> dict[str, Any]:
    line, number = _line(call.ds), call.args["ProposedPOLine"]
    detail = call.store.get("PODetail", line["PONum"], number, company=call.company)
    if detail is None:
        message = f"Purchase order {line['PONum']} has no line {number}."
        raise business(message, table="APInvDtl", field="POLine", method=call.method)
    line |= {"POLine": number, "PartNum": detail["PartNum"], "Description": detail["LineDesc"], "PUM": detail["PUM"]}
    set_quantity(line, detail["OrderQty"])
    set_unit_cost(line, detail["DocUnitCost"])
    return answer(call.ds)


def _change_release(call: Call) -> dict[str, Any]:
    line, number = _line(call.ds), call.args["ProposedPORelNum"]
    if call.store.get("PORel", line["PONum"], line["POLine"], number, company=call.company) is None:
        message = f"Purchase order {line['PONum']} line {line['POLine']} has no release {number}."
        raise business(message, table="APInvDtl", field="PORelNum", method=call.method)
    line["PORelNum"] = number
    return answer(call.ds)


# The two spellings of the key parameters are the vendor's.
LINE_METHODS: Mapping[str, Method] = {
    **{
        f"GetNewAPInvDtl{name}": method("ds iVendorNum:i cInvoiceNum:s", _new_kind(kind))
        for name, kind in _KINDS.items()
    },
    "GetNewAPInvDtl": method(
        "ds vendorNum:i invoiceNum:s",
        lambda call: _new_line(call, "M", call.args["vendorNum"], call.args["invoiceNum"]),
    ),
    "ChangePartNum": method("ProposedPartNum:s ds", _change_part),
    "ChangeExtCost": method("ProposedExtCost:d ds", _change_cost),
    "ChangeUnitCost": method("ProposedUnitCost:d ds", _change_unit_cost),
    "ChangeVendorQty": method("ProposedVendorQty:d ds", _change_quantity),
    "ChangePONum": method("ProposedPONum:i ds", _change_order),
    "ChangePOLine": method("ProposedPOLine:i ds", _change_order_line),
    "ChangePORelNum": method("ProposedPORelNum:i ds", _change_release),
}
