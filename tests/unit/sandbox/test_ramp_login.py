"""Logins of the Ramp stand-in: client credentials, scopes, lives of tokens, revocation, the rolling rate limit."""

from __future__ import annotations

import httpx
import pytest

from engine.sandbox.ramp_store import Rules

from .ramp_client import Spend, build

GRANT = {"grant_type": "client_credentials", "scope": "bills:read"}


def test_a_token_lives_ten_days_and_has_no_refresh_token(spend, clock):
    answer = spend.log_in("bills:read accounting:read").json()

    assert answer.pop("access_token").startswith("ramp_tok_")
    assert answer == {"token_type": "Bearer", "expires_in": 864000, "scope": "bills:read accounting:read"}
    assert spend.get("bills")["data"] == []

    clock.forward(days=10, seconds=-1)
    assert spend.get("bills")["data"] == []

    clock.forward(seconds=1)
    assert spend.refused("GET", "bills")[:2] == (401, "DEVELOPER_7028")

    spend.token = ""
    assert spend.get("bills")["data"] == []


@pytest.mark.parametrize(
    ("options", "status", "error"),
    [
        ({"auth": ("ramp_id_sandbox", "wrong")}, 401, "invalid_client"),
        ({"auth": ("somebody", "ramp-client-secret")}, 401, "invalid_client"),
        ({"auth": None, "headers": {"Authorization": "Basic !"}}, 401, "invalid_client"),
        (
            {"auth": None, "data": {**GRANT, "client_id": "ramp_id_sandbox", "client_secret": "ramp-client-secret"}},
            401,
            "invalid_client",
        ),
        ({"data": {**GRANT, "grant_type": "magic"}}, 400, "unsupported_grant_type"),
        ({"data": {**GRANT, "grant_type": "refresh_token"}}, 400, "unauthorized_client"),
        ({"data": {**GRANT, "scope": "bills:read payroll:read"}}, 400, "invalid_scope"),
        ({"data": {**GRANT, "scope": "bills:read bills:write"}}, 400, "invalid_scope"),
        ({"data": {"grant_type": "client_credentials"}}, 400, "invalid_scope"),
        ({"data": None, "json": GRANT}, 400, "invalid_request"),
    ],
)
def test_the_token_endpoint_refuses(spend, options, status, error):
    answer = spend.log_in("bills:read", **options)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("header", ["", "Bearer nonsense", "Basic cmFtcDpyYW1w"])
def test_a_missing_or_unknown_token(spend, header):
    refused = spend.refused("GET", "bills", headers={"Authorization": header})

    assert refused[:2] == (401, "DEVELOPER_7002")


def test_a_revoked_token_is_dead_and_a_new_one_works(spend, ramp):
    spend.get("bills")
    auth = (ramp.logins.client_id, ramp.logins.client_secret)
    revoke = f"{ramp.token_url}/revoke"

    assert spend.http.post(revoke, data={"token": spend.token}, auth=auth).status_code == 200
    assert spend.refused("GET", "bills")[:2] == (401, "DEVELOPER_7002")
    assert spend.http.post(revoke, data={"token": "unknown"}, auth=auth).status_code == 200
    assert spend.http.post(revoke, data={}, auth=auth).json()["error"] == "invalid_request"

    spend.token = ""
    assert spend.get("bills")["data"] == []


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "bills", "bills:read"),
        ("POST", "bills", "bills:write"),
        ("GET", "bills/drafts", "bills:read"),
        ("GET", "vendors", "vendors:read"),
        ("POST", "vendors", "vendors:write"),
        ("GET", "transactions", "transactions:read"),
        ("GET", "reimbursements", "reimbursements:read"),
        ("GET", "purchase-orders", "purchase_orders:read"),
        ("GET", "entities", "entities:read"),
        ("GET", "accounting/accounts", "accounting:read"),
        ("POST", "accounting/accounts", "accounting:write"),
        ("POST", "accounting/syncs", "accounting:write"),
        ("POST", "accounting/connection", "accounting:write"),
    ],
)
def test_each_call_needs_its_scope(spend, ramp, method, path, scope):
    spend.token = spend.log_in(" ".join(set(ramp.logins.scopes) - {scope})).json()["access_token"]

    status, code, message = spend.refused(method, path, {} if method == "POST" else None)

    assert (status, code) == (403, "DEVELOPER_7100")
    assert scope in message


def test_the_201st_request_within_ten_seconds_is_refused(spend, clock):
    spend.token = spend.log_in().json()["access_token"]
    for _ in range(199):
        assert spend.send("GET", "entities").status_code == 200

    answer = spend.send("GET", "entities")

    assert answer.status_code == 429
    assert "Too many requests" in answer.json()["error_v2"]["message"]
    assert "Retry-After" not in answer.headers


def test_every_request_extends_the_limit(clock):
    with build(clock, rate=(1, 10.0)) as ramp, httpx.Client(trust_env=False) as http:
        spend = Spend(ramp, http)
        statuses = [spend.log_in().status_code]
        for pause in (6, 6, 6, 10):
            clock.forward(seconds=pause)
            statuses.append(spend.log_in().status_code)

    assert statuses == [200, 429, 429, 429, 200], "a client that goes on asking stays locked out"


def test_a_wait_is_named_only_behind_a_switch(clock):
    rules = Rules(retry_after=True, error_id=True)
    with build(clock, rate=(1, 10.0), rules=rules) as ramp, httpx.Client(trust_env=False) as http:
        spend = Spend(ramp, http)
        spend.log_in()
        clock.forward(seconds=3)
        answer = spend.log_in()

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert answer.json()["error_v2"]["error_id"]
