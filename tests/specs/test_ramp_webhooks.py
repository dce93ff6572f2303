"""Webhooks over real HTTP: only what is signed counts, each event once, and what it says is never believed but fetched."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import replace
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from engine.service.serving import Asked, Service
from engine.service.shelf import Shelf
from engine.state.inbox import events_after

from .ramp_world import SPEC, WEBHOOK_SECRET
from .webhook_endpoint import Endpoint, parts_of

HEADER = "X-Ramp-Webhook-Signature"
TYPES = ["bills.created", "bills.approved", "bills.paid"]


@pytest.fixture
def endpoint(ramp_world):
    with Endpoint(ramp_world) as endpoint:
        ramp_world.ramp.seed(webhooks=[{"endpoint_url": endpoint.url, "event_types": TYPES, "secret": WEBHOOK_SECRET}])
        yield endpoint


def post(endpoint, body, headers):
    parts = urlsplit(endpoint.url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=5)
    try:
        connection.request("POST", parts.path, body=body, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def signed(body, secret=WEBHOOK_SECRET, prefix="", header=HEADER):
    return {header: prefix + hmac.digest(secret.encode(), body, hashlib.sha256).hex()}


def message(event="e-1", kind="bills.approved", about="b-1"):
    return json.dumps({"id": event, "type": kind, "object": {"id": about}}).encode()


def stored(world):
    with world.workspace() as workspace:
        return [(event.id, event.hint) for event in events_after(workspace.desk, f"{SPEC}/ramp", TYPES, 0, 100)]


def approved(world, number="INV-77"):
    """A bill whose approval is announced."""
    bill = world.bill(number, approval_status="PENDING")
    world.ramp.act(bill, "approve")
    return bill


def test_an_announced_bill_is_stored_at_once_and_fetched_by_the_next_run(endpoint, ramp_world):
    bill = approved(ramp_world)
    (sending,) = ramp_world.ramp.send_events()
    assert sending.ending == "delivered"
    assert ramp_world.ramp.history.calls(f"bills/{bill}") == []  # answered before any work
    assert [hint for _, hint in stored(ramp_world)] == [bill]
    assert endpoint.asked() == ["bills"]
    ramp_world.run("bills")
    assert len(ramp_world.ramp.history.calls(f"bills/{bill}")) == 1
    ramp_world.assert_whole("INV-77", ("10.30",))
    ramp_world.run("bills")
    assert len(ramp_world.ramp.history.calls(f"bills/{bill}")) == 1


def test_the_announced_and_the_listed_bill_are_one(endpoint, ramp_world):
    approved(ramp_world)
    ramp_world.ramp.send_events()
    counts = ramp_world.counts(ramp_world.run("bills"), "bills")
    assert counts == {"posted": 1, "seen": 1}


@pytest.mark.parametrize("mode", ["wrong_secret", "changed_body", "missing_header", "upper_case"])
def test_what_is_not_signed_as_agreed_is_refused_and_polling_brings_the_bill(endpoint, ramp_world, mode):
    approved(ramp_world)
    (sending,) = ramp_world.ramp.send_events(mode)
    assert sending.statuses == (401,)
    assert stored(ramp_world) == []
    ramp_world.run("bills")
    ramp_world.assert_whole("INV-77", ("10.30",))


def test_an_event_sent_again_is_known(endpoint, ramp_world):
    approved(ramp_world)
    (event,) = ramp_world.ramp.events()
    for _ in range(3):
        ramp_world.ramp.send(event)
    assert endpoint.deliveries == {"stored": 1, "known": 2}
    assert len(stored(ramp_world)) == 1


def test_a_process_that_dies_between_storing_and_answering_hears_the_event_again(endpoint, ramp_world):
    """Crash table of the delivery protocol, row 26."""
    bill = approved(ramp_world)
    endpoint.cut = 1
    (sending,) = ramp_world.ramp.send_events()
    assert sending.statuses == (None, 200)
    assert [hint for _, hint in stored(ramp_world)] == [bill]
    ramp_world.run("bills")
    assert ramp_world.saved("INV-77") == 1


def test_events_out_of_order_bring_what_is_there_now(endpoint, ramp_world):
    bill = ramp_world.bill("INV-77", approval_status="PENDING")
    ramp_world.ramp.act(bill, "approve")
    ramp_world.correct(
        bill, amount="11.00", line_items=[{"amount": "11.00", "coding": {"gl": "6100", "Department": "10"}}]
    )
    ramp_world.ramp.send_events(backwards=True)
    ramp_world.run("bills")
    ramp_world.assert_whole("INV-77", ("11.00",))


def test_an_announced_bill_that_is_not_ready_any_more_is_left(endpoint, ramp_world):
    bill = approved(ramp_world)
    ramp_world.ramp.send_events()
    ramp_world.ramp.act(bill, "archive")
    ramp_world.run("bills")
    assert ramp_world.numbers() == []
    assert ramp_world.documents(bill) == []


def test_an_announced_bill_of_another_entity_is_left(endpoint, ramp_world):
    ramp_world.ramp.seed(entities=[{"entity_name": "Other Inc."}])
    other = ramp_world.ramp.rows("entities")[1]["id"]
    bill = ramp_world.bill("INV-77", approval_status="PENDING", entity_id=other)
    ramp_world.ramp.act(bill, "approve")
    ramp_world.ramp.send_events()
    ramp_world.run("bills")
    assert ramp_world.numbers() == []


def test_an_announced_bill_that_cannot_be_fetched_is_tried_again_and_holds_nothing_up(endpoint, ramp_world):
    bill = approved(ramp_world)
    ramp_world.ramp.send_events()
    ramp_world.strike("503", f"bills/{bill}", 0)
    (flow,) = ramp_world.run("bills").flows
    assert flow.exit_code == 4
    ramp_world.assert_whole("INV-77", ("10.30",))  # the list brought it
    ramp_world.ramp.faults.clear()
    assert ramp_world.run("bills").exit_code == 0
    calls = len(ramp_world.ramp.history.calls(f"bills/{bill}"))
    ramp_world.run("bills")
    assert len(ramp_world.ramp.history.calls(f"bills/{bill}")) == calls


def test_an_event_about_nothing_there_is_stored_and_done_with(endpoint, ramp_world):
    body = message(about="7c0c1a52-5c0e-4f7e-9d0b-0a1f6b3f7f10")
    assert post(endpoint, body, signed(body)) == 200
    result = ramp_world.run("bills")
    assert result.exit_code == 0
    ramp_world.run("bills")
    assert len(ramp_world.ramp.history.calls("bills/7c0c*")) == 1


def test_an_id_the_system_refuses_is_put_before_a_person_and_the_next_event_goes_on(endpoint, ramp_world):
    strange = message("e-1", about="b/../../x")
    assert post(endpoint, strange, signed(strange)) == 200
    approved(ramp_world)
    ramp_world.ramp.send_events()
    result = ramp_world.run("bills")
    assert ramp_world.counts(result, "bills") == {"posted": 1, "seen": 1, "quarantined": 1}
    assert all(".." not in call.path for call in ramp_world.ramp.history.calls())
    ramp_world.assert_whole("INV-77", ("10.30",))


def test_both_secrets_are_good_while_one_takes_the_others_place(make_ramp_world):
    world = make_ramp_world()
    world.masters_are_there()
    world.change(
        "",
        (
            "webhook_secret: {secret: ramp.webhook_secret}",
            "webhook_secret: {secret: ramp.new}\n      webhook_secret_before: {secret: ramp.webhook_secret}",
        ),
    )
    world.secrets["ramp.new"] = "another-webhook-secret"
    world.store_secrets()
    with Endpoint(world) as endpoint:
        for event, secret in (("e-1", WEBHOOK_SECRET), ("e-2", "another-webhook-secret")):
            body = message(event)
            assert post(endpoint, body, signed(body, secret)) == 200
        body = message("e-3")
        assert post(endpoint, body, signed(body, "a third one")) == 401
        assert post(endpoint, body, signed(body, "")) == 401
    assert [event for event, _ in stored(world)] == ["e-1", "e-2"]


def test_header_and_prefix_are_settings(make_ramp_world):
    world = make_ramp_world()
    world.change(
        "",
        (
            "webhook_secret: {secret: ramp.webhook_secret}",
            "webhook_secret: {secret: ramp.webhook_secret}\n      webhook_header: X-Ramp-Signature",
        ),
    )
    with Endpoint(world) as endpoint:
        body = message()
        assert post(endpoint, body, signed(body)) == 401
        assert post(endpoint, body, signed(body, header="x-ramp-signature", prefix="sha256=")) == 200
        assert post(endpoint, body, signed(body, header="x-ramp-signature", prefix="sha1=")) == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 400),
        (b"{", 400),
        (b'{"id": "e-1", "id": "e-2"}', 400),
        (b'{"id": "e-1", "type": "bills.approved", "object": "' + b"x" * (256 * 1024) + b'"}', 413),
        (b'{"type": "webhooks.verification", "challenge": "c-1"}', 200),
        (b'{"id": {"a": 1}, "type": "bills.approved"}', 200),
    ],
)
def test_genuine_messages_that_announce_nothing_are_answered_and_not_stored(ramp_world, body, status):
    with Endpoint(ramp_world) as endpoint:
        assert post(endpoint, body, signed(body)) == status
        assert endpoint.asked() == []
    assert stored(ramp_world) == []


def test_the_secret_is_never_shown(endpoint, ramp_world, caplog):
    approved(ramp_world)
    ramp_world.ramp.send_events("wrong_secret")
    ramp_world.run("bills")
    assert WEBHOOK_SECRET not in caplog.text
    kept = b"".join(path.read_bytes() for path in ramp_world.home.rglob("*") if path.is_file())
    assert WEBHOOK_SECRET.encode() not in kept


def test_a_service_fetches_what_is_announced_at_once_and_once(ramp_world):
    """No flow has a schedule: nothing else starts it."""
    every = ("1d", "1h", "15m")
    ramp_world.change(
        "", *[(f"    schedule: {{every: {span}}}\n", "") for span in every], ("schedule: {cron:", "# {cron:")
    )
    with ramp_world.workspace() as workspace:
        shelf = Shelf([ramp_world.spec])
        shelf.look()
        parts = replace(parts_of(ramp_world, workspace), shelf=shelf)
        service = Service(parts, Asked(port=0))
        address = service.start()
        try:
            url = f"{address}/hooks/default/{SPEC}/bills"
            ramp_world.ramp.seed(webhooks=[{"endpoint_url": url, "event_types": TYPES, "secret": WEBHOOK_SECRET}])
            bill = approved(ramp_world)
            (event,) = ramp_world.ramp.events()
            for _ in range(10):
                assert [sent.ending for sent in ramp_world.ramp.send(event)] == ["delivered"]
            until(lambda: not parts.firings.queued() and not parts.firings.running())
        finally:
            service.stop()
        found = [(firing.flow, firing.cause, firing.state) for firing in parts.firings.listed()]
    assert found == [(f"{SPEC}/bills", "webhook", "done")]
    assert len(ramp_world.ramp.history.calls(f"bills/{bill}")) == 1
    ramp_world.assert_whole("INV-77", ("10.30",))


def until(holds):
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to that in half a minute")
