"""What a faithful Acumatica stand-in must reject or do, case by case, over real HTTP."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from .acumatica_client import BILL, LINE, wrapped


def test_the_endpoints_and_their_versions_are_told(erp, acumatica):
    found = erp.get(f"{acumatica.url}/entity")

    assert found["version"]["acumaticaBuildVersion"] == "24.208.0025"
    assert [(one["name"], one["version"]) for one in found["endpoints"]] == [
        ("Default", "23.200.001"),
        ("Default", "24.200.001"),
    ]
    assert found["endpoints"][1]["href"] == "/AcumaticaERP/entity/Default/24.200.001/"
    acumatica.rules.bare_versions = True
    assert erp.get(f"{acumatica.url}/entity") == found["endpoints"]


def test_the_swagger_file_knows_no_order_and_no_count(erp):
    answer = erp.send("GET", "swagger.json?company=Company")
    parameters = {one["$ref"].rpartition("/")[2] for one in answer.json()["paths"]["/Bill"]["get"]["parameters"]}

    assert parameters == {"select", "filter", "expand", "custom", "skip", "top"}
    assert "/Bill/ReleaseBill" in answer.json()["paths"]
    assert "VendorRef" in answer.json()["components"]["schemas"]["Bill"]["properties"]


@pytest.mark.parametrize(
    "path",
    [
        "Default/22.200.001/Bill",
        "Custom/24.200.001/Bill",
        "default/24.200.001/Bill",
        "Default/24.200.001/Bills",
        "Default/24.200.001/Terms",
        "Default/24.200.001",
        "Default",
    ],
)
def test_a_wrong_endpoint_version_or_entity_is_404(erp, acumatica, path):
    answer = erp.send("GET", f"{acumatica.url}/entity/{path}")

    assert answer.status_code == 404
    assert answer.json()["message"].startswith("No HTTP resource was found that matches the request URI '/Acumatica")
    assert "messageDetail" in answer.json()


def test_a_404_may_be_a_page_and_may_name_the_versions(erp, acumatica):
    wrong = f"{acumatica.url}/entity/Default/22.200.001/Bill"
    acumatica.rules.named_404 = True
    assert erp.send("GET", wrong).json()["messageDetail"] == "There are Default 23.200.001, 24.200.001."
    acumatica.rules.html_404 = True
    assert erp.send("GET", wrong).headers["Content-Type"] == "text/html"
    assert erp.send("GET", acumatica.url.replace("ERP", "XXX") + "/entity").status_code == 404
    assert erp.send("GET", f"{acumatica.url}/odata/Company/Inquiry").status_code == 404


@pytest.mark.parametrize(
    "path", ["Bill/Bill/999999", "Bill/Bill", "Vendor/NOBODY", "Bill/0b0c3ad5-0d9b-4f43-8a21-c3c4a7c2a111"]
)
def test_an_unknown_record_is_404_or_where_set_up_so_500(erp, acumatica, path):
    assert erp.send("GET", path).status_code == 404
    acumatica.rules.unknown_key = 500
    answer = erp.send("GET", path)
    assert (answer.status_code, answer.json()["exceptionMessage"]) == (500, "No entity satisfies the condition.")


def test_a_post_on_an_entity_is_405_or_406(erp, acumatica):
    assert erp.send("POST", "Bill", wrapped(BILL)).status_code == 405
    acumatica.rules.post_status = 406
    assert erp.send("POST", "Bill", wrapped(BILL)).status_code == 406
    assert erp.send("PATCH", "Bill", wrapped(BILL)).status_code == 405
    assert acumatica.history.effects() == []


@pytest.mark.parametrize("body", [b"", b"  ", b"[]", b'"x"', b"{", b'{"a":1,"a":2}', b'{"Amount":{"value":NaN}}'])
def test_a_body_that_is_no_object_is_400(erp, body):
    answer = erp.send("PUT", "Bill", body)

    assert answer.status_code == 400
    assert answer.json()["message"] == "The request is invalid."
    assert set(answer.json()["modelState"]) == {""}
    if not body.strip():
        assert answer.json()["modelState"][""] == ["The request body should not be empty."]


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"VendorRef": "INV-77"}, "entity.VendorRef"),
        ({"VendorRef": None}, "entity.VendorRef"),
        ({"VendorRef": {"value": 77}}, "entity.VendorRef"),
        ({"Amount": {"value": "a lot"}}, "entity.Amount"),
        ({"Amount": {"value": True}}, "entity.Amount"),
        ({"Hold": {"value": "true"}}, "entity.Hold"),
        ({"Date": {"value": "31/12/2025"}}, "entity.Date"),
        ({"Date": {"value": 20250131}}, "entity.Date"),
        ({"Details": {"value": []}}, "entity.Details"),
        ({"Details": ["x"]}, "entity.Details[0]"),
        ({"Details": [{"Account": "61000"}]}, "entity.Details[0].Account"),
        ({"Details": [{"POLine": {"value": "1"}}]}, "entity.Details[0].POLine"),
        ({"Details": [{"delete": True}]}, "entity.Details[0].delete"),
        ({"Details": [{"id": "1", "delete": True}]}, "entity.Details[0].id"),
        ({"id": 7}, "entity.id"),
        ({"note": "text"}, "entity.note"),
        ({"custom": []}, "entity.custom"),
        ({"custom": {"Document": {"AttributeSOURCE": {"value": "x"}}}}, "entity.custom.Document.AttributeSOURCE"),
    ],
)
def test_a_value_of_the_wrong_shape_is_400_with_its_place(erp, acumatica, changed, place):
    answer = erp.send("PUT", "Bill", {**wrapped(BILL), **changed})

    assert answer.status_code == 400, answer.text
    assert set(answer.json()["modelState"]) == {place}
    assert acumatica.history.effects() == []


def test_an_unknown_field_is_ignored_or_where_set_up_so_refused(erp, acumatica):
    assert "Colour" not in erp.bill(Colour="red", Details=[{**LINE, "Colour": "red"}])
    assert acumatica.ignored == {"Bill.Colour", "BillDetail.Colour"}
    acumatica.rules.unknown_fields = "refused"
    answer = erp.try_put("Bill", {**BILL, "Colour": "red"})
    assert (answer.status_code, set(answer.json()["modelState"])) == (400, {"entity.Colour"})
    answer = erp.try_put("Bill", {**BILL, "Details": [{**LINE, "Colour": "red"}]})
    assert (answer.status_code, set(answer.json()["modelState"])) == (400, {"entity.Details[0].Colour"})
    assert len(acumatica.history.effects("bill.created")) == 1


def test_a_field_nobody_may_set_is_dropped_quietly(erp, acumatica):
    bill = erp.bill(Status="Open", Balance=1, ReferenceNbr="777777", Details=[{**LINE, "Amount": 5}])

    assert bill["Status"] == {"value": "Balanced"}
    assert bill["ReferenceNbr"] == {"value": "000159"}
    assert bill["Details"][0]["Amount"] == {"value": Decimal("120.5")}
    assert "Bill.Status (not settable)" in acumatica.ignored


def test_no_right_is_403_and_a_broken_endpoint_is_302_or_500_for_everything(erp, acumatica):
    acumatica.rules.forbidden = frozenset({"Bill"})
    assert erp.send("GET", "Bill").status_code == 403
    acumatica.rules.broken = 500
    assert erp.send("GET", "Vendor").json()["exceptionType"] == "System.NullReferenceException"
    acumatica.rules.broken = 302
    answer = erp.send("GET", "Vendor")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/AcumaticaERP/Frames/Login.aspx")


def test_values_come_wrapped_empty_ones_as_empty_objects_and_amounts_digit_for_digit(erp):
    answer = erp.try_put("Bill", {**BILL, "Amount": "120.50"}, "?$expand=Details")
    bill = json.loads(answer.content, parse_float=Decimal)

    assert '"Amount":{"value":120.5000}' in answer.text
    assert bill["CashAccount"] == {}
    assert bill["Date"] == {"value": "2025-01-20T00:00:00+00:00"}
    assert bill["PostPeriod"] == {"value": "012025"}
    assert (bill["rowNumber"], bill["note"], bill["custom"]) == (1, {"value": ""}, {})
    assert bill["_links"]["files:put"].endswith(f"/Default/24.200.001/Bill/{bill['id']}/files/{{filename}}")
    assert (bill["Details"][0]["rowNumber"], bill["Details"][0]["note"]) == (1, None)


def test_amounts_never_lose_a_digit(erp):
    line = {**LINE, "ExtendedCost": Decimal("123456789012.37"), "UnitCost": "0.123456", "Qty": 1}
    bill = erp.bill(Amount=Decimal("123456789012.37"), Details=[line])

    assert bill["Amount"]["value"] == Decimal("123456789012.37")
    assert bill["Details"][0]["ExtendedCost"]["value"] == Decimal("123456789012.37")
    assert bill["Details"][0]["UnitCost"]["value"] == Decimal("0.123456")


def test_an_amount_is_rounded_to_cents_without_a_word(erp):
    assert erp.bill(Amount="10.005", Details=[{**LINE, "ExtendedCost": "10.005"}])["Amount"] == {
        "value": Decimal("10.01")
    }


def test_dates_are_taken_in_two_forms(erp):
    assert erp.bill(Date="1/31/2025")["Date"] == {"value": "2025-01-31T00:00:00+00:00"}
    assert erp.bill(Date="2025-01-31T00:00:00+00:00")["Date"] == {"value": "2025-01-31T00:00:00+00:00"}


def test_keys_come_padded_and_are_found_with_and_without_their_blanks(erp, acumatica):
    assert erp.get("Vendor/ACME")["VendorID"] == {"value": "ACME      "}
    assert erp.get("Vendor/ACME%20%20")["VendorID"] == {"value": "ACME      "}
    assert len(erp.get("Vendor", filter="VendorID eq 'ACME  '")) == 1
    assert erp.bill(Vendor="ACME  ")["Vendor"] == {"value": "ACME"}
    acumatica.rules.padded_keys = False
    assert erp.get("Vendor/ACME")["VendorID"] == {"value": "ACME"}


def test_a_key_with_a_slash_is_out_of_reach_by_url_and_found_by_filter(erp, acumatica):
    acumatica.seed(Subaccount=[{"SubaccountCD": "A/B-000"}])

    assert erp.send("GET", "Subaccount/A%2FB-000").status_code == 404
    assert erp.get("Subaccount", filter="SubaccountCD eq 'A/B-000'")[0]["SubaccountCD"] == {"value": "A/B-000"}


def test_custom_fields_are_written_by_type_and_read_by_name(erp):
    custom = {"custom": {"Document": {"AttributeSOURCE": {"type": "CustomStringField", "value": "Stampli"}}}}
    answer = erp.send("PUT", "Bill?$custom=Document.AttributeSOURCE", wrapped(BILL) | custom)

    assert answer.json()["custom"] == custom["custom"]
    assert len(erp.get("Bill", filter="cf.String(f='Document.AttributeSOURCE') eq 'Stampli'")) == 1
    assert erp.get("Bill/$adHocSchema")["custom"]["Document"]["AttributeSOURCE"]["type"] == "CustomStringField"
    assert erp.get("Bill/Bill/000159")["custom"] == {}
    assert erp.send("GET", "Bill?$custom=Document.AttributeX").status_code == 500


def test_a_file_is_attached_by_key_or_id_and_shown_when_expanded(erp, acumatica):
    bill = erp.bill()
    octets = {"Content-Type": "application/octet-stream", "PX-CbFileComment": "scan"}
    assert erp.http.put(
        f"{erp.base}/Bill/Bill/000159/files/inv.pdf",
        content=b"%PDF",
        headers={"Authorization": f"Bearer {erp.token}", **octets},
    ).status_code == 204  # fmt: skip

    (held,) = erp.get(f"Bill/{bill['id']}", expand="files")["files"]
    assert (held["filename"], held["comment"]) == ("inv.pdf", "scan")
    assert "files" not in erp.get(f"Bill/{bill['id']}")
    assert acumatica.history.effects("file.attached")[0].detail["size"] == 4


def test_payment_is_not_the_entity_of_what_is_paid_to_vendors(erp):
    (receipt,) = erp.get("Payment")

    assert receipt["CustomerID"] == {"value": "ABARTENDE"}
    assert erp.send("GET", "Payment?$filter=Vendor eq 'ACME'").status_code == 500
