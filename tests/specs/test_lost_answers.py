"""Whatever answer is lost at whatever step, the ERP ends with exactly one whole invoice and the ledger says so."""

from __future__ import annotations

import pytest

from engine.sandbox.faults import Fault

from .world import invoice, line, payment

COMMITS = {
    "save": ("*APInvoiceSvc/UpdateMaster", 1),
    "save_line[1]": ("*APInvoiceSvc/UpdateMaster", 2),
    "code_line[1]": ("*APInvoiceSvc/Update", 1),
    "save_line[2]": ("*APInvoiceSvc/UpdateMaster", 3),
    "code_line[2]": ("*APInvoiceSvc/Update", 2),
}
HARMLESS = {
    "find": ("*APInvoiceSvc/GetByID", 1),
    "group": ("*APInvGrpSvc/GetByID", 1),
    "new_group": ("*GetNewAPInvGrpNoLock", 1),
    "save_group": ("*APInvGrpSvc/Update", 1),
    "skeleton": ("*GetNewAPInvHedInvoice", 1),
    "vendor": ("*ChangeVendorID", 1),
    "date": ("*ChangeInvoiceDateEx", 1),
    "total": ("*ChangeInvoiceVendorAmt", 1),
    "new_line[1]": ("*GetNewAPInvDtlMiscellaneous", 1),
    "line_cost[2]": ("*ChangeExtCost", 2),
    "token": ("*connect/token", 1),
}
FIRST_RANK = ("lost_answer", "500_after", "reset", "truncated", "html", "cut_before")
"""The work done or not done, and the answer never understood: at every commit step, at every change of the code."""
SECOND_RANK = ("truncated_unmarked", "500", "503", "redirect", "error_in_200", "429", "expired_token", "nan")
"""At the last step at every change of the code (nothing comes after it to notice), at every step in the long proof."""
CASES = [
    *((kind, step) for kind in FIRST_RANK for step in COMMITS),
    *((kind, "code_line[2]") for kind in SECOND_RANK),
    *(
        pytest.param(kind, step, marks=pytest.mark.faults)
        for kind in SECOND_RANK
        for step in COMMITS
        if step != "code_line[2]"
    ),
]
POLLS = 5


def settle(world, *numbers, polls=POLLS):
    """Polls until the ledger has them all posted; how many polls that took."""
    for poll in range(1, polls + 1):
        world.run("invoices")
        if all(world.state(number) == "posted" for number in numbers):
            return poll
    return pytest.fail(f"after {polls} polls: {[(n, world.state(n), world.document(n).reason) for n in numbers]}")


def strike(world, kind, at, nth=1, value=None):
    world.epicor.faults.add(Fault(kind=kind, at=at, nth=nth, value=value))


@pytest.mark.parametrize(("kind", "step"), CASES)
def test_one_whole_invoice_whatever_happens_to_a_commit(world, kind, step):
    world.offer("invoices_001.csv", invoice())
    strike(world, kind, *COMMITS[step])
    settle(world, "00123", polls=3)
    world.assert_whole("00123")
    world.assert_understood()


@pytest.mark.parametrize("step", HARMLESS)
@pytest.mark.parametrize(
    "kind", ["lost_answer", *(pytest.param(kind, marks=pytest.mark.faults) for kind in ("500", "error_in_200"))]
)
def test_one_whole_invoice_whatever_happens_beside_the_commits(world, kind, step):
    world.offer("invoices_001.csv", invoice())
    strike(world, kind, *HARMLESS[step])
    settle(world, "00123", polls=3)
    world.assert_whole("00123")


@pytest.mark.parametrize(
    "seconds", ["30", pytest.param("3600", marks=pytest.mark.faults)], ids=["within_settle", "after_it_was_sent_again"]
)
@pytest.mark.parametrize("step", COMMITS)
def test_a_request_that_lands_late_makes_no_second_invoice(world, step, seconds):
    world.offer("invoices_001.csv", invoice())
    strike(world, "late", *COMMITS[step], value=seconds)
    settle(world, "00123")
    world.clock.forward(hours=2)
    world.run("invoices")
    world.assert_whole("00123")


def test_nothing_is_sent_again_before_the_target_had_time_to_settle(world):
    world.offer("invoices_001.csv", invoice())
    strike(world, "cut_before", *COMMITS["save"])
    world.run("invoices")
    sent = world.calls("*APInvoiceSvc/UpdateMaster")
    assert (sent, world.state("00123")) == (1, "in_doubt")
    world.clock.forward(minutes=-15, seconds=20)
    world.run("invoices")
    assert world.calls("*APInvoiceSvc/UpdateMaster") == sent
    world.run("invoices")
    world.assert_whole("00123")


def test_a_lost_answer_shows_as_doubt_and_exit_3_until_it_is_settled(world):
    world.offer("invoices_001.csv", invoice())
    strike(world, "lost_answer", *COMMITS["code_line[2]"])
    first = world.run("invoices")
    assert (first.exit_code, world.state("00123")) == (3, "in_doubt")
    assert world.run("invoices").exit_code == 0
    assert world.saved("00123") == 1
    assert world.calls("*DeleteByID") == 0, "a whole invoice was found: nothing is undone"


@pytest.mark.parametrize("kind", ["lost_answer", "500_after", "500", "cut_before"])
def test_a_lost_answer_to_the_undo_itself_is_settled_too(world, kind):
    world.offer("invoices_001.csv", invoice())
    strike(world, "lost_answer", *COMMITS["save_line[2]"])
    strike(world, kind, "*DeleteByID")
    settle(world, "00123")
    world.assert_whole("00123")


def test_a_storm_of_faults_over_many_invoices_loses_and_doubles_nothing(world):
    numbers = [f"S-{n}" for n in range(12)]
    world.offer("invoices_001.csv", *(invoice(number) for number in numbers))
    for nth, kind in ((2, "lost_answer"), (5, "500_after"), (9, "reset"), (14, "late"), (20, "truncated")):
        strike(world, kind, "*APInvoiceSvc/UpdateMaster", nth, "30" if kind == "late" else None)
        strike(world, kind, "*APInvoiceSvc/Update", nth + 1, "30" if kind == "late" else None)
    settle(world, *numbers)
    for number in numbers:
        world.assert_whole(number)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("kind", ["lost_answer", "cut_before", "error_in_200"])
def test_a_payment_is_entered_once_whatever_answer_is_lost(world, kind, nth):
    world.offer("invoices_001.csv", invoice())
    world.stampli.write_payments("payments_001.csv", [payment()])
    world.run("invoices")
    strike(world, kind, "*PaymentEntrySvc/Update", nth)
    for _ in range(3):
        world.run("payments")
    (paid,) = world.epicor.payments()
    assert [str(tran["DocTranAmt"]) for tran in paid["APTrans"]] == ["10.30"]
    assert world.state("5001") == "posted"


def test_an_account_closed_half_way_undoes_the_invoice_and_rejects_it(world):
    world.offer("invoices_001.csv", invoice())
    world.run()  # everything is looked up and posted once, so that the next one is mapped against a living account
    world.offer("invoices_002.csv", invoice("H-1"))

    def close_account(event, detail):
        if event == "ingested":
            world.epicor.update("GLAccount", {"GLAccount": "6200|00|00"}, Active=False)

    result = world.run("invoices", progress=close_account)
    assert result.exit_code == 3
    assert world.numbers() == ["00123"], "what was half-written is gone"
    assert len(world.epicor.history.effects("ap_invoice.deleted")) == 1
    assert world.state("H-1") == "rejected"
    world.epicor.update("GLAccount", {"GLAccount": "6200|00|00"}, Active=True)
    settle(world, "H-1")
    world.assert_whole("H-1")


def test_what_was_posted_half_written_cannot_be_undone_and_is_held(world):
    world.offer("invoices_001.csv", invoice())
    strike(world, "lost_answer", *COMMITS["code_line[1]"])
    world.run("invoices")
    assert world.state("00123") == "in_doubt"
    world.epicor.update("APInvHed", {"InvoiceNum": "00123"}, Posted=True)
    world.run("invoices")
    document = world.document("00123")
    assert document.state.value == "held", document.reason
    assert "Half-written" in document.reason
    assert world.calls("*DeleteByID") == 0
    assert world.saved("00123") == 1


@pytest.mark.parametrize(
    ("there", "state"),
    [
        (invoice(), "adopted"),
        (invoice("00123", line(1, "10.10"), line(2, "0.25", "FREIGHT", "")), "held"),
    ],
    ids=["the_same_is_adopted", "another_is_held"],
)
def test_a_person_keyed_the_same_number_meanwhile(world, there, state):
    keyed = [
        {"Description": each["line_description"], "DocExtCost": each["line_amount"], "GLAccount": account}
        for each, account in zip(there["lines"], ("6100|00|10", "6200|00|00"), strict=True)
    ]
    world.epicor.seed(
        invoices=[
            {
                "VendorNum": 12,
                "InvoiceNum": "00123",
                "InvoiceDate": "2026-02-20",
                "DocInvoiceVendorAmt": there["invoice_total"],
                "lines": keyed,
            }
        ]
    )
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    assert world.state("00123") == state, world.document("00123").reason
    assert world.calls("*APInvoiceSvc/UpdateMaster") == 0
    assert world.numbers() == ["00123"]


@pytest.mark.parametrize("status", [409, 400])
def test_a_person_keys_it_between_the_look_and_the_save(make_world, status):
    by_hand = {"Description": "by hand", "DocExtCost": "99.00", "GLAccount": "6100|00|10"}
    keyed = {
        "VendorNum": 12,
        "InvoiceNum": "00123",
        "InvoiceDate": "2026-02-20",
        "DocInvoiceVendorAmt": "99.00",
        "lines": [by_hand],
    }
    seeded = []

    def while_the_answer_is_slow(_seconds):
        seeded.append(True)
        world.epicor.seed(invoices=[keyed])

    world = make_world(duplicate_status=status, sleep=while_the_answer_is_slow)
    world.masters_are_fresh()
    world.offer("invoices_001.csv", invoice())
    strike(world, "slow", "*ChangeInvoiceVendorAmt")
    world.run("invoices")
    world.run("invoices")
    assert seeded
    assert world.state("00123") == "held", world.document("00123").reason
    (found,) = world.epicor.invoices()
    assert found["InvoiceComment"] == ""
    assert world.calls("*DeleteByID") == 0, "somebody else's invoice is never removed"
