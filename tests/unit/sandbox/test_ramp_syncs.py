"""`POST /accounting/syncs` of the Ramp stand-in: all or nothing, once per key, successes and failures."""

from __future__ import annotations

import uuid

import httpx
import pytest

from engine.sandbox.ramp_store import Rules

from .ramp_client import SYNCS, Spend, build

NOBODY = "00000000-0000-4000-8000-000000000000"


def batch(*done: str, failed: tuple[str, ...] = (), **other: object) -> dict:
    body = {
        "idempotency_key": str(uuid.uuid4()),
        "sync_type": "BILL_SYNC",
        "successful_syncs": [{"id": row_id, "reference_id": f"EPIC06/112/{row_id[:8]}"} for row_id in done],
        "failed_syncs": [{"id": row_id, "error": {"message": "Vendor ACME is inactive"}} for row_id in failed],
    }
    return {name: value for name, value in {**body, **other}.items() if value is not None}


def sync(spend, body: dict) -> str:
    answer = spend.send("POST", SYNCS, body)
    assert answer.status_code == 201, answer.text
    return answer.json()["sync_id"]


def test_a_synced_bill_leaves_the_ready_list_once(spend, ramp):
    bill_id = spend.bill()
    body = batch(bill_id)
    body["successful_syncs"][0]["deep_link_url"] = "https://erp.example/INV-77"

    sync_id = sync(spend, body)

    bill = spend.get(f"bills/{bill_id}")
    assert spend.get("bills", sync_ready="true")["data"] == []
    assert bill["sync_status"] == "BILL_SYNCED"
    assert (bill["remote_id"], bill["deep_link_url"]) == (f"EPIC06/112/{bill_id[:8]}", "https://erp.example/INV-77")
    (effect,) = ramp.history.effects("bill.synced")
    assert (effect.key, effect.detail["reference_id"]) == (bill_id, f"EPIC06/112/{bill_id[:8]}")
    assert effect.detail["sync_id"] == sync_id


def test_a_failure_is_kept_for_people_and_the_bill_stays_ready(spend, ramp):
    good, bad = spend.bill(), spend.bill(vendor="Stray")

    sync(spend, batch(good, failed=(bad,)))

    assert [bill["id"] for bill in spend.get("bills", sync_ready="true")["data"]] == [bad]
    assert ramp.sync_error("bills", bad) == "Vendor ACME is inactive"
    assert [effect.key for effect in ramp.history.effects("bill.sync_failed")] == [bad]

    sync(spend, batch(bad))
    assert ramp.sync_error("bills", bad) is None
    assert ramp.sync_error("bills", NOBODY) is None


def test_the_same_key_gets_the_same_answer_without_a_second_effect(spend, ramp):
    body = batch(spend.bill())

    first, second = sync(spend, body), sync(spend, body)

    assert first == second
    assert len(ramp.history.effects("bill.synced")) == 1
    assert len(ramp.history.effects("sync.accepted")) == 1


def test_the_same_key_with_another_body_is_a_conflict(spend, ramp):
    body = batch(spend.bill())
    sync(spend, body)

    other = batch(spend.bill(), idempotency_key=body["idempotency_key"])

    assert spend.refused("POST", SYNCS, other)[0] == 409
    assert len(ramp.history.effects("bill.synced")) == 1


def test_a_refused_batch_does_not_use_up_its_key(spend, ramp):
    bill_id = spend.bill(approval_status="PENDING")
    body = batch(bill_id)
    assert spend.refused("POST", SYNCS, body)[0] == 400

    ramp.act(bill_id, "approve")

    assert sync(spend, body)


def test_one_bill_that_is_not_ready_refuses_the_whole_batch(spend, ramp):
    good, pending, failed = spend.bill(), spend.bill(approval_status="PENDING"), spend.bill(approval_status="REJECTED")

    status, code, message = spend.refused("POST", SYNCS, batch(good, pending, NOBODY, failed=(failed,)))

    assert (status, code) == (400, "DEVELOPER_7062")
    assert [row_id in message for row_id in (good, pending, NOBODY, failed)] == [False, True, True, True]
    assert [bill["id"] for bill in spend.get("bills", sync_ready="true")["data"]] == [good]
    assert ramp.history.effects("*sync*") == []


def test_a_bill_is_synced_once_and_comes_once_in_a_batch(spend):
    bill_id = spend.bill()

    assert spend.refused("POST", SYNCS, batch(bill_id, bill_id))[:2] == (400, "DEVELOPER_7062")
    assert spend.refused("POST", SYNCS, batch(bill_id, failed=(bill_id,)))[:2] == (400, "DEVELOPER_7062")
    sync(spend, batch(bill_id))
    assert spend.refused("POST", SYNCS, batch(bill_id))[:2] == (400, "DEVELOPER_7062")


def test_without_a_connection_nothing_is_synced(spend, ramp):
    ramp.seed(connection=[{"connection_type": "NONE"}])
    body = batch(spend.bill())

    assert spend.refused("POST", SYNCS, body)[:2] == (400, "DEVELOPER_7089")

    assert spend.send("POST", "accounting/connection", {"remote_provider_name": "Epicor Kinetic"}).status_code == 201
    assert sync(spend, body)


@pytest.mark.parametrize(
    ("other", "member"),
    [
        ({"idempotency_key": None}, "idempotency_key"),
        ({"idempotency_key": " "}, "idempotency_key"),
        ({"idempotency_key": "batch 1"}, "idempotency_key"),
        ({"sync_type": "BANK_SYNC"}, "sync_type"),
        ({"sync_type": None}, "sync_type"),
        ({"successful_syncs": [{"id": NOBODY}]}, "successful_syncs.0.reference_id"),
        ({"successful_syncs": [{"id": NOBODY, "reference_id": ""}]}, "successful_syncs.0.reference_id"),
        ({"successful_syncs": [{"id": "7", "reference_id": "x"}]}, "successful_syncs.0.id"),
        ({"successful_syncs": ["7"]}, "successful_syncs.0"),
        ({"successful_syncs": {}}, "successful_syncs"),
        ({"successful_syncs": []}, "successful_syncs"),
        ({"failed_syncs": [{"id": NOBODY, "error": {}}]}, "failed_syncs.0.error.message"),
        ({"failed_syncs": [{"id": NOBODY, "error": "no"}]}, "failed_syncs.0.error"),
        ({"sync_failures": []}, "sync_failures"),
    ],
)
def test_a_bad_batch_is_refused(spend, ramp, other, member):
    answer = spend.send("POST", SYNCS, batch(**other))

    assert (answer.status_code, answer.json()["error_v2"]["error_code"]) == (422, "DEVELOPER_7001")
    assert member in answer.json()["error_v2"]["additional_info"]
    assert ramp.history.effects() == []


def test_a_batch_has_its_limit(clock):
    with build(clock, rules=Rules(sync_limit=2, uuid_keys=False)) as ramp, httpx.Client(trust_env=False) as http:
        spend = Spend(ramp, http)
        bills = [spend.bill() for _ in range(3)]

        assert spend.refused("POST", SYNCS, batch(*bills))[0] == 422
        assert sync(spend, batch(*bills[:2], idempotency_key="batch 1"))


def test_a_payment_is_synced_after_its_bill(spend, ramp):
    bill_id = spend.bill()
    ramp.pay(bill_id)
    payment = batch(bill_id, sync_type="BILL_PAYMENT_SYNC")

    assert spend.refused("POST", SYNCS, payment)[:2] == (400, "DEVELOPER_7062")
    sync(spend, batch(bill_id))
    sync(spend, payment)

    assert spend.get(f"bills/{bill_id}")["sync_status"] == "BILL_AND_PAYMENT_SYNCED"
    assert [effect.key for effect in ramp.history.effects("bill_payment.synced")] == [bill_id]


@pytest.mark.parametrize("table", ["transactions", "reimbursements"])
def test_spend_is_synced_under_its_own_type(spend, ramp, table):
    ramp.seed(**{table: [{"amount": "12.40"}, {"amount": "1", "sync_status": "NOT_SYNC_READY"}]})
    ready, other = (row["id"] for row in spend.get(table)["data"])
    kind = f"{table[:-1].upper()}_SYNC"

    assert [row["id"] for row in spend.get(table, sync_ready="true")["data"]] == [ready]
    assert spend.refused("POST", SYNCS, batch(ready, other, sync_type=kind))[:2] == (400, "DEVELOPER_7062")
    sync(spend, batch(ready, sync_type=kind))

    assert spend.get(table, sync_ready="true")["data"] == []
    assert spend.get(f"{table}/{ready}")["sync_status"] == "SYNCED"
    assert spend.refused("POST", SYNCS, batch(ready, sync_type="TRANSFER_SYNC"))[:2] == (400, "DEVELOPER_7062")
