"""Vendor master of the Epicor Kinetic stand-in: new, changed, found by number or by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.sandbox.epicor_dataset import dataset_of
from engine.sandbox.epicor_errors import Refusal, business, not_found
from engine.sandbox.epicor_methods import Call, Method, answer, method
from engine.sandbox.epicor_store import Row, Store

SERVICE = "Erp.BO.VendorSvc"
LENGTHS: Mapping[str, int] = {
    "VendorID": 8,
    "Name": 50,
    "LegalName": 100,
    **dict.fromkeys(("Address1", "Address2", "Address3", "City", "State", "Country", "EMailAddress"), 50),
    "ZIP": 10,
    "PhoneNum": 20,
    "FaxNum": 20,
    "TermsCode": 4,
    "PurPoint": 4,
    "CurrencyCode": 4,
    "TaxPayerID": 20,
    "TaxRegionCode": 4,
    "GroupCode": 4,
}
"""Characters a vendor's column takes. The widths are inferred: the public definitions name none."""


def _new(call: Call) -> dict[str, Any]:
    row = call.store.tables["Vendor"].blank() | {"Company": call.company, "CurrencyCode": "USD", "Approved": True}
    call.ds.tables["Vendor"].append(row)
    return answer(call.ds)


def _update(call: Call) -> dict[str, Any]:
    rows = call.ds.tables["Vendor"]
    for row in call.ds.changed("Vendor"):
        saved = save_vendor(call.store, row, call.method)
        position = next(index for index, other in enumerate(rows) if other is row)
        rows[position : position + 1] = [] if saved is None else [dict(saved)]
    return answer(call.ds)


def save_vendor(store: Store, row: Row, method_name: str) -> Row | None:
    """Store one vendor row by its RowMod; None when it was deleted."""
    if row["RowMod"] == "A" and row["VendorNum"] == 0:
        row["VendorNum"] = 1 + max((vendor["VendorNum"] for vendor in store.all("Vendor")), default=100)
    row["VendorID"] = row["VendorID"].strip().upper()
    stored = store.stored_for("Vendor", row)
    if row["RowMod"] == "D":
        _delete(store, stored or row, method_name)
        return None
    _check(store, row, method_name)
    same = store.select("Vendor", Company=row["Company"], VendorID=row["VendorID"])
    if any(other["VendorNum"] != row["VendorNum"] for other in same):
        raise store.duplicate("Vendor", {**row, "VendorNum": row["VendorID"]})
    saved = store.put("Vendor", row)
    store.note("vendor.saved", saved["VendorID"], number=saved["VendorNum"], new=stored is None)
    return saved


def _check(store: Store, row: Row, method_name: str) -> None:
    def refuse(message: str, field: str) -> Refusal:
        return business(message, table="Vendor", field=field, method=method_name)

    if not row["VendorID"]:
        raise refuse("Vendor ID is required.", "VendorID")
    if not row["Name"].strip():
        raise refuse("Vendor name is required.", "Name")
    for field, most in LENGTHS.items():
        if len(row[field]) > most:
            raise refuse(f"{field} '{row[field]}' is longer than {most} characters.", field)
    if row["TermsCode"] and store.get("Terms", row["TermsCode"], company=row["Company"]) is None:
        raise refuse(f"Invalid Terms Code '{row['TermsCode']}'.", "TermsCode")
    known = store.rules.currencies
    if known is not None and row["CurrencyCode"] and row["CurrencyCode"] not in known:
        raise refuse(f"Invalid Currency Code '{row['CurrencyCode']}'.", "CurrencyCode")


def _delete(store: Store, row: Row, method_name: str) -> None:
    for table in ("APInvHed", "POHeader", "CheckHed"):
        if store.select(table, Company=row["Company"], VendorNum=row["VendorNum"]):
            message = f"Vendor {row['VendorID']} has documents and cannot be deleted."
            raise business(message, table="Vendor", field="VendorID", method=method_name)
    store.remove("Vendor", row)
    store.note("vendor.deleted", row["VendorID"], number=row["VendorNum"])


def _get(call: Call) -> dict[str, Any]:
    if "vendorID" in call.args:
        found = call.store.select("Vendor", Company=call.company, VendorID=call.args["vendorID"].upper())
    else:
        found = call.store.select("Vendor", Company=call.company, VendorNum=call.args["vendorNum"])
    if not found:
        raise not_found("Vendor not found.")
    return {"returnObj": dataset_of(SERVICE, call.method, Vendor=found).out()}


METHODS: Mapping[str, Method] = {
    "GetNewVendor": method("ds", _new),
    "Update": method("ds", _update),
    "GetByID": method("vendorNum:i", _get, reads=True),
    "GetByVendID": method("vendorID:s", _get),
}
