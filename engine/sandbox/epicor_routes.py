"""From a URL to the work: the v1 and v2 shapes, custom methods, entity sets, metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from engine.sandbox import (
    epicor_gl,
    epicor_groups,
    epicor_invoices,
    epicor_masters,
    epicor_payment_groups,
    epicor_payments,
    epicor_vendors,
)
from engine.sandbox.epicor_columns import Table
from engine.sandbox.epicor_dataset import TABLESETS
from engine.sandbox.epicor_errors import Refusal, unreadable
from engine.sandbox.epicor_json import decode, encode
from engine.sandbox.epicor_metadata import describe_service, list_sets
from engine.sandbox.epicor_methods import Call, Method, read_args
from engine.sandbox.epicor_odata import Reading, find_row, read_one, read_set
from engine.sandbox.epicor_store import Row, Store
from engine.sandbox.web_messages import Request, Response

SERVICES: Mapping[str, Mapping[str, Method]] = {
    "Erp.BO.APInvGrpSvc": epicor_groups.METHODS,
    "Erp.BO.APInvoiceSvc": epicor_invoices.METHODS,
    "Erp.BO.APChkGrpSvc": epicor_payment_groups.METHODS,
    "Erp.BO.PaymentEntrySvc": epicor_payments.METHODS,
    "Erp.BO.VendorSvc": epicor_vendors.METHODS,
    "Erp.BO.GLAccountSvc": {**epicor_gl.METHODS, **epicor_masters.ACCOUNT_METHODS},
    "Erp.BO.COASegValuesSvc": {},
    "Erp.BO.POSvc": epicor_masters.ORDER_METHODS,
    "Erp.BO.TermsSvc": {},
    "Erp.BO.PayMethodSvc": {},
    "Erp.BO.BankAcctSvc": {},
}
SESSION_SERVICE = "Ice.Lib.SessionModSvc"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A URL taken apart: `api` is 1 or 2, `company` None where the URL has none, `key` the key predicate or None."""

    api: int
    company: str | None
    service: str
    operation: str
    key: str | None


def parse_target(path: str) -> Target:
    """The parts of a path below the instance; 404 for every shape neither API version has."""
    parts = path.strip("/").split("/")
    if parts[:3] == ["api", "v2", "odata"] and len(parts) in {5, 6}:
        api, company, rest = 2, unquote(parts[3]), parts[4:]
    elif parts[:2] == ["api", "v1"] and len(parts) in {3, 4}:
        api, company, rest = 1, None, parts[2:]
    else:
        raise unknown_url(path)
    match = re.fullmatch(r"([^()]*)(?:\((.*)\))?", unquote(rest[1]) if len(rest) == 2 else "", re.DOTALL)
    if match is None or company == "":
        raise unknown_url(path)
    return Target(api=api, company=company, service=unquote(rest[0]), operation=match[1], key=match[2])


def unknown_url(path: str) -> Refusal:
    return Refusal(404, f"No HTTP resource was found that matches the request URI '{path}'.")


def carry_out(store: Store, target: Target, request: Request, base: str) -> Response:
    """The answer of a known company's service; `base` is the service's URL. 404 or 405 for what it does not offer."""
    methods = SERVICES.get(target.service)
    if methods is None:
        raise Refusal(404, f"Service {target.service} not found.")
    company = target.company or store.company
    tables = [table for table in store.tables.values() if table.service == target.service]
    if target.operation in {"", "$metadata"} and request.method == "GET":
        describe = describe_service if target.operation else list_sets
        return describe(tables, target.service, base, target.api)
    if target.operation in methods and target.key is None:
        call = Call(store=store, service=target.service, method=target.operation, company=company, args={})
        return _call_method(methods[target.operation], call, request, target.api)
    for table in tables:
        if table.set == target.operation:
            reading = Reading(store=store, table=table, company=company, version=4 if target.api == 2 else 3, base=base)
            return _use_set(reading, target, request)
    raise Refusal(404, f"Service {target.service} has no method or entity set {target.operation}.")


def _call_method(declared: Method, call: Call, request: Request, api: int) -> Response:
    if request.method == "GET" and declared.reads:
        params = {name: value for name, value in request.params().items() if name in declared.params}
        given: Any = {
            name: int(value) if declared.params[name] == "integer" and value.lstrip("-").isdecimal() else value
            for name, value in params.items()
        }
    elif request.method == "POST":
        given = _body(request)
    else:
        raise Refusal(405, f"The requested resource does not support http method '{request.method}'.")
    required = api == 2 and call.store.rules.strict_booleans
    args = read_args(declared, given, call, booleans_required=required)
    called = Call(store=call.store, service=call.service, method=call.method, company=call.company, args=args)
    return Response(body=encode(declared.run(called)))


def _body(request: Request) -> Any:
    if "json" not in request.headers.get("content-type", ""):
        raise unreadable("Send `Content-Type: application/json`.")
    try:
        return decode(request.body)
    except ValueError as error:
        raise unreadable(str(error)) from None


def _use_set(reading: Reading, target: Target, request: Request) -> Response:
    if request.method == "GET":
        options = request.params()
        body = read_set(reading, options) if target.key is None else read_one(reading, target.key, options)
        return Response(body=encode(body))
    update = SERVICES[target.service].get("Update")
    wanted = {"POST": False, "PATCH": True, "DELETE": True}.get(request.method)
    if update is None or wanted is None or wanted is not (target.key is not None):
        raise Refusal(405, f"The requested resource does not support http method '{request.method}'.")
    return _write_set(reading, target, request, update)


def _write_set(reading: Reading, target: Target, request: Request, update: Method) -> Response:
    """POST, PATCH and DELETE save the row as it is, without the defaults the Change methods bring."""
    store, table = reading.store, reading.table
    body = {} if request.method == "DELETE" else _body(request)
    if not isinstance(body, dict) or table.name not in TABLESETS[target.service]:
        raise unreadable()
    if target.key is None:
        row: Row = {**body, "RowMod": "A"}
    else:
        stored = find_row(store, table, target.key)
        marks = {"SysRowID": stored["SysRowID"], "SysRevID": stored["SysRevID"]}
        row = {**body, **marks, "RowMod": "U" if request.method == "PATCH" else "D"}
    call = Call(store=store, service=target.service, method="UpdateExt", company=reading.company, args={})
    args = read_args(update, {"ds": {table.name: [row]}}, call, booleans_required=False)
    saved = update.run(
        Call(store=store, service=target.service, method="UpdateExt", company=reading.company, args=args)
    )
    if target.key is not None:
        return Response(status=204)
    return Response(status=201, body=encode(_entity(table, saved["parameters"]["ds"][table.name][-1])))


def _entity(table: Table, row: Row) -> Row:
    return {name: row[name] for name in table.columns}
