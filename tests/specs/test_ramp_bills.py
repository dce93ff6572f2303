"""Bills of Ramp in Epicor: each once, whole and coded, whatever goes wrong; and Ramp hears of each ending once."""

from __future__ import annotations

import pytest

from engine.desk.map_sample import map_sample
from engine.desk.sweep import sweep
from engine.run.load import load
from engine.run.seams import quiet
from engine.sandbox.faults import Fault

from .ramp_world import SPEC, TELLING
from .world import SPECS

SAMPLE = SPECS / "samples" / "ramp_bills.json"

EPICOR_STEPS = {"save": "*APInvoiceSvc/UpdateMaster", "code_line": "*APInvoiceSvc/Update"}


def settle(world, flow, number, polls=5):
    """Polls until the document is posted."""
    for _ in range(polls):
        world.run(flow)
        document = world.now(flow, number)
        if document.state.value == "posted":
            return document
    return pytest.fail(f"after {polls} polls: {document.state.value}: {document.reason}")


def test_a_bill_is_entered_and_synced_and_leaves_the_list(ramp_world):
    bill = ramp_world.bill("INV-77", "10.30", ("10.10", "6100", "10"), ("0.20", "6200", "00"))
    ramp_world.run("bills", *TELLING)
    ramp_world.assert_whole("INV-77")
    ramp_world.run("bills", *TELLING)
    assert ramp_world.told("synced", bill) == [
        {
            "reference_id": "EPIC06/12/INV-77",
            "deep_link_url": None,
            "sync_id": ramp_world.told("synced", bill)[0]["sync_id"],
        }
    ]
    assert ramp_world.in_ramp("INV-77")[0]["sync_status"] == "BILL_SYNCED"
    assert ramp_world.counts(ramp_world.run("bills"), "bills") == {}
    ramp_world.assert_understood()


def test_every_page_of_a_long_list_is_read(ramp_world):
    for number in range(120):
        ramp_world.bill(f"INV-{number}", "1.00", vendor="Blue Harbor Catering")
    assert ramp_world.counts(ramp_world.run("bills"), "bills") == {"held": 120}


def test_a_next_page_on_another_host_is_not_followed(ramp_world):
    for number in range(60):
        ramp_world.bill(f"INV-{number}", "1.00", vendor="Blue Harbor Catering")
    ramp_world.strike("foreign_link", "*/bills", 1)
    (flow,) = ramp_world.run("bills").flows
    assert flow.exit_code == 4
    assert "elsewhere.invalid" in flow.error
    assert ramp_world.numbers() == []


@pytest.mark.parametrize("kind", ["lost_answer", "500_after"])
@pytest.mark.parametrize("step", EPICOR_STEPS)
def test_an_answer_lost_in_epicor_leaves_one_whole_invoice(ramp_world, kind, step):
    bill = ramp_world.bill("INV-77", "10.30", ("10.10", "6100", "10"), ("0.20", "6200", "00"))
    ramp_world.epicor.faults.add(Fault(kind=kind, at=EPICOR_STEPS[step]))
    settle(ramp_world, "bills", bill)
    ramp_world.assert_whole("INV-77")


@pytest.mark.parametrize("kind", ["lost_answer", "500_after", "429", "expired_token"])
def test_an_answer_lost_while_reporting_leaves_one_report(ramp_world, kind):
    bill = ramp_world.bill("INV-77")
    ramp_world.run("bills")
    ramp_world.strike(kind, "accounting/syncs")
    settle(ramp_world, "bill_results", bill)
    assert len(ramp_world.told("synced", bill)) == 1


@pytest.mark.parametrize("kind", ["lost_answer", "cut_before"])
def test_an_answer_lost_while_telling_a_failure_leaves_one_report(ramp_world, kind):
    bill = ramp_world.bill("INV-77", vendor="Blue Harbor Catering")
    ramp_world.run("bills")
    ramp_world.strike(kind, "accounting/syncs")
    settle(ramp_world, "bill_failures", bill)
    (told,) = ramp_world.told("sync_failed", bill)
    assert "link it in Ramp" in told["message"]


def test_the_key_of_a_report_is_the_same_at_every_attempt(ramp_world):
    bill = ramp_world.bill("INV-77", vendor="Blue Harbor Catering")
    ramp_world.run("bills")
    ramp_world.strike("lost_answer", "accounting/syncs")
    settle(ramp_world, "bill_failures", bill)
    assert len(ramp_world.ramp.history.calls("accounting/syncs")) == 2
    assert len(ramp_world.ramp.store.all("syncs")) == 1


def test_a_bill_the_erp_refuses_is_told_with_its_words_and_goes_once_mended(ramp_world):
    ramp_world.epicor.update("Vendor", {"VendorID": "ACME"}, Inactive=True)
    bill = ramp_world.bill("INV-77")
    ramp_world.run("bills", *TELLING)
    (told,) = ramp_world.told("sync_failed", bill)
    assert "inactive" in told["message"].lower()
    ramp_world.run("bills", *TELLING)
    assert len(ramp_world.told("sync_failed", bill)) == 1
    ramp_world.epicor.update("Vendor", {"VendorID": "ACME"}, Inactive=False)
    settle(ramp_world, "bills", bill)
    ramp_world.run(*TELLING)
    assert len(ramp_world.told("synced", bill)) == 1
    assert len(ramp_world.told("sync_failed", bill)) == 1


def test_a_bill_changed_after_it_was_entered_is_a_conflict_and_stays_synced_as_entered(ramp_world):
    bill = ramp_world.bill("INV-77", "10.00")
    ramp_world.run("bills")
    ramp_world.correct(
        bill, amount="11.00", line_items=[{"amount": "11.00", "coding": {"gl": "6100", "Department": "10"}}]
    )
    ramp_world.run("bills", *TELLING)
    assert [document.state.value for document in ramp_world.documents(bill) if document.flow.endswith("/bills")] == [
        "posted",
        "conflict",
    ]
    assert len(ramp_world.told("synced", bill)) == 1
    assert ramp_world.told("sync_failed", bill) == []


def test_a_bill_a_person_exported_in_the_meantime_is_not_overwritten(ramp_world):
    bill = ramp_world.bill("INV-77")
    ramp_world.run("bills")
    ramp_world.ramp.act(bill, "export")
    ramp_world.run("bill_results")
    held = ramp_world.now("bill_results", bill)
    assert held.state.value == "held"
    assert "`reference`" in held.reason


def test_an_invoice_keyed_by_hand_waits_for_a_person_who_may_say_that_it_is_the_one(ramp_world):
    ramp_world.epicor.seed(
        invoices=[
            {"VendorNum": 12, "InvoiceNum": "INV-77", "InvoiceDate": "2026-02-20", "DocInvoiceVendorAmt": "10.30",
             "lines": [{"DocExtCost": "10.30", "GLAccount": "6100|00|10"}]}
        ]
    )  # fmt: skip
    bill = ramp_world.bill("INV-77")
    ramp_world.run("bills", *TELLING)
    held = ramp_world.now("bills", bill)
    assert (held.state.value, held.reason) == ("held", "The target already has this document")
    with ramp_world.workspace() as workspace:
        workspace.ledger.attest(held.key, "12/INV-77", actor="maria", reason="keyed by hand")
    ramp_world.run("bills", *TELLING)
    assert ramp_world.told("synced", bill)[0]["reference_id"] == "EPIC06/12/INV-77"
    assert ramp_world.saved("INV-77") == 0


def test_a_payment_waits_for_its_bill(ramp_world):
    bill = ramp_world.bill("INV-77", vendor="Blue Harbor Catering")
    ramp_world.run("bills")
    ramp_world.ramp.pay(bill)
    ramp_world.run("payments")
    assert ramp_world.now("payments", bill).state.value == "held"  # the check comes first: nobody has linked the vendor
    other = ramp_world.bill("INV-78", "7.00")
    ramp_world.epicor.update("Vendor", {"VendorID": "ACME"}, Inactive=True)
    ramp_world.run("bills")
    ramp_world.ramp.pay(other)
    ramp_world.run("payments")
    assert ramp_world.now("payments", other).state.value == "waiting"
    ramp_world.epicor.update("Vendor", {"VendorID": "ACME"}, Inactive=False)
    settle(ramp_world, "bills", other)
    ramp_world.run("payments")
    assert ramp_world.now("payments", other).state.value == "adopted"


def test_the_login_is_kept_sealed_for_ten_days_and_asked_for_once(ramp_world):
    ramp_world.bill("INV-77")
    ramp_world.run("bills", *TELLING)
    assert len(ramp_world.ramp.history.calls("*/token")) == 1
    ramp_world.clock.forward(days=10)
    ramp_world.run("vendors_in")
    assert len(ramp_world.ramp.history.calls("*/token")) == 2
    stored = b"".join(path.read_bytes() for path in ramp_world.home.rglob("*") if path.is_file())
    for token in ramp_world.ramp.logins.tokens:
        assert token.encode() not in stored
    assert b"canary-ramp-secret" not in stored


def test_the_rolling_rate_limit_only_slows_down(make_ramp_world):
    world = make_ramp_world(ramp={"rate": (12, 10.0)})
    world.run("department_field", "departments", "gl_accounts", "vendors")
    bills = [world.bill(f"INV-{number}", "1.00") for number in range(8)]
    for _ in range(6):
        world.run("bills", *TELLING)
    assert sorted(world.numbers()) == sorted(f"INV-{number}" for number in range(8))
    assert all(len(world.told("synced", bill)) == 1 for bill in bills)
    assert any(call.status == 429 for call in world.ramp.history.calls())


def test_a_sweep_finds_what_was_entered_and_synced_and_leaves_out_what_ramp_does_not_keep(ramp_world):
    ramp_world.bill("INV-77")
    ramp_world.bill("INV-78", vendor="Blue Harbor Catering")
    ramp_world.run("bills", *TELLING)
    ramp_world.clock.forward(minutes=5)
    with ramp_world.workspace() as workspace:
        report = sweep(ramp_world.spec, workspace, ramp_world.seams(), quiet, flows=("bills", *TELLING), days=7)
    swept = {flow.flow: (flow.delivered, flow.agreed, flow.blind, flow.differences) for flow in report.flows}
    assert swept == {"bills": (1, 1, 0, []), "bill_results": (1, 1, 0, []), "bill_failures": (1, 0, 1, [])}


def test_a_dry_run_tells_what_would_be_told_and_writes_nothing(ramp_world):
    ramp_world.bill("INV-77")
    ramp_world.run("bills")
    ramp_world.ramp.history.clear()
    result = ramp_world.run(dry_run=True)
    assert "bill_results" in result.render("text")
    assert ramp_world.ramp.history.effects() == []
    ramp_world.run(*TELLING)
    assert len(ramp_world.ramp.history.effects("bill.synced")) == 1


def test_a_saved_answer_is_mapped_without_any_network():
    told = map_sample(load(SPECS / f"{SPEC}.yaml"), "bills", SAMPLE, answers=None, environ={}, limit=10)
    invoice, credit = (shown["document"] for shown in told.documents)
    assert (invoice["InvoiceNum"], str(invoice["DocInvoiceVendorAmt"]), invoice["DebitMemo"]) == (
        "INV-77",
        "120.50",
        False,
    )
    assert [line["GLAccount"] for line in invoice["APInvDtls"]] == ["6100|00|10", "6200|00|00"]
    assert (str(credit["DocInvoiceVendorAmt"]), credit["DebitMemo"]) == ("-15.25", True)
    assert [line["GLAccount"] for line in credit["APInvDtls"]] == ["6100|00|00"]


def test_a_bill_that_is_not_ready_any_more_is_told_with_ramps_words_and_then_held(ramp_world):
    bill = ramp_world.bill("INV-77")
    ramp_world.run("bills")
    ramp_world.ramp.act(bill, "archive")
    ramp_world.run("bill_results")
    refused = ramp_world.now("bill_results", bill)
    assert refused.state.value == "rejected"
    assert "not ready to sync" in refused.reason
    for _ in range(5):
        ramp_world.run("bill_results")
    assert ramp_world.now("bill_results", bill).state.value == "held"


def test_an_amount_with_more_decimals_than_the_erp_keeps_is_never_rounded(ramp_world):
    bill = ramp_world.bill("INV-77", "1.234", currency_code="KWD")
    ramp_world.run("bills", *TELLING)
    document = ramp_world.now("bills", bill)
    assert document.state.value == "quarantined"
    assert "1.234" in document.reason
    assert ramp_world.told("sync_failed", bill)[0]["message"] == document.reason
    assert ramp_world.numbers() == []
