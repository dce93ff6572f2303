"""A seeded Epicor stand-in and a small client that speaks to it over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import httpx
import msgspec
import pytest

from engine.sandbox.acumatica import Acumatica
from engine.sandbox.epicor import Epicor
from engine.sandbox.ramp import Ramp
from engine.sandbox.syspro import Syspro
from engine.sandbox.syspro_seed import SMALL_COMPANY

from . import acumatica_client
from .ramp_client import Spend, build
from .syspro_client import Client

EXACT = msgspec.json.Encoder(decimal_format="number")
INVOICES, GROUPS = "Erp.BO.APInvoiceSvc", "Erp.BO.APInvGrpSvc"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2025, 1, 31, 9, 12, 44, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


class Kinetic:
    """Calls v2 with key and basic login; amounts are Decimals both ways."""

    def __init__(self, epicor: Epicor, http: httpx.Client) -> None:
        self.epicor, self.http = epicor, http
        self.base = f"{epicor.url}/api/v2/odata/EPIC06"
        self.auth = ("mlc", "kinetic-pass")
        self.headers = {"x-api-key": "k-123"}

    def send(self, method: str, path: str, body: object = None, **options) -> httpx.Response:
        url = path if path.startswith("http") else f"{self.base}/{path}"
        headers = {**self.headers, **options.pop("headers", {})}
        if body is not None:
            options["content"] = EXACT.encode(body)
            headers["Content-Type"] = "application/json"
        return self.http.request(method, url, headers=headers, auth=options.pop("auth", self.auth), **options)

    def get(self, path: str, **params: str) -> dict:
        answer = self.send("GET", path, params={f"${name}": value for name, value in params.items()})
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content, parse_float=Decimal)

    def refused(self, path: str, **params: str) -> httpx.Response:
        return self.send("GET", path, params={f"${name}": value for name, value in params.items()})

    def post(self, service: str, method: str, **body) -> dict:
        answer = self.send("POST", f"{service}/{method}", body)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content, parse_float=Decimal)

    def fails(self, service: str, method: str, **body) -> httpx.Response:
        answer = self.send("POST", f"{service}/{method}", body)
        assert answer.status_code != 200, answer.text
        assert answer.json()["CorrelationId"]
        return answer

    def ds(self, service: str, method: str, **body) -> dict:
        return self.post(service, method, **body)["parameters"]["ds"]

    def header(self, number: str = "INV-77", vendor: str = "ACME", amount: object = 120.5) -> dict:
        """The unsaved dataset of a new invoice, ready for `Update`."""
        ds = self.ds(INVOICES, "GetNewAPInvHedInvoice", ds={}, cGroupID="ML0131")
        ds = self.ds(INVOICES, "ChangeVendorID", ProposedVendorID=vendor, confirmCheck=False, ds=ds)
        ds = self.ds(INVOICES, "ChangeInvoiceDateEx", ProposedInvoiceDate="2025-01-20", recalcAmts="", ds=ds)
        ds = self.ds(INVOICES, "ChangeInvoiceVendorAmt", ProposedInvoiceVendorAmt=amount, ds=ds)
        ds["APInvHed"][0]["InvoiceNum"] = number
        return ds

    def line(self, ds: dict, amount: object = 120.5, account: str = "6100|00|10", text: str = "Toner") -> dict:
        """Add, save and code one line; the dataset afterwards."""
        header = ds["APInvHed"][0]
        key = {"iVendorNum": header["VendorNum"], "cInvoiceNum": header["InvoiceNum"]}
        ds = self.ds(INVOICES, "GetNewAPInvDtlMiscellaneous", ds=ds, **key)
        ds = self.ds(INVOICES, "ChangeExtCost", ProposedExtCost=amount, ds=ds)
        ds["APInvDtl"][-1]["Description"] = text
        ds = self.master(ds, "APInvDtl")["parameters"]["ds"]
        ds["APInvExpTGLC"][-1] |= {"GLAccount": account, "RowMod": "U"}
        return self.ds(INVOICES, "Update", ds=ds)

    def master(self, ds: dict, table: str = "APInvHed", **other) -> dict:
        flags = {"runChkCPay": False, "runChkBankRef": True, "runChkRevChrg": False, "suppressUserPrompts": True}
        return self.post(
            INVOICES, "UpdateMaster", **{"ds": ds, "cGroupID": "ML0131", "cTableName": table, **flags, **other}
        )

    def invoice(self, number: str = "INV-77", amount: object = 120.5, vendor: str = "ACME") -> dict:
        """A whole saved invoice of one coded line."""
        return self.line(self.ds(INVOICES, "Update", ds=self.header(number, vendor, amount)), amount)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def epicor(clock: Clock) -> Iterator[Epicor]:
    seed = {
        "vendors": [
            {"VendorNum": 112, "VendorID": "ACME", "Name": "Acme"},
            {"VendorNum": 113, "VendorID": "OBRIEN", "Name": "O'Brien & Söhne", "TermsCode": "N45"},
            {"VendorNum": 114, "VendorID": "GONE", "Inactive": True},
            {"VendorNum": 115, "VendorID": "HOLD", "PayHold": True},
        ],
        "gl_accounts": [
            {"GLAccount": "6100|00|10", "AccountDesc": "Supplies"},
            {"GLAccount": "6200|00|20"},
            {"GLAccount": "9999|00|00", "Active": False},
        ],
        "groups": [{"GroupID": "ML0131"}],
        "payment_groups": [{"GroupID": "PAY1"}],
        "orders": [{"PONum": 4001, "VendorNum": 112}, {"PONum": 4002, "VendorNum": 112, "OpenOrder": False}],
        "order_lines": [{"PONUM": 4001, "POLine": 1, "LineDesc": "Desk", "OrderQty": 2, "DocUnitCost": "150.25"}],
        "order_releases": [{"PONum": 4001, "POLine": 1}],
    }
    with Epicor(clock=clock, random=Random(7), seed=seed) as epicor:
        yield epicor
    assert epicor.crashes == []


@pytest.fixture
def kinetic(epicor: Epicor) -> Iterator[Kinetic]:
    with httpx.Client(trust_env=False, timeout=10) as http:
        yield Kinetic(epicor, http)


@pytest.fixture
def ramp(clock: Clock) -> Iterator[Ramp]:
    with build(clock) as ramp:
        yield ramp
    assert ramp.crashes == []


@pytest.fixture
def spend(ramp: Ramp) -> Iterator[Spend]:
    with httpx.Client(trust_env=False, timeout=10) as http:
        yield Spend(ramp, http)


@pytest.fixture
def syspro(clock: Clock) -> Iterator[Syspro]:
    with Syspro(clock=clock, random=Random(7), seed=SMALL_COMPANY) as syspro:
        yield syspro
    assert syspro.crashes == []


@pytest.fixture
def enet(syspro: Syspro) -> Iterator[Client]:
    client = Client(syspro)
    with client.http:
        client.logon()
        yield client


@pytest.fixture
def acumatica(clock: Clock) -> Iterator[Acumatica]:
    with acumatica_client.build(clock) as acumatica:
        yield acumatica
    assert acumatica.crashes == []


@pytest.fixture
def erp(acumatica: Acumatica) -> Iterator[acumatica_client.Erp]:
    with httpx.Client(trust_env=False, timeout=10) as http:
        yield acumatica_client.Erp(acumatica, http)
