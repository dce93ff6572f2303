"""Records the Epicor Kinetic stand-in only reads out: GL accounts and purchase orders by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.sandbox.epicor_dataset import dataset_of
from engine.sandbox.epicor_errors import not_found
from engine.sandbox.epicor_methods import Call, Method, method


def _get_account(call: Call) -> dict[str, Any]:
    account = call.store.get("GLAccount", call.args["coACode"], call.args["glAccount"], company=call.company)
    if account is None:
        raise not_found("GL account not found.")
    return {"returnObj": dataset_of(call.service, call.method, GLAccount=[account]).out()}


def _get_order(call: Call) -> dict[str, Any]:
    number = call.args["poNum"]
    order = call.store.get("POHeader", number, company=call.company)
    if order is None:
        raise not_found(f"Purchase order {number} not found.")
    rows = {
        "POHeader": [order],
        "PODetail": call.store.below("PODetail", call.company, number),
        "PORel": call.store.below("PORel", call.company, number),
    }
    return {"returnObj": dataset_of(call.service, call.method, **rows).out()}


ACCOUNT_METHODS: Mapping[str, Method] = {"GetByID": method("coACode:s glAccount:s", _get_account, reads=True)}
ORDER_METHODS: Mapping[str, Method] = {"GetByID": method("poNum:i", _get_order, reads=True)}
