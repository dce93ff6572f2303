"""`POST /accounting/syncs` of the Ramp stand-in: what was posted, and what could not be, told in one batch.

The whole batch is refused when one of its records is not ready, is unknown, or comes twice. A key that was used gets its
first answer again, without an effect; with another body it is a conflict (409: nothing public says which status a real
server gives). A failure told for a record leaves it ready, with the message for people. Keys must be UUIDs unless a rule
says otherwise, for the documented example has one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.sandbox import ramp_bills, ramp_spend
from engine.sandbox.ramp_body import Member, choice, ident, listed, mapped, may, must, read_body, take, text, words
from engine.sandbox.ramp_calls import Call, Operation, Operations, answer, need_connection
from engine.sandbox.ramp_errors import NOT_READY, Problems, Refusal, invalid
from engine.sandbox.ramp_store import Row, Store
from engine.sandbox.web_messages import Response


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One `sync_type`: the table its ids are of, which rows are ready, what a success changes."""

    table: str
    noun: str
    ready: Callable[[Row], bool]
    done: Callable[[Row, Mapping[str, Any]], Mapping[str, Any]]


def _bill_done(row: Row, item: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "sync_status": "BILL_SYNCED",
        "remote_id": item["reference_id"],
        "deep_link_url": item.get("deep_link_url", row["deep_link_url"]),
    }


def _marked(status: str) -> Callable[[Row, Mapping[str, Any]], Mapping[str, Any]]:
    def done(row: Row, item: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"sync_status": status}

    return done


def _never(row: Row) -> bool:
    return False


KINDS: Mapping[str, Kind] = {
    "BILL_SYNC": Kind(table="bills", noun="bill", ready=ramp_bills.is_ready, done=_bill_done),
    "BILL_PAYMENT_SYNC": Kind(
        table="bills",
        noun="bill_payment",
        ready=ramp_bills.payment_is_ready,
        done=_marked("BILL_AND_PAYMENT_SYNCED"),
    ),
    "TRANSACTION_SYNC": Kind(
        table="transactions",
        noun="transaction",
        ready=ramp_spend.is_ready,
        done=_marked("SYNCED"),
    ),
    "REIMBURSEMENT_SYNC": Kind(
        table="reimbursements",
        noun="reimbursement",
        ready=ramp_spend.is_ready,
        done=_marked("SYNCED"),
    ),
    "TRANSFER_SYNC": Kind(table="transfers", noun="transfer", ready=_never, done=_marked("SYNCED")),
}
"""The stand-in has no transfers, so none is ready."""

_SUCCESS: Mapping[str, Member] = {"id": must(ident), "reference_id": must(words), "deep_link_url": may(text)}
_FAILURE: Mapping[str, Member] = {"id": must(ident), "error": must(mapped)}
_BODY: Mapping[str, Member] = {
    "idempotency_key": must(words),
    "sync_type": must(choice(*KINDS)),
    "successful_syncs": may(listed),
    "failed_syncs": may(listed),
}


def _read(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """The body with its items read; 422 with every problem."""
    problems: Problems = {}
    given = {"successful_syncs": [], "failed_syncs": [], **take(body, _BODY, problems)}
    if call.store.rules.uuid_keys and "idempotency_key" in given:
        take({"idempotency_key": given["idempotency_key"]}, {"idempotency_key": must(ident)}, problems)
    for name, members in (("successful_syncs", _SUCCESS), ("failed_syncs", _FAILURE)):
        given[name] = [take(item, members, problems, f"{name}.{number}") for number, item in enumerate(given[name])]
    for number, item in enumerate(given["failed_syncs"]):
        if "error" in item:
            error = take(item["error"], {"message": must(words)}, problems, f"failed_syncs.{number}.error")
            item["error"] = error
    count = len(given["successful_syncs"]) + len(given["failed_syncs"])
    if not 1 <= count <= call.store.rules.sync_limit:
        problems["successful_syncs"] = [f"Length must be between 1 and {call.store.rules.sync_limit}."]
    if problems:
        raise invalid(problems)
    return given


def _sync(call: Call) -> Response:
    store, body = call.store, read_body(call.request)
    given = _read(call, body)
    earlier = next((row for row in store.all("syncs") if row["key"] == given["idempotency_key"]), None)
    if earlier is not None:
        if earlier["body"] != body:
            raise Refusal(409, f"The idempotency key {earlier['key']} was used with another body")
        return answer({"sync_id": earlier["id"]}, 201)
    need_connection(store)
    kind = KINDS[given["sync_type"]]
    ready = _ready(store, kind, given)
    with store.transaction():
        sync = store.put("syncs", {"id": store.new_id(), "key": given["idempotency_key"], "body": body})
        for item in given["successful_syncs"]:
            _succeed(store, ready[item["id"]], kind, item, sync["id"])
        for item in given["failed_syncs"]:
            _fail(store, ready[item["id"]], kind, item, sync["id"])
        store.note("sync.accepted", sync["id"], idempotency_key=sync["key"], sync_type=given["sync_type"])
    return answer({"sync_id": sync["id"]}, 201)


def _ids(given: Mapping[str, Any]) -> Iterator[str]:
    for name in ("successful_syncs", "failed_syncs"):
        yield from (item["id"] for item in given[name])


def _ready(store: Store, kind: Kind, given: Mapping[str, Any]) -> dict[str, Row]:
    """The rows by id; 400 that names every record that is not ready, unknown or there twice."""
    ready: dict[str, Row] = {}
    bad: list[str] = []
    for row_id in _ids(given):
        row = store.get(kind.table, row_id)
        if row is None or not kind.ready(row) or row_id in ready:
            bad.append(row_id)
        else:
            ready[row_id] = row
    if bad:
        raise Refusal(400, f"These records are not ready to sync: {', '.join(bad)}", code=NOT_READY)
    return ready


def _succeed(store: Store, row: Row, kind: Kind, item: Mapping[str, Any], sync: str) -> None:
    store.put(kind.table, {**row, **kind.done(row, item), "sync_error": None})
    detail = {"reference_id": item["reference_id"], "deep_link_url": item.get("deep_link_url"), "sync_id": sync}
    store.note(f"{kind.noun}.synced", row["id"], **detail)


def _fail(store: Store, row: Row, kind: Kind, item: Mapping[str, Any], sync: str) -> None:
    message = item["error"]["message"]
    store.put(kind.table, {**row, "sync_error": message})
    store.note(f"{kind.noun}.sync_failed", row["id"], message=message, sync_id=sync)


OPERATIONS: Operations = {("POST", "accounting/syncs"): Operation(scope="accounting:write", run=_sync)}
