"""The objects a partner's files need, read and written through the shipped system file by the real engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.redaction import Redactor
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.summary import Summary
from engine.run.workspace import open_workspace
from engine.sandbox.epicor import Epicor

SYSTEM = Path(__file__).parents[3] / "specs" / "systems" / "epicor-kinetic.yaml"
PARTNER = """
mlconnector: 1
system: partner
title: A partner's folder
needs: {path: {type: string, title: Folder}}
folder: {path: {need: path}}
objects:
  vendor_rows:
    title: Vendors
    key: [VendorID]
    pickup: {folder: /in, match: "vendors*.csv", settled: {apart: 0s}, after: {done: /done, bad: /bad}}
    csv: {}
    document:
      key: [VendorID]
      header:
        VendorID: {column: VendorID, type: string, required: true}
        Name: {column: Name, type: string, required: true}
        City: {column: City, type: string}
        TermsCode: {column: TermsCode, type: string}
  confirmations:
    title: Confirmed invoices
    key: [VendorID, InvoiceNum]
    pickup: {folder: /in, match: "confirmed*.csv", settled: {apart: 0s}, after: {done: /done, bad: /bad}}
    csv: {}
    document:
      key: [VendorID, InvoiceNum]
      header:
        VendorID: {column: VendorID, type: string, required: true}
        InvoiceNum: {column: InvoiceNum, type: string, required: true}
"""
OUT = """
  {name}:
    title: Rows
    key: [key]
    fields: {{key: string(60)!, body: any}}
    drop: {{folder: /out, name: {{text: "{name}_{{{{ run.started | stamp }}}}.json"}}}}
    json: {{layout: lines}}
"""
INTEGRATION = """
mlconnector: 1
integration: epicor--partner
title: Both ways
systems:
  epicor:
    use: epicor-kinetic
    with:
      {{site: {{env: SITE}}, company: EPIC06, auth: basic, username: mlc, password: {{secret: epicor.password}}, api: {api}{key}}}
  partner: {{use: partner, with: {{path: {{env: FOLDER}}}}}}
flows:
  vendors:
    title: Vendors
    read: {{object: partner.vendor_rows}}
    key: [VendorID]
    map: {{VendorID: VendorID, Name: Name, City: City, TermsCode: TermsCode}}
    write: {{object: epicor.vendors, pattern: create_once, if_exists: {{same: adopt, different: hold, compare: [Name, City]}}}}
  confirmations:
    title: Confirmations
    read: {{object: partner.confirmations}}
    key: [VendorID, InvoiceNum]
    map:
      key: {{text: "{{{{ VendorID }}}}/{{{{ InvoiceNum }}}}"}}
      body:
        lookup: epicor.ap_invoice_balances
        match: {{VendorID: VendorID, InvoiceNum: InvoiceNum}}
        take: DocInvoiceBal
        on_missing: hold
    write: {{object: partner.confirmed, pattern: append}}
"""
READ = """
  {name}:
    title: Rows
    read: {{object: epicor.{name}, changed_since: {{start: first}}}}
    key: [{key}]
    map: {{key: {{text: "{text}"}}, body: {body}}}
    write: {{object: partner.{name}, pattern: append}}
"""
READS = {
    "ap_invoices": ("VendorNum, InvoiceNum", "{{ InvoiceNum }}", "[VendorID, APInvDtls]"),
    "ap_invoice_balances": ("VendorNum, InvoiceNum", "{{ InvoiceNum }}", "[VendorID, DocInvoiceBal, Posted]"),
    "payments_made": ("HeadNum", "{{ HeadNum }}", "[VendorID, CheckNum, DocCheckAmt, Posted, Voided, APTrans]"),
    "purchase_orders": ("PONum", "{{ PONum }}", "[VendorID, DocTotalOrder, PODetails]"),
}


class Office:
    """An Epicor stand-in, a partner's folder and a workspace; `run` is one poll a quarter of an hour after the last."""

    def __init__(self, folder: Path, epicor: Epicor, api: str) -> None:
        epicor.logins.api_key = "a-longer-api-key"
        self.folder, self.epicor, self.now = folder, epicor, datetime(2025, 1, 31, 10, tzinfo=UTC)
        for name in ("in", "out", "done", "bad", "workspace", "systems"):
            (folder / name).mkdir()
        shutil.copy(SYSTEM, folder / "systems")
        outs = "".join(OUT.format(name=name) for name in [*READS, "confirmed"])
        (folder / "systems" / "partner.yaml").write_text(PARTNER + outs)
        flows = "".join(
            READ.format(name=name, key=key, text=text, body=body) for name, (key, text, body) in READS.items()
        )
        key = ", api_key: {secret: epicor.api_key}" if api == "v2" else ""
        (folder / "epicor--partner.yaml").write_text(INTEGRATION.format(api=api, key=key) + flows)
        self.environ = {"SITE": epicor.url, "FOLDER": str(folder)}
        with self.workspace() as workspace:
            workspace.vault.set("epicor.password", "kinetic-pass")
            workspace.vault.set("epicor.api_key", epicor.logins.api_key)

    def seams(self) -> Seams:
        return Seams(
            clock=lambda: self.now,
            sleep=lambda seconds: None,
            random=Random(1).random,
            environ=self.environ,
            allow_loopback=True,
        )

    def workspace(self) -> Any:
        return open_workspace(self.folder / "workspace", seams=self.seams(), redactor=Redactor(), actor="test")

    def run(self, flow: str) -> Summary:
        self.now += timedelta(minutes=15)
        with self.workspace() as workspace:
            spec = self.folder / "epicor--partner.yaml"
            (summary,) = run_spec(spec, workspace, self.seams(), Options(flows=(flow,)), quiet).flows
        assert not summary.error, summary.error
        return summary

    def offer(self, name: str, text: str) -> None:
        (self.folder / "in" / name).write_text(text)

    def read(self, flow: str) -> dict[str, Any]:
        """What the flow has put into the partner's folder in one more poll, by key."""
        self.run(flow)
        found = sorted((self.folder / "out").glob(f"{flow}_*.json"))
        texts = [line for path in found for line in path.read_text().splitlines()]
        for path in found:
            path.unlink()
        return {row["key"]: row["body"] for row in (json.loads(text, parse_float=Decimal) for text in texts)}


@pytest.fixture
def office(request: pytest.FixtureRequest, tmp_path: Path, epicor: Epicor) -> Iterator[Office]:
    yield Office(tmp_path, epicor, getattr(request, "param", "v2"))
    assert epicor.ignored == set()


@pytest.fixture
def paid(epicor: Epicor) -> None:
    """An invoice of two lines, and the payment of it."""
    lines = [{"DocExtCost": "7.25", "GLAccount": "6100|00|10", "Description": "Paper"}, {"DocExtCost": "2.75"}]
    invoice = {"VendorNum": 112, "InvoiceNum": "S-1", "DocInvoiceVendorAmt": "10.00", "Posted": True, "lines": lines}
    pays = [{"InvoiceNum": "S-1", "DocTranAmt": "9.90", "DocDiscAmt": "0.10"}]
    payment = {"VendorNum": 112, "CheckNum": 501, "CheckDate": "2025-01-30", "GroupID": "PAY1", "pays": pays}
    epicor.seed(invoices=[invoice], payments=[payment])


both = pytest.mark.parametrize("office", ["v2", "v1"], indirect=True)


@both
@pytest.mark.usefixtures("paid")
def test_changed_invoices_are_read_with_their_coded_lines(office: Office) -> None:
    rows = {"S-1": ["ACME", [("Paper", Decimal("7.25"), "6100|00|10"), ("", Decimal("2.75"), "")]]}
    read = office.read("ap_invoices")
    shown = {
        key: [vendor, [(line["Description"] or "", line["DocExtCost"], line["GLAccount"] or "") for line in lines]]
        for key, (vendor, lines) in read.items()
    }
    assert shown == rows
    assert office.read("ap_invoices") == {}


@pytest.mark.usefixtures("paid")
def test_a_balance_that_fell_is_read_again(office: Office, clock: Any, epicor: Epicor) -> None:
    assert office.read("ap_invoice_balances") == {"S-1": ["ACME", Decimal("10.00"), True]}
    clock.now = office.now
    epicor.post_payments("PAY1")
    assert office.read("ap_invoice_balances") == {"S-1": ["ACME", Decimal("0.00"), True]}
    assert office.read("ap_invoice_balances") == {}


@both
@pytest.mark.usefixtures("paid")
def test_payments_are_read_with_what_they_pay(office: Office, clock: Any, epicor: Epicor) -> None:
    (vendor, check, amount, posted, voided, lines) = office.read("payments_made")["1001"]
    assert (vendor, check, amount, posted, voided) == ("ACME", 501, Decimal("9.90"), False, False)
    assert [(line["InvoiceNum"], line["DocTranAmt"], line["DocDiscAmt"]) for line in lines] == [
        ("S-1", Decimal("9.90"), Decimal("0.10"))
    ]
    clock.now = office.now
    epicor.post_payments("PAY1")
    assert office.read("payments_made")["1001"][3] is True
    clock.now = office.now
    epicor.void_payment(1001)
    (*_, posted, voided, lines) = office.read("payments_made")["1001"]
    assert (posted, voided, len(lines)) == (True, True, 1)
    assert office.read("payments_made") == {}


@both
def test_orders_are_read_with_lines_and_releases(office: Office, epicor: Epicor) -> None:
    (vendor, total, lines) = office.read("purchase_orders")["4001"]
    assert (vendor, total) == ("ACME", Decimal("300.50"))
    assert [(line["LineDesc"], line["OrderQty"]) for line in lines] == [("Desk", 2)]
    assert [release["PORelNum"] for release in lines[0]["PORels"]] == [1]


def test_more_than_a_page_is_read_once_each(office: Office, epicor: Epicor) -> None:
    epicor.seed(
        payments=[
            {"VendorNum": 112, "HeadNum": 5000 + n, "CheckNum": 9000 + n, "pays": [{"InvoiceNum": f"P-{n}"}]}
            for n in range(130)
        ]
    )
    assert sorted(office.read("payments_made")) == [str(5000 + n) for n in range(130)]


def test_vendors_are_made_once_and_compared(office: Office, epicor: Epicor) -> None:
    office.offer("vendors_1.csv", "VendorID,Name,City,TermsCode\nnewco,Newco,Bonn,N30\nACME,Acme,,\nOBRIEN,Other,,\n")
    counts = office.run("vendors").counts
    made = [vendor for vendor in epicor.vendors() if vendor["VendorID"] == "NEWCO"]
    assert [(row["VendorNum"], row["Name"], row["City"], row["CurrencyCode"]) for row in made] == [
        (116, "Newco", "Bonn", "USD")
    ]
    assert (counts["posted"], counts["held"]) == (1, 1), counts
    assert len(epicor.history.effects("vendor.saved")) == 1


def test_a_lost_answer_makes_the_vendor_once(office: Office, epicor: Epicor) -> None:
    epicor.faults.add("lost_answer:Update:1")
    office.offer("vendors_1.csv", "VendorID,Name,City,TermsCode\nNEWCO,Newco,Bonn,N30\n")
    office.run("vendors")
    office.run("vendors")
    assert [vendor["VendorID"] for vendor in epicor.vendors()].count("NEWCO") == 1


@pytest.mark.usefixtures("paid")
def test_a_confirmation_finds_the_invoice_of_its_vendor(office: Office, epicor: Epicor) -> None:
    epicor.seed(invoices=[{"VendorNum": 113, "InvoiceNum": "S-1", "DocInvoiceVendorAmt": "99.00"}])
    office.offer("confirmed_1.csv", "VendorID,InvoiceNum\nACME,S-1\nACME,S-2\n")
    counts = office.run("confirmations").counts
    (path,) = (office.folder / "out").glob("confirmed_*.json")
    assert json.loads(path.read_text(), parse_float=Decimal) == {"key": "ACME/S-1", "body": Decimal("10.00")}
    assert counts["held"] == 1
