"""Bills of the Ramp stand-in: the list with its filters, one bill, drafts, and what the API may change.

A bill is ready to sync when it is approved, not archived and not synced; a failure reported for it leaves it ready. What
`POST` and `PATCH` take is not published: they take the members of a bill itself. `DELETE` archives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.sandbox.ramp_body import Member, ident, listed, may, moment, money, must, take, take_all, text, words
from engine.sandbox.ramp_calls import Call, Operation, Operations, answer, fetch, list_operation, one_operation
from engine.sandbox.ramp_errors import Problems, Refusal, invalid
from engine.sandbox.ramp_money import with_rate
from engine.sandbox.ramp_query import (
    Filter,
    Listing,
    amounts,
    equal,
    one_of,
    read_truth,
    read_uuid,
    spans,
)
from engine.sandbox.ramp_store import Row, Store
from engine.sandbox.web_messages import Response

APPROVALS = ("INITIALIZED", "PENDING", "APPROVED", "REJECTED", "TERMINATED")
PAYMENT_STATUSES = ("OPEN", "PAID")
SYNC_STATUSES = ("NOT_SYNCED", "BILL_SYNCED", "BILL_AND_PAYMENT_SYNCED")
METHODS = (
    "ACH", "CARD", "CHECK", "DOMESTIC_WIRE", "INTERNATIONAL", "ONE_TIME_CARD", "ONE_TIME_CARD_DELIVERY",
    "PAID_MANUALLY", "SWIFT", "UNSPECIFIED", "VENDOR_CREDIT",
)  # fmt: skip
TEXTS = ("invoice_number", "memo", "vendor_memo", "remote_id", "deep_link_url")
_INNER = ("vendor_id", "enabled", "draft_bill_id", "sync_error")


def is_ready(row: Row) -> bool:
    """Whether the bill itself may be synced now."""
    return bool(
        row["approval_status"] == "APPROVED"
        and row["sync_status"] == "NOT_SYNCED"
        and row["archived_at"] is None
        and row["enabled"]
    )


def payment_is_ready(row: Row) -> bool:
    """Whether the payment of a synced bill may be synced now."""
    return bool(row["sync_status"] == "BILL_SYNCED" and row["payment"] is not None and row["status"] == "PAID")


def show_vendor(store: Store, vendor_id: str) -> dict[str, Any]:
    """A bill's vendor, with what the accounting system calls it; without a link those are null."""
    vendor = store.get("vendors", vendor_id) or {}
    remote = vendor.get("accounting_vendor_remote_id")
    linked = next((row for row in store.all("accounting_vendors") if row["remote"] == remote), None) if remote else None
    return {
        "id": vendor_id,
        "name": vendor.get("name", ""),
        "type": vendor.get("type", "BUSINESS"),
        "remote_id": remote,
        "remote_code": linked["code"] if linked else None,
        "remote_name": linked["name"] if linked else None,
    }


def show_bill(store: Store, row: Row) -> dict[str, Any]:
    """The bill as it is answered."""
    shown = {name: value for name, value in row.items() if name not in _INNER}
    shown["amount"] = with_rate(row["amount"])
    shown["vendor"] = show_vendor(store, row["vendor_id"])
    if row["payment"] is not None:
        shown["payment"] = {**row["payment"], "amount": with_rate(row["payment"]["amount"])}
    if store.rules.top_level_type:
        shown = _typed(shown)
        shown |= {name: [_typed(line) for line in shown[name]] for name in ("line_items", "inventory_line_items")}
    if store.rules.omit_empty:
        shown = {name: value for name, value in shown.items() if value is not None or name not in TEXTS}
    return shown


def _typed(holder: dict[str, Any]) -> dict[str, Any]:
    """A bill or line whose selections say their type themselves, as live answers may."""
    selections = [
        {**selection, "type": selection["category_info"]["type"]} for selection in holder["accounting_field_selections"]
    ]
    return {**holder, "accounting_field_selections": selections}


def _selections(row: Row) -> Iterator[str]:
    for holder in (row, *row["line_items"], *row["inventory_line_items"]):
        yield from (selection["id"] for selection in holder["accounting_field_selections"])


def _paid_by(row: Row, method: str) -> bool:
    return row["payment"] is not None and row["payment"]["payment_method"] == method


BILLS = Listing(
    table="bills",
    scope="bills:read",
    noun="Bill",
    show=show_bill,
    filters={
        "entity_id": equal("entity_id", read_uuid),
        "vendor_id": equal("vendor_id", read_uuid),
        "accounting_field_selection_id": Filter(read=read_uuid, matches=lambda row, value: value in _selections(row)),
        "approval_status": equal("approval_status", one_of(APPROVALS)),
        "payment_method": Filter(read=one_of(METHODS), matches=_paid_by),
        "payment_status": equal("status", one_of(PAYMENT_STATUSES)),
        "sync_status": equal("sync_status", one_of(SYNC_STATUSES)),
        "sync_ready": Filter(read=read_truth, matches=lambda row, value: is_ready(row) is value),
        "is_archived": Filter(read=read_truth, matches=lambda row, value: bool(row["archived_at"]) is value),
        **spans(created_at="created_at", due_date="due_at", issued_date="issued_at", paid_at="paid_at"),
        **amounts("amount"),
    },
    newer={
        "invoice_number": equal("invoice_number"),
        "remote_id": equal("remote_id"),
        "draft_bill_id": equal("draft_bill_id", read_uuid),
        "is_accounting_sync_enabled": equal("enabled", read_truth),
    },
)
DRAFTS = Listing(table="drafts", scope="bills:read", noun="Draft bill", show=show_bill)

_LINE = {"amount": must(money), "memo": may(text)}
_CHANGES: dict[str, Member] = {
    **{name: may(text) for name in ("memo", "vendor_memo", "remote_id", "deep_link_url")},
    "invoice_number": may(words),
    **{name: may(moment) for name in ("issued_at", "due_at", "accounting_date", "posting_date")},
}
_NEW: dict[str, Member] = {
    **_CHANGES,
    "invoice_number": must(words),
    "entity_id": must(ident),
    "vendor_id": must(ident),
    "amount": must(money),
    "issued_at": must(moment),
    "due_at": must(moment),
    "line_items": must(listed),
}


def blank_bill(store: Store) -> Row:
    """A bill with nothing said yet, in the state a person's new bill has."""
    now = store.clock()
    return {
        "id": store.new_id(),
        "entity_id": next((row["id"] for row in store.all("entities")), None),
        **dict.fromkeys(TEXTS),
        "amount": {"amount": 0, "currency_code": "USD"},
        **dict.fromkeys(("issued_at", "due_at", "accounting_date", "posting_date"), now),
        "created_at": now,
        "paid_at": None,
        "archived_at": None,
        "approval_status": "PENDING",
        "status": "OPEN",
        "sync_status": "NOT_SYNCED",
        "fx_conversion_rate": None,
        "bill_owner": None,
        "vendor_contact_id": None,
        "invoice_urls": [],
        "accounting_field_selections": [],
        "line_items": [],
        "inventory_line_items": [],
        "payment": None,
        "vendor_id": "",
        "enabled": True,
        "draft_bill_id": None,
        "sync_error": None,
    }


def _create(call: Call) -> Response:
    """A bill made through the API is approved at once: nobody is asked."""
    given = take_all(call.request, _NEW)
    problems: Problems = {}
    lines = [take(line, _LINE, problems, f"line_items.{n}") for n, line in enumerate(given["line_items"])]
    for name, table in (("vendor_id", "vendors"), ("entity_id", "entities")):
        if call.store.get(table, given[name]) is None:
            problems[name] = ["Unknown id."]
    if problems:
        raise invalid(problems)
    given["line_items"] = [{"memo": None, **line, "accounting_field_selections": []} for line in lines]
    with call.store.transaction():
        row = call.store.put("bills", {**blank_bill(call.store), **given, "approval_status": "APPROVED"})
        call.store.note("bill.created", row["id"], invoice_number=row["invoice_number"])
        call.store.tell("bills.created", id=row["id"])
    return answer(show_bill(call.store, row), 201)


def _change(call: Call) -> Response:
    row = fetch(call, "bills", "Bill")
    given = take_all(call.request, _CHANGES)
    if row["archived_at"] is not None:
        raise Refusal(400, f"Bill {row['id']} is archived")
    with call.store.transaction():
        row = call.store.put("bills", {**row, **given})
        call.store.note("bill.changed", row["id"], **given)
    return answer(show_bill(call.store, row))


def _archive(call: Call) -> Response:
    row = fetch(call, "bills", "Bill")
    if row["status"] == "PAID" or row["sync_status"] != "NOT_SYNCED":
        raise Refusal(400, f"Bill {row['id']} is paid or synced and stays")
    with call.store.transaction():
        call.store.put("bills", {**row, "archived_at": row["archived_at"] or call.store.clock()})
        call.store.note("bill.archived", row["id"])
    return Response(status=204)


OPERATIONS: Operations = {
    ("GET", "bills"): list_operation(BILLS),
    ("POST", "bills"): Operation(scope="bills:write", run=_create),
    ("GET", "bills/drafts"): list_operation(DRAFTS),
    ("GET", "bills/drafts/*"): one_operation(DRAFTS),
    ("GET", "bills/*"): one_operation(BILLS),
    ("PATCH", "bills/*"): Operation(scope="bills:write", run=_change),
    ("DELETE", "bills/*"): Operation(scope="bills:write", run=_archive),
}
