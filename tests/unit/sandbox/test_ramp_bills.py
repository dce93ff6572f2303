"""Bills of the Ramp stand-in: their form, exact amounts, filters, drafts, what the API may change."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from engine.sandbox.ramp_bills import APPROVALS, METHODS
from engine.sandbox.ramp_login import SCOPES
from engine.sandbox.ramp_money import currency_amount, exponent, major_units

from .ramp_client import BILL, LINE, Spend, build

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def writer(clock):
    """A client whose app may write bills too."""
    with build(clock, scopes=(*SCOPES, "bills:write")) as ramp, httpx.Client(trust_env=False) as http:
        yield Spend(ramp, http)
    assert ramp.crashes == []


def test_a_bill_has_the_documented_form(spend, clock):
    clock.forward(microseconds=123456)
    bill_id = spend.bill(memo="Toner", issued_at="2025-01-31", due_at="2025-03-02")

    page = spend.get("bills", sync_ready="true", page_size=50)
    (bill,) = page["data"]

    assert page["page"] == {"next": None}
    assert bill == spend.get(f"bills/{bill_id}")
    assert bill["amount"] == {"amount": 12050, "currency_code": "USD", "minor_unit_conversion_rate": 100}
    assert (bill["issued_at"], bill["due_at"]) == ("2025-01-31T00:00:00+00:00", "2025-03-02T00:00:00+00:00")
    assert bill["created_at"] == "2025-01-31T09:12:44.123456+00:00"
    assert (bill["approval_status"], bill["status"], bill["sync_status"]) == ("APPROVED", "OPEN", "NOT_SYNCED")
    assert [bill[name] for name in ("archived_at", "paid_at", "remote_id", "payment")] == [None] * 4
    vendor = bill["vendor"]
    assert vendor.pop("id")
    assert vendor == {
        "name": "Acme", "type": "BUSINESS", "remote_id": "112", "remote_code": "ACME", "remote_name": "Acme",
    }  # fmt: skip
    assert "vendor_id" not in bill


def test_a_line_has_its_coding_but_neither_id_nor_quantity(spend):
    spend.bill()

    (line,) = spend.get("bills")["data"][0]["line_items"]
    gl, department = line["accounting_field_selections"]

    assert set(line) == {"amount", "memo", "accounting_field_selections"}
    assert line["amount"] == {"amount": 12050, "currency_code": "USD"}
    assert (gl["name"], gl["external_id"], gl["external_code"]) == ("Office supplies", "6100", "6100")
    assert gl["category_info"]["type"] == "GL_ACCOUNT"
    assert (department["name"], department["external_id"]) == ("Sales", "10")
    assert department["category_info"]["external_id"] == "Department"
    assert department["category_info"]["type"] == "OTHER"


def test_a_bill_may_have_inventory_lines_instead(spend):
    line = {**LINE, "unit_price": "60.25", "unit_quantity": 2}
    spend.bill(line_items=[], inventory_line_items=[line])

    (bill,) = spend.get("bills")["data"]

    assert bill["line_items"] == []
    (line,) = bill["inventory_line_items"]
    assert (line["unit_price"]["amount"], line["unit_quantity"]) == (6025, 2)


def test_a_vendor_without_a_link_has_no_remote_id(spend):
    spend.bill(vendor="Stray")

    vendor = spend.get("bills")["data"][0]["vendor"]

    assert (vendor["name"], vendor["remote_id"], vendor["remote_code"]) == ("Stray", None, None)


@pytest.mark.parametrize(
    ("currency", "text", "minor", "rate"),
    [("USD", "120.50", 12050, 100), ("JPY", "500", 500, 1), ("KWD", "1.234", 1234, 1000), ("CLF", "0.0001", 1, 10000)],
)
def test_amounts_are_minor_units_by_the_currencys_exponent(spend, currency, text, minor, rate):
    spend.bill(amount=text, currency_code=currency, line_items=[])

    amount = spend.get("bills")["data"][0]["amount"]

    assert amount == {"amount": minor, "currency_code": currency, "minor_unit_conversion_rate": rate}
    assert major_units(minor, currency) == Decimal(text)
    assert exponent(currency) == len(str(rate)) - 1


def test_a_credit_is_negative_and_lines_need_not_add_up(spend):
    spend.bill(amount="-15.25", line_items=[{"amount": -1500, "memo": "Returned"}])

    (bill,) = spend.get("bills")["data"]

    assert (bill["amount"]["amount"], bill["line_items"][0]["amount"]["amount"]) == (-1525, -1500)


@pytest.mark.parametrize("amount", ["1.234", "1,50", 1.5, True, None, {"amount": 1, "currency_code": "usd"}])
def test_an_amount_that_is_not_exact_is_not_held(amount):
    with pytest.raises(ValueError, match=r"amount|decimals|currency"):
        currency_amount(amount)


def test_a_number_may_come_twice(spend):
    spend.bill()
    spend.bill()

    assert [bill["invoice_number"] for bill in spend.get("bills")["data"]] == ["INV-77", "INV-77"]


def test_only_what_is_approved_unsynced_and_not_archived_is_ready(spend, ramp):
    ready = spend.bill()
    for approval in APPROVALS:
        if approval != "APPROVED":
            spend.bill(approval_status=approval)
    archived, exported = spend.bill(), spend.bill()
    ramp.act(archived, "archive")
    ramp.act(exported, "export")

    assert [bill["id"] for bill in spend.get("bills", sync_ready="true")["data"]] == [ready]
    assert len(spend.get("bills", sync_ready="false")["data"]) == 6
    assert [bill["id"] for bill in spend.get("bills", is_archived="true")["data"]] == [archived]
    assert [bill["id"] for bill in spend.get("bills", sync_status="BILL_SYNCED")["data"]] == [exported]


def test_filters_let_through_what_they_say(spend, ramp, clock):
    first = spend.bill(issued_at="2025-01-10", due_at="2025-02-10")
    clock.forward(days=1)
    second = spend.bill(issued_at="2025-01-20", due_at="2025-02-20", amount="1.00", vendor="Stray", line_items=[])
    ramp.pay(second, "CHECK")
    bills = {bill["id"]: bill for bill in spend.get("bills")["data"]}
    selection = bills[first]["line_items"][0]["accounting_field_selections"][0]["id"]

    def found(**filters: object) -> list[str]:
        return [bill["id"] for bill in spend.get("bills", **filters)["data"]]

    assert found(vendor_id=bills[second]["vendor"]["id"]) == [second]
    assert found(entity_id=bills[first]["entity_id"]) == [first, second]
    assert found(entity_id=NOBODY) == []
    assert found(accounting_field_selection_id=selection) == [first]
    assert found(approval_status="APPROVED", payment_status="PAID") == [second]
    assert found(payment_method="CHECK") == [second]
    assert found(from_created_at="2025-02-01T00:00:00Z") == [second]
    assert found(to_created_at="2025-02-01T00:00:00") == [first], "without an offset it is UTC"
    assert found(from_issued_date="2025-01-15T00:00:00Z") == [second]
    assert found(to_due_date="2025-02-15T00:00:00+02:00") == [first]
    assert found(from_paid_at="2025-01-01T00:00:00Z") == [second]
    assert found(min_amount=101) == [first]
    assert found(max_amount=100) == [second]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"from_created_at": "2025-01-31"}, "Not a valid datetime."),
        ({"from_created_at": "2025-02-31T00:00:00Z"}, "Not a valid datetime."),
        ({"sync_status": "DONE"}, "Must be one of: NOT_SYNCED"),
        ({"approval_status": "approved"}, "Must be one of: INITIALIZED"),
        ({"payment_method": "COWRIES"}, "Must be one of: ACH"),
        ({"entity_id": "12"}, "Not a valid UUID."),
        ({"sync_ready": "maybe"}, "Not a valid boolean."),
        ({"min_amount": "1.50"}, "Not a valid number."),
    ],
)
def test_a_bad_filter_is_refused(spend, params, message):
    status, code, text = spend.refused("GET", "bills", params=params)

    assert (status, code) == (422, "DEVELOPER_7001")
    assert text.startswith(message)


def test_an_unknown_parameter_filters_nothing_and_is_noted(spend, ramp):
    spend.bill()

    assert len(spend.get("bills", from_updated_at="2099-01-01T00:00:00Z", invoice_number="X")["data"]) == 1
    assert ramp.ignored == {"bills?from_updated_at", "bills?invoice_number"}

    ramp.rules.strict_parameters = True
    refused = spend.refused("GET", "bills", params={"from_updated_at": "2099-01-01T00:00:00Z"})
    assert refused == (422, "DEVELOPER_7001", "Unknown field.")


def test_the_filters_of_2026_are_behind_a_switch(spend, ramp):
    ramp.rules.filters_2026 = True
    spend.bill()
    other = spend.bill(invoice_number="INV-78")

    assert [bill["id"] for bill in spend.get("bills", invoice_number="INV-78")["data"]] == [other]
    assert spend.get("bills", remote_id="x")["data"] == []
    assert len(spend.get("bills", is_accounting_sync_enabled="true")["data"]) == 2
    assert ramp.ignored == set()


@pytest.mark.parametrize("key", [NOBODY, "12", "drafts%2F12"])
def test_an_unknown_bill(spend, key):
    assert spend.refused("GET", f"bills/{key}")[0] == 404


def test_an_unknown_bill_is_neither_changed_nor_archived(writer):
    assert writer.refused("PATCH", f"bills/{NOBODY}", {"memo": "x"})[0] == 404
    assert writer.refused("DELETE", f"bills/{NOBODY}")[0] == 404


def test_drafts_are_not_in_the_list(spend, ramp):
    ramp.seed(drafts=[BILL])
    (draft,) = spend.get("bills/drafts")["data"]

    assert spend.get("bills")["data"] == []
    assert spend.get(f"bills/drafts/{draft['id']}")["invoice_number"] == "INV-77"
    assert spend.refused("GET", f"bills/{draft['id']}")[0] == 404

    bill_id = ramp.submit(draft["id"])
    assert spend.get("bills/drafts")["data"] == []
    assert spend.get(f"bills/{bill_id}")["approval_status"] == "PENDING"
    assert [event.type for event in ramp.events()] == ["bills.created"]


def test_a_paid_bill_has_its_payment(spend, ramp):
    bill_id = spend.bill()
    ramp.pay(bill_id, "ACH", amount=99900)

    bill = spend.get(f"bills/{bill_id}")

    assert bill["status"] == "PAID"
    assert bill["paid_at"] == bill["payment"]["payment_date"] == "2025-01-31T09:12:44+00:00"
    assert bill["payment"]["amount"]["amount"] == 99900, "the total of a grouped payment"
    assert bill["payment"]["payment_method"] in METHODS


def new_bill(spend, **other: object) -> dict:
    return {
        "invoice_number": "API-1",
        "entity_id": spend.ramp.rows("entities")[0]["id"],
        "vendor_id": spend.ramp.rows("vendors")[0]["id"],
        "amount": {"amount": 1000, "currency_code": "USD"},
        "issued_at": "2025-01-31T00:00:00Z",
        "due_at": "2025-02-28T00:00:00Z",
        "line_items": [{"amount": {"amount": 1000, "currency_code": "USD"}, "memo": "Desk"}],
        **other,
    }


def test_a_bill_made_through_the_api_skips_approval(writer):
    made = writer.send("POST", "bills", new_bill(writer))

    assert made.status_code == 201
    assert made.json()["approval_status"] == "APPROVED"
    assert [bill["id"] for bill in writer.get("bills", sync_ready="true")["data"]] == [made.json()["id"]]
    assert [effect.key for effect in writer.ramp.history.effects("bill.created")] == [made.json()["id"]]


@pytest.mark.parametrize(
    ("other", "member"),
    [
        ({"invoice_number": None}, "invoice_number"),
        ({"vendor_id": NOBODY}, "vendor_id"),
        ({"amount": {"amount": 10.5, "currency_code": "USD"}}, "amount"),
        ({"amount": "10.50"}, "amount"),
        ({"line_items": [{"memo": "x"}]}, "line_items.0.amount"),
        ({"due_at": "2025-02-28"}, "due_at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_bill_is_refused_and_not_stored(writer, other, member):
    answer = writer.send("POST", "bills", new_bill(writer, **other))

    assert answer.status_code == 422
    assert member in answer.json()["error_v2"]["additional_info"]
    assert writer.ramp.rows("bills") == []


def test_a_bill_is_changed_and_archived(writer):
    bill_id = writer.bill()

    assert writer.send("PATCH", f"bills/{bill_id}", {"memo": "Checked"}).json()["memo"] == "Checked"
    assert writer.refused("PATCH", f"bills/{bill_id}", {"sync_status": "BILL_SYNCED"})[0] == 422
    assert writer.send("DELETE", f"bills/{bill_id}").status_code == 204
    assert writer.get("bills", sync_ready="true")["data"] == []
    assert writer.get(f"bills/{bill_id}")["archived_at"]
    assert writer.refused("PATCH", f"bills/{bill_id}", {"memo": "Late"})[0] == 400

    paid = writer.bill()
    writer.ramp.pay(paid)
    assert writer.refused("DELETE", f"bills/{paid}")[0] == 400


@pytest.mark.parametrize(
    ("content", "headers", "message"),
    [
        (b"{", {"Content-Type": "application/json"}, "Not valid JSON"),
        (b'{"memo": "a", "memo": "b"}', {"Content-Type": "application/json"}, "Not valid JSON: a member comes twice"),
        (b'{"memo": NaN}', {"Content-Type": "application/json"}, "Not valid JSON: `NaN`"),
        (b"[]", {"Content-Type": "application/json"}, "Invalid input type."),
        (b"memo=a", {"Content-Type": "application/x-www-form-urlencoded"}, "Send `Content-Type"),
    ],
)
def test_a_body_that_is_no_json_object(writer, content, headers, message):
    status, code, text = writer.refused("PATCH", f"bills/{writer.bill()}", content=content, headers=headers)

    assert (status, code) == (422, "DEVELOPER_7001")
    assert text.startswith(message)


def test_live_answers_may_say_more_and_leave_out_what_is_empty(spend, ramp):
    spend.bill()
    ramp.rules.top_level_type = ramp.rules.omit_empty = True

    (bill,) = spend.get("bills")["data"]

    assert [chosen["type"] for chosen in bill["line_items"][0]["accounting_field_selections"]] == [
        "GL_ACCOUNT",
        "OTHER",
    ]
    assert "remote_id" not in bill
    assert (bill["invoice_number"], bill["paid_at"]) == ("INV-77", None)


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", "bills", 405), ("GET", "payroll", 404)])
def test_an_unknown_address(spend, method, path, status):
    assert spend.refused(method, path)[0] == status
    assert spend.refused("GET", f"{spend.ramp.url}/developer/v2/bills")[0] == 404
