"""Reading sets of the Epicor stand-in: OData v4 on API v2, OData v3 on API v1."""

from __future__ import annotations

import pytest

from engine.sandbox.epicor import Epicor

INVOICES, VENDORS, ORDERS = "Erp.BO.APInvoiceSvc", "Erp.BO.VendorSvc", "Erp.BO.POSvc"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("VendorID eq 'ACME'", [112]),
        ("Name eq 'O''Brien & Söhne'", [113]),
        ("VendorNum gt 112 and VendorNum le 114", [113, 114]),
        ("VendorNum eq 112 or VendorNum eq 113 and Inactive eq true", [112]),
        ("(VendorNum eq 112 or VendorNum eq 113) and Inactive eq false", [112, 113]),
        ("not (VendorNum eq 112 or Inactive)", [113, 115]),
        ("Inactive", [114]),
        ("VendorNum lt 112.5", [112]),
        ("VendorNum ne 112", [113, 114, 115]),
        ("startswith(VendorID,'AC')", [112]),
        ("contains(Name, 'Söh')", [113]),
        ("endswith(tolower(VendorID), 'e')", [112, 114]),
        ("contains(Name,'Acme') eq false and VendorNum lt 114", [113]),
        ("'ACME' eq VendorID", [112]),
        ("VendorID eq null", []),
        ("VendorID ne null and VendorNum ge 115", [115]),
    ],
)
def test_a_filter_finds_its_vendors(kinetic, text: str, numbers: list[int]) -> None:
    body = kinetic.get(f"{VENDORS}/Vendors", filter=text, select="VendorNum", orderby="VendorNum")
    assert [row["VendorNum"] for row in body["value"]] == numbers


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("ChangeDate ge 2025-01-31T09:12:44Z", 1),
        ("ChangeDate gt 2025-01-31T09:12:44Z", 0),
        ("ChangeDate lt 2025-01-31T10:12:45+01:00", 1),
        ("ChangeDate ge 2025-01-31T00:00:00", 1),
        ("InvoiceDate eq 2025-01-20T00:00:00Z", 1),
        ("DocInvoiceAmt eq 120.50", 1),
        ("DueDate ne null", 1),
        ("DiscountDate gt 2000-01-01T00:00:00Z", 0),
    ],
)
def test_a_filter_compares_times_and_amounts(kinetic, text: str, count: int) -> None:
    kinetic.invoice()
    assert len(kinetic.get(f"{INVOICES}/APInvoices", filter=text)["value"]) == count


@pytest.mark.parametrize(
    "text",
    [
        "VendorNum eq",
        "VendorNum 112",
        "VendorNum eq 112 and",
        "(VendorNum eq 112",
        "VendorNum eq 112)",
        "VendorNum = 112",
        "startswith(VendorNum, 'A')",
        "startswith(VendorID 'A')",
        "startswith(VendorID, 'A') eq 1",
        "tolower(VendorNum) eq 'a'",
        "eq 112",
        "VendorNum",
        "Name eq 'Acme' 'x'",
    ],
)
def test_a_filter_that_is_no_filter_is_refused(kinetic, text: str) -> None:
    assert kinetic.refused(f"{VENDORS}/Vendors", filter=text).status_code == 400


@pytest.mark.parametrize(
    "text", ["VendorNumVendorID eq 'ACME'", "ChangeDate gt 2025-02-30T00:00:00Z", "ChangeDate gt 2025-01-31"]
)
def test_calculated_columns_and_impossible_days_are_refused(kinetic, text: str) -> None:
    assert kinetic.refused(f"{INVOICES}/APInvoices", filter=text).status_code == 400


def test_the_documented_list_answer(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    body = kinetic.get(
        f"{INVOICES}/APInvoices",
        filter="ChangeDate gt 2025-01-30T00:00:00Z",
        select="VendorNum,InvoiceNum,ChangeDate",
        orderby="VendorNum,InvoiceNum",
        top="100",
        skip="0",
        count="true",
    )
    columns = "VendorNum,InvoiceNum,ChangeDate"
    assert body == {
        "@odata.context": f"{epicor.url}/api/v2/odata/EPIC06/{INVOICES}/$metadata#APInvoices({columns})",
        "@odata.count": 1,
        "value": [{"VendorNum": 112, "InvoiceNum": "INV-77", "ChangeDate": "2025-01-31T09:12:44Z"}],
    }


def test_v1_speaks_odata_v3(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    body = kinetic.get(
        f"{epicor.url}/api/v1/{INVOICES}/APInvoices",
        filter="ChangeDate ge datetime'2025-01-31T00:00:00' and substringof('INV', InvoiceNum) eq true",
        inlinecount="allpages",
        select="InvoiceNum",
    )
    assert set(body) == {"odata.metadata", "odata.count", "value"}
    assert body["odata.count"] == "1"
    row_id = epicor.rows("APInvHed")[0]["SysRowID"]
    for text in (f"SysRowID eq guid'{row_id}'", "DocInvoiceAmt eq 120.5M"):
        assert len(kinetic.get(f"{epicor.url}/api/v1/{INVOICES}/APInvoices", filter=text)["value"]) == 1
    assert len(kinetic.get(f"{INVOICES}/APInvoices", filter=f"SysRowID eq {row_id}")["value"]) == 1


def test_pages_in_key_order_hold_every_row_once(kinetic, epicor: Epicor) -> None:
    epicor.seed(vendors=[{"VendorNum": 1000 + n, "VendorID": f"V{n}"} for n in range(30)])
    seen: list[int] = []
    for skip in range(0, 50, 10):
        page = kinetic.get(f"{VENDORS}/Vendors", orderby="VendorNum", top="10", skip=str(skip))["value"]
        seen += [row["VendorNum"] for row in page]
    assert seen == [112, 113, 114, 115, *range(1000, 1030)]


def test_pages_without_an_order_may_repeat_and_skip_rows(kinetic) -> None:
    pages = [kinetic.get(f"{VENDORS}/Vendors", top="2", skip=skip)["value"] for skip in ("0", "2")]
    seen = [row["VendorNum"] for page in pages for row in page]
    assert len(set(seen)) < len(seen)


def test_rows_are_ordered_up_and_down(kinetic) -> None:
    body = kinetic.get(f"{VENDORS}/Vendors", orderby="TermsCode desc, VendorNum desc", select="VendorNum")
    assert [row["VendorNum"] for row in body["value"]] == [113, 115, 114, 112]
    assert kinetic.refused(f"{VENDORS}/Vendors", orderby="VendorNum up").status_code == 400


def test_lines_and_expenses_can_be_expanded(kinetic, epicor: Epicor) -> None:
    kinetic.invoice()
    nested = "APInvDtls($select=InvoiceLine,DocExtCost;$expand=APInvExps($select=GLAccount))"
    row = kinetic.get(f"{INVOICES}/APInvoices", expand=nested, select="InvoiceNum")["value"][0]
    assert row["APInvDtls"][0]["APInvExps"] == [{"GLAccount": "6100|00|10"}]
    assert set(row["APInvDtls"][0]) == {"InvoiceLine", "DocExtCost", "APInvExps"}
    old = kinetic.get(f"{epicor.url}/api/v1/{INVOICES}/APInvoices", expand="APInvDtls/APInvExps")["value"][0]
    assert old["APInvDtls"][0]["APInvExps"][0]["GLAccount"] == "6100|00|10"
    order = kinetic.get(f"{ORDERS}/POes", expand="PODetails", filter="PONum eq 4001")["value"][0]
    assert [line["LineDesc"] for line in order["PODetails"]] == ["Desk"]
    for bad in ("Lines", "APInvDtls($filter=x)", "APInvDtls($select=Nothing)"):
        assert kinetic.refused(f"{INVOICES}/APInvoices", expand=bad).status_code == 400


def test_an_entity_is_read_by_its_key(kinetic) -> None:
    kinetic.invoice("A'1")
    for key in ("'EPIC06',112,'A''1'", "Company='EPIC06',VendorNum=112,InvoiceNum='A''1'"):
        assert kinetic.get(f"{INVOICES}/APInvoices({key})")["InvoiceNum"] == "A'1"
    account = kinetic.get("Erp.BO.GLAccountSvc/GLAccounts('EPIC06','MAIN','6100|00|10')")
    assert (account["GLAccount"], account["GLAccount1"], account["SegValue1"]) == ("6100|00|10", "6100|00|10", "6100")
    assert kinetic.refused(f"{VENDORS}/Vendors('EPIC06',999)").status_code == 404
    assert kinetic.refused(f"{VENDORS}/Vendors('EPIC06')").status_code == 400
    assert kinetic.refused(f"{VENDORS}/Vendors('EPIC06','ACME')").status_code == 400


def test_every_set_of_the_contract_can_be_read(kinetic) -> None:
    sets = {
        INVOICES: ["APInvoices", "APInvDtls", "APInvExps"],
        ORDERS: ["POes", "PODetails", "PORels"],
        "Erp.BO.PaymentEntrySvc": ["PaymentEntries", "APTrans"],
        "Erp.BO.APInvGrpSvc": ["APInvGrps"],
        "Erp.BO.APChkGrpSvc": ["APChkGrps"],
        "Erp.BO.COASegValuesSvc": ["COASegValues"],
        "Erp.BO.GLAccountSvc": ["GLAccounts"],
        "Erp.BO.TermsSvc": ["Terms"],
        "Erp.BO.PayMethodSvc": ["PayMethods"],
        "Erp.BO.BankAcctSvc": ["BankAccts"],
    }
    for service, names in sets.items():
        listed = [entry["name"] for entry in kinetic.get(f"{service}/")["value"]]
        assert listed == names
        for name in names:
            assert isinstance(kinetic.get(f"{service}/{name}", top="1")["value"], list)


def test_metadata_names_sets_keys_and_columns(kinetic, epicor: Epicor) -> None:
    epicor.seed(vendors=[{"VendorID": "NEW", "UpdatedOn_c": "2025-01-01"}])
    text = kinetic.send("GET", f"{VENDORS}/$metadata").text
    assert '<EntitySet Name="Vendors" EntityType="Erp.Vendor"/>' in text
    assert '<Property Name="UpdatedOn_c" Type="Edm.String"/>' in text
    old = kinetic.send("GET", f"{epicor.url}/api/v1/{INVOICES}/$metadata").text
    assert '<Property Name="ChangeDate" Type="Edm.DateTime"/>' in old


def test_a_set_can_be_written_without_the_screens_defaults(kinetic, epicor: Epicor) -> None:
    row = {"VendorID": "rest", "Name": "By REST", "TermsCode": "N30"}
    made = kinetic.send("POST", f"{VENDORS}/Vendors", row)
    assert (made.status_code, made.json()["VendorID"], made.json()["VendorNum"]) == (201, "REST", 116)
    key = f"{VENDORS}/Vendors('EPIC06',116)"
    assert kinetic.send("PATCH", key, {"Name": "Changed"}).status_code == 204
    assert kinetic.get(key)["Name"] == "Changed"
    assert kinetic.send("DELETE", key).status_code == 204
    assert kinetic.refused(key).status_code == 404
    invoice = {"VendorNum": 112, "InvoiceNum": "R-1", "GroupID": "ML0131", "InvoiceDate": "2025-01-31"}
    assert "Terms" in kinetic.send("POST", f"{INVOICES}/APInvoices", invoice).json()["ErrorMessage"]
    assert epicor.invoices() == []
    assert kinetic.send("POST", "Erp.BO.TermsSvc/Terms", {}).status_code == 405
