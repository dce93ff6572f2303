"""Faults and history of the SYSPRO stand-in, and the stand-in behind the words that all share."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from engine.errors import UsageError
from engine.sandbox.demo_data import STARTERS
from engine.sandbox.stands import stand_in
from engine.sandbox.syspro import Syspro
from engine.sandbox.syspro_answers import DEAD_SESSION
from engine.sandbox.syspro_seed import SMALL_COMPANY
from engine.sandbox.syspro_stand import SysproStand

from .syspro_client import INVOICE, Client, counts, xml

HERE = Path(__file__).parent
POST = ("Transaction/Post", "APSTIN", xml("PostApInvoice", {"Item": INVOICE}), xml("PostApInvoice", ""))


def post(enet):
    return enet.call(*POST)


@pytest.mark.parametrize(("kind", "posted"), [("lost_answer", 1), ("reset", 1), ("truncated", 1), ("cut_before", 0)])
def test_a_cut_connection_leaves_the_invoice_posted_or_not(enet, syspro, kind, posted):
    syspro.faults.add(f"{kind}:Transaction/Post")
    with pytest.raises(httpx.TransportError):
        post(enet)

    assert len(syspro.history.effects("ap_invoice.posted")) == posted
    assert ("990001" in post(enet)) is bool(posted), "the number is taken once it is posted"
    assert len(syspro.invoices()) == 1
    calls = syspro.history.calls("Post")
    assert [call.status for call in calls] == [200 if kind == "truncated" else None, 200]
    assert all("BusinessObject=APSTIN" in call.query for call in calls)


@pytest.mark.parametrize(
    ("kind", "status", "posted"), [("500", 500, 0), ("500_after", 500, 1), ("503", 503, 0), ("429", 429, 0)]
)
def test_a_status_of_the_web_server_in_front_says_nothing_of_the_work(enet, syspro, kind, status, posted):
    syspro.faults.add(f"{kind}:APSTIN")
    answer = enet.get(
        "Transaction/Post", UserId=enet.session, BusinessObject="APSTIN", XmlParameters=POST[3], XmlIn=POST[2]
    )

    assert (answer.status_code, len(syspro.invoices())) == (status, posted)


def test_a_fault_may_be_for_one_business_object_of_a_route(enet, syspro):
    syspro.faults.add("error_in_200:Query/COMFND:2")
    query = xml("Query", {"TableName": "GenMaster", "Columns": {"Column": "GlCode"}})
    ledger = xml("Query", {"key": {"LedgerCode": "10-1000-100"}})

    assert enet.call("Query/Query", "COMFND", query).startswith("<?xml")
    assert enet.call("Query/Query", "GENQGL", ledger).startswith("<?xml")
    assert enet.call("Query/Query", "COMFND", query) == "ERROR: The request was not carried out."


def test_an_expired_session_is_told_in_the_text_and_a_new_logon_helps(enet, syspro):
    syspro.faults.add("expired_token:APSTIN")

    assert post(enet) == f"ERROR: {DEAD_SESSION}"
    assert post(enet) == f"ERROR: {DEAD_SESSION}"
    enet.logon()
    assert post(enet).startswith("<?xml")


def test_a_late_post_lands_after_its_client_gave_up(clock):
    waiting = []
    later = lambda seconds, work: waiting.append((seconds, work))  # noqa: E731
    with Syspro(clock=clock, seed=SMALL_COMPANY, later=later) as syspro:
        syspro.faults.add("late:Post:1:5")
        enet = Client(syspro)
        with enet.http:
            enet.logon()
            with pytest.raises(httpx.RemoteProtocolError):
                post(enet)
            assert (syspro.invoices(), [seconds for seconds, _ in waiting]) == ([], [5.0])
            waiting[0][1]()
            assert len(syspro.invoices()) == 1


def test_every_call_is_in_the_history_with_its_query(enet, syspro):
    post(enet)
    enet.text("Logoff", UserId=enet.session)

    assert [(call.path.rpartition("/")[2], call.status) for call in syspro.history.calls()] == [
        ("Logon", 200),
        ("Post", 200),
        ("Logoff", 200),
    ]
    assert [effect.what for effect in syspro.history.effects()] == [
        "session.opened",
        "ap_invoice.posted",
        "session.closed",
    ]
    assert syspro.sessions.operators_in() == []


def test_the_stand_shows_rows_by_the_words_of_a_spec(clock):
    with stand_in("syspro", clock) as stand:
        stand.seed(
            {"vendors": [{"Supplier": "0000123", "SupplierName": "Acme"}], "gl_accounts": [{"GlCode": "10-1000-100"}]},
            HERE,
        )
        stand.seed({"vendors": [{"Supplier": "0000123", "Email": "a@acme.test"}]}, HERE)
        stand.seed({"ap_invoices": [{"Supplier": "0000123", "Invoice": "OLD", "OrigInvValue": "10.30"}]}, HERE)
        stand.seed(
            {"purchase_orders": [{"PurchaseOrder": "000001", "Lines": [{"MOrderQty": "2", "MPrice": "1.50"}]}]}, HERE
        )
        enet = Client(stand.server)
        with enet.http:
            settings = stand.settings
            enet.logon(
                Operator=settings["operator"],
                OperatorPassword=settings["operator_password"],
                CompanyId=settings["company"],
                CompanyPassword=settings["company_password"],
            )
            assert counts(enet.invoices(INVOICE))["ItemsProcessed"] == "00001"

        (vendor,) = stand.rows("vendors")
        assert (vendor["SupplierName"], vendor["Email"]) == ("Acme", "a@acme.test")
        assert [row["Invoice"] for row in stand.rows("ap_invoices")] == ["INV-77", "OLD"]
        assert stand.rows("PorMasterDetail")[0]["MOrderQty"] == Decimal(2)
        assert (stand.commits(), stand.calls("APSTIN"), stand.calls("Post"), stand.calls()) == (1, 1, 1, 2)
        assert stand.complaints() == []
        assert stand.files("*") == {}
        assert settings["site"].endswith("/SYSPROWCFService/Rest")


def test_a_person_starts_with_a_small_company(clock):
    stand = SysproStand(clock)
    stand.seed(STARTERS["syspro"], HERE)

    assert [row["Supplier"] for row in stand.rows("suppliers")] == [f"000012{number}" for number in range(3, 8)]
    assert [row["CostCentre"] for row in stand.rows("cost_centers")] == ["100", "200"]
    assert len(stand.rows("gl_accounts")) == 8


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        ({"nothing": []}, "`nothing` is no table"),
        ({"vendors": [{"Nope": "1"}]}, "`Nope` is no column of `ApSupplier`"),
        ({"vendors": [{"SupplierName": "x"}]}, "needs `Supplier`"),
        ({"ap_invoices": [{"Supplier": "1", "Invoice": "2", "OrigInvValue": 1.5}]}, "does not take `1.5` as decimal"),
    ],
)
def test_the_stand_says_what_it_cant_hold(clock, seed, said):
    stand = SysproStand(clock)

    with pytest.raises(UsageError, match=said):
        stand.seed(seed, HERE)
    with pytest.raises(UsageError, match="has no rows"):
        stand.rows("nothing")
    with pytest.raises(UsageError, match="no kind of fault"):
        stand.fault("melted", "*", 1, None)


def test_a_person_changes_pays_and_closes(enet, syspro):
    enet.invoices(INVOICE)
    syspro.update("ApSupplier", "0000123", OnHold="Y")
    syspro.pay("0000123", "INV-77", Decimal("20.50"), reference="CHK 1", day=date(2025, 2, 3))

    assert syspro.rows("ApSupplier")[0]["OnHold"] == "Y"
    assert syspro.invoices()[0]["MthInvBal1"] == Decimal("100.00")
    assert syspro.rows("ApInvoicePay")[0]["PaymentDate"] == date(2025, 2, 3)
    with pytest.raises(LookupError):
        syspro.update("ApSupplier", "1", OnHold="Y")
    with pytest.raises(LookupError):
        syspro.pay("1", "2", Decimal(1), reference="x")
