"""How an operation of the Ramp stand-in is declared, and what it is called with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.sandbox.ramp_errors import NO_CONNECTION, Refusal, not_found
from engine.sandbox.ramp_json import encode
from engine.sandbox.ramp_query import Listing, read_list, read_uuid
from engine.sandbox.ramp_store import Row, Store
from engine.sandbox.web_messages import Request, Response


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request that may be carried out; `key` is the id in its path, empty without one, `url` its full address."""

    store: Store
    request: Request
    key: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """`scope` is what the token must have; empty where any token will do."""

    scope: str
    run: Callable[[Call], Response]


Operations = Mapping[tuple[str, str], Operation]
"""Method and path below the version, `*` for an id, to the operation."""


def answer(body: object, status: int = 200) -> Response:
    return Response(status=status, body=encode(body))


def fetch(call: Call, table: str, noun: str) -> Row:
    """The row of the id in the path; 404 for an unknown one and for what is no id at all."""
    try:
        row = call.store.get(table, read_uuid(call.key))
    except ValueError:
        row = None
    if row is None:
        raise not_found(noun, call.key)
    return row


def need_connection(store: Store) -> None:
    """400 unless there is an accounting connection made through the API; a direct one is Ramp's own."""
    if store.connection is None:
        raise Refusal(400, "The business has no accounting connection", code=NO_CONNECTION)
    if store.connection["connection_type"] != "API":
        message = "The accounting connection is managed by Ramp: its data is read-only through the API"
        raise Refusal(400, message, code=NO_CONNECTION)


def list_operation(listing: Listing) -> Operation:
    """A page of the list."""

    def run(call: Call) -> Response:
        return answer(read_list(call.store, listing, call.request.params(), call.url))

    return Operation(scope=listing.scope, run=run)


def one_operation(listing: Listing) -> Operation:
    """One row of the list, by its id."""

    def run(call: Call) -> Response:
        return answer(listing.show(call.store, fetch(call, listing.table, listing.noun)))

    return Operation(scope=listing.scope, run=run)
