"""Webhooks of the Ramp stand-in: registered, verified by a challenge, listed, removed.

The secret is in the answer that creates one, and nowhere else. An endpoint must be https, or this machine's loopback: the
stand-in sends nowhere else. No scope is named for these calls: any token will do.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from engine.sandbox.ramp_body import Member, listed, mapped, may, must, take_all, text, words
from engine.sandbox.ramp_calls import Call, Operation, Operations, answer, fetch, list_operation, one_operation
from engine.sandbox.ramp_errors import Refusal
from engine.sandbox.ramp_query import Listing
from engine.sandbox.ramp_store import Row, Store
from engine.sandbox.web_messages import Response

EVENTS = (
    "bills.created", "bills.approved", "bills.rejected", "bills.paid", "bills.ready_to_sync", "purchase_orders.created",
    "purchase_orders.updated", "transactions.authorized", "transactions.cleared", "transactions.ready_for_review",
    "transactions.ready_to_sync", "reimbursements.ready_to_sync", "tests.test_event", "webhooks.verification",
)  # fmt: skip
LOOPBACK = ("127.0.0.1", "localhost")
_INNER = ("secret", "challenge")


def show_webhook(store: Store, row: Row) -> dict[str, Any]:
    """Without its secret."""
    return {name: value for name, value in row.items() if name not in _INNER}


WEBHOOKS = Listing(table="webhooks", scope="", noun="Webhook", show=show_webhook)


def _endpoint(value: Any) -> str:
    parts = urlsplit(words(value))
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return words(value)
    raise ValueError("Not a valid https URL.")


def _types(value: Any) -> list[str]:
    kinds = listed(value)
    if not kinds or not all(kind in EVENTS for kind in kinds):
        raise ValueError(f"Needs one or more of: {', '.join(EVENTS)}.")
    return kinds


def _headers(value: Any) -> dict[str, str]:
    given = mapped(value)
    if len(given) > 5:
        raise ValueError("Longer than maximum length 5.")
    return {name: text(content) for name, content in given.items()}


_NEW: dict[str, Member] = {
    "endpoint_url": must(_endpoint),
    "event_types": must(_types),
    "additional_headers": may(_headers),
}


def new_webhook(store: Store, url: str, types: Sequence[str], *, status: str, secret: str = "") -> Row:
    """A webhook row; the secret is made up unless one is given."""
    return {
        "id": store.new_id(),
        "endpoint_url": url,
        "event_types": list(types),
        "additional_headers": {},
        "status": status,
        "created_at": store.clock(),
        "secret": secret or f"whsec_{store.new_id().replace('-', '')}",
        "challenge": store.new_id(),
    }


def _create(call: Call) -> Response:
    given = take_all(call.request, _NEW)
    url, types = given["endpoint_url"], given["event_types"]
    with call.store.transaction():
        row = {**new_webhook(call.store, url, types, status="pending_verification"), **given}
        call.store.put("webhooks", row)
        call.store.note("webhook.created", row["id"], endpoint_url=url)
        call.store.tell("webhooks.verification", id=row["id"])
    return answer({**show_webhook(call.store, row), "secret": row["secret"]}, 201)


def _verify(call: Call) -> Response:
    row = fetch(call, "webhooks", "Webhook")
    given = take_all(call.request, {"challenge": must(words)})
    if not hmac.compare_digest(given["challenge"].encode(), row["challenge"].encode()):
        raise Refusal(400, "The challenge is wrong")
    with call.store.transaction():
        row = call.store.put("webhooks", {**row, "status": "active"})
        call.store.note("webhook.verified", row["id"])
    return answer(show_webhook(call.store, row))


def _remove(call: Call) -> Response:
    row = fetch(call, "webhooks", "Webhook")
    with call.store.transaction():
        call.store.remove("webhooks", row["id"])
        call.store.note("webhook.removed", row["id"])
    return Response(status=204)


OPERATIONS: Operations = {
    ("GET", "webhooks"): list_operation(WEBHOOKS),
    ("POST", "webhooks"): Operation(scope="", run=_create),
    ("GET", "webhooks/*"): one_operation(WEBHOOKS),
    ("DELETE", "webhooks/*"): Operation(scope="", run=_remove),
    ("POST", "webhooks/*/verify"): Operation(scope="", run=_verify),
}
