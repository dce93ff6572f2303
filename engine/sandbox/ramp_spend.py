"""What else the Ramp stand-in lists: transactions, reimbursements, vendors, purchase orders, entities.

The contract names their scopes and events, not their members: these are the plain ones, few on purpose. Amounts of
transactions and reimbursements have the legacy form, a decimal in major units, beside the exact `{amount, currency_code}`.
"""

from __future__ import annotations

from typing import Any

from engine.sandbox.ramp_body import Member, ident, listed, mapped, may, must, take_all, text, words
from engine.sandbox.ramp_calls import Call, Operation, Operations, answer, list_operation, one_operation
from engine.sandbox.ramp_errors import invalid
from engine.sandbox.ramp_money import major_units, with_rate
from engine.sandbox.ramp_query import Filter, Listing, amounts, equal, one_of, read_truth, read_uuid, spans
from engine.sandbox.ramp_store import Row, Store
from engine.sandbox.web_messages import Response

SPEND_STATUSES = ("NOT_SYNC_READY", "SYNC_READY", "SYNCED")
STATES = ("PENDING", "CLEARED", "DECLINED")
_INNER = ("money", "sync_error")


def is_ready(row: Row) -> bool:
    """Whether a transaction or reimbursement may be synced now."""
    return bool(row["sync_status"] == "SYNC_READY")


def _show_plain(store: Store, row: Row) -> dict[str, Any]:
    return dict(row)


def _show_spend(store: Store, row: Row) -> dict[str, Any]:
    money = row["money"]
    shown = {name: value for name, value in row.items() if name not in _INNER}
    return {
        **shown,
        "amount": major_units(money["amount"], money["currency_code"]),
        "currency_code": money["currency_code"],
        "original_transaction_amount": with_rate(money),
    }


def _show_order(store: Store, row: Row) -> dict[str, Any]:
    return {**row, "amount": with_rate(row["amount"])}


_SPEND_FILTERS: dict[str, Filter] = {
    "entity_id": equal("entity_id", read_uuid),
    "sync_status": equal("sync_status", one_of(SPEND_STATUSES)),
    "sync_ready": Filter(read=read_truth, matches=lambda row, value: is_ready(row) is value),
    **amounts("money"),
}
TRANSACTIONS = Listing(
    table="transactions",
    scope="transactions:read",
    noun="Transaction",
    show=_show_spend,
    filters={
        **_SPEND_FILTERS,
        "state": equal("state", one_of(STATES)),
        "merchant_id": equal("merchant_id", read_uuid),
        **{
            f"{end}_date": found
            for end, found in zip(("from", "to"), spans(_="user_transaction_time").values(), strict=True)
        },
    },
)
REIMBURSEMENTS = Listing(
    table="reimbursements",
    scope="reimbursements:read",
    noun="Reimbursement",
    show=_show_spend,
    filters={**_SPEND_FILTERS, "user_id": equal("user_id", read_uuid), **spans(created_at="created_at")},
)
VENDORS = Listing(table="vendors", scope="vendors:read", noun="Vendor", show=_show_plain)
ORDERS = Listing(
    table="purchase_orders",
    scope="purchase_orders:read",
    noun="Purchase order",
    show=_show_order,
    filters={"entity_id": equal("entity_id", read_uuid), **spans(created_at="created_at")},
)
ENTITIES = Listing(table="entities", scope="entities:read", noun="Entity", show=_show_plain)


def _contacts(value: Any) -> list[dict[str, Any]]:
    """One contact or several; each needs an e-mail address."""
    contacts = [mapped(contact) for contact in (listed(value) if isinstance(value, list) else [value])]
    if not contacts or not all(isinstance(contact.get("email"), str) for contact in contacts):
        raise ValueError("Needs at least one contact with an `email`.")
    return contacts


_NEW_VENDOR: dict[str, Member] = {
    "business_vendor_contacts": must(_contacts),
    "country": must(words),
    "vendor_owner_id": must(ident),
    "name": may(words),
    "accounting_vendor_remote_id": may(words),
    "description": may(text),
}


def blank_vendor(store: Store) -> Row:
    """A vendor with nothing said yet."""
    return {
        "id": store.new_id(),
        "name": "",
        "type": "BUSINESS",
        "country": "US",
        "description": None,
        "is_active": True,
        "accounting_vendor_remote_id": None,
        "vendor_owner_id": next((row["id"] for row in store.all("users")), None),
        "business_vendor_contacts": [],
        "created_at": store.clock(),
    }


def _create_vendor(call: Call) -> Response:
    given = take_all(call.request, _NEW_VENDOR)
    if call.store.get("users", given["vendor_owner_id"]) is None:
        raise invalid({"vendor_owner_id": ["Unknown id."]})
    with call.store.transaction():
        row = call.store.put("vendors", {**blank_vendor(call.store), **given})
        call.store.note("vendor.created", row["id"], name=row["name"])
    return answer(row, 201)


OPERATIONS: Operations = {
    **{
        ("GET", path): list_operation(listing)
        for path, listing in (
            ("transactions", TRANSACTIONS),
            ("reimbursements", REIMBURSEMENTS),
            ("vendors", VENDORS),
            ("purchase-orders", ORDERS),
            ("entities", ENTITIES),
        )
    },
    **{
        ("GET", f"{path}/*"): one_operation(listing)
        for path, listing in (
            ("transactions", TRANSACTIONS),
            ("reimbursements", REIMBURSEMENTS),
            ("vendors", VENDORS),
            ("purchase-orders", ORDERS),
            ("entities", ENTITIES),
        )
    },
    ("POST", "vendors"): Operation(scope="vendors:write", run=_create_vendor),
}
