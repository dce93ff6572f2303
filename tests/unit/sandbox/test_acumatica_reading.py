"""Reading the Acumatica stand-in: lists, filters, expansion, selection, pages."""

from __future__ import annotations

from datetime import timedelta

import pytest


def vendors(erp, **options: str) -> list[str]:
    return [row["VendorID"]["value"].strip() for row in erp.get("Vendor", **options)]


ALL = ["ACME", "DATALINE", "HARBOR", "NWFRT", "OBRIEN"]


def test_a_list_is_a_plain_array_of_everything(erp, acumatica):
    acumatica.seed(CostCode=[{"CostCodeID": f"{n:05}"} for n in range(1200)])

    assert vendors(erp) == ALL
    assert len(erp.get("CostCode")) == 1202
    assert [row["rowNumber"] for row in erp.get("Vendor")] == [1, 2, 3, 4, 5]


def test_pages_by_top_and_skip(erp):
    assert vendors(erp, top="2") == ALL[:2]
    assert vendors(erp, top="2", skip="2") == ALL[2:4]
    assert vendors(erp, top="2", skip="4") == ALL[4:]
    assert vendors(erp, skip="9") == []
    assert vendors(erp, top="0") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("VendorID eq 'ACME'", ["ACME"]),
        ("VendorID eq 'acme'", []),
        ("VendorName eq 'O''Brien & Söhne'", ["OBRIEN"]),
        ("VendorID eq 'ACME' or VendorID eq 'NWFRT'", ["ACME", "NWFRT"]),
        ("Status eq 'Active' and not (CurrencyID eq 'USD')", ["OBRIEN"]),
        ("Status ne 'Active'", ["HARBOR"]),
        ("substringof('Software', VendorName)", ["DATALINE"]),
        ("substringof('Software', VendorName) eq false and VendorID gt 'H'", ["HARBOR", "NWFRT", "OBRIEN"]),
        ("MainContact/Email eq 'ar@acme.example'", ["ACME"]),
        ("MainContact/Address/City eq 'Denver'", ["ACME"]),
        ("F1099Vendor eq true", []),
        ("LastModifiedDateTime gt datetimeoffset'2025-01-31T09:00:00.000+00:00'", ALL),
        ("LastModifiedDateTime gt datetimeoffset'2025-01-31T11:00:00.000+01:00'", []),
    ],
)
def test_filters(erp, text, found):
    assert vendors(erp, filter=text) == found


def test_numbers_and_dates_in_filters(erp):
    assert len(erp.get("Bill", filter="Amount ge 80.4 and Amount lt 250")) == 1
    assert len(erp.get("Bill", filter="Date ge datetimeoffset'2026-01-20T00:00:00+00:00'")) == 1
    assert len(erp.get("PurchaseOrder", filter="Status eq 'Open' and Type eq 'Normal'")) == 1


@pytest.mark.parametrize(
    "query",
    [
        "$filter=VendorID eq ACME",
        "$filter=VendorID eq 'ACME",
        "$filter=VendorID",
        "$filter=VendorId eq 'ACME'",
        "$filter=VendorID eq 5",
        "$filter=VendorID eq 'A' and",
        "$filter=(VendorID eq 'A'",
        "$filter=VendorID like 'A'",
        "$filter=startswith(VendorID,'A')",
        "$filter=substringof(5,VendorName)",
        "$filter=Contacts/Email eq 'x'",
        "$filter=MainContact/Colour eq 'x'",
        "$filter=cf.String(f='Document.AttributeX') eq 'y'",
        "$filter=LastModifiedDateTime gt datetime'2025-01-30T00:00:00'",
        "$filter=LastModifiedDateTime gt datetimeoffset'2025-01-30T00:00:00.000+00:00'",
        "$filter=LastModifiedDateTime gt datetimeoffset'2025-13-30T00:00:00Z'",
        "$filter=LastModifiedDateTime gt '2025-01-30'",
        "$filter=VendorName eq null",
        "$select=VendorId",
        "$select=Details/Account",
        "$expand=Details",
        "$expand=MainContact/Phone",
        "$top=many",
        "$skip=-1",
        "$orderby=VendorID",
        "$count=true",
        "$inlinecount=allpages",
    ],
)
def test_an_option_nobody_documents_is_an_exception_or_a_400(erp, acumatica, query):
    answer = erp.send("GET", f"Vendor?{query}")
    assert (answer.status_code, answer.json()["message"]) == (500, "An error has occurred.")
    acumatica.rules.bad_filter = 400
    assert erp.send("GET", f"Vendor?{query}").status_code == 400


def test_an_encoded_plus_is_a_plus(erp):
    text = "LastModifiedDateTime gt datetimeoffset'2025-01-30T00:00:00.000%2B00:00'"

    assert erp.send("GET", f"Vendor?$filter={text}").status_code == 200


def test_lines_and_linked_entities_come_when_they_are_expanded(erp):
    bare, whole = erp.get("PurchaseOrder")[0], erp.get("PurchaseOrder", expand="Details")[0]

    assert "Details" not in bare
    assert [line["LineNbr"]["value"] for line in whole["Details"]] == [1, 2]
    assert str(whole["OrderTotal"]["value"]) == "380.4600"
    assert "MainContact" not in erp.get("Vendor/ACME")
    contact = erp.get("Vendor/ACME", expand="MainContact")["MainContact"]
    assert (contact["Email"], "Address" in contact) == ({"value": "ar@acme.example"}, False)
    deep = erp.get("Vendor/ACME", expand="MainContact/Address,Contacts")
    assert (deep["MainContact"]["Address"]["City"], deep["Contacts"]) == ({"value": "Denver"}, [])


def test_a_selection_shows_what_it_names_and_the_envelope(erp):
    (row,) = erp.get(
        "PurchaseOrder", select="OrderNbr,Details/InventoryID", expand="Details", filter="Status eq 'Open'"
    )

    assert set(row) == {"id", "rowNumber", "note", "custom", "_links", "OrderNbr", "Details"}
    assert set(row["Details"][0]) == {"id", "rowNumber", "note", "custom", "InventoryID"}
    assert "Details" not in erp.get("PurchaseOrder", select="OrderNbr,Details/InventoryID")[0]
    assert "LineDescription" in erp.get("PurchaseOrder", select="Details", expand="Details")[0]["Details"][0]


def test_links_are_of_newer_builds(erp, acumatica):
    acumatica.rules.links = False

    assert "_links" not in erp.get("Vendor/ACME")


def test_a_change_is_found_by_the_time_shown(erp, acumatica, clock):
    clock.now += timedelta(hours=1, microseconds=123_456)
    acumatica.update("Vendor", {"VendorID": "NWFRT"}, VendorName="Northwind")
    shown = erp.get("Vendor/NWFRT")["LastModifiedDateTime"]["value"]

    assert shown == "2025-01-31T10:12:44.123+00:00"
    assert vendors(erp, filter=f"LastModifiedDateTime ge datetimeoffset'{shown}'") == ["NWFRT"]
    assert vendors(erp, filter=f"LastModifiedDateTime gt datetimeoffset'{shown}'") == []


def test_a_subaccount_has_no_time_of_change(erp):
    assert "LastModifiedDateTime" not in erp.get("Subaccount")[0]
    assert (
        erp.send("GET", "Subaccount?$filter=LastModifiedDateTime gt datetimeoffset'2025-01-30T00:00:00Z'").status_code
        == 500
    )
