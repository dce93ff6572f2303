"""AP invoice entry groups of the Epicor Kinetic stand-in: opened, locked, unlocked, deleted when empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.sandbox.epicor_dataset import dataset_of
from engine.sandbox.epicor_errors import business, not_found
from engine.sandbox.epicor_methods import Call, Method, answer, method
from engine.sandbox.epicor_store import Row, Store

SERVICE = "Erp.BO.APInvGrpSvc"


def open_group(store: Store, group_id: str, *, company: str, method_name: str) -> Row:
    """The group an entry goes into; 400 when it is unknown or another user works in it."""
    group = store.get("APInvGrp", group_id, company=company)
    if group is None:
        message = f"Invalid Group ID '{group_id}'." if group_id else "Group ID is required."
        raise business(message, table="APInvGrp", field="GroupID", method=method_name)
    if group["ActiveUserID"] not in {"", store.user}:
        message = f"Group {group_id} is locked by user {group['ActiveUserID']}."
        raise business(message, table="APInvGrp", field="ActiveUserID", method=method_name)
    return group


def _new(call: Call, *, locked: bool) -> dict[str, Any]:
    today = call.store.today()
    row = call.store.tables["APInvGrp"].blank() | {
        "Company": call.company,
        "CreatedBy": call.store.user,
        "ActiveUserID": call.store.user if locked else "",
        "ApplyDate": today,
        "FiscalYear": today.year,
        "FiscalPeriod": today.month,
    }
    call.ds.tables["APInvGrp"].append(row)
    return answer(call.ds)


def _update(call: Call) -> dict[str, Any]:
    store, rows = call.store, call.ds.tables["APInvGrp"]
    for row in call.ds.changed("APInvGrp"):
        stored = store.stored_for("APInvGrp", row)
        if not row["GroupID"].strip():
            raise business("Group ID is required.", table="APInvGrp", field="GroupID", method=call.method)
        if row["RowMod"] == "D":
            _remove(store, row)
            rows.remove(row)
            continue
        saved = store.put("APInvGrp", row)
        store.note("ap_group.saved", row["GroupID"], new=stored is None)
        rows[rows.index(row)] = dict(saved)
    return answer(call.ds)


def _change_apply_date(call: Call) -> dict[str, Any]:
    call.ds.current("APInvGrp")["ApplyDate"] = call.args["NewApplyDate"]
    return answer(call.ds)


def _get(call: Call) -> dict[str, Any]:
    return {"returnObj": dataset_of(SERVICE, call.method, APInvGrp=[_existing(call, call.args["groupID"])]).out()}


def _delete(call: Call) -> dict[str, Any]:
    _remove(call.store, _existing(call, call.args["groupID"]))
    return {"parameters": {}}


def _lock(call: Call) -> dict[str, Any]:
    group = open_group(call.store, call.args["groupID"], company=call.company, method_name=call.method)
    call.store.put("APInvGrp", {**group, "ActiveUserID": call.store.user})
    return answer(call.ds)


def _unlock(call: Call) -> dict[str, Any]:
    group = _existing(call, call.args.get("InGroupID") or call.args.get("groupID"))
    call.store.put("APInvGrp", {**group, "ActiveUserID": ""})
    return answer(call.ds) if "ds" in call.args else {"parameters": {}}


def _existing(call: Call, group_id: Any) -> Row:
    group = call.store.get("APInvGrp", group_id, company=call.company)
    if group is None:
        raise not_found(f"Group {group_id} not found.")
    return group


def _remove(store: Store, group: Row) -> None:
    if store.select("APInvHed", Company=group["Company"], GroupID=group["GroupID"], Posted=False):
        raise business(f"Group {group['GroupID']} still holds invoices.", table="APInvGrp", method="DeleteByID")
    store.remove("APInvGrp", group)
    store.note("ap_group.deleted", group["GroupID"])


METHODS: Mapping[str, Method] = {
    "GetNewAPInvGrp": method("ds", lambda call: _new(call, locked=True)),
    "GetNewAPInvGrpNoLock": method("ds", lambda call: _new(call, locked=False)),
    "Update": method("ds", _update),
    "OnChangeofApplyDate": method("GroupID:s NewApplyDate:D ds", _change_apply_date),
    "LockAPGroup": method("groupID:s ds", _lock),
    "UnlockAPGroup": method("groupID:s ds", _unlock),
    "UnlockGroup": method("InGroupID:s", _unlock),
    "GetByID": method("groupID:s", _get, reads=True),
    "DeleteByID": method("groupID:s", _delete),
}
