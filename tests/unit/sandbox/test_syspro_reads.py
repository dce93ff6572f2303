"""Reading from the SYSPRO stand-in: COMFND, APSQRY, GENQGL, and the OData side with its own login."""

from __future__ import annotations

import json
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from .syspro_client import INVOICE, errors, xml

CODES = {"TableName": "GenMaster", "Columns": {"Column": ["GlCode", "AccountType"]}}


def where(*terms):
    """Terms as `And ( GlCode EQ 10 )`; brackets and the first word may be missing."""
    expressions = []
    for word, opens, column, condition, value, closes in terms:
        named = {"AndOr": word, "OpenBracket": opens, "Column": column, "Condition": condition, "Value": value}
        expressions.append({name: text for name, text in {**named, "CloseBracket": closes}.items() if text})
    return {"Where": {"Expression": expressions}}


def codes(root):
    return [row.findtext("GlCode") for row in root.findall("Row")]


def test_comfnd_reads_the_columns_asked_for(enet):
    term = ("", "(", "Supplier", "EQ", "0000123", ")")
    root = enet.find(TableName="ApSupplier", ReturnRows="100", Columns={"Column": "Supplier"}, **where(term))

    assert (root.tag, root.findtext("RowsReturned")) == ("ApSupplier", "       1")
    assert [[cell.tag for cell in row] for row in root.findall("Row")] == [["Supplier"]]


def test_codes_are_compared_as_they_are_padded(enet):
    term = ("", "", "Supplier", "EQ", "123", "")

    root = enet.find(TableName="ApSupplier", Columns={"Column": "Supplier"}, **where(term))

    assert (root.findall("Row"), root.findtext("RowsReturned")) == ([], "       0")


def test_terms_are_joined_and_bracketed(enet):
    terms = [
        ("", "(", "GlCode", "EQ", "10-1000-100", ""),
        ("Or", "", "GlCode", "EQ", "10-3000-000", ")"),
        ("And", "", "AccountType", "NE", "E", ""),
    ]

    assert codes(enet.find(**CODES, **where(*terms))) == ["10-3000-000"]
    terms[0], terms[1] = (("", "", *terms[0][2:]), ("Or", "", *terms[1][2:5], ""))
    assert codes(enet.find(**CODES, **where(*terms))) == ["10-1000-100", "10-3000-000"]


def test_rows_come_in_order_and_no_more_than_asked(enet):
    order = {"OrderBy": {"Column": ["AccountType", "GlCode"]}}

    assert codes(enet.find(TableName="GenMaster", ReturnRows="2", Columns=CODES["Columns"], **order)) == [
        "10-3000-000",
        "10-1000-100",
    ]


def test_without_a_limit_a_reading_stops_at_100_rows(enet, syspro):
    syspro.seed(cost_centers=[{"CostCentre": f"{number:04d}"} for number in range(200)])

    root = enet.find(TableName="GenCostCentre", Columns={"Column": "CostCentre"})

    assert len(root.findall("Row")) == 100


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"TableName": "Nothing", "Columns": {"Column": "A"}}, "Table 'Nothing' not found"),
        ({"TableName": "GenMaster", "Columns": {"Column": "A"}}, "Column 'A' not found in table 'GenMaster'"),
        ({"TableName": "GenMaster"}, "No columns were asked for"),
        ({**CODES, **where(("", "", "GlCode", "HAS", "1", ""))}, "The condition 'HAS' is not one of"),
        ({**CODES, **where(("And", "", "GlCode", "EQ", "1", ""))}, "Every expression but the first"),
        ({**CODES, **where(("", "(", "GlCode", "EQ", "1", ""))}, "The brackets of the expressions do not match"),
        ({**CODES, **where(("", "", "GlCode", "EQ", "1", ")"))}, "The brackets of the expressions do not match"),
        ({"Columns": {"Column": "GlCode"}, "TableName": "GenMaster"}, "The element 'TableName' is out of order"),
        (
            {
                **CODES,
                "TableName": "ApInvoice",
                "Columns": {"Column": "OrigInvValue"},
                **where(("", "", "OrigInvValue", "GT", "NaN", "")),
            },
            "The value 'NaN' does not fit",
        ),
        ({**CODES, "ReturnRows": "many"}, "The element 'ReturnRows' is out of order"),
        ({"TableName": "GenMaster", "ReturnRows": "many", "Columns": {"Column": "GlCode"}}, "ReturnRows 'many'"),
    ],
)
def test_a_query_that_means_nothing_is_an_error(enet, query, said):
    assert enet.call("Query/Query", "COMFND", xml("Query", query)).startswith(f"ERROR: {said}")


def test_amounts_and_dates_are_read_as_plain_text_and_compared_as_what_they_are(enet):
    enet.invoices(INVOICE)
    columns = {"Column": ["OrigInvValue", "InvoiceDate"]}
    terms = [("", "", "OrigInvValue", "GT", "99", ""), ("And", "", "InvoiceDate", "LE", "2025-01-31", "")]

    (row,) = enet.find(TableName="ApInvoice", Columns=columns, **where(*terms)).findall("Row")

    assert [cell.text for cell in row] == ["120.50", "2025-01-31"]


def test_a_supplier_query_tells_invoices_and_payments_when_asked(enet, syspro):
    enet.invoices(INVOICE)
    syspro.pay("0000123", "INV-77", Decimal("120.50"), reference="CHK 7")

    def asked(**flags):
        query = {"Key": {"Supplier": "0000123"}, "Option": flags}
        return enet.xml("Query/Query", "APSQRY", xml("Query", query)).find("Supplier")

    detail = asked(IncludeInvoices="Y", IncludePayments="Y").find("InvoiceDetail")
    told = {name: detail.findtext(name) for name in ("Invoice", "OrigInvValue", "MthInvBal", "InvoiceStatus")}
    assert told == {"Invoice": "INV-77", "OrigInvValue": "120.50", "MthInvBal": "0.00", "InvoiceStatus": "P"}
    assert detail.findtext("Payments/PaymentReference") == "CHK 7"
    assert asked(IncludeInvoices="Y").find("InvoiceDetail/Payments") is None
    assert asked().findtext("SupplierName") == "Acme Industrial Supply"
    assert asked().find("InvoiceDetail") is None


def test_a_query_for_a_supplier_nobody_knows_is_an_error(enet):
    query = xml("Query", {"Key": {"Supplier": "123"}})

    assert enet.call("Query/Query", "APSQRY", query) == "ERROR: Supplier '123' not found"


def test_a_ledger_code_can_be_validated(enet):
    def asked(code):
        return enet.xml("Query/Query", "GENQGL", xml("Query", {"key": {"LedgerCode": code}}))

    good = asked("10-1000-100")
    assert [good.findtext(name) for name in ("ValidateStructure", "AccountType")] == ["Y", "E"]
    assert errors(asked("99")) == [("LedgerCode", "99", "240004")]


@pytest.fixture
def odata(enet, syspro):
    """Reads `path?options` from the OData side; the answer."""

    def read(path="", auth=syspro.odata_login, method="GET", **options):
        query = {f"${name}": str(value) for name, value in options.items()}
        return enet.http.request(method, f"{syspro.odata_url}/{path}", params=query, auth=auth)

    return read


def values(answer):
    return json.loads(answer.text, parse_float=Decimal)["value"]


def test_odata_has_a_login_of_its_own_and_is_read_only(odata):
    assert odata("ApSupplier", auth=None).status_code == 401
    assert odata("ApSupplier", auth=("MLC", "syspro-pass")).status_code == 401
    assert odata("ApSupplier", method="POST").status_code == 405
    assert odata("Nothing").status_code == 404
    assert {entry["name"] for entry in values(odata())} >= {"ApSupplier", "GenMaster", "ApInvoice"}


def test_odata_filters_selects_orders_and_counts(odata, enet):
    enet.invoices(INVOICE)
    answer = odata(
        "ApInvoice",
        filter="InvoiceDate ge 2025-01-01T00:00:00Z and Supplier eq '0000123'",
        select="Invoice,OrigInvValue,InvoiceDate",
        orderby="Invoice desc",
        count="true",
    )

    assert answer.json()["@odata.count"] == 1
    assert '"OrigInvValue":120.50' in answer.text
    assert values(answer) == [
        {"Invoice": "INV-77", "OrigInvValue": Decimal("120.50"), "InvoiceDate": "2025-01-31T00:00:00Z"}
    ]


def test_odata_goes_on_page_by_page(odata, enet, syspro):
    syspro.rules.page_cap = 3
    first = odata("GenMaster", select="GlCode", top="7").json()
    second = enet.http.get(first["@odata.nextLink"], auth=syspro.odata_login).json()
    third = enet.http.get(second["@odata.nextLink"], auth=syspro.odata_login).json()

    assert [len(page["value"]) for page in (first, second, third)] == [3, 3, 1]
    assert "@odata.nextLink" not in third
    assert len({row["GlCode"] for page in (first, second, third) for row in page["value"]}) == 7


@pytest.mark.parametrize(
    "options",
    [{"filter": "Nope eq 1"}, {"filter": "GlCode eq"}, {"select": "Nope"}, {"orderby": "GlCode up"}, {"apply": "x"}, {"top": "-1"}],
)  # fmt: skip
def test_odata_refuses_options_it_cant_read(odata, options):
    answer = odata("GenMaster", **options)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "400")


def test_odata_may_lag_behind_the_writes(odata, enet, syspro, clock):
    syspro.rules.read_lag = 60
    enet.invoices(INVOICE)
    enet.suppliers("Update", {"Key": {"Supplier": "0000123"}, "Email": "new@acme.test"})

    def seen():
        return len(values(odata("ApInvoice"))), values(odata("ApSupplier", filter="Supplier eq '0000123'"))[0]["Email"]

    assert seen() == (0, "ap@acme.test")
    clock.forward(seconds=60)
    assert seen() == (1, "new@acme.test")


def test_odata_tells_its_metadata(odata):
    root = ET.fromstring(odata("$metadata").content)

    names = {entity.get("Name") for entity in root.iter("{http://docs.oasis-open.org/odata/ns/edm}EntityType")}
    assert {"ApSupplier", "ApInvoice"} <= names
