"""The Ramp stand-in behind the words every stand-in answers to, and what it can be filled with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest

from engine.errors import UsageError
from engine.sandbox.demo_data import STARTERS
from engine.sandbox.ramp_login import TEN_DAYS
from engine.sandbox.ramp_seed import read_moment
from engine.sandbox.ramp_stand import RampStand
from engine.sandbox.stands import stand_in

from .ramp_client import Spend

HERE = Path()


def noon() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def stand():
    with stand_in("ramp", noon) as found:
        assert isinstance(found, RampStand)
        yield found


def test_the_settings_let_a_client_in(stand):
    settings = stand.settings
    login = {"grant_type": "client_credentials", "scope": settings["scope"]}
    auth = (settings["client_id"], settings["client_secret"])

    token = httpx.post(settings["token_url"], data=login, auth=auth, trust_env=False).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    base = f"{settings['site']}/developer/v1"

    assert token["expires_in"] == TEN_DAYS
    connection = httpx.get(f"{base}/accounting/connection", headers=headers, trust_env=False).json()
    assert connection["remote_provider_name"] == settings["provider"]
    assert (stand.calls(), stand.calls("token"), stand.files("*")) == (2, 1, {})
    assert stand.complaints() == []


def test_the_small_company_shows_every_kind_of_bill(stand):
    stand.seed(STARTERS["ramp"], HERE)

    bills = {bill["invoice_number"]: bill for bill in stand.rows("bills")}

    assert bills["R-1001"]["amount"]["amount"] == 12050
    assert sum(line["amount"]["amount"] for line in bills["R-1001"]["line_items"]) == 12050
    assert bills["R-1004"]["amount"]["amount"] == -1525
    assert bills["R-1005"]["vendor"]["remote_id"] is None
    assert bills["R-1006"]["approval_status"] == "PENDING"
    assert [row["id"] for row in stand.rows("gl_accounts")] == ["6100", "6200", "6300"]
    assert [row["value"] for row in stand.rows("cost_centers")] == ["Company", "Plant", "Sales"]
    assert stand.commits() == 0, "what was there from the start is nobody's doing"


def test_what_a_client_changes_is_counted_and_what_people_do_is_not(stand):
    stand.seed(STARTERS["ramp"], HERE)
    with httpx.Client(trust_env=False) as http:
        spend = Spend(stand.server, http)
        new = {"id": "6400", "name": "Rent", "classification": "EXPENSE"}
        spend.send("POST", "accounting/accounts", {"gl_accounts": [new, {**new, "id": "6500"}]})
        bill_id = stand.rows("bills")[0]["id"]
        stand.server.act(stand.rows("bills")[-1]["id"], "approve")
        done = [{"id": bill_id, "reference_id": "EPIC06/112/R-1001"}]
        spend.send(
            "POST",
            "accounting/syncs",
            {"idempotency_key": bill_id, "sync_type": "BILL_SYNC", "successful_syncs": done},
        )
        spend.get("bills", from_updated_at="x")

    assert stand.commits() == 3
    assert stand.complaints() == ["a real server would pass over `bills?from_updated_at` in silence"]


def test_a_row_that_is_there_is_changed(stand):
    stand.seed(STARTERS["ramp"], HERE)
    bill_id = stand.rows("bills")[0]["id"]

    stand.seed({"bills": [{"id": bill_id, "memo": "Late"}]}, HERE)
    stand.seed({"gl_accounts": [{"id": "6100", "name": "Paper"}]}, HERE)
    option = {"id": "10", "value": "Works"}
    stand.seed({"fields": [{"id": "Department", "options": [option]}]}, HERE)

    bill = stand.rows("bills")[0]
    assert (bill["memo"], bill["amount"]["amount"], len(stand.rows("bills"))) == ("Late", 12050, 6)
    assert stand.rows("gl_accounts")[0]["name"] == "Paper"
    assert [row["value"] for row in stand.rows("field_options")] == ["Company", "Works", "Sales"]


def test_ids_may_be_given(stand):
    ramp_id = "00000000-0000-4000-8000-000000000007"
    stand.seed({"accounts": [{"id": "1", "ramp_id": ramp_id}], "vendors": [{"id": ramp_id, "name": "Acme"}]}, HERE)
    stand.seed({"bills": [{"id": ramp_id, "vendor": ramp_id, "amount": 5}]}, HERE)

    assert stand.rows("gl_accounts")[0]["ramp_id"] == ramp_id
    assert (stand.rows("bills")[0]["id"], stand.rows("bills")[0]["vendor"]["name"]) == (ramp_id, "Acme")


def test_a_payment_makes_a_bill_paid(stand):
    payment = {"amount": "1.00", "payment_method": "CHECK", "payment_date": "2026-03-01"}
    stand.seed(
        {"vendors": [{"name": "Acme"}], "bills": [{"vendor": "Acme", "amount": "1.00", "payment": payment}]}, HERE
    )

    (bill,) = stand.rows("bills")

    assert (bill["status"], bill["payment"]["payment_method"]) == ("PAID", "CHECK")
    assert bill["payment"]["payment_date"] == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"payroll": [{}]}, "`payroll` cannot be seeded"),
        ({"bills": [{"amount": "1"}]}, "a bill needs its `vendor`"),
        ({"bills": [{"amount": "1", "vendor": "Nobody"}]}, "no vendor `Nobody`: seed it first"),
        ({"bills": [{"vendor": "Acme", "colour": "red"}]}, "`colour` is no member of bills"),
        ({"bills": [{"vendor": "Acme", "line_items": [{"memo": "x"}]}]}, "a line needs its `amount`"),
        ({"bills": [{"vendor": "Acme", "line_items": [{"amount": 1, "colour": "x"}]}]}, "no member of a line"),
        ({"bills": [{"vendor": "Acme", "coding": {"gl": "9"}}]}, "`9` is no choice of `gl`: seed it first"),
        ({"bills": [{"vendor": "Acme", "coding": {"Project": "9"}}]}, "no accounting field `Project`"),
        ({"bills": [{"vendor": "Acme", "issued_at": 7}]}, "`7` is no date"),
        ({"bills": [{"vendor": "Acme", "id": "7"}]}, "Not a valid UUID"),
        ({"transactions": [{"memo": "x"}]}, "give the `amount`"),
        ({"gl_accounts": [{"id": "1", "colour": "red"}]}, "`colour` is no member of accounts"),
        ({"connection": [{"connection_type": "WIRE"}]}, "`WIRE` is no kind of connection"),
    ],
)
def test_what_it_cant_hold_is_refused(stand, data, message):
    stand.seed({"vendors": [{"name": "Acme"}]}, HERE)
    with pytest.raises(UsageError, match=message):
        stand.seed(data, HERE)

    assert stand.rows("bills") == []


def test_unknown_rows_and_faults_are_refused(stand):
    with pytest.raises(UsageError, match="no rows of `payroll`"):
        stand.rows("payroll")
    with pytest.raises(UsageError, match="`melted` is no kind of fault"):
        stand.fault("melted", "*", 1, None)
    stand.fault("500", "token", 1, None)
    assert httpx.post(stand.settings["token_url"], trust_env=False).status_code == 500


def test_a_day_is_its_midnight():
    midnight = datetime(2026, 3, 2, tzinfo=UTC)

    assert (
        read_moment(date(2026, 3, 2))
        == read_moment("2026-03-02")
        == read_moment(midnight.replace(tzinfo=None))
        == midnight
    )
    assert read_moment(None) is None
