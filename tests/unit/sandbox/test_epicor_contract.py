"""What a faithful Epicor stand-in must reject or do, case by case, over real HTTP."""

from __future__ import annotations

import re
from datetime import date

import httpx
import pytest

from engine.sandbox.epicor import Epicor

INVOICES, GROUPS, VENDORS = "Erp.BO.APInvoiceSvc", "Erp.BO.APInvGrpSvc", "Erp.BO.VendorSvc"
BUSINESS = "Ice.Common.BusinessObjectException"


@pytest.mark.parametrize("key", [None, "wrong"])
def test_v2_needs_its_key(kinetic, key: str | None) -> None:
    kinetic.headers = {"x-api-key": key} if key else {}
    answer = kinetic.refused(f"{VENDORS}/Vendors")
    assert answer.status_code == 401
    assert answer.json()["HttpStatus"] == 401
    assert answer.json()["ReasonPhrase"] == "REST API Exception"
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answer.json()["CorrelationId"])


def test_the_key_may_stand_in_the_query_and_v1_needs_none(kinetic, epicor: Epicor) -> None:
    kinetic.headers = {}
    assert kinetic.send("GET", f"{VENDORS}/Vendors", params={"api-key": "k-123"}).status_code == 200
    assert kinetic.send("GET", f"{epicor.url}/api/v1/{VENDORS}/Vendors").status_code == 200


def test_no_or_a_wrong_login_is_401(kinetic, epicor: Epicor) -> None:
    for auth in (None, ("mlc", "wrong"), ("", "")):
        assert kinetic.send("GET", f"{VENDORS}/Vendors", auth=auth).status_code == 401
    bearer = {"Authorization": "Bearer nonsense"}
    assert kinetic.send("GET", f"{VENDORS}/Vendors", auth=None, headers=bearer).status_code == 401
    assert kinetic.send("GET", f"{epicor.url}/api/v1/{VENDORS}/Vendors", auth=None).status_code == 401


def test_an_error_can_be_xml(kinetic) -> None:
    answer = kinetic.send("GET", f"{VENDORS}/Vendors", auth=None, headers={"Accept": "application/xml"})
    assert answer.text.startswith("<ApiExceptionResponse><HttpStatus>Unauthorized</HttpStatus><ErrorMessage>")
    assert "<ErrorType>System.UnauthorizedAccessException</ErrorType>" in answer.text


def test_a_key_without_scope_for_the_service_is_403() -> None:
    with Epicor(key_scope={VENDORS}) as epicor:
        base = f"{epicor.url}/api/v2/odata/EPIC06"
        options = {"auth": ("mlc", "kinetic-pass"), "headers": {"x-api-key": "k-123"}, "trust_env": False}
        assert httpx.get(f"{base}/{VENDORS}/Vendors", **options).status_code == 200
        answer = httpx.get(f"{base}/{INVOICES}/APInvoices", **options)
        assert (answer.status_code, answer.json()["ErrorType"]) == (403, "System.UnauthorizedAccessException")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/odata//Erp.BO.VendorSvc/Vendors",
        "/api/v2/odata/EPIC99/Erp.BO.VendorSvc/Vendors",
        "/api/v2/odata/EPIC06/Erp.BO.NoSvc/Vendors",
        "/api/v2/odata/EPIC06/Erp.BO.VendorSvc/Vendor",
        "/api/v2/odata/EPIC06/Erp.BO.VendorSvc/GetByName",
        "/api/v2/Erp.BO.VendorSvc/Vendors",
        "/api/v1/odata/EPIC06/Erp.BO.VendorSvc/Vendors",
        "/api/v3/Erp.BO.VendorSvc/Vendors",
    ],
)
def test_a_wrong_url_is_404(kinetic, epicor: Epicor, path: str) -> None:
    answer = kinetic.send("GET", epicor.url + path)
    assert (answer.status_code, answer.json()["ErrorType"]) == (404, "Epicor.RESTApi.ErrorHandling.ApiException")


def test_another_instance_is_a_plain_404_page(kinetic, epicor: Epicor) -> None:
    answer = kinetic.send("GET", epicor.url.replace("/live", "/test") + "/api/v1/Erp.BO.VendorSvc/Vendors")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html")


def test_an_api_version_can_be_switched_off() -> None:
    with Epicor(apis={2}) as epicor:
        url = f"{epicor.url}/api/v1/{VENDORS}/Vendors"
        assert httpx.get(url, auth=("mlc", "kinetic-pass"), trust_env=False).status_code == 404


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "UpdatedOn gt 2025-01-31T00:00:00Z"},
        {"select": "VendorID,UpdatedOn"},
        {"orderby": "UpdatedOn"},
        {"filter": "SysRevID gt datetime'2025-01-31T00:00:00'"},
        {"inlinecount": "allpages"},
        {"filter": "Name eq 'O'Brien'"},
        {"filter": "Name eq 'Acme"},
        {"filter": "VendorID eq 112"},
        {"filter": "VendorNum eq '112'"},
        {"filter": ""},
        {"filter": "substringof('a', Name)"},
        {"Filter": "VendorNum eq 112"},
        {"top": "-1"},
        {"count": "yes"},
    ],
)
def test_what_v2_cannot_read_is_an_odata_error(kinetic, options: dict[str, str]) -> None:
    answer = kinetic.refused(f"{VENDORS}/Vendors", **options)
    assert answer.status_code == 400
    assert "ODataException" in answer.json()["ErrorType"]


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "ChangeDate gt 2025-01-31T00:00:00Z"},
        {"filter": "ChangeDate gt 2025-01-31T00:00:00"},
        {"count": "true"},
        {"inlinecount": "true"},
        {"filter": "contains(Description, 'a')"},
    ],
)
def test_what_v1_cannot_read_is_an_odata_error(kinetic, epicor: Epicor, options: dict[str, str]) -> None:
    answer = kinetic.refused(f"{epicor.url}/api/v1/{INVOICES}/APInvoices", **options)
    assert answer.status_code == 400
    assert "ODataException" in answer.json()["ErrorType"]


def test_without_top_at_most_100_rows_and_no_link(kinetic, epicor: Epicor) -> None:
    epicor.seed(vendors=[{"VendorNum": 1000 + n, "VendorID": f"V{n}"} for n in range(120)])
    body = kinetic.get(f"{VENDORS}/Vendors", count="true")
    assert (len(body["value"]), body["@odata.count"]) == (100, 124)
    assert set(body) == {"@odata.context", "@odata.count", "value"}
    assert len(kinetic.get(f"{VENDORS}/Vendors", top="120")["value"]) == 120
    epicor.rules.next_link = True
    following = kinetic.send("GET", kinetic.get(f"{VENDORS}/Vendors", orderby="VendorNum")["@odata.nextLink"]).json()
    assert len(following["value"]) == 24


def test_a_method_is_no_resource_to_get_and_a_set_none_to_put(kinetic) -> None:
    assert kinetic.send("GET", f"{INVOICES}/UpdateMaster").status_code == 405
    assert kinetic.send("PUT", f"{VENDORS}/Vendors", {}).status_code == 405
    assert kinetic.send("POST", f"{VENDORS}/Nothing", {}).status_code == 404


@pytest.mark.parametrize(
    "content", [b"", b"no json", b"[]", b'"text"', b"{}", b'{"ds": []}', b'{"ds": "x"}', b'{"ds":null}']
)
def test_an_unreadable_body_is_400(kinetic, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = kinetic.send("POST", f"{INVOICES}/Update", content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["ErrorMessage"].startswith("Unable to deserialize entity. Input data is not in correct")


@pytest.mark.parametrize(
    "body",
    [
        b'{"ds": {"APInvHed": {}}}',
        b'{"ds": {"APInvHed": [7]}}',
        b'{"ds": {}, "ds": {}}',
        b'{"ds": {"APInvHed": [{"DocInvoiceVendorAmt": NaN}]}}',
        b'{"ds": {"APInvHed": [{"DocInvoiceVendorAmt": "120.50"}]}}',
        b'{"ds": {"APInvHed": [{"VendorNum": "112"}]}}',
        b'{"ds": {"APInvHed": [{"InvoiceDate": "01/31/2025"}]}}',
        b'{"ds": {"APInvHed": [{"InvoiceDate": "2025-02-30"}]}}',
        b'{"ds": {"APInvHed": [{"InvoiceNum": 77}]}}',
        b'{"ds": {"APInvHed": [{"DebitMemo": "true"}]}}',
    ],
)
def test_a_value_of_the_wrong_type_is_400(kinetic, body: bytes) -> None:
    answer = kinetic.send("POST", f"{INVOICES}/Update", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_a_body_without_its_content_type_is_400(kinetic) -> None:
    assert kinetic.send("POST", f"{INVOICES}/Update", content=b'{"ds":{}}').status_code == 400


def test_the_name_often_quoted_does_not_exist(kinetic) -> None:
    assert kinetic.fails(INVOICES, "GetNewAPInvoice", ds={}).status_code == 404


@pytest.mark.parametrize("vendor", ["NOBODY", "GONE"])
def test_an_unknown_or_inactive_vendor_is_refused(kinetic, vendor: str) -> None:
    ds = kinetic.ds(INVOICES, "GetNewAPInvHedInvoice", ds={}, cGroupID="ML0131")
    answer = kinetic.fails(INVOICES, "ChangeVendorID", ProposedVendorID=vendor, confirmCheck=False, ds=ds)
    assert (answer.status_code, answer.json()["ErrorType"]) == (400, BUSINESS)
    assert answer.json()["ErrorDetails"][0]["Field"] == "VendorNumVendorID"


@pytest.mark.parametrize("group", ["NOPE", ""])
def test_an_unknown_group_is_refused(kinetic, group: str) -> None:
    assert kinetic.fails(INVOICES, "GetNewAPInvHedInvoice", ds={}, cGroupID=group).status_code == 400


def test_an_unmarked_row_is_ignored_and_update_master_says_so(kinetic, epicor: Epicor) -> None:
    ds = kinetic.header()
    ds["APInvHed"][0]["RowMod"] = ""
    kinetic.post(INVOICES, "Update", ds=ds)
    answer = kinetic.master(ds)["parameters"]
    assert (answer["lUpdateRan"], answer["requiresUserInput"]) == (False, False)
    assert epicor.invoices() == []


def test_a_question_to_the_user_means_nothing_was_saved(kinetic, epicor: Epicor) -> None:
    epicor.rules.prompt = "Invoice date is in the future. Continue?"
    answer = kinetic.master(kinetic.header())["parameters"]
    assert (answer["lUpdateRan"], answer["requiresUserInput"]) == (False, True)
    assert answer["opMessage"].endswith("Continue?")
    assert epicor.invoices() == []


def test_an_unknown_row_mark_is_refused(kinetic) -> None:
    ds = kinetic.header()
    ds["APInvHed"][0]["RowMod"] = "X"
    assert kinetic.fails(INVOICES, "Update", ds=ds).status_code == 400


def test_an_existing_key_is_409_or_a_400_that_says_duplicate(kinetic, epicor: Epicor) -> None:
    kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    answer = kinetic.fails(INVOICES, "Update", ds=kinetic.header())
    assert (answer.status_code, answer.json()["ErrorType"]) == (409, "Ice.Common.DuplicateRecordException")
    epicor.rules.duplicate_status = 400
    answer = kinetic.fails(INVOICES, "Update", ds=kinetic.header())
    assert (answer.status_code, answer.json()["ErrorType"]) == (400, BUSINESS)
    assert "already exists" in answer.json()["ErrorMessage"]
    assert len(epicor.invoices()) == 1


def test_an_old_revision_is_refused_and_an_unknown_row_not_found(kinetic, epicor: Epicor) -> None:
    ds = kinetic.ds(INVOICES, "Update", ds=kinetic.header())
    epicor.update("APInvHed", {"InvoiceNum": "INV-77"}, Description="by hand")
    ds["APInvHed"][0] |= {"Description": "mine", "RowMod": "U"}
    answer = kinetic.fails(INVOICES, "Update", ds=ds)
    assert "modified by another user" in answer.json()["ErrorMessage"]
    ds["APInvHed"][0]["SysRowID"] = "11111111-1111-1111-1111-111111111111"
    answer = kinetic.fails(INVOICES, "Update", ds=ds)
    assert (answer.status_code, answer.json()["ErrorType"]) == (404, "Ice.Common.RecordNotFoundException")
    assert epicor.invoices()[0]["Description"] == "by hand"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"InvoiceNum": " "}, "InvoiceNum"),
        ({"InvoiceNum": "x" * 51}, "InvoiceNum"),
        ({"TermsCode": "N99"}, "TermsCode"),
        ({"TermsCode": None}, "TermsCode"),
        ({"VendorNum": 114}, "VendorNumVendorID"),
        ({"VendorNum": 0}, "VendorNumVendorID"),
        ({"InvoiceDate": None}, "InvoiceDate"),
        ({"ApplyDate": "2024-12-31"}, "ApplyDate"),
        ({"GroupID": "NOPE"}, "GroupID"),
    ],
)
def test_a_header_that_breaks_a_rule_is_refused(kinetic, epicor: Epicor, change: dict, field: str) -> None:
    epicor.close_periods(date(2024, 12, 31))
    ds = kinetic.header()
    ds["APInvHed"][0] |= change
    answer = kinetic.fails(INVOICES, "Update", ds=ds)
    assert (answer.status_code, answer.json()["ErrorDetails"][0]["Field"]) == (400, field)
    assert epicor.invoices() == []


def test_fifty_characters_are_allowed(kinetic) -> None:
    kinetic.ds(INVOICES, "Update", ds=kinetic.header("x" * 50))


def test_unknown_terms_are_refused_when_proposed(kinetic) -> None:
    ds = kinetic.header()
    assert kinetic.fails(INVOICES, "ChangeTermsCode", ProposedTermsCode="N99", ds=ds).status_code == 400


@pytest.mark.parametrize(("group", "table"), [("", "APInvHed"), ("NOPE", "APInvHed"), ("ML0131", ""), ("ML0131", "AP")])
def test_update_master_needs_group_and_table(kinetic, group: str, table: str) -> None:
    flags = dict.fromkeys(("runChkCPay", "runChkBankRef", "runChkRevChrg", "suppressUserPrompts"), False)
    body = {"ds": kinetic.header(), "cGroupID": group, "cTableName": table, **flags}
    assert kinetic.fails(INVOICES, "UpdateMaster", **body).status_code == 400
    del body["cGroupID"]
    assert kinetic.fails(INVOICES, "UpdateMaster", **body).status_code == 400


def test_missing_booleans_count_on_v2_unless_told_otherwise(kinetic, epicor: Epicor) -> None:
    ds = kinetic.ds(INVOICES, "GetNewAPInvHedInvoice", ds={}, cGroupID="ML0131")
    body = {"ProposedVendorID": "ACME", "ds": ds}
    assert kinetic.fails(INVOICES, "ChangeVendorID", **body).status_code == 400
    assert kinetic.send("POST", f"{epicor.url}/api/v1/{INVOICES}/ChangeVendorID", body).status_code == 200
    epicor.rules.strict_booleans = False
    kinetic.post(INVOICES, "ChangeVendorID", **body)


def test_faults_hit_the_named_operation(kinetic, epicor: Epicor) -> None:
    epicor.faults.add("429:Vendors:1:7")
    epicor.faults.add("500:GetByVendID")
    epicor.faults.add("503:APInvoices")
    busy = kinetic.refused(f"{VENDORS}/Vendors")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    assert kinetic.fails(VENDORS, "GetByVendID", vendorID="ACME").status_code == 500
    assert kinetic.refused(f"{INVOICES}/APInvoices").json()["ErrorType"] == "Ice.Common.ConversionsPendingException"
    assert len(kinetic.get(f"{VENDORS}/Vendors")["value"]) == 4


def test_a_lost_answer_leaves_the_invoice_behind(kinetic, epicor: Epicor) -> None:
    ds = kinetic.header()
    epicor.faults.add("lost_answer:Update:1")
    with pytest.raises(httpx.RemoteProtocolError):
        kinetic.post(INVOICES, "Update", ds=ds)
    found = kinetic.get(f"{INVOICES}/APInvoices", filter="InvoiceNum eq 'INV-77' and VendorNum eq 112")
    assert len(found["value"]) == 1
    assert [effect.key for effect in epicor.history.effects("ap_invoice.header_saved")] == ["112/INV-77"]
    assert [call.status for call in epicor.history.calls("Update")] == [None]


def test_an_error_in_a_200_saves_nothing(kinetic, epicor: Epicor) -> None:
    ds = kinetic.header()
    epicor.faults.add("error_in_200:Update")
    assert kinetic.post(INVOICES, "Update", ds=ds)["ErrorType"] == BUSINESS
    assert epicor.invoices() == []
