"""Filling the Ramp stand-in: rows with few members given, the rest sensible; vendors and codings named, not by their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from engine.sandbox import ramp_accounting, ramp_bills, ramp_spend
from engine.sandbox.ramp_money import currency_amount
from engine.sandbox.ramp_query import read_uuid
from engine.sandbox.ramp_store import Row, Store
from engine.sandbox.ramp_webhooks import new_webhook

Given = Mapping[str, Any]
_MOMENTS = frozenset(
    {
        *("accounting_date", "posting_date", "created_at", "due_at", "issued_at", "paid_at", "archived_at"),
        *("user_transaction_time", "settlement_date", "transaction_date", "payment_date", "effective_date"),
    }
)
_WAYS = {"vendor", "currency_code", "coding"}
"""Members of a seed that stand for others: a vendor by name or by the accounting system's id, one currency, codings."""


def plant(store: Store, seeds: Mapping[str, Iterable[Given]]) -> None:
    """Store the rows of a seed; ValueError for an unknown word, member or value. Nothing enters the history."""
    if unknown := sorted(set(seeds) - set(SEEDS)):
        raise ValueError(f"`{unknown[0]}` cannot be seeded; use one of {', '.join(SEEDS)}")
    with store.transaction():
        for word, put in SEEDS.items():
            for given in seeds.get(word, ()):
                put(store, given)


def _put(table: str, complete: Callable[[Store, Given], Row]) -> Callable[[Store, Given], None]:
    """Stores the completed row; one whose id is there already is changed by what is given."""

    def put(store: Store, given: Given) -> None:
        there = store.get(table, str(given.get("id", "")))
        blank = there or complete(store, given)
        known = {*blank, *_WAYS, "amount"}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"`{unknown[0]}` is no member of {table}; known are {', '.join(sorted(known))}")
        store.put(table, {**blank, **_read(store, table, given)})

    return put


def _read(store: Store, table: str, given: Given) -> Row:
    """The given members as they are stored."""
    currency = given.get("currency_code", "USD")
    row: Row = {}
    for name, value in given.items():
        if name in _MOMENTS:
            row[name] = read_moment(value)
        elif name == "id":
            row[name] = read_uuid(str(value))
        elif name == "amount":
            column = "money" if table in {"transactions", "reimbursements"} else "amount"
            row[column] = currency_amount(value, currency)
        elif name == "vendor":
            row["vendor_id"] = vendor_named(store, value)
        elif name == "coding":
            row["accounting_field_selections"] = coding(store, value)
        elif name in {"line_items", "inventory_line_items"}:
            row[name] = [_line(store, line, currency) for line in value]
        elif name == "payment" and value is not None:
            row[name] = _payment(value, currency, store.clock())
        elif name not in _WAYS:
            row[name] = value
    return row


def _line(store: Store, given: Given, currency: str) -> Row:
    line: Row = {"amount": None, "memo": None, "accounting_field_selections": []}
    for name, value in given.items():
        if name in {"amount", "unit_price"}:
            line[name] = currency_amount(value, currency)
        elif name == "coding":
            line["accounting_field_selections"] = coding(store, value)
        elif name in {"memo", "unit_quantity", "accounting_field_selections"}:
            line[name] = value
        else:
            raise ValueError(f"`{name}` is no member of a line")
    if line["amount"] is None:
        raise ValueError("a line needs its `amount`")
    return line


def _payment(given: Given, currency: str, now: datetime) -> Row:
    whole = {"payment_method": "ACH", "payment_date": now, "effective_date": now, "details": None, "trace_id": None}
    moments = {name: read_moment(value) for name, value in given.items() if name in _MOMENTS}
    return {**whole, **given, **moments, "amount": currency_amount(given.get("amount"), currency)}


def coding(store: Store, given: Mapping[str, Any]) -> list[Row]:
    """Selections from `{gl: "6100", Department: "10"}`: a GL account, and options of fields, by their outer ids."""
    return [_selection(store, str(field), str(value)) for field, value in given.items()]


def _selection(store: Store, field: str, value: str) -> Row:
    if field == "gl":
        category = {"id": store.business_id, "external_id": "gl", "name": "GL Account", "type": "GL_ACCOUNT"}
        rows, title = [row for row in store.all("accounts") if row["remote"] == value], "name"
    else:
        found = [row for row in store.all("fields") if row["remote"] == field]
        if not found:
            raise ValueError(f"there is no accounting field `{field}`: seed it first")
        category = {"id": found[0]["id"], "external_id": field, "name": found[0]["name"], "type": "OTHER"}
        options = store.all("field_options")
        rows = [row for row in options if row["remote"] == value and row["field_id"] == found[0]["id"]]
        title = "value"
    if not rows:
        raise ValueError(f"`{value}` is no choice of `{field}`: seed it first")
    row = rows[0]
    return {
        "id": row["id"],
        "name": row[title],
        "external_id": row["remote"],
        "external_code": row["code"] or row["remote"],
        "category_info": category,
    }


def vendor_named(store: Store, name: str) -> str:
    """The id of the vendor of this name, or of this id in the accounting system; ValueError for none."""
    for row in store.all("vendors"):
        if name in {row["name"], row["accounting_vendor_remote_id"], row["id"]}:
            return str(row["id"])
    raise ValueError(f"there is no vendor `{name}`: seed it first")


def read_moment(value: Any) -> datetime | None:
    """A moment of a seed: a date is its midnight in UTC; None stays."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise ValueError(f"`{value}` is no date")


def _bill(store: Store, given: Given) -> Row:
    """Approved unless said otherwise, and paid when there is a payment."""
    paid = {"status": "PAID", "paid_at": store.clock()} if given.get("payment") else {}
    if "vendor" not in given and "vendor_id" not in given:
        raise ValueError("a bill needs its `vendor`")
    return {**ramp_bills.blank_bill(store), "approval_status": "APPROVED", **paid}


def _spend(store: Store, given: Given) -> Row:
    """What transactions and reimbursements have in common."""
    if "amount" not in given:
        raise ValueError("give the `amount`")
    return {
        "id": store.new_id(),
        "entity_id": next((row["id"] for row in store.all("entities")), None),
        "merchant_id": store.new_id(),
        "merchant_name": "",
        "memo": None,
        "state": "CLEARED",
        "sync_status": "SYNC_READY",
        "accounting_date": store.clock(),
        "accounting_field_selections": [],
        "line_items": [],
        "money": None,
        "sync_error": None,
    }


def _transaction(store: Store, given: Given) -> Row:
    times = {"user_transaction_time": store.clock(), "settlement_date": store.clock()}
    return {**_spend(store, given), "card_holder": None, **times}


def _reimbursement(store: Store, given: Given) -> Row:
    user = next((row["id"] for row in store.all("users")), None)
    return {**_spend(store, given), "user_id": user, "created_at": store.clock(), "transaction_date": store.clock()}


def _order(store: Store, given: Given) -> Row:
    return {
        "id": store.new_id(),
        "entity_id": next((row["id"] for row in store.all("entities")), None),
        "purchase_order_number": "",
        "name": "",
        "amount": {"amount": 0, "currency_code": "USD"},
        "vendor_id": None,
        "created_at": store.clock(),
        "line_items": [],
    }


def _item(kind: ramp_accounting.Kind) -> Callable[[Store, Given], None]:
    """An uploaded item by its outer id; `ramp_id` may be given. One that is there is changed."""

    def put(store: Store, given: Given) -> None:
        known = {*kind.items, "code", "ramp_id", "is_active", "options"}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"`{unknown[0]}` is no member of {kind.table}; known are {', '.join(sorted(known))}")
        there = next((row for row in store.all(kind.table) if row["remote"] == given["id"]), None)
        stored = {name: value for name, value in given.items() if name not in {"id", "ramp_id", "options"}}
        row = there or {
            **ramp_accounting.new_item(store, {"name": given["id"], **_USUAL.get(kind.table, {}), "id": given["id"]}),
            **({"id": read_uuid(given["ramp_id"])} if "ramp_id" in given else {}),
        }
        store.put(kind.table, {**row, **stored, "updated_at": store.clock()})
        for option in given.get("options", ()):
            _put_option(store, row["id"], option)

    return put


_USUAL: Mapping[str, Given] = {
    "accounts": {"classification": "EXPENSE"},
    "fields": {"input_type": "SINGLE_CHOICE", "is_splittable": True},
}


def _put_option(store: Store, field_id: str, given: Given) -> None:
    found = [row for row in store.all("field_options") if row["field_id"] == field_id and row["remote"] == given["id"]]
    row = found[0] if found else ramp_accounting.new_item(store, {"id": given["id"], "value": ""}, field_id=field_id)
    store.put("field_options", {**row, "value": given.get("value", row["value"])})


def _vendor(store: Store, given: Given) -> Row:
    return ramp_spend.blank_vendor(store)


def _connection(store: Store, given: Given) -> None:
    """`connection_type` is API, DIRECT for one managed by Ramp, or NONE to take it away."""
    kind = given.get("connection_type", "API")
    if kind not in {"API", "DIRECT", "NONE"}:
        raise ValueError(f"`{kind}` is no kind of connection; use API, DIRECT or NONE")
    name = given.get("remote_provider_name", "ERP")
    store.connection = None if kind == "NONE" else ramp_accounting.new_connection(store, name, kind)


def _webhook(store: Store, given: Given) -> None:
    """An endpoint that has been verified already."""
    types = given.get("event_types", ["bills.approved"])
    row = new_webhook(store, given["endpoint_url"], types, status="active", secret=given.get("secret", ""))
    store.put("webhooks", row)


def _entity(store: Store, given: Given) -> Row:
    return {"id": store.new_id(), "entity_name": "", "currency": "USD"}


def _user(store: Store, given: Given) -> Row:
    return {"id": store.new_id(), "email": "", "first_name": "", "last_name": ""}


SEEDS: Mapping[str, Callable[[Store, Given], None]] = {
    "connection": _connection,
    "entities": _put("entities", _entity),
    "users": _put("users", _user),
    "accounts": _item(ramp_accounting.ACCOUNTS),
    "accounting_vendors": _item(ramp_accounting.VENDORS),
    "fields": _item(ramp_accounting.FIELDS),
    "vendors": _put("vendors", _vendor),
    "purchase_orders": _put("purchase_orders", _order),
    "bills": _put("bills", _bill),
    "drafts": _put("drafts", _bill),
    "transactions": _put("transactions", _transaction),
    "reimbursements": _put("reimbursements", _reimbursement),
    "webhooks": _webhook,
}
"""The word in a seed to what stores one of its rows."""
