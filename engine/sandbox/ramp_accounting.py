"""Reference data towards the Ramp stand-in: the connection, GL accounts, accounting vendors, fields and their options.

A batch is stored as a whole or not at all. An id that is there already, active or not, makes its batch invalid. Paths take
the id Ramp gave (`ramp_id`), not the one of the accounting system. Every upload needs a connection made through the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.sandbox.ramp_body import (
    Member,
    choice,
    ident,
    may,
    must,
    read_body,
    take,
    take_all,
    take_items,
    text,
    truth,
    words,
)  # fmt: skip
from engine.sandbox.ramp_calls import (
    Call,
    Operation,
    Operations,
    answer,
    fetch,
    list_operation,
    need_connection,
    one_operation,
)  # fmt: skip
from engine.sandbox.ramp_errors import Problems, Refusal, invalid
from engine.sandbox.ramp_query import Filter, Listing, equal, read_truth, read_uuid
from engine.sandbox.ramp_store import Row, Store
from engine.sandbox.web_messages import Response

BATCH = 500
CLASSES = ("ANY", "ASSET", "CREDCARD", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE", "UNKNOWN")
INPUTS = ("SINGLE_CHOICE", "BOOLEAN", "FREE_FORM_TEXT")
_READ, _WRITE = "accounting:read", "accounting:write"


def show_item(store: Store, row: Row) -> dict[str, Any]:
    """An item as it is answered: `ramp_id` is Ramp's, `id` the accounting system's."""
    shown = {name: value for name, value in row.items() if name not in {"id", "remote", "is_synced"}}
    return {"ramp_id": row["id"], "id": row["remote"], **shown}


_FILTERS: Mapping[str, Filter] = {
    "remote_id": equal("remote"),
    "is_active": equal("is_active", read_truth),
    "is_synced": equal("is_synced", read_truth),
}


def _listing(table: str, noun: str, **more: Filter) -> Listing:
    return Listing(table=table, scope=_READ, noun=noun, show=show_item, filters={**_FILTERS, **more})


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of reference data: the member its batch is under, what an item takes, and what may be changed."""

    batch: str
    listing: Listing
    items: Mapping[str, Member]
    changes: Mapping[str, Member]

    @property
    def table(self) -> str:
        return self.listing.table


ACCOUNTS = Kind(
    batch="gl_accounts",
    listing=_listing("accounts", "GL account"),
    items={"id": must(words), "name": must(words), "classification": must(choice(*CLASSES)), "code": may(text)},
    changes={"name": may(words), "code": may(text), "reactivate": may(truth)},
)
VENDORS = Kind(
    batch="vendors",
    listing=_listing("accounting_vendors", "Accounting vendor"),
    items={"id": must(words), "name": must(words), "code": may(text)},
    changes={"name": may(words), "code": may(text), "reactivate": may(truth)},
)
FIELDS = Kind(
    batch="",
    listing=_listing("fields", "Accounting field"),
    items={"id": must(words), "name": must(words), "input_type": must(choice(*INPUTS)), "is_splittable": may(truth)},
    changes={"name": may(words), "is_splittable": may(truth), "reactivate": may(truth)},
)
OPTIONS = Kind(
    batch="options",
    listing=_listing("field_options", "Field option", field_id=equal("field_id", read_uuid)),
    items={"id": must(words), "value": must(words), "code": may(text)},
    changes={"value": may(words), "code": may(text), "reactivate": may(truth)},
)


def new_item(store: Store, given: Mapping[str, Any], **more: Any) -> Row:
    """The row of an uploaded item."""
    now = store.clock()
    rest = {name: value for name, value in given.items() if name != "id"}
    marks = {"is_active": True, "is_synced": True, "created_at": now, "updated_at": now}
    return {"id": store.new_id(), "remote": given["id"], "code": None, **rest, **more, **marks}


def _check_new(store: Store, kind: Kind, items: list[dict[str, Any]], problems: Problems, **within: Any) -> None:
    """An id that exists or comes twice is a problem; `within` narrows where it must be new."""
    taken = {
        row["remote"] for row in store.all(kind.table) if all(row[name] == value for name, value in within.items())
    }
    for number, item in enumerate(items):
        if item.get("id") in taken:
            problems[f"{kind.batch}.{number}.id"] = [f"`{item['id']}` exists already."]
        taken.add(item.get("id"))


def _save(store: Store, kind: Kind, items: list[dict[str, Any]], **more: Any) -> list[Row]:
    with store.transaction():
        rows = [store.put(kind.table, new_item(store, item, **more)) for item in items]
        for row in rows:
            store.note(f"{kind.table}.added", row["remote"], ramp_id=row["id"], **more)
    return rows


def _upload(kind: Kind) -> Operation:
    def run(call: Call) -> Response:
        need_connection(call.store)
        problems: Problems = {}
        body = read_body(call.request)
        problems |= {name: ["Unknown field."] for name in body if name != kind.batch}
        items = take_items(body.get(kind.batch), kind.items, problems, kind.batch, BATCH)
        _check_new(call.store, kind, items, problems)
        if problems:
            raise invalid(problems)
        _save(call.store, kind, items)
        return answer({}, 201)

    return Operation(scope=_WRITE, run=run)


def _add_field(call: Call) -> Response:
    need_connection(call.store)
    given = {"is_splittable": False, **take_all(call.request, FIELDS.items)}
    if any(row["remote"] == given["id"] for row in call.store.all("fields")):
        raise invalid({"id": [f"`{given['id']}` exists already."]})
    (row,) = _save(call.store, FIELDS, [given])
    return answer(show_item(call.store, row), 201)


def _add_options(call: Call) -> Response:
    need_connection(call.store)
    problems: Problems = {}
    body = read_body(call.request)
    head = take({name: body[name] for name in body if name != "options"}, {"field_id": must(ident)}, problems)
    items = take_items(body.get("options"), OPTIONS.items, problems, "options", BATCH)
    field = call.store.get("fields", head["field_id"]) if head else None
    if head and (field is None or not field["is_active"] or field["input_type"] != "SINGLE_CHOICE"):
        problems["field_id"] = ["No active field with choices."]
    if head:
        _check_new(call.store, OPTIONS, items, problems, field_id=head["field_id"])
    if problems:
        raise invalid(problems)
    _save(call.store, OPTIONS, items, field_id=head["field_id"])
    return answer({}, 201)


def _change(kind: Kind) -> Operation:
    def run(call: Call) -> Response:
        need_connection(call.store)
        row = fetch(call, kind.table, kind.listing.noun)
        given = take_all(call.request, kind.changes)
        active = given.pop("reactivate", False) or row["is_active"]
        with call.store.transaction():
            row = call.store.put(kind.table, {**row, **given, "is_active": active, "updated_at": call.store.clock()})
            call.store.note(f"{kind.table}.changed", row["remote"], is_active=active, **given)
        return answer(show_item(call.store, row))

    return Operation(scope=_WRITE, run=run)


def _delete(kind: Kind) -> Operation:
    """What is deleted stays, inactive, and can be reactivated."""

    def run(call: Call) -> Response:
        need_connection(call.store)
        row = fetch(call, kind.table, kind.listing.noun)
        with call.store.transaction():
            call.store.put(kind.table, {**row, "is_active": False, "updated_at": call.store.clock()})
            call.store.note(f"{kind.table}.deleted", row["remote"])
        return Response(status=204)

    return Operation(scope=_WRITE, run=run)


def new_connection(store: Store, name: str, kind: str = "API") -> Row:
    """A connection row; `kind` is API, or DIRECT for one that Ramp manages."""
    return {
        "id": store.new_id(),
        "remote_provider_name": name,
        "connection_type": kind,
        "status": "LINKED",
        "created_at": store.clock(),
    }


def _connect(call: Call) -> Response:
    given = take_all(call.request, {"remote_provider_name": must(words)})
    if call.store.connection is not None:
        raise Refusal(400, "The business has an accounting connection already")
    with call.store.transaction():
        call.store.connection = new_connection(call.store, given["remote_provider_name"])
        call.store.note("connection.made", given["remote_provider_name"])
    return answer(call.store.connection, 201)


def _connection(call: Call) -> Response:
    if call.store.connection is None:
        raise Refusal(404, "The business has no accounting connection")
    return answer(call.store.connection)


def _of(path: str, kind: Kind, add: Operation) -> Operations:
    return {
        ("GET", path): list_operation(kind.listing),
        ("POST", path): add,
        ("GET", f"{path}/*"): one_operation(kind.listing),
        ("PATCH", f"{path}/*"): _change(kind),
        ("DELETE", f"{path}/*"): _delete(kind),
    }


OPERATIONS: Operations = {
    ("GET", "accounting/connection"): Operation(scope=_READ, run=_connection),
    ("POST", "accounting/connection"): Operation(scope=_WRITE, run=_connect),
    **_of("accounting/accounts", ACCOUNTS, _upload(ACCOUNTS)),
    **_of("accounting/vendors", VENDORS, _upload(VENDORS)),
    **_of("accounting/fields", FIELDS, Operation(scope=_WRITE, run=_add_field)),
    **_of("accounting/field-options", OPTIONS, Operation(scope=_WRITE, run=_add_options)),
}
