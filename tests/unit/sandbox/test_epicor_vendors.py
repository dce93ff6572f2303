"""The vendor master of the Epicor stand-in: what a vendor update must have, and what refuses it."""

from __future__ import annotations

import pytest

from engine.sandbox.epicor import Epicor
from engine.sandbox.epicor_vendors import LENGTHS

VENDORS = "Erp.BO.VendorSvc"
BUSINESS = "Ice.Common.BusinessObjectException"


def change(kinetic, vendor: str = "ACME", **columns: object) -> dict:
    """The dataset of a vendor as read, with these columns changed and marked."""
    ds = kinetic.post(VENDORS, "GetByVendID", vendorID=vendor)["returnObj"]
    ds["Vendor"][0] |= {"RowMod": "U", **columns}
    return ds


def new(kinetic, **columns: object) -> dict:
    ds = kinetic.ds(VENDORS, "GetNewVendor", ds={})
    ds["Vendor"][0] |= {"VendorID": "NEWCO", "Name": "Newco", "TermsCode": "N30", **columns}
    return ds


def changed_since(kinetic, revision: int) -> list[str]:
    body = kinetic.get(f"{VENDORS}/Vendors", filter=f"SysRevID gt {revision}", orderby="SysRevID", select="VendorID")
    return [row["VendorID"] for row in body["value"]]


def test_a_new_vendor_comes_with_defaults_and_gets_number_and_revision(kinetic, epicor: Epicor) -> None:
    row = kinetic.ds(VENDORS, "GetNewVendor", ds={})["Vendor"][0]
    assert (row["RowMod"], row["VendorNum"], row["CurrencyCode"]) == ("A", 0, "USD")
    assert len(epicor.vendors()) == 4
    saved = kinetic.ds(VENDORS, "Update", ds=new(kinetic, VendorID="newco"))["Vendor"][0]
    assert (saved["VendorID"], saved["VendorNum"], saved["RowMod"]) == ("NEWCO", 116, "")
    assert kinetic.get(f"{VENDORS}/Vendors('EPIC06',116)")["SysRowID"] == saved["SysRowID"]


@pytest.mark.parametrize("vendor", ["ACME", "acme"])
def test_a_vendor_is_found_by_id_in_any_case_and_by_number(kinetic, vendor: str) -> None:
    by_id = kinetic.post(VENDORS, "GetByVendID", vendorID=vendor)["returnObj"]
    assert by_id == kinetic.post(VENDORS, "GetByID", vendorNum=112)["returnObj"]
    assert kinetic.send("GET", f"{VENDORS}/GetByID", params={"vendorNum": "112"}).json()["returnObj"]["Vendor"]


def test_get_is_for_the_few_methods_that_allow_it(kinetic) -> None:
    assert kinetic.send("GET", f"{VENDORS}/GetByVendID", params={"vendorID": "ACME"}).status_code == 405


def test_an_unknown_vendor_is_a_record_not_found(kinetic) -> None:
    for method, body in (("GetByVendID", {"vendorID": "NOBODY"}), ("GetByID", {"vendorNum": 9})):
        answer = kinetic.fails(VENDORS, method, **body)
        assert (answer.status_code, answer.json()["ErrorType"]) == (404, "Ice.Common.RecordNotFoundException")


def test_changed_and_new_vendors_are_what_a_list_by_revision_finds(kinetic, epicor: Epicor) -> None:
    before = max(row["SysRevID"] for row in epicor.vendors())
    assert changed_since(kinetic, before) == []
    kinetic.ds(VENDORS, "Update", ds=new(kinetic))
    kinetic.ds(VENDORS, "Update", ds=change(kinetic, Name="Acme Ltd", City="Bonn"))
    assert changed_since(kinetic, before) == ["NEWCO", "ACME"]
    assert kinetic.get(f"{VENDORS}/Vendors", filter="City eq 'Bonn'")["value"][0]["Name"] == "Acme Ltd"


def test_an_unmarked_vendor_is_not_saved(kinetic, epicor: Epicor) -> None:
    before = epicor.vendors()
    assert kinetic.ds(VENDORS, "Update", ds=change(kinetic, RowMod="", Name="Lost"))["Vendor"]
    assert epicor.vendors() == before


def test_an_unknown_row_mark_is_refused(kinetic) -> None:
    assert kinetic.fails(VENDORS, "Update", ds=change(kinetic, RowMod="M")).status_code == 400


def test_two_writers_of_one_vendor_do_not_overwrite_each_other(kinetic, epicor: Epicor) -> None:
    first, second = change(kinetic, City="Bonn"), change(kinetic, City="Ulm")
    kinetic.ds(VENDORS, "Update", ds=first)
    answer = kinetic.fails(VENDORS, "Update", ds=second)
    assert (answer.status_code, answer.json()["ErrorType"]) == (400, BUSINESS)
    assert "modified by another user" in answer.json()["ErrorMessage"]
    kinetic.ds(VENDORS, "Update", ds=change(kinetic, City="Ulm"))
    assert epicor.vendors()[0]["City"] == "Ulm"


def test_an_unknown_row_id_is_not_found(kinetic) -> None:
    ds = change(kinetic, SysRowID="11111111-1111-1111-1111-111111111111")
    answer = kinetic.fails(VENDORS, "Update", ds=ds)
    assert (answer.status_code, answer.json()["ErrorType"]) == (404, "Ice.Common.RecordNotFoundException")


def test_the_number_of_a_vendor_stays(kinetic) -> None:
    assert kinetic.fails(VENDORS, "Update", ds=change(kinetic, VendorNum=999)).status_code == 400


def test_an_existing_id_or_number_is_a_duplicate_as_409_or_as_400(kinetic, epicor: Epicor) -> None:
    rows: list[dict] = [{"VendorID": "acme "}, {"VendorNum": 112}]
    for columns in rows:
        answer = kinetic.fails(VENDORS, "Update", ds=new(kinetic, **columns))
        assert (answer.status_code, answer.json()["ErrorType"]) == (409, "Ice.Common.DuplicateRecordException")
    assert kinetic.fails(VENDORS, "Update", ds=change(kinetic, VendorID="OBRIEN")).status_code == 409
    epicor.rules.duplicate_status = 400
    answer = kinetic.fails(VENDORS, "Update", ds=new(kinetic, VendorID="ACME"))
    assert (answer.status_code, answer.json()["ErrorType"]) == (400, BUSINESS)
    assert "already exists" in answer.json()["ErrorMessage"]
    assert len(epicor.vendors()) == 4


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"VendorID": " "}, "VendorID"),
        ({"VendorID": None}, "VendorID"),
        ({"Name": " "}, "Name"),
        ({"TermsCode": "N99"}, "TermsCode"),
        ({"CurrencyCode": "XXX"}, "CurrencyCode"),
        *(({column: "9" * (most + 1)}, column) for column, most in LENGTHS.items()),
    ],
)
def test_a_vendor_that_breaks_a_rule_names_the_field(kinetic, epicor: Epicor, columns: dict, field: str) -> None:
    for ds in (new(kinetic, **columns), change(kinetic, **columns)):
        answer = kinetic.fails(VENDORS, "Update", ds=ds)
        assert (answer.status_code, answer.json()["ErrorType"]) == (400, BUSINESS)
        assert answer.json()["ErrorDetails"][0]["Field"] == field
    assert epicor.history.effects("vendor.*") == []


def test_the_longest_values_fit(kinetic, epicor: Epicor) -> None:
    coded = {"TermsCode": "N45", "CurrencyCode": "EUR"}
    longest = {column: "Ü" * most for column, most in LENGTHS.items() if column not in coded}
    kinetic.ds(VENDORS, "Update", ds=new(kinetic, **longest, **coded))
    assert epicor.vendors()[-1]["LegalName"] == "Ü" * 100


def test_a_site_may_have_any_currency(kinetic, epicor: Epicor) -> None:
    epicor.rules.currencies = None
    assert kinetic.ds(VENDORS, "Update", ds=new(kinetic, CurrencyCode="XXX"))["Vendor"][0]["CurrencyCode"] == "XXX"


@pytest.mark.parametrize("columns", [{"Inactive": "true"}, {"Name": 7}, {"VendorNum": "112"}, {"PMUID": 2**31}])
def test_a_column_of_another_type_is_unreadable(kinetic, columns: dict) -> None:
    answer = kinetic.fails(VENDORS, "Update", ds=change(kinetic, **columns))
    assert answer.json()["ErrorMessage"].startswith("Unable to deserialize entity")


@pytest.mark.parametrize("body", [{}, {"ds": []}, {"ds": "x"}, {"ds": {"Vendor": {}}}])
def test_a_body_without_a_dataset_is_unreadable(kinetic, body: dict) -> None:
    assert kinetic.fails(VENDORS, "Update", **body).status_code == 400


def test_a_second_bad_row_takes_the_first_back(kinetic, epicor: Epicor) -> None:
    ds = change(kinetic, City="Bonn")
    ds["Vendor"] += change(kinetic, "OBRIEN", Name="")["Vendor"]
    assert kinetic.fails(VENDORS, "Update", ds=ds).status_code == 400
    assert {row["City"] for row in epicor.vendors()} == {""}


def test_a_vendor_with_documents_cannot_be_deleted(kinetic, epicor: Epicor) -> None:
    assert "has documents" in kinetic.fails(VENDORS, "Update", ds=change(kinetic, RowMod="D")).json()["ErrorMessage"]
    assert kinetic.ds(VENDORS, "Update", ds=change(kinetic, "OBRIEN", RowMod="D"))["Vendor"] == []
    assert [row["VendorID"] for row in epicor.vendors()] == ["ACME", "GONE", "HOLD"]


def test_a_column_nobody_knows_is_passed_over_and_noted(kinetic, epicor: Epicor) -> None:
    kinetic.ds(VENDORS, "Update", ds=change(kinetic, VendorName="Acme"))
    assert epicor.ignored == {"Update: Vendor.VendorName"}


def test_a_customer_column_is_saved(kinetic, epicor: Epicor) -> None:
    epicor.seed(vendors=[{"VendorID": "OWN", "Region_c": "EU"}])
    kinetic.ds(VENDORS, "Update", ds=change(kinetic, "OWN", Region_c="US"))
    assert kinetic.get(f"{VENDORS}/Vendors", filter="Region_c eq 'US'")["value"][0]["VendorID"] == "OWN"


def test_the_same_on_v1_with_the_company_in_a_header(kinetic, epicor: Epicor) -> None:
    url = f"{epicor.url}/api/v1/{VENDORS}"
    kinetic.headers = {"CallSettings": '{"Company": "EPIC06"}'}
    ds = kinetic.send("POST", f"{url}/GetByVendID", {"vendorID": "ACME"}).json()["returnObj"]
    ds["Vendor"][0] |= {"City": "Bonn", "RowMod": "U"}
    assert kinetic.send("POST", f"{url}/Update", {"ds": ds}).status_code == 200
    assert epicor.vendors()[0]["City"] == "Bonn"


def test_a_lost_answer_leaves_the_vendor_behind_and_a_fault_does_not(kinetic, epicor: Epicor) -> None:
    epicor.faults.add("503:Update:1")
    assert kinetic.fails(VENDORS, "Update", ds=new(kinetic)).status_code == 503
    assert len(epicor.vendors()) == 4
    epicor.faults.add("lost_answer:Update:1")
    with pytest.raises(Exception, match="disconnected"):
        kinetic.post(VENDORS, "Update", ds=new(kinetic))
    assert kinetic.post(VENDORS, "GetByVendID", vendorID="NEWCO")["returnObj"]["Vendor"][0]["Name"] == "Newco"
