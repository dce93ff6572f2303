"""Putting bills and other records into the Acumatica stand-in: insert, update, lines, and what is refused with 422."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from .acumatica_client import BILL, LINE, wrapped

EFFECTS = ("bill.created", "bill.changed", "bill.deleted")


def made(acumatica) -> list[tuple[str, str]]:
    return [(effect.what, effect.key) for effect in acumatica.history.effects() if effect.what in EFFECTS]


def test_a_bill_is_created_numbered_and_filled_up(erp, acumatica):
    bill = erp.bill()

    assert bill["ReferenceNbr"] == {"value": "000159"}
    assert bill["Status"] == {"value": "Balanced"}
    assert (bill["Terms"], bill["CurrencyID"], bill["BranchID"]) == (
        {"value": "30D"},
        {"value": "USD"},
        {"value": "MAIN"},
    )
    assert bill["DueDate"] == {"value": "2025-02-19T00:00:00+00:00"}
    assert bill["Balance"] == bill["Amount"]
    assert erp.get("Bill/Bill/000159")["id"] == bill["id"]
    assert made(acumatica) == [("bill.created", "Bill 000159")]
    effect = acumatica.history.effects("bill.created")[0].detail
    assert (effect["Vendor"], effect["VendorRef"], effect["Amount"]) == ("ACME", "INV-77", Decimal("120.50"))
    assert effect["lines"][0]["Account"] == "61000"


def test_a_bill_is_on_hold_unless_it_says_otherwise(erp, acumatica):
    bill = {name: value for name, value in BILL.items() if name != "Hold"}
    assert erp.put("Bill", bill)["Status"] == {"value": "On Hold"}
    acumatica.rules.hold_on_entry = False
    assert erp.put("Bill", bill)["Status"] == {"value": "Balanced"}


def test_lines_come_back_only_when_they_are_expanded(erp):
    assert "Details" not in erp.bill(query="")
    assert len(erp.bill()["Details"]) == 1


def test_the_key_or_the_id_updates_and_a_line_changes_goes_and_comes_by_its_id(erp, acumatica):
    bill = erp.bill(Details=[LINE, {**LINE, "ExtendedCost": "1"}, {**LINE, "ExtendedCost": "2"}])
    first, second, third = [line["id"] for line in bill["Details"]]

    lines = [{"id": first, "ExtendedCost": "5"}, {"id": second, "delete": True}, {**LINE, "ExtendedCost": "7"}]
    changed = erp.put("Bill", {"id": bill["id"], "Details": lines}, "?$expand=Details")
    assert [(line["id"], line["ExtendedCost"]["value"]) for line in changed["Details"]][:2] == [(first, 5), (third, 2)]
    assert changed["Details"][2]["Amount"] == {"value": 7}
    assert changed["VendorRef"] == {"value": "INV-77"}, "what was not sent stays"

    by_key = erp.put("Bill", {"Type": "Bill", "ReferenceNbr": "000159", "Description": "Toner", "VendorRef": None})
    assert (by_key["id"], by_key["Description"], by_key["VendorRef"]) == (bill["id"], {"value": "Toner"}, {})
    assert made(acumatica) == [("bill.created", "Bill 000159"), *[("bill.changed", "Bill 000159")] * 2]


def test_a_filter_on_the_url_says_what_to_update(erp):
    bill = erp.bill()
    found = erp.put("Bill", {"Description": "x"}, "?$filter=VendorRef eq 'INV-77' and Vendor eq 'ACME'")
    assert found["id"] == bill["id"]
    erp.bill()
    answer = erp.try_put("Bill", {"Description": "x"}, "?$filter=VendorRef eq 'INV-77'")
    assert (answer.status_code, answer.json()["exceptionType"]) == (500, "PX.Data.PXException")


def test_a_wrong_key_creates_a_record_without_a_word(erp):
    erp.put("Vendor", {"VendorID": "ACMEE", "VendorName": "Acme"})
    assert len(erp.get("Vendor")) == 6
    assert erp.bill(ReferenceNbr="999999")["ReferenceNbr"] == {"value": "000159"}
    answer = erp.try_put("Bill", {"id": "0b0c3ad5-0d9b-4f43-8a21-c3c4a7c2a111", "Description": "x"})
    assert (answer.status_code, answer.json()["exceptionMessage"]) == (500, "No entity satisfies the condition.")


def test_conditions_guard_inserts_and_updates(erp, acumatica):
    vendor = {"VendorID": "ACME", "VendorName": "Acme"}
    assert erp.try_put("Vendor", vendor, If_None_Match="*").status_code == 412
    assert erp.try_put("Vendor", {**vendor, "VendorID": "NEW"}, If_Match="*").status_code == 412
    assert erp.try_put("Vendor", {**vendor, "VendorID": "NEW"}, If_None_Match="*").status_code == 200
    assert erp.try_put("Vendor", vendor, If_Match="*").status_code == 200
    assert erp.try_put("Vendor", vendor, If_Match='"1"').status_code == 400
    assert [erp.try_put("Bill", BILL, If_None_Match="*").status_code for _ in range(2)] == [200, 200], (
        "no key, no guard"
    )
    assert len(acumatica.history.effects("bill.created")) == 2


def test_a_bill_whose_condition_does_not_hold_is_left_as_it_was(erp, acumatica):
    there = {"Type": "Bill", "ReferenceNbr": "000102", "Description": "mine"}
    absent = {**BILL, "ReferenceNbr": "777777"}

    assert erp.try_put("Bill", there, If_None_Match="*").status_code == 412
    assert erp.try_put("Bill", absent, If_Match="*").status_code == 412
    assert acumatica.history.effects() == []
    assert erp.get("Bill/Bill/000102")["Description"] != {"value": "mine"}
    assert len(erp.get("Bill")) == 2


@pytest.mark.parametrize(
    ("changed", "field", "error"),
    [
        ({"Vendor": "NOBODY"}, "Vendor", "Vendor 'NOBODY' cannot be found in the system."),
        ({"Vendor": None}, "Vendor", "'Vendor' cannot be empty."),
        ({"Vendor": "HARBOR"}, "Vendor", "The vendor status is 'Inactive'."),
        ({"Terms": "N30"}, "Terms", "Terms 'N30' cannot be found in the system."),
        ({"CurrencyID": "XXX"}, "CurrencyID", "Currency ID 'XXX' cannot be found in the system."),
        ({"BranchID": "WEST"}, "BranchID", "Branch ID 'WEST' cannot be found in the system."),
        ({"Project": "X99"}, "Project", "Project 'X99' cannot be found in the system."),
        ({"PostPeriod": "132025"}, "PostPeriod", "'Post Period' '132025' cannot be found in the system."),
        ({"PostPeriod": "202501"}, "PostPeriod", "'Post Period' '202501' cannot be found in the system."),
        ({"Amount": "-1"}, "Amount", "'Amount' should not be negative."),
        ({"Type": "Invoice"}, "Type", "The list value 'Invoice' is not allowed for the field Type."),
    ],
)
def test_a_header_that_cannot_be_is_422_beside_its_field(erp, acumatica, changed, field, error):
    echo = erp.refused(**changed)

    assert echo["error"] == (
        "Inserting  'AP Transactions' record raised at least one error. Please review the errors."
    )  # fmt: skip
    assert echo[field]["error"] == error
    assert echo["ReferenceNbr"] == {"value": "<NEW>"}
    assert made(acumatica) == []
    assert len(erp.get("Bill")) == 2


@pytest.mark.parametrize(
    ("changed", "field", "error"),
    [
        ({"Account": "6100"}, "Account", "Account '6100' cannot be found in the system."),
        ({"Account": "69999"}, "Account", "Account '69999' is inactive."),
        ({"Account": None}, "Account", "'Account' cannot be empty."),
        ({"Subaccount": "000"}, "Subaccount", "Subaccount '000' cannot be found in the system."),
        ({"Subaccount": "OLD-000"}, "Subaccount", "Subaccount 'OLD-000' is inactive."),
        ({"Subaccount": None}, "Subaccount", "'Subaccount' cannot be empty."),
        ({"Project": "X99"}, "Project", "Project 'X99' cannot be found in the system."),
        ({"CostCode": "99"}, "CostCode", "Cost Code '99' cannot be found in the system."),
        ({"Branch": "WEST"}, "Branch", "Branch 'WEST' cannot be found in the system."),
    ],
)
def test_a_line_that_cannot_be_is_422_in_its_place(erp, acumatica, changed, field, error):
    echo = erp.refused(Details=[LINE, {**LINE, **changed}])

    assert [line["rowNumber"] for line in echo["Details"]] == [1, 2]
    assert echo["Details"][1][field]["error"] == error
    assert "error" not in str(echo["Details"][0])
    assert made(acumatica) == []


def test_the_errors_of_lines_come_only_with_the_lines(erp):
    answer = erp.try_put("Bill", {**BILL, "Details": [{**LINE, "Account": "6100"}]})

    assert (answer.status_code, "Details" in answer.json()) == (422, False)
    assert "raised at least one error" in answer.json()["error"]


def test_a_closed_period_is_refused_also_when_it_follows_from_the_date(erp, acumatica):
    acumatica.close_periods(date(2024, 12, 31))

    closed = "The 12-2024 financial period is closed in the MAIN company."
    assert erp.refused(PostPeriod="122024")["PostPeriod"]["error"] == closed
    assert erp.refused(Date="2024-12-31")["PostPeriod"]["error"] == closed
    assert erp.bill(Date="2024-12-31", PostPeriod="012025")["PostPeriod"] == {"value": "012025"}


def test_a_vendor_reference_may_come_twice_unless_the_tenant_forbids_it(erp, acumatica):
    erp.bill()
    erp.bill()
    acumatica.rules.unique_vendor_ref = True

    assert "already exists" in erp.refused()["VendorRef"]["error"]
    assert erp.bill(Vendor="DATALINE")
    assert erp.bill(Type="Debit Adj.")
    assert erp.put("Bill", {"Type": "Bill", "ReferenceNbr": "000161", "VendorRef": "INV-77"})


def test_the_amount_is_what_was_given_or_where_no_totals_are_asked_for_what_the_lines_make(erp, acumatica):
    assert erp.bill(Amount="99")["Amount"] == {"value": 99}
    acumatica.rules.control_totals = False
    assert erp.bill(Amount="99")["Amount"] == {"value": Decimal("120.5")}


def test_a_cost_is_quantity_by_price_unless_it_is_given(erp):
    priced = {"Account": "61000", "Subaccount": "PLT-000", "Qty": 3, "UnitCost": "0.335"}

    (line,) = erp.bill(Details=[priced])["Details"]
    assert line["ExtendedCost"] == {"value": Decimal("1.01")}
    assert erp.bill(Details=[{**priced, "ExtendedCost": 2}])["Details"][0]["ExtendedCost"] == {"value": 2}


ORDERED = {"POOrderType": "Normal", "POOrderNbr": "PO000042", "POLine": 1}


def test_a_line_takes_what_it_lacks_from_its_order_line(erp):
    (line,) = erp.bill(Details=[{**ORDERED, "Qty": 2}])["Details"]

    assert (line["Account"], line["Subaccount"]) == ({"value": "61000"}, {"value": "PLT-000"})
    assert (line["InventoryID"], line["TransactionDescription"]) == ({"value": "DESK"}, {"value": "Standing desk"})
    assert line["ExtendedCost"] == {"value": Decimal("300.5")}
    assert line["POOrderNbr"] == {"value": "PO000042"}


@pytest.mark.parametrize(
    ("vendor", "changed", "field", "error"),
    [
        ("ACME", {"POOrderNbr": "PO1"}, "POOrderNbr", "'PO Number' 'PO1' cannot be found in the system."),
        ("ACME", {"POLine": 9}, "POLine", "'PO Line Nbr.' '9' cannot be found in the system."),
        ("ACME", {"POLine": None}, "POLine", "'PO Line Nbr.' cannot be empty."),
        ("ACME", {"POOrderType": None}, "POOrderType", "'PO Type' cannot be empty."),
        ("NWFRT", {}, "POOrderNbr", "The purchase order PO000042 is of another vendor."),
        ("ACME", {"POLine": 2}, "POLine", "The line 2 of the purchase order PO000042 is not open."),
    ],
)
def test_an_order_line_that_does_not_fit_is_422(erp, acumatica, vendor, changed, field, error):
    lines = acumatica.store.get("PurchaseOrder", "Normal", "PO000042").lists["Details"]
    lines[1].values["Completed"] = True

    echo = erp.refused(Vendor=vendor, Details=[{**LINE, **ORDERED, **changed}])
    assert echo["Details"][0][field]["error"] == error


def test_the_business_date_and_the_branch_come_in_headers(erp):
    bill = {name: value for name, value in BILL.items() if name != "Date"}
    assert erp.put("Bill", bill)["Date"] == {"value": "2025-01-31T00:00:00+00:00"}
    dated = erp.put("Bill", bill, PX_CbApiBusinessDate="2025-01-15", PX_CbApiBranch="EAST")
    assert (dated["Date"], dated["BranchID"]) == ({"value": "2025-01-15T00:00:00+00:00"}, {"value": "EAST"})
    assert erp.try_put("Bill", bill, PX_CbApiBranch="WEST").status_code == 500
    assert erp.try_put("Bill", bill, PX_CbApiBusinessDate="soon").status_code == 400


def test_a_bill_is_deleted_until_it_is_released(erp, acumatica):
    bill = erp.bill()
    erp.bill(VendorRef="B")

    assert erp.send("DELETE", "Bill/Bill/000159").status_code == 204
    assert erp.send("DELETE", f"Bill/{bill['id']}").status_code == 404
    assert erp.send("DELETE", "Bill/Bill/000101").status_code == 500
    assert made(acumatica)[-1] == ("bill.deleted", "Bill 000159")


def test_a_released_bill_is_changed_no_more(erp):
    answer = erp.try_put("Bill", {"Type": "Bill", "ReferenceNbr": "000102", "Description": "x"})

    assert (answer.status_code, answer.json()["ReferenceNbr"]) == (422, {"value": "000102"})


def test_an_unknown_line_and_a_missing_vendor_name_are_422(erp):
    erp.bill()
    stranger = {"id": "0b0c3ad5-0d9b-4f43-8a21-c3c4a7c2a111", "ExtendedCost": "1"}
    answer = erp.try_put("Bill", {"Type": "Bill", "ReferenceNbr": "000159", "Details": [stranger]})
    assert answer.json()["error"].endswith("There is no line 0b0c3ad5-0d9b-4f43-8a21-c3c4a7c2a111 in Details.")
    assert answer.json()["error"].startswith("Updating  'AP Transactions'")
    assert erp.try_put("Vendor", {"VendorID": "NEW"}).json()["VendorName"] == {
        "error": "'Vendor Name' cannot be empty."
    }


def test_a_vendor_is_created_and_changed_with_its_contact(erp, acumatica):
    contact = {"Email": "x@new.example", "Address": {"City": "Reno"}}
    erp.put("Vendor", {"VendorID": "NEW", "VendorName": "New", "MainContact": contact, "APAccount": "20000"})
    erp.put("Vendor", {"VendorID": "NEW", "MainContact": {"Phone1": "5"}})

    (vendor,) = [row for row in acumatica.rows("Vendor") if row["VendorID"] == "NEW"]
    assert (vendor["MainContact"]["Email"], vendor["MainContact"]["Phone1"]) == ("x@new.example", "5")
    assert vendor["MainContact"]["Address"]["City"] == "Reno"
    assert [effect.what for effect in acumatica.history.effects("vendor.*")] == ["vendor.created", "vendor.changed"]
    assert erp.try_put("Vendor", {"VendorID": "NEW", "APAccount": "1"}).status_code == 422


def test_a_note_is_kept(erp):
    sent = wrapped(BILL) | {"note": {"value": "see mail"}}

    assert erp.send("PUT", "Bill", sent).json()["note"] == {"value": "see mail"}
    assert erp.get("Bill/Bill/000159")["note"] == {"value": "see mail"}


def test_an_order_is_numbered_by_line_and_added_up(erp):
    lines = [{"InventoryID": "A", "OrderQty": 2, "UnitCost": "1.5"}, {"InventoryID": "B", "OrderQty": 1, "UnitCost": 4}]
    order = erp.put("PurchaseOrder", {"VendorID": "ACME", "Hold": False, "Details": lines}, "?$expand=Details")

    assert (order["OrderNbr"], order["OrderTotal"], order["Status"]) == (
        {"value": "000001"},
        {"value": 7},
        {"value": "Open"},
    )
    assert [line["LineNbr"]["value"] for line in order["Details"]] == [1, 2]
