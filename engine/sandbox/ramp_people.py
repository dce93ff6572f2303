"""What people do on Ramp's screens: approve, reject, pay, archive, export by hand, get spend ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from engine.sandbox import ramp_bills
from engine.sandbox.ramp_store import Row, Store

Act = Callable[[Store, Row], Row]


def _decide(status: str, event: str) -> Act:
    def act(store: Store, row: Row) -> Row:
        store.tell(event, id=row["id"])
        return {**row, "approval_status": status}

    return act


def _set(**changes: str) -> Act:
    def act(store: Store, row: Row) -> Row:
        return {**row, **changes}

    return act


def _approve(store: Store, row: Row) -> Row:
    row = _decide("APPROVED", "bills.approved")(store, row)
    if store.rules.ready_events and ramp_bills.is_ready(row):
        store.tell("bills.ready_to_sync", id=row["id"])
    return row


BILL_ACTS: Mapping[str, Act] = {
    "approve": _approve,
    "reject": _decide("REJECTED", "bills.rejected"),
    "terminate": _set(approval_status="TERMINATED"),
    "archive": lambda store, row: {**row, "archived_at": store.clock()},
    "export": _set(sync_status="BILL_SYNCED"),
}
"""`export` is the button that marks a bill as synced although nobody took it over."""


def act_on_bill(store: Store, row_id: str, act: str) -> Row:
    """LookupError for an unknown bill."""
    with store.transaction():
        row = store.put("bills", BILL_ACTS[act](store, _there(store, "bills", row_id)))
        store.note(f"person.{act}", row_id)
    return row


def pay_bill(store: Store, row_id: str, method: str, on: datetime | None, amount: int | None) -> Row:
    """Pay a bill as a whole; `amount` is the total of a grouped payment, in minor units."""
    if method not in ramp_bills.METHODS:
        raise ValueError(f"`{method}` is no payment method; use one of {', '.join(ramp_bills.METHODS)}")
    with store.transaction():
        row = _there(store, "bills", row_id)
        when = on or store.clock()
        payment = {
            "amount": {**row["amount"], "amount": row["amount"]["amount"] if amount is None else amount},
            "payment_method": method,
            "payment_date": when,
            "effective_date": when,
            "details": None,
            "trace_id": None,
        }
        row = store.put("bills", {**row, "status": "PAID", "paid_at": when, "payment": payment})
        store.note("person.pay", row_id, method=method)
        store.tell("bills.paid", id=row_id)
    return row


def submit_draft(store: Store, row_id: str) -> Row:
    """A draft becomes a bill that waits for approval."""
    with store.transaction():
        draft = _there(store, "drafts", row_id)
        store.remove("drafts", row_id)
        row = store.put("bills", {**draft, "id": store.new_id(), "draft_bill_id": row_id, "approval_status": "PENDING"})
        store.note("person.submit", row["id"], draft=row_id)
        store.tell("bills.created", id=row["id"])
    return row


def get_ready(store: Store, table: str, row_id: str) -> Row:
    """A transaction or reimbursement is coded and complete."""
    with store.transaction():
        row = store.put(table, {**_there(store, table, row_id), "sync_status": "SYNC_READY"})
        store.note("person.ready", row_id)
        store.tell(f"{table}.ready_to_sync", id=row_id)
    return row


def change(store: Store, table: str, row_id: str, changes: Mapping[str, Any]) -> Row:
    """Change stored members as a person would; ValueError for one the row has not."""
    with store.transaction():
        row = _there(store, table, row_id)
        if unknown := sorted(set(changes) - set(row)):
            raise ValueError(f"`{unknown[0]}` is no member of {table}; known are {', '.join(row)}")
        row = store.put(table, {**row, **changes})
        store.note("person.changed", row_id, **changes)
    return row


def _there(store: Store, table: str, row_id: str) -> Row:
    row = store.get(table, row_id)
    if row is None:
        raise LookupError(f"no {table} has the id {row_id}")
    return row
