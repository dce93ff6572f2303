"""Approved invoices into SYSPRO: posted once and whole, or kept with SYSPRO's own words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.desk.sweep import sweep
from engine.run.seams import quiet
from engine.sandbox.syspro_rules import Rules

from .syspro_world import invoice, line

POST = "Post/APSTIN"
FIND = "Query/COMFND"


def test_an_invoice_is_posted_with_its_ledger_distribution(syspro):
    syspro.hand_over("invoices_1.csv", invoice(description="Toner <&> 100%"))
    result = syspro.run("invoices")
    assert syspro.counts(result) == {"posted": 1}
    syspro.assert_whole("00123")
    stored = syspro.invoice("00123")
    assert (stored["Supplier"], stored["Notation"]) == ("0000123", "Toner <&> 100%")
    assert [entry["GlCode"] for entry in stored["LedgerDistribution"]] == ["10-1000-100", "10-1100-100"]
    assert syspro.document("00123").reference == "journal 000001 of 2026/03"
    assert syspro.stand.complaints() == []


def test_the_value_posted_holds_the_tax_and_the_distribution_does_not(syspro):
    syspro.hand_over("invoices_1.csv", invoice("T-1", line(1, "10.00"), tax_total="0.80", invoice_total="10.80"))
    assert syspro.counts(syspro.run("invoices")) == {"posted": 1}
    stored = syspro.invoice("T-1")
    assert (stored["OrigInvValue"], stored["TaxValue"]) == (Decimal("10.80"), Decimal("0.80"))
    assert [entry["DistrValue"] for entry in stored["LedgerDistribution"]] == [Decimal("10.00")]


def test_umlauts_and_quotes_come_through(syspro):
    lines = (line(1, "1234.50"),)
    syspro.hand_over("invoices_1.csv", invoice('O\'B "1" +&ß', *lines, vendor_id="0000127", description="Söhne €"))
    syspro.run("invoices")
    assert syspro.invoice('O\'B "1" +&ß')["Notation"] == "Söhne €"
    assert syspro.state('O\'B "1" +&ß') == "posted"


@pytest.mark.parametrize("framing", ["bare", "json", "string"])
@pytest.mark.parametrize("root_case", ["lower", "camel"])
def test_answers_are_understood_however_they_are_framed(make_syspro, framing, root_case):
    syspro = make_syspro(rules=Rules(framing=framing, root_case=root_case, status_of_items=root_case == "lower"))
    assert syspro.counts(syspro.run("vendors"), "vendors") == {"posted": 5}
    syspro.hand_over("invoices_1.csv", invoice(), invoice("bad", vendor_id="999"))
    assert syspro.counts(syspro.run("invoices")) == {"posted": 1, "rejected": 1}
    syspro.assert_whole("00123")
    (vendors,) = syspro.stampli.inbound("vendors_*")
    assert "O'Brien & Söhne" in vendors.read_text("utf-8")


def test_a_refused_item_is_kept_with_syspros_words_and_tried_again_at_the_next_poll(syspro):
    syspro.hand_over("invoices_1.csv", invoice("A-1", line(1, "5.00", "99-9999-999")), invoice("A-2"))
    assert syspro.counts(syspro.run("invoices")) == {"posted": 1, "rejected": 1}
    kept = syspro.document("A-1")
    assert "Ledger code '99-9999-999' not found" in kept.reason
    syspro.erp.seed(gl_accounts=[{"GlCode": "99-9999-999", "Description": "New"}])
    syspro.run("invoices")
    syspro.assert_whole("A-1", ("5.00",))
    assert syspro.state("A-1") == "posted"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"vendor_id": "999"}, "Supplier '0000999' not found"),
        ({"vendor_id": "126"}, "is on hold"),
    ],
)
def test_the_reason_is_syspros(syspro, fields, says):
    syspro.hand_over("invoices_1.csv", invoice("A-1", **fields))
    assert syspro.counts(syspro.run("invoices")) == {"rejected": 1}
    assert says in syspro.document("A-1").reason
    assert syspro.erp.invoices() == []


def test_a_closed_period_is_told_and_passes(syspro):
    syspro.erp.close_periods(2026, 3)
    syspro.hand_over("invoices_1.csv", invoice())
    assert syspro.counts(syspro.run("invoices")) == {"rejected": 1}
    assert "period 2026/03 is closed" in syspro.document("00123").reason
    syspro.erp.rules.closed_through = None
    syspro.run("invoices")
    syspro.assert_whole("00123")


def test_after_some_polls_a_person_looks(syspro):
    syspro.hand_over("invoices_1.csv", invoice("A-1", vendor_id="999"))
    for _ in range(6):
        syspro.run("invoices")
        syspro.clock.forward(hours=1)
    assert syspro.state("A-1") == "held"
    assert "Supplier '0000999' not found" in syspro.document("A-1").reason


def test_an_invoice_that_is_there_already_is_adopted(syspro):
    syspro.erp.seed(
        ap_invoices=[{"Supplier": "0000123", "Invoice": "00123", "OrigInvValue": "10.30", "InvoiceDate": "2026-02-20"}]
    )
    syspro.hand_over("invoices_1.csv", invoice())
    assert syspro.counts(syspro.run("invoices")) == {"adopted": 1}
    assert syspro.posted("00123") == []


def test_another_invoice_of_that_number_is_held(syspro):
    syspro.erp.seed(ap_invoices=[{"Supplier": "0000123", "Invoice": "00123", "OrigInvValue": "99.00"}])
    syspro.hand_over("invoices_1.csv", invoice())
    assert syspro.counts(syspro.run("invoices")) == {"held": 1}
    assert "`TransactionValue` is 99.00 there, 10.30 here" in syspro.document("00123").reason


def test_the_same_invoice_in_another_file_is_seen(syspro):
    syspro.hand_over("invoices_1.csv", invoice())
    syspro.run("invoices")
    syspro.hand_over("invoices_2.csv", invoice(), invoice("00124"))
    assert syspro.counts(syspro.run("invoices")) == {"seen": 1, "posted": 1}
    assert len(syspro.posted("00123")) == 1


def test_a_changed_invoice_is_a_conflict(syspro):
    syspro.hand_over("invoices_1.csv", invoice())
    syspro.run("invoices")
    syspro.hand_over("invoices_2.csv", invoice("00123", line(1, "11.00")))
    assert syspro.counts(syspro.run("invoices")) == {"conflict": 1}
    syspro.assert_whole("00123")


def test_a_document_too_long_for_an_address_is_refused_before_anything_is_sent(syspro):
    lines = [line(number, "1.00") for number in range(1, 80)]
    syspro.hand_over("invoices_1.csv", invoice("LONG", *lines), invoice())
    assert syspro.counts(syspro.run("invoices")) == {"held": 1, "posted": 1}
    reason = syspro.document("LONG").reason
    assert "bytes long and the system takes 8000" in reason
    assert not [call for call in syspro.erp.history.calls("*/Post") if "LONG" in call.query]
    assert all(len(call.query) < 8000 for call in syspro.erp.history.calls())


def test_a_dry_run_posts_nothing_and_logs_off(syspro):
    syspro.hand_over("invoices_1.csv", invoice())
    syspro.run("invoices", dry_run=True)
    assert syspro.posted("00123") == []
    assert syspro.erp.sessions.operators_in() == []


def test_credit_memos_go_under_the_invoice_they_belong_to(syspro):
    syspro.hand_over("invoices_1.csv", invoice())
    syspro.run("invoices")
    credit = invoice("CM-1", line(1, "-4.00"), document_type="CREDIT_MEMO", original_invoice="00123")
    syspro.hand_over("invoices_2.csv", credit)
    assert syspro.counts(syspro.run("credit_memos"), "credit_memos") == {"passed_over": 1, "posted": 1}
    assert syspro.invoice("00123")["MthInvBal1"] == Decimal("6.30")
    (adjustment,) = syspro.posted("00123", "ap_adjustment")
    assert (adjustment.detail["code"], adjustment.detail["value"]) == ("C", Decimal("4.00"))


@pytest.mark.parametrize("fault", ["lost_answer", "500_after", "late"])
def test_a_credit_whose_answer_is_lost_is_found_by_its_entries(syspro, fault):
    syspro.hand_over("invoices_1.csv", invoice())
    syspro.run("invoices")
    syspro.strike(fault, POST, value="30" if fault == "late" else None)
    lines = (line(1, "-3.00"), line(2, "-0.80"))
    tax = {"tax_total": "-0.20", "invoice_total": "-4.00"}
    credit = invoice("CM-1", *lines, document_type="CREDIT_MEMO", original_invoice="00123", **tax)
    syspro.hand_over("invoices_2.csv", credit)
    syspro.run("credit_memos")
    syspro.run("credit_memos")
    assert syspro.now("credit_memos", "CM-1").state.value == "posted"
    assert len(syspro.posted("00123", "ap_adjustment")) == 1
    assert syspro.invoice("00123")["MthInvBal1"] == Decimal("6.30")


def test_a_credit_memo_without_its_invoice_is_held_with_the_reason(syspro):
    syspro.hand_over("invoices_1.csv", invoice("CM-1", line(1, "-4.00"), document_type="CREDIT_MEMO"))
    assert syspro.counts(syspro.run("credit_memos"), "credit_memos") == {"held": 1}
    assert "names none: enter it by hand" in syspro.document("CM-1").reason


def test_a_credit_memo_to_an_invoice_syspro_does_not_have_is_rejected(syspro):
    credit = invoice("CM-1", line(1, "-4.00"), document_type="CREDIT_MEMO", original_invoice="nowhere")
    syspro.hand_over("invoices_1.csv", credit)
    assert syspro.counts(syspro.run("credit_memos"), "credit_memos") == {"rejected": 1}
    assert "Invoice 'nowhere' not found" in syspro.document("CM-1").reason


def test_invoices_share_a_call_and_each_has_its_own_result(make_syspro):
    syspro = make_syspro(rules=Rules(items_in_order=False))
    syspro.masters_are_fresh()
    bad = {"A-2": {"vendor_id": "999"}, "A-4": {"vendor_id": "126"}}
    syspro.hand_over("invoices_1.csv", *(invoice(f"A-{n}", **bad.get(f"A-{n}", {})) for n in range(10)))
    assert syspro.counts(syspro.run("invoices")) == {"posted": 8, "rejected": 2}
    assert len(syspro.erp.history.calls("*/Post")) <= 5
    assert "Supplier '0000999' not found" in syspro.document("A-2").reason
    assert "is on hold" in syspro.document("A-4").reason
    assert "999" not in syspro.document("A-4").reason
    assert {row["Invoice"] for row in syspro.erp.invoices()} == {f"A-{n}" for n in range(10)} - set(bad)


def test_the_lost_answer_of_a_shared_call_is_settled_for_each(syspro):
    syspro.strike("lost_answer", POST)
    syspro.hand_over("invoices_1.csv", *(invoice(f"A-{n}", vendor_id="999" if n == 3 else "123") for n in range(5)))
    for _ in range(2):
        syspro.run("invoices")
    assert [syspro.state(f"A-{n}") for n in range(5)] == ["posted", "posted", "posted", "rejected", "posted"]
    assert all(len(syspro.posted(f"A-{n}")) == (n != 3) for n in range(5))


def test_a_sweep_looks_everything_up_again_in_one_session(syspro):
    credit = invoice("CM-1", line(1, "-4.00"), document_type="CREDIT_MEMO", original_invoice="A-1")
    syspro.hand_over("invoices_1.csv", *(invoice(f"A-{n}") for n in range(3)), credit)
    syspro.run("invoices", "credit_memos")
    syspro.run("credit_memos")
    syspro.clock.forward(minutes=10)
    before = len(syspro.sessions())
    with syspro.workspace() as workspace:
        clean = sweep(syspro.spec, workspace, syspro.seams(), quiet, flows=("invoices", "credit_memos"), days=7)
    assert [(flow.delivered, len(flow.differences)) for flow in clean.flows] == [(3, 0), (1, 0)]
    assert syspro.sessions()[before:] == ["opened", "closed"]
    syspro.erp.update("ApInvoice", "0000123", "A-2", OrigInvValue="11.00")
    with syspro.workspace() as workspace:
        found = sweep(syspro.spec, workspace, syspro.seams(), quiet, flows=("invoices",), days=7)
    assert "`TransactionValue` is 11.00 there, 10.30 here" in str(found.flows[0].differences)
