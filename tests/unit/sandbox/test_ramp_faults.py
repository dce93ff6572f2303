"""Faults of the Ramp stand-in, and what its history proves about them: nothing lost, nothing twice."""

from __future__ import annotations

import uuid

import httpx
import pytest

from .ramp_client import SYNCS

BROKEN = (httpx.RemoteProtocolError, httpx.ReadError)


def batch(bill_id: str) -> dict:
    return {
        "idempotency_key": str(uuid.uuid4()),
        "sync_type": "BILL_SYNC",
        "successful_syncs": [{"id": bill_id, "reference_id": "EPIC06/112/INV-77"}],
    }


@pytest.mark.parametrize(("kind", "landed"), [("lost_answer", 1), ("reset", 1), ("truncated", 1), ("cut_before", 0)])
def test_a_lost_answer_is_settled_by_the_same_key(spend, ramp, kind, landed):
    body = batch(spend.bill())
    spend.get("bills")
    ramp.faults.add(f"{kind}:syncs")

    with pytest.raises(BROKEN):
        spend.send("POST", SYNCS, body)

    assert len(ramp.history.effects("bill.synced")) == landed
    assert spend.send("POST", SYNCS, body).status_code == 201
    assert len(ramp.history.effects("bill.synced")) == 1
    assert len(ramp.history.calls("syncs")) == 2


@pytest.mark.parametrize(
    ("kind", "status", "landed"), [("500", 500, 0), ("500_after", 500, 1), ("503", 503, 0), ("429", 429, 0)]
)
def test_a_server_in_trouble_answers_in_its_own_form(spend, ramp, kind, status, landed):
    body = batch(spend.bill())
    spend.get("bills")
    ramp.faults.add(f"{kind}:accounting/syncs")

    assert spend.refused("POST", SYNCS, body)[:2] == (status, "DEVELOPER_7000")
    assert len(ramp.history.effects("bill.synced")) == landed
    assert spend.send("POST", SYNCS, body).status_code == 201
    assert len(ramp.history.effects("bill.synced")) == 1


def test_an_expired_token_kills_every_token(spend, ramp):
    spend.get("bills")
    ramp.faults.add("expired_token:bills")

    assert spend.refused("GET", "bills")[:2] == (401, "DEVELOPER_7028")
    assert spend.refused("GET", "vendors")[:2] == (401, "DEVELOPER_7028")
    spend.token = ""
    assert spend.get("bills")["data"] == []


def test_a_fault_waits_for_its_route_and_its_turn(spend, ramp):
    first, second = spend.bill(), spend.bill()
    ramp.faults.add("500:bills/*:2")

    assert spend.send("GET", f"bills/{first}").status_code == 200
    assert spend.get("bills")["data"]
    assert spend.send("GET", f"bills/{second}").status_code == 500
    assert spend.send("GET", f"bills/{second}").status_code == 200


def test_every_request_is_in_the_history(spend, ramp):
    spend.get("bills", page_size=2)
    spend.send("GET", "bills", params={"page_size": 1})

    calls = [(call.method, call.path, call.query, call.status) for call in ramp.history.calls()]
    assert calls == [
        ("POST", "/developer/v1/token", "", 200),
        ("GET", "/developer/v1/bills", "page_size=2", 200),
        ("GET", "/developer/v1/bills", "page_size=1", 422),
    ]


def test_a_mistake_of_the_stand_in_is_a_500_and_rolled_back(spend, ramp):
    bill_id = spend.bill()
    spend.get("bills")

    def trip(what: str, key: str, **detail: object) -> None:
        raise RuntimeError("mistake in the stand-in")

    ramp.store.note, kept = trip, ramp.store.note
    assert spend.send("POST", SYNCS, batch(bill_id)).status_code == 500
    ramp.store.note = kept

    assert len(ramp.crashes) == 1
    ramp.crashes.clear()
    assert [bill["id"] for bill in spend.get("bills", sync_ready="true")["data"]] == [bill_id]
    assert ramp.history.effects() == []
