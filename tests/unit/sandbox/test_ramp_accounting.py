"""Reference data towards the Ramp stand-in: batches as a whole or not at all, changes, and who may make them."""

from __future__ import annotations

import pytest

ACCOUNTS, VENDORS = "accounting/accounts", "accounting/vendors"
FIELDS, OPTIONS = "accounting/fields", "accounting/field-options"
FREIGHT = {"id": "6200|00|10", "code": "6200", "name": "Freight in", "classification": "EXPENSE"}
NOBODY = "00000000-0000-4000-8000-000000000000"


def post(spend, path: str, **body: object) -> None:
    answer = spend.send("POST", path, body)
    assert answer.status_code == 201, answer.text


def field_id(spend) -> str:
    return spend.get(FIELDS, remote_id="Department")["data"][0]["ramp_id"]


def test_accounts_are_uploaded_and_listed(spend, ramp):
    post(spend, ACCOUNTS, gl_accounts=[FREIGHT, {**FREIGHT, "id": "6300", "code": None}])

    (account,) = spend.get(ACCOUNTS, remote_id=FREIGHT["id"])["data"]
    assert account.pop("ramp_id")
    assert account == {
        **FREIGHT, "is_active": True, "created_at": "2025-01-31T09:12:44+00:00", "updated_at": "2025-01-31T09:12:44+00:00",
    }  # fmt: skip
    assert [row["id"] for row in spend.get(ACCOUNTS, is_active="true", is_synced="true")["data"]] == [
        "6100", "6200|00|10", "6300",
    ]  # fmt: skip
    assert spend.get(ACCOUNTS, is_synced="false")["data"] == []
    assert [effect.key for effect in ramp.history.effects("accounts.added")] == ["6200|00|10", "6300"]


@pytest.mark.parametrize(
    ("batch", "member"),
    [
        ([FREIGHT, {**FREIGHT, "id": "6300", "classification": "COST"}], "gl_accounts.1.classification"),
        ([FREIGHT, {"id": "6300", "classification": "EXPENSE"}], "gl_accounts.1.name"),
        ([FREIGHT, {**FREIGHT, "id": ""}], "gl_accounts.1.id"),
        ([FREIGHT, {**FREIGHT, "id": 6300}], "gl_accounts.1.id"),
        ([FREIGHT, {**FREIGHT, "id": "6100"}], "gl_accounts.1.id"),
        ([FREIGHT, FREIGHT], "gl_accounts.1.id"),
        ([FREIGHT, {**FREIGHT, "id": "6300", "colour": "red"}], "gl_accounts.1.colour"),
        ([], "gl_accounts"),
        ([{**FREIGHT, "id": str(number)} for number in range(501)], "gl_accounts"),
        (FREIGHT, "gl_accounts"),
    ],
)
def test_one_bad_account_refuses_the_whole_batch(spend, ramp, batch, member):
    answer = spend.send("POST", ACCOUNTS, {"gl_accounts": batch})

    assert (answer.status_code, answer.json()["error_v2"]["error_code"]) == (422, "DEVELOPER_7001")
    assert member in answer.json()["error_v2"]["additional_info"]
    assert [row["id"] for row in ramp.rows("accounts")] == ["6100"]
    assert ramp.history.effects() == []


def test_five_hundred_accounts_are_a_batch(spend, ramp):
    post(spend, ACCOUNTS, gl_accounts=[{**FREIGHT, "id": str(number)} for number in range(500)])

    assert len(ramp.rows("accounts")) == 501


def test_an_account_is_changed_deleted_and_brought_back(spend, ramp):
    ramp_id = ramp.rows("accounts")[0]["ramp_id"]
    path = f"{ACCOUNTS}/{ramp_id}"

    assert spend.send("PATCH", path, {"name": "Paper", "code": "61"}).json()["name"] == "Paper"
    assert spend.send("DELETE", path).status_code == 204
    assert [row["id"] for row in spend.get(ACCOUNTS, is_active="false")["data"]] == ["6100"]
    again = {"id": "6100", "name": "Paper", "classification": "EXPENSE"}
    assert spend.refused("POST", ACCOUNTS, {"gl_accounts": [again]})[0] == 422, "reactivate it instead"
    assert spend.send("PATCH", path, {"reactivate": True}).json()["is_active"] is True
    account = spend.get(path)
    assert (account["name"], account["code"], account["is_active"]) == ("Paper", "61", True)
    assert spend.refused("PATCH", path, {"reactivate": "yes"})[0] == 422
    assert spend.refused("PATCH", path, {"classification": "ASSET"})[0] == 422
    what = [effect.what for effect in ramp.history.effects("accounts.*")]
    assert what == ["accounts.changed", "accounts.deleted", "accounts.changed"]


@pytest.mark.parametrize("key", [NOBODY, "6100"])
def test_paths_take_the_id_ramp_gave(spend, key):
    assert spend.refused("PATCH", f"{ACCOUNTS}/{key}", {"name": "x"})[0] == 404
    assert spend.refused("DELETE", f"{VENDORS}/{key}")[0] == 404


def test_accounting_vendors_need_an_id_and_a_name(spend, ramp):
    post(spend, VENDORS, vendors=[{"id": "118", "name": "Northwind", "code": "NWFRT"}, {"id": "121", "name": "Data"}])

    assert [(row["id"], row["code"]) for row in ramp.rows("accounting_vendors")] == [
        ("112", "ACME"), ("118", "NWFRT"), ("121", None),
    ]  # fmt: skip
    assert spend.refused("POST", VENDORS, {"vendors": [{"id": "130", "code": "X"}]})[0] == 422
    mixed = [{"id": "131", "name": "Good"}, {"id": "132", "code": "X"}]
    assert spend.refused("POST", VENDORS, {"vendors": mixed})[0] == 422
    assert spend.refused("POST", VENDORS, {"vendors": [{"id": str(n), "name": "N"} for n in range(501)]})[0] == 422
    assert spend.refused("POST", VENDORS, {"gl_accounts": []})[0] == 422
    assert len(ramp.rows("accounting_vendors")) == 3


def test_an_accounting_vendor_names_the_vendor_of_a_bill(spend, ramp):
    post(spend, VENDORS, vendors=[{"id": "130", "name": "Stray Ltd", "code": "STRAY"}])
    stray = next(row for row in ramp.rows("vendors") if row["name"] == "Stray")
    ramp.change("vendors", stray["id"], accounting_vendor_remote_id="130")
    spend.bill(vendor="Stray")

    vendor = spend.get("bills")["data"][0]["vendor"]

    assert (vendor["remote_id"], vendor["remote_code"], vendor["remote_name"]) == ("130", "STRAY", "Stray Ltd")


def test_a_field_then_its_options(spend, ramp):
    made = spend.send(
        "POST", FIELDS, {"id": "Project", "name": "Project", "input_type": "SINGLE_CHOICE", "is_splittable": True}
    )
    assert made.status_code == 201
    project = made.json()["ramp_id"]

    post(spend, OPTIONS, field_id=project, options=[{"id": "10", "value": "Tower"}, {"id": "11", "value": "Bridge"}])

    options = spend.get(OPTIONS, field_id=project)["data"]
    assert [(row["id"], row["value"]) for row in options] == [("10", "Tower"), ("11", "Bridge")]
    assert len(spend.get(OPTIONS)["data"]) == 3, "an id is taken within its field only"
    option = f"{OPTIONS}/{options[0]['ramp_id']}"
    assert spend.send("PATCH", option, {"value": "Castle"}).json()["value"] == "Castle"
    assert [effect.key for effect in ramp.history.effects("field_options.*")] == ["10", "11", "10"]


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({"id": "Department", "name": "D", "input_type": "SINGLE_CHOICE"}, "id"),
        ({"id": "D2", "name": "D", "input_type": "SLIDER"}, "input_type"),
        ({"id": "D2", "input_type": "SINGLE_CHOICE"}, "name"),
    ],
)
def test_a_bad_field_is_refused(spend, ramp, body, member):
    answer = spend.send("POST", FIELDS, body)

    assert answer.status_code == 422
    assert member in answer.json()["error_v2"]["additional_info"]
    assert len(ramp.rows("fields")) == 1


@pytest.mark.parametrize(
    ("options", "member"),
    [
        ([{"id": "20", "value": "Plant"}, {"id": "10", "value": "Sales"}], "options.1.id"),
        ([{"id": "20"}], "options.0.value"),
        ([{"id": str(n), "value": "x"} for n in range(100, 601)], "options"),
    ],
)
def test_bad_options_are_refused(spend, ramp, options, member):
    answer = spend.send("POST", OPTIONS, {"field_id": field_id(spend), "options": options})

    assert answer.status_code == 422
    assert member in answer.json()["error_v2"]["additional_info"]
    assert len(ramp.rows("field_options")) == 1


def test_options_need_a_living_field_with_choices(spend):
    options = [{"id": "20", "value": "Plant"}]
    text = spend.send("POST", FIELDS, {"id": "Note", "name": "Note", "input_type": "FREE_FORM_TEXT"}).json()

    for given in (NOBODY, "Department", text["ramp_id"]):
        assert spend.refused("POST", OPTIONS, {"field_id": given, "options": options})[0] == 422
    department = field_id(spend)
    spend.send("DELETE", f"{FIELDS}/{department}")
    assert spend.refused("POST", OPTIONS, {"field_id": department, "options": options})[0] == 422


WRITES = [
    ("POST", ACCOUNTS, {"gl_accounts": [FREIGHT]}),
    ("POST", VENDORS, {"vendors": [{"id": "1", "name": "N"}]}),
    ("POST", FIELDS, {"id": "P", "name": "P", "input_type": "SINGLE_CHOICE"}),
    ("PATCH", f"{ACCOUNTS}/{NOBODY}", {"name": "x"}),
    ("DELETE", f"{ACCOUNTS}/{NOBODY}", None),
]


@pytest.mark.parametrize("kind", ["NONE", "DIRECT"])
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writing_needs_a_connection_of_its_own(spend, ramp, kind, method, path, body):
    ramp.seed(connection=[{"connection_type": kind}])

    assert spend.refused(method, path, body)[:2] == (400, "DEVELOPER_7089")
    assert spend.get(ACCOUNTS)["data"], "reading is free"
    assert ramp.history.effects() == []


def test_a_connection_is_made_once(spend, ramp):
    ramp.seed(connection=[{"connection_type": "NONE"}])
    body = {"remote_provider_name": "Epicor Kinetic"}

    assert spend.refused("GET", "accounting/connection")[0] == 404
    assert spend.refused("POST", "accounting/connection", {})[0] == 422
    assert spend.send("POST", "accounting/connection", body).status_code == 201
    assert spend.get("accounting/connection")["remote_provider_name"] == "Epicor Kinetic"
    assert spend.refused("POST", "accounting/connection", body)[0] == 400
    assert len(ramp.history.effects("connection.made")) == 1


def test_a_vendor_of_ramp_is_not_an_accounting_vendor(spend, ramp):
    owner = ramp.store.all("users")[0]["id"]
    whole = {
        "name": "New",
        "country": "US",
        "vendor_owner_id": owner,
        "business_vendor_contacts": [{"email": "a@b.example"}],
    }
    before = len(ramp.rows("accounting_vendors"))

    for missing in ("country", "vendor_owner_id", "business_vendor_contacts"):
        body = {name: value for name, value in whole.items() if name != missing}
        assert spend.refused("POST", "vendors", body)[0] == 422
    assert spend.refused("POST", "vendors", {**whole, "vendor_owner_id": NOBODY})[0] == 422
    assert spend.refused("POST", "vendors", {**whole, "business_vendor_contacts": [{}]})[0] == 422
    made = spend.send("POST", "vendors", {**whole, "accounting_vendor_remote_id": "112"})

    assert made.status_code == 201
    assert spend.get(f"vendors/{made.json()['id']}")["accounting_vendor_remote_id"] == "112"
    assert [row["name"] for row in spend.get("vendors")["data"]] == ["Acme", "Stray", "New"]
    assert len(ramp.rows("accounting_vendors")) == before
    assert [effect.key for effect in ramp.history.effects("vendor.created")] == [made.json()["id"]]


def test_other_lists(spend, ramp):
    ramp.seed(
        purchase_orders=[{"purchase_order_number": "4501", "vendor": "Acme", "amount": "900.00"}],
        transactions=[
            {"merchant_name": "Cafe", "amount": "12.40", "user_transaction_time": "2025-01-10"},
            {"merchant_name": "Taxi", "amount": "500", "currency_code": "JPY", "state": "PENDING"},
        ],
        reimbursements=[{"amount": "7.05"}],
    )

    (order,) = spend.get("purchase-orders")["data"]
    assert (order["purchase_order_number"], order["amount"]["amount"]) == ("4501", 90000)
    cafe, taxi = spend.get("transactions")["data"]
    assert (str(cafe["amount"]), cafe["original_transaction_amount"]["amount"]) == ("12.40", 1240)
    assert (taxi["amount"], taxi["currency_code"]) == (500, "JPY")
    assert [row["merchant_name"] for row in spend.get("transactions", state="PENDING")["data"]] == ["Taxi"]
    assert spend.get("transactions", to_date="2025-01-11T00:00:00Z")["data"] == [cafe]
    assert spend.get("transactions", min_amount=501)["data"] == [cafe]
    assert spend.refused("GET", "transactions", params={"from_date": "2025-01-10"})[0] == 422
    assert str(spend.get("reimbursements")["data"][0]["amount"]) == "7.05"
    assert len(spend.get("entities")["data"]) == 1
