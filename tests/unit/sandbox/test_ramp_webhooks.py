"""Webhooks of the Ramp stand-in: registration, the challenge, signed deliveries to a real receiver, retries."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest

from engine.sandbox.faults import Faults
from engine.sandbox.history import History
from engine.sandbox.web import Request, Response, Web

SECRET = "shared-secret"
HEADER = "x-ramp-webhook-signature"


class Receiver:
    """Answers with the next of `statuses`, 200 when none are left, and keeps what came."""

    def __init__(self) -> None:
        self.got: list[Request] = []
        self.statuses: list[int] = []
        self.url = ""

    def answer(self, request: Request) -> Response:
        self.got.append(request)
        return Response(status=self.statuses.pop(0) if self.statuses else 200)

    def signed(self) -> list[bool]:
        """Whether each delivery bears the documented signature of its raw bytes."""
        return [hmac.compare_digest(sign(request.body), request.headers.get(HEADER, "")) for request in self.got]

    def events(self) -> list[dict]:
        return [json.loads(request.body) for request in self.got]


def sign(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    with Web(found.answer, history=History("receiver"), faults=Faults()) as web:
        found.url = f"{web.url}/hooks/ramp?tenant=1"
        yield found
    assert web.crashes == []


@pytest.fixture
def waits(ramp) -> list[float]:
    """The waits between attempts, which nobody really waits for."""
    found: list[float] = []
    ramp.sender.sleep = found.append
    return found


@pytest.fixture
def hooked(ramp, receiver, waits):
    """The stand-in with a verified webhook for approved and paid bills."""
    ramp.seed(
        webhooks=[
            {"endpoint_url": receiver.url, "event_types": ["bills.approved", "bills.paid"], "secret": SECRET},
        ]
    )
    return ramp


def test_a_webhook_is_verified_by_its_challenge(spend, ramp, receiver, waits):
    body = {"endpoint_url": receiver.url, "event_types": ["bills.approved"], "additional_headers": {"X-Tenant": "7"}}
    made = spend.send("POST", "webhooks", body).json()
    hook = f"webhooks/{made['id']}"

    assert made["status"] == "pending_verification"
    assert "secret" not in spend.get(hook)
    assert [sending.ending for sending in ramp.send_events()] == ["delivered"]
    (challenge,) = receiver.events()
    assert challenge["type"] == "webhooks.verification"
    assert receiver.got[0].headers["x-tenant"] == "7"

    ramp.act(spend.bill(approval_status="PENDING"), "approve")
    assert ramp.send_events() == [], "nothing goes to a webhook that is not verified"

    assert spend.refused("POST", f"{hook}/verify", {"challenge": "wrong"})[0] == 400
    assert spend.send("POST", f"{hook}/verify", {"challenge": challenge["challenge"]}).json()["status"] == "active"
    ramp.act(spend.bill(approval_status="PENDING"), "approve")
    assert len(ramp.send_events()) == 1
    delivered = receiver.got[-1]
    digest = hmac.new(made["secret"].encode(), delivered.body, hashlib.sha256).hexdigest()
    assert delivered.headers[HEADER] == digest

    assert spend.send("DELETE", hook).status_code == 204
    assert spend.get("webhooks")["data"] == []


@pytest.mark.parametrize(
    ("other", "member"),
    [
        ({"endpoint_url": "http://erp.example/hook"}, "endpoint_url"),
        ({"event_types": []}, "event_types"),
        ({"event_types": ["bills.eaten"]}, "event_types"),
        ({"additional_headers": {f"X-{n}": "1" for n in range(6)}}, "additional_headers"),
    ],
)
def test_a_bad_webhook_is_refused(spend, other, member):
    body = {"endpoint_url": "https://erp.example/hook", "event_types": ["bills.approved"], **other}

    answer = spend.send("POST", "webhooks", body)

    assert answer.status_code == 422
    assert member in answer.json()["error_v2"]["additional_info"]


def test_an_event_is_thin_and_signed_over_its_raw_bytes(spend, hooked, receiver):
    bill_id = spend.bill(approval_status="PENDING")
    hooked.act(bill_id, "approve")

    (sending,) = hooked.send_events()

    (event,) = receiver.events()
    assert set(event) == {"id", "type", "created_at", "business_id", "object"}
    assert (event["type"], event["object"]) == ("bills.approved", {"id": bill_id})
    assert event["created_at"] == "2025-01-31T09:12:44Z"
    assert receiver.signed() == [True]
    assert receiver.got[0].path == "/hooks/ramp"
    assert sending.statuses == (200,)
    assert hooked.events() == []


def test_header_and_prefix_may_differ(spend, hooked, receiver):
    hooked.rules.signature_header, hooked.rules.signature_prefix = "X-Ramp-Signature", "sha256="
    hooked.act(spend.bill(approval_status="PENDING"), "approve")
    hooked.send_events()

    assert receiver.got[0].headers["x-ramp-signature"] == f"sha256={sign(receiver.got[0].body)}"


@pytest.mark.parametrize("mode", ["wrong_secret", "changed_body", "missing_header", "upper_case"])
def test_a_forged_delivery_does_not_verify(spend, hooked, receiver, mode):
    hooked.act(spend.bill(approval_status="PENDING"), "approve")

    hooked.send_events(mode)

    assert receiver.signed() == [False]
    assert (HEADER in receiver.got[0].headers) is (mode != "missing_header")


def test_an_unknown_way_to_send_is_refused(spend, hooked):
    hooked.act(spend.bill(approval_status="PENDING"), "approve")

    with pytest.raises(ValueError, match="`politely` is no way to send"):
        hooked.send_events("politely")


def test_events_come_twice_and_in_any_order(spend, hooked, receiver):
    bill_id = spend.bill(approval_status="PENDING")
    hooked.act(bill_id, "approve")
    hooked.pay(bill_id)
    first = hooked.events()[0]

    hooked.send_events(backwards=True)
    hooked.send(first)

    assert [event["type"] for event in receiver.events()] == ["bills.paid", "bills.approved", "bills.approved"]
    assert receiver.events()[1] == receiver.events()[2]


def test_only_what_was_asked_for_is_sent(spend, hooked, receiver):
    hooked.act(spend.bill(approval_status="PENDING"), "reject")
    hooked.test_event()

    assert hooked.send_events() == []
    assert receiver.got == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_an_unwell_receiver_is_tried_again_with_the_same_event(spend, hooked, receiver, waits, status):
    receiver.statuses = [status, status]
    hooked.act(spend.bill(approval_status="PENDING"), "approve")

    (sending,) = hooked.send_events()

    assert (sending.statuses, sending.ending) == ((status, status, 200), "delivered")
    assert len({event["id"] for event in receiver.events()}) == 1
    assert waits == [1.0, 2.0]


def test_after_ten_retries_the_event_is_given_up(spend, hooked, receiver, waits):
    receiver.statuses = [500] * 11
    hooked.act(spend.bill(approval_status="PENDING"), "approve")

    (sending,) = hooked.send_events()

    assert (len(sending.statuses), sending.ending, len(waits)) == (11, "given_up", 10)
    assert len(hooked.history.effects("webhook.given_up")) == 1


@pytest.mark.parametrize("status", [404, 401, 302])
def test_a_refusal_loses_the_event(spend, hooked, receiver, waits, status):
    receiver.statuses = [status]
    hooked.act(spend.bill(approval_status="PENDING"), "approve")

    (sending,) = hooked.send_events()

    assert (sending.statuses, sending.ending, waits) == ((status,), "lost", [])


def test_a_slow_receiver_gets_the_event_again(spend, hooked, receiver, waits):
    hooked.sender.timeout = 0.05
    with Web(receiver.answer, history=History("slow"), faults=Faults()) as slow:
        slow.faults.add("slow:*:1:0.15")
        hooked.seed(webhooks=[{"endpoint_url": slow.url, "event_types": ["bills.approved"]}])
        hooked.act(spend.bill(approval_status="PENDING"), "approve")

        sending = hooked.send_events()[-1]

    assert sending.statuses == (None, 200)


def test_nothing_is_sent_beyond_this_machine(spend, ramp):
    ramp.seed(webhooks=[{"endpoint_url": "https://erp.example/hook"}])
    ramp.act(spend.bill(approval_status="PENDING"), "approve")

    with pytest.raises(ValueError, match="to this machine only"):
        ramp.send_events()


def test_what_people_do_becomes_events(spend, ramp):
    ramp.rules.ready_events = True
    ramp.seed(transactions=[{"amount": "1", "sync_status": "NOT_SYNC_READY"}])
    bill_id = spend.bill(approval_status="PENDING")
    ramp.act(bill_id, "approve")
    ramp.pay(bill_id)
    ramp.get_ready("transactions", ramp.rows("transactions")[0]["id"])
    ramp.act(spend.bill(), "terminate")

    assert [event.type for event in ramp.events()] == [
        "bills.approved", "bills.ready_to_sync", "bills.paid", "transactions.ready_to_sync",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no payment method"):
        ramp.pay(bill_id, "COWRIES")
    with pytest.raises(LookupError, match="no bills has the id"):
        ramp.act("7", "approve")
    with pytest.raises(ValueError, match="`colour` is no member"):
        ramp.change("bills", bill_id, colour="red")
