"""Pages of the Ramp stand-in's lists: full addresses, sizes, cursors tied to their filters."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from .ramp_client import Spend, build


@pytest.fixture
def numbers(spend) -> list[str]:
    """Seven bills."""
    found = [f"INV-{number}" for number in range(7)]
    for number in found:
        spend.bill(invoice_number=number)
    return found


def test_next_is_a_full_address_on_the_same_host(spend, ramp, numbers):
    page = spend.get("bills", sync_ready="true", page_size=3)
    following = urlsplit(page["page"]["next"])

    assert [bill["invoice_number"] for bill in page["data"]] == numbers[:3]
    assert f"{following.scheme}://{following.netloc}" == ramp.url
    assert following.path == "/developer/v1/bills"
    assert parse_qs(following.query) == {"sync_ready": ["true"], "page_size": ["3"], "start": [page["data"][-1]["id"]]}


@pytest.mark.parametrize("size", [2, 3, 7, 100])
def test_every_row_comes_once_and_the_last_page_says_so(spend, numbers, size):
    assert [bill["invoice_number"] for bill in spend.all("bills", page_size=size)] == numbers


@pytest.mark.parametrize("size", ["1", "0", "101", "many", "-5", ""])
def test_a_page_size_out_of_bounds(spend, size):
    answer = spend.send("GET", "bills", params={"page_size": size})

    message = "Value must be between 2 and 100"
    assert answer.status_code == 422
    assert answer.json() == {
        "error_v2": {
            "error_code": "DEVELOPER_7001",
            "additional_info": {"page_size": [message]},
            "notes": "",
            "message": message,
        },
        "error": {"page_size": [message]},
    }
    assert answer.headers["x-trace-id"]


LISTS = [
    "bills/drafts", "vendors", "entities", "purchase-orders", "transactions", "reimbursements",
    "accounting/accounts", "accounting/vendors", "accounting/fields", "accounting/field-options",
]  # fmt: skip


@pytest.mark.parametrize("size", ["1", "101", "many"])
@pytest.mark.parametrize("path", LISTS)
def test_every_list_keeps_the_bounds(spend, path, size):
    refused = spend.refused("GET", path, params={"page_size": size})

    assert refused == (422, "DEVELOPER_7001", "Value must be between 2 and 100")


def test_a_row_that_leaves_the_filter_midway_loses_nobody_its_place(spend, ramp, numbers):
    page = spend.get("bills", sync_ready="true", page_size=3)
    for bill in page["data"]:
        ramp.act(bill["id"], "archive")
    spend.bill(invoice_number="NEW")

    following = spend.get(page["page"]["next"])
    last = spend.get(following["page"]["next"])

    assert [bill["invoice_number"] for bill in (*following["data"], *last["data"])] == [*numbers[3:], "NEW"]


@pytest.mark.parametrize("other", [{"page_size": 4}, {"sync_ready": "true"}])
def test_a_cursor_is_good_for_its_filters_and_page_size_only(spend, numbers, other):
    start = spend.get("bills", page_size=3)["data"][-1]["id"]

    assert spend.refused("GET", "bills", params={"page_size": 3, "start": start, **other})[0] == 422
    assert len(spend.get("bills", page_size=3, start=start)["data"]) == 3


@pytest.mark.parametrize("start", ["7", "00000000-0000-4000-8000-000000000000"])
def test_a_cursor_nobody_gave_out(spend, numbers, start):
    assert spend.refused("GET", "bills", params={"start": start})[0] == 422


def test_a_bad_answer_can_lead_to_another_host(spend, ramp, numbers):
    ramp.faults.add("foreign_link:bills:1:thief.invalid")

    page = spend.get("bills", page_size=3)

    assert page["page"]["next"].startswith("http://thief.invalid/developer/v1/bills?")
    assert len(page["data"]) == 3
    assert spend.get("bills", page_size=3)["page"]["next"].startswith(ramp.url)


def test_a_big_list_is_read_whole(clock):
    with build(clock, rate=(10000, 10.0)) as ramp, httpx.Client(trust_env=False) as http:
        spend = Spend(ramp, http)
        ramp.seed(bills=[{"vendor": "Acme", "amount": number} for number in range(1, 1001)])

        amounts = [bill["amount"]["amount"] for bill in spend.all("bills", page_size=100)]

    assert amounts == list(range(1, 1001))
