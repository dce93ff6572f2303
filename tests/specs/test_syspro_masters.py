"""SYSPRO's masters to Stampli, vendors from Stampli, payments and journals."""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal

import pytest

from engine.sandbox.stampli import PAYMENT_COLUMNS, VENDOR_COLUMNS, render
from engine.sandbox.syspro_seed import SMALL_COMPANY

from .syspro_world import SysproWorld, invoice, line
from .world import payment

MANY = [{"Supplier": f"{number:07d}", "SupplierName": f"Supplier {number}"} for number in range(1, 451)]
ACCOUNTS = [{"GlCode": f"20-{number:04d}-000", "Description": f"Account {number}"} for number in range(250)]


def vendors(world, name, *rows):
    given = [{"vendor_name": f"Name of {row['vendor_id']}", "status": "ACTIVE", **row} for row in rows]
    return world.stampli.write(name, render(VENDOR_COLUMNS, given), modified=world.clock())


def test_masters_go_to_stampli_and_only_what_is_new_goes_again(syspro):
    syspro.run("vendors", "gl_accounts", "cost_centers")
    told = syspro.stampli.read_inbound("vendors_*")
    assert [row["vendor_id"] for row in told] == ["0000123", "0000124", "0000125", "0000126", "0000127"]
    assert told[4]["vendor_name"] == "O'Brien & Söhne"
    assert [row["status"] for row in told].count("INACTIVE") == 1
    assert len(syspro.stampli.read_inbound("gl_accounts_*")) == len(SMALL_COMPANY["gl_accounts"])
    assert [row["code"] for row in syspro.stampli.read_inbound("dimensions_cost_center_*")] == ["100", "200"]
    syspro.erp.update("ApSupplier", "0000124", SupplierName="Northwind Logistics")
    syspro.run("vendors", "gl_accounts", "cost_centers")
    assert len(syspro.stampli.inbound("gl_accounts_*")) == 1
    second = syspro.stampli.inbound("vendors_*")[-1]
    assert "0000124,Northwind Logistics" in second.read_text()
    assert "0000123" not in second.read_text()
    assert syspro.stand.complaints() == []


def test_long_lists_are_read_whole(make_syspro):
    syspro = make_syspro(seed={"suppliers": MANY, "gl_accounts": ACCOUNTS})
    syspro.run("vendors", "gl_accounts")
    assert [row["vendor_id"] for row in syspro.stampli.read_inbound("vendors_*")] == [row["Supplier"] for row in MANY]
    assert len(syspro.stampli.read_inbound("gl_accounts_*")) == len(ACCOUNTS)
    assert len(syspro.erp.history.calls("*/Query")) == 3


def test_no_suppliers_are_none_and_an_unknown_table_is_no_empty_one(make_syspro):
    syspro = make_syspro(seed={})
    assert syspro.counts(syspro.run("vendors"), "vendors") == {}
    syspro.change("", ("      max_url_bytes: 8000\n", "      supplier_table: NoSuchTable\n"))
    failed = syspro.run("vendors")
    assert "Table 'NoSuchTable' not found" in failed.flows[0].error


@pytest.mark.parametrize("fault", ["lost_answer", "html", "truncated", "503", "expired_token"])
def test_a_list_survives_what_happens_to_a_page(make_syspro, fault):
    syspro = make_syspro(seed={"suppliers": MANY})
    syspro.strike(fault, "Query/COMFND", 2)
    syspro.run("vendors")
    assert len(syspro.stampli.read_inbound("vendors_*")) == len(MANY)


def test_the_read_side_has_a_login_of_its_own(syspro):
    syspro.secrets["syspro.odata_password"] = "another-password"
    syspro.store_secrets()
    result = syspro.run("gl_accounts", "cost_centers")
    assert all("The OData login was refused" in flow.error for flow in result.flows)
    assert syspro.sessions() == []


def test_vendors_from_stampli_are_added_and_brought_up_to_date(syspro):
    vendors(syspro, "vendors_1.csv", {"vendor_id": "901", "city": "Denver"}, {"vendor_id": "125", "phone": "555"})
    syspro.run("vendors_in")
    added, changed = (
        next(row for row in syspro.erp.rows("ApSupplier") if row["Supplier"] == key) for key in ("0000901", "0000125")
    )
    assert (added["SupplierName"], added["SupAddr3"]) == ("Name of 901", "Denver")
    assert (changed["SupplierName"], changed["Telephone"], changed["TermsCode"]) == ("Name of 125", "555", "30")
    vendors(syspro, "vendors_2.csv", {"vendor_id": "901", "city": "Denver"})
    syspro.run("vendors_in")
    assert len(syspro.erp.history.effects("supplier.*")) == 2
    assert syspro.stand.complaints() == []


@pytest.mark.parametrize("at", ["Add/APSSSP", "Update/APSSSP"])
def test_vendors_whose_answer_is_lost_are_there_once(syspro, at):
    syspro.strike("lost_answer", at)
    vendors(syspro, "vendors_1.csv", {"vendor_id": "901"}, {"vendor_id": "125", "phone": "555"})
    for _ in range(2):
        syspro.run("vendors_in")
    assert [effect.key for effect in syspro.erp.history.effects("supplier.*")].count("0000901") == 1
    assert {document.state.value for key in ("901", "125") for document in syspro.documents(key)} == {"posted"}


def test_a_vendor_syspro_refuses_keeps_its_words(syspro):
    vendors(syspro, "vendors_1.csv", {"vendor_id": "901", "payment_terms": "NEVER"})
    syspro.run("vendors_in")
    assert "TermsCode 'NEVER' not found" in syspro.document("901").reason
    assert syspro.state("901") == "rejected"


def test_a_payment_becomes_a_journal_after_its_invoice(syspro):
    paid = payment("5001", {"00123": "10.30"}, vendor_id="123")
    syspro.stampli.write("payments_1.csv", render(PAYMENT_COLUMNS, [paid]), modified=syspro.clock())
    syspro.hand_over("invoices_1.csv", invoice())
    syspro.strike("lost_answer", "Post/GENTJL")
    syspro.run("invoices", "payments")
    syspro.run("payments")
    (journal,) = syspro.erp.journals()
    assert [(entry["GlCode"], entry["EntryValue"]) for entry in journal["JournalDetails"]] == [
        ("10-2000-000", Decimal("10.30")),
        ("10-3000-000", Decimal("-10.30")),
    ]
    assert journal["Reference"] == "123/5001"
    assert syspro.state("5001") == "posted"


def test_a_payment_that_does_not_add_up_is_held(syspro):
    paid = payment("5001", {"00123": "10.30"}, vendor_id="123", payment_total="11.00")
    syspro.stampli.write("payments_1.csv", render(PAYMENT_COLUMNS, [paid]), modified=syspro.clock())
    syspro.run("payments")
    assert syspro.state("5001") == "held"
    assert syspro.erp.journals() == []


def test_invoices_may_go_to_the_ledger_instead(tmp_path):
    with ExitStack() as stack:
        syspro = SysproWorld(stack, tmp_path, spec="syspro-gl--stampli")
        posting = "2026-03-01"
        syspro.strike("500_after", "Post/GENTJL")
        syspro.stampli.write_invoices(
            "invoices_1.csv",
            [
                invoice(gl_posting_date=posting),
                invoice("A-2", line(1, "7.00", "10-1200-100"), gl_posting_date=posting),
                invoice("A-3", line(1, "7.00", "99-0000-000"), gl_posting_date=posting),
            ],
        )
        for _ in range(3):
            syspro.run("journals")
        assert [syspro.state(number) for number in ("00123", "A-2", "A-3")] == ["posted", "posted", "rejected"]
        assert "Ledger code '99-0000-000' not found" in syspro.document("A-3").reason
        journals = {journal["Reference"]: journal for journal in syspro.erp.journals()}
        assert set(journals) == {"123/00123", "123/A-2"}
        entries = [(entry["GlCode"], entry["EntryValue"]) for entry in journals["123/00123"]["JournalDetails"]]
        assert entries == [
            ("10-1000-100", Decimal("10.10")),
            ("10-1100-100", Decimal("0.20")),
            ("10-2000-000", Decimal("-10.30")),
        ]
        assert len(syspro.erp.history.effects("gl_journal.posted")) == 2
