"""AP payment groups of the Epicor Kinetic stand-in: the bank account and pay method a run of payments shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.sandbox.epicor_dataset import dataset_of
from engine.sandbox.epicor_errors import business, not_found
from engine.sandbox.epicor_methods import Call, Method, answer, method
from engine.sandbox.epicor_store import Row, Store

SERVICE = "Erp.BO.APChkGrpSvc"


def open_group(store: Store, group_id: str, *, company: str, method_name: str) -> Row:
    """The group a payment goes into; 400 when it is unknown or another user works in it."""
    group = store.get("APChkGrp", group_id, company=company)
    if group is None:
        message = f"Invalid Group ID '{group_id}'."
        raise business(message, table="CheckHed", field="GroupID", method=method_name)
    if group["ActiveUserID"] not in {"", store.user}:
        message = f"Group {group_id} is locked by user {group['ActiveUserID']}."
        raise business(message, table="APChkGrp", field="ActiveUserID", method=method_name)
    return group


def _new(call: Call) -> dict[str, Any]:
    row = call.store.tables["APChkGrp"].blank() | {
        "Company": call.company,
        "CheckDate": call.store.today(),
        "CurrencyCode": "USD",
    }
    call.ds.tables["APChkGrp"].append(row)
    return answer(call.ds)


def _change_bank(call: Call) -> dict[str, Any]:
    group, bank_id = call.ds.current("APChkGrp"), call.args["pcBankAcctID"]
    bank = call.store.get("BankAcct", bank_id, company=call.company)
    if bank is None:
        raise business(f"Invalid bank account '{bank_id}'.", table="APChkGrp", field="BankAcctID", method=call.method)
    group |= {"BankAcctID": bank_id, "CurrencyCode": bank["CurrencyCode"]}
    return answer(call.ds)


def _change_method(call: Call) -> dict[str, Any]:
    group, number = call.ds.current("APChkGrp"), call.args["vPMUID"]
    if call.store.get("PayMethod", number, company=call.company) is None:
        raise business(f"Invalid payment method {number}.", table="APChkGrp", field="PMUID", method=call.method)
    group["PMUID"] = number
    return answer(call.ds)


def _update(call: Call) -> dict[str, Any]:
    rows = call.ds.tables["APChkGrp"]
    for position, row in enumerate(rows):
        if row["RowMod"] != "":
            rows[position] = dict(_save(call, row))
    return answer(call.ds)


def _save(call: Call, row: Row) -> Row:
    stored = call.store.stored_for("APChkGrp", row)
    if row["RowMod"] == "D":
        raise business("A payment group is deleted on screen only.", table="APChkGrp", method=call.method)
    if not row["GroupID"].strip():
        raise business("Group ID is required.", table="APChkGrp", field="GroupID", method=call.method)
    if call.store.get("BankAcct", row["BankAcctID"], company=call.company) is None:
        message = f"Invalid bank account '{row['BankAcctID']}'."
        raise business(message, table="APChkGrp", field="BankAcctID", method=call.method)
    if row["PMUID"] and call.store.get("PayMethod", row["PMUID"], company=call.company) is None:
        raise business(f"Invalid payment method {row['PMUID']}.", table="APChkGrp", field="PMUID", method=call.method)
    saved = call.store.put("APChkGrp", row)
    call.store.note("payment_group.saved", row["GroupID"], new=stored is None)
    return saved


def _existing(call: Call, group_id: str) -> Row:
    group = call.store.get("APChkGrp", group_id, company=call.company)
    if group is None:
        raise not_found(f"Group {group_id} not found.")
    return group


def _get(call: Call) -> dict[str, Any]:
    return {"returnObj": dataset_of(SERVICE, call.method, APChkGrp=[_existing(call, call.args["groupID"])]).out()}


def _lock(call: Call) -> dict[str, Any]:
    group_id = _existing(call, call.args["pcGroupID"])["GroupID"]
    group = open_group(call.store, group_id, company=call.company, method_name=call.method)
    call.store.put("APChkGrp", {**group, "ActiveUserID": call.store.user})
    return {"parameters": {}}


def _unlock(call: Call) -> dict[str, Any]:
    call.store.put("APChkGrp", {**_existing(call, call.args["pcGroupID"]), "ActiveUserID": ""})
    return {"parameters": {}}


METHODS: Mapping[str, Method] = {
    "GetNewAPChkGrp": method("ds", _new),
    "GetNewAPChkGrpNoLock": method("ds", _new),
    "OnChangeBankAcctID": method("pcBankAcctID:s ds", _change_bank),
    "OnChangePayMethod": method("vPMUID:i ds", _change_method),
    "Update": method("ds", _update),
    "UpdateMaster": method("ds", _update),
    "GetByID": method("groupID:s", _get, reads=True),
    "LockGroup": method("pcGroupID:s", _lock),
    "UnLockGroup": method("pcGroupID:s", _unlock),
}
