"""Payments the partner has made, as X12 820: entered once in the ERP, for the right invoices, and acknowledged."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.desk.sweep import sweep
from engine.run.seams import quiet
from engine.sandbox.faults import Fault

FLOW = "payments_in"
PAID = (("00123", "10.3", "10.3", ""), ("00124", "245", "250", "5"))
INVOICES = [
    {
        "VendorNum": 12,
        "InvoiceNum": "00123",
        "InvoiceDate": "2026-02-20",
        "DocInvoiceVendorAmt": "10.30",
        "Posted": True,
    },
    {
        "VendorNum": 12,
        "InvoiceNum": "00124",
        "InvoiceDate": "2026-02-21",
        "DocInvoiceVendorAmt": "250.00",
        "Posted": True,
    },
    {
        "VendorNum": 13,
        "InvoiceNum": "00123",
        "InvoiceDate": "2026-02-22",
        "DocInvoiceVendorAmt": "10.30",
        "Posted": True,
    },
]
"""The freight company has an invoice of the same number: a payment of one must never touch the other's."""


def remitted(*paid):
    return [
        f"RMR*IV*{number}**{amount}*{gross}" + (f"*{discount}" if discount else "")
        for number, amount, gross, discount in paid
    ]


def one_set(number="5001", *, payee="ACME", amount="255.3", lines=None, payment="C*{}*C*ACH", currency="CUR*PR*USD"):
    """The segments of one payment; two invoices of ACME unless said otherwise."""
    return [
        f"BPR*{payment.format(amount)}*CTX*01*021000021*DA*12345678*1234567890**01*021000089*DA*87654321*20260301",
        f"TRN*1*{number}*1234567890",
        *([currency] if currency else []),
        "N1*PR*Example Manufacturing*92*EXAMPLEMFG",
        f"N1*PE*Somebody*92*{payee}",
        "ENT*1",
        *(remitted(*PAID) if lines is None else lines),
    ]


def interchange(*sets, control=101, usage="P", to="EXAMPLEMFG"):
    """One interchange with these sets in one group."""
    body = []
    for number, each in enumerate(sets or [one_set()], start=1):
        body += [f"ST*820*{number:04}", *each, f"SE*{len(each) + 2}*{number:04}"]
    count = len(sets) or 1
    head = f"ISA*00*          *00*          *ZZ*NORTHBANK      *ZZ*{to:15}*260302*0700*U*00401*{control:09}*0*{usage}*>"
    first = f"GS*RA*NORTHBANK*EXAMPLEMFG*20260302*0700*{control}*X*004010"
    return "".join(f"{one}~\n" for one in (head, first, *body, f"GE*{count}*{control}", f"IEA*1*{control:09}"))


@pytest.fixture
def world(partner_world):
    partner_world.epicor.seed(invoices=INVOICES)
    return partner_world


def advise(world, *sets, name="820_001.edi", **envelope):
    world.partner.write(name, interchange(*sets, **envelope).encode())


def polled(world, flow=FLOW):
    return world.counts(world.run(flow), flow)


def paid(world):
    """The payments in the ERP: number, vendor, total, and what they pay."""
    return [
        (
            row["CheckNum"],
            row["VendorNumVendorID"],
            row["DocPaymentTotal"],
            {tran["InvoiceNum"]: (tran["DocTranAmt"], tran["DocDiscAmt"]) for tran in row["APTrans"]},
        )
        for row in world.epicor.payments()
    ]


WHOLE = (5001, "ACME", Decimal("255.3"), {"00123": (Decimal("10.3"), 0), "00124": (Decimal(245), Decimal(5))})


def headers(world):
    """How many payments were saved and stayed."""
    history = world.epicor.history
    made = [effect for effect in history.effects("payment.saved") if effect.detail["new"]]
    return len(made) - len(history.effects("payment.deleted"))


def balances(world):
    return {(row["VendorNum"], row["InvoiceNum"]): row["DocInvoiceBal"] for row in world.epicor.invoices()}


def acks(world):
    folder = world.partner.path("/acks")
    return [path.read_text() for path in sorted(folder.iterdir())]


def assert_paid_once(world):
    assert paid(world) == [WHOLE]
    assert headers(world) == 1
    assert world.state("5001") == "posted"
    world.assert_understood()


def test_a_payment_is_entered_once_and_settles_the_invoices_it_names_and_no_others(world):
    advise(world)
    assert polled(world) == {"posted": 1}
    assert_paid_once(world)
    (head,) = world.epicor.payments()
    assert (head["BankAcctID"], head["GroupID"], head["ManualPrint"]) == ("MAIN", "MLCPAY", True)
    assert (head["CheckDate"].isoformat(), head["CurrencyCode"], head["Posted"]) == ("2026-03-01", "USD", False)
    assert {tran["Description"] for tran in head["APTrans"]} == {world.document("5001").marker}
    assert world.document("5001").reference == f"payment {head['HeadNum']}"
    world.epicor.post_payments("MLCPAY")
    assert balances(world) == {(12, "00123"): 0, (12, "00124"): 0, (13, "00123"): Decimal("10.30")}


def test_it_is_found_by_its_number_its_vendor_and_the_invoice_it_pays(world):
    advise(world, one_set(amount="9", lines=remitted(("00124", "9", "250", ""))))
    world.run(FLOW)
    for word in ("5001", "acme", "00124"):
        assert [one.number for one in world.documents(word)] == ["5001"]
    world.epicor.post_payments("MLCPAY")
    assert balances(world)[12, "00124"] == Decimal(241)


def test_the_file_is_acknowledged_and_put_away(world):
    advise(world)
    world.run(FLOW)
    world.run(FLOW)
    (ack,) = acks(world)
    assert "AK1*RA*101" in ack
    assert "AK5*A" in ack
    assert (world.partner.path("/archive") / "820_001.edi").is_file()


def test_the_same_file_again_pays_nothing(world):
    advise(world)
    world.run(FLOW)
    advise(world, name="820_002.edi")
    world.run(FLOW)
    world.run(FLOW)
    assert_paid_once(world)


def test_the_same_payment_under_a_new_interchange_number_is_not_paid_twice(world):
    advise(world)
    world.run(FLOW)
    advise(world, name="820_002.edi", control=102)
    assert polled(world) == {"seen": 1}
    assert_paid_once(world)


def test_the_same_number_for_another_amount_is_a_conflict_for_a_person(world):
    advise(world)
    world.run(FLOW)
    advise(world, one_set(amount="5", lines=remitted(("00124", "5", "5", ""))), name="820_002.edi", control=102)
    assert polled(world) == {"conflict": 1}
    assert paid(world) == [WHOLE]


def test_the_same_number_written_with_zeros_before_it_is_held_as_a_possible_duplicate(world):
    advise(world)
    world.run(FLOW)
    advise(world, one_set("0005001"), name="820_002.edi", control=102)
    assert polled(world) == {"held": 1}
    assert "Possibly the same as 5001" in world.document("0005001").reason
    assert_paid_once(world)


def test_a_payment_that_names_no_currency_is_in_dollars(world):
    advise(world, one_set(currency=None))
    assert polled(world) == {"posted": 1}
    assert_paid_once(world)


def test_two_payments_of_one_file_are_two_payments(world):
    freight = one_set("5002", payee="nwfrt", amount="10.3", lines=remitted(("00123", "10.3", "10.3", "")))
    advise(world, one_set(), freight)
    assert polled(world) == {"posted": 2}
    assert paid(world) == [WHOLE, (5002, "NWFRT", Decimal("10.3"), {"00123": (Decimal("10.3"), 0)})]
    world.epicor.post_payments("MLCPAY")
    assert set(balances(world).values()) == {0}


def test_what_does_not_add_up_is_refused_to_the_partner_and_not_paid(world):
    advise(world, one_set(amount="255.4"))
    world.run(FLOW)
    world.run(FLOW)
    (ack,) = acks(world)
    assert "AK5*R" in ack
    assert (paid(world), headers(world)) == ([], 0)


def test_a_payment_that_does_not_add_up_spoils_no_other_of_its_file(world):
    freight = one_set("5002", payee="NWFRT", amount="10.3", lines=remitted(("00123", "10.3", "10.3", "")))
    advise(world, one_set(amount="255.4"), freight)
    assert polled(world) == {"posted": 1, "quarantined": 1}
    assert [number for number, *_ in paid(world)] == [5002]
    assert "AK2*820*0001~\nAK5*R" in acks(world)[0]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"number": "2147483648"}, "1 to 2147483647 and this number"),
        ({"number": "99999999999999999999"}, "1 to 2147483647 and this number"),
        ({"number": "EFT-77"}, "1 to 2147483647 and this number"),
        ({"number": "0"}, "1 to 2147483647 and this number"),
        ({"lines": ["RMR*PO*4711**255.3"]}, "no invoice"),
        ({"lines": ["RMR*IV*00123**10.3", "RMR*CM*CM-5**245"]}, "no invoice"),
        ({"lines": ["RMR*IV*00123**10.3", "RMR*IV*00124**245*250**CS*-5"]}, "less an adjustment"),
        ({"lines": [*remitted(*PAID), "ADX*-5*04*IV*00124"]}, "less an adjustment"),
        ({"lines": ["ADX*5.3*53", "RMR*IV*00124**250"]}, "do not add up"),
        ({"lines": [], "amount": "0"}, "pays nothing"),
        ({"payment": "C*{}*D*ACH"}, "pays nothing"),
        ({"payment": "H*{}*C*NON"}, "pays nothing"),
        ({"payee": "NOBODY"}, "NOBODY"),
    ],
    ids=[
        "more than 32 bits",
        "far too long",
        "no number",
        "zero",
        "an order",
        "a credit memo",
        "an adjusted invoice",
        "an adjustment of an invoice",
        "a free adjustment",
        "no invoice at all",
        "a debit",
        "no payment",
        "unknown vendor",
    ],
)
def test_what_a_person_must_look_at_is_held_with_the_reason(world, given, told):
    number = given.get("number", "5001")
    advise(world, one_set(**given))
    assert polled(world) == {"held": 1}
    assert told in world.document(number).reason
    assert headers(world) == 0


def test_a_test_file_pays_nothing(world):
    advise(world, usage="T")
    assert polled(world) == {"held": 1}
    assert "test" in world.document("5001").reason
    assert headers(world) == 0


def test_a_file_meant_for_somebody_else_pays_nothing(world):
    advise(world, to="OTHERCORP")
    assert polled(world) == {"held": 1}
    assert "not from this partner to us" in world.document("5001").reason
    assert headers(world) == 0


def test_an_invoice_not_in_the_erp_yet_is_waited_for(world):
    advise(world, one_set(amount="9", lines=remitted(("NEW-1", "9", "9", ""))))
    assert polled(world) == {"waiting": 1}
    assert "NEW-1" in world.document("5001").reason
    world.epicor.seed(invoices=[{**INVOICES[0], "InvoiceNum": "NEW-1", "DocInvoiceVendorAmt": "9.00"}])
    world.run(FLOW)
    assert [number for number, *_ in paid(world)] == [5001]


def test_an_invoice_of_another_vendor_is_not_paid(world):
    world.epicor.seed(invoices=[{**INVOICES[2], "InvoiceNum": "F-9", "DocInvoiceVendorAmt": "9.00"}])
    advise(world, one_set(amount="9", lines=remitted(("F-9", "9", "9", ""))))
    assert polled(world) == {"waiting": 1}
    assert headers(world) == 0


# What the ERP refuses


def refused(world, told):
    """The ERP said no: its words are told, and nothing half-written is left."""
    assert polled(world) == {"rejected": 1}
    assert told in world.document("5001").reason
    assert (paid(world), headers(world)) == ([], 0)


def test_an_invoice_that_is_paid_already_is_told_in_the_erps_words(world):
    pays = [{"InvoiceNum": "00124", "DocTranAmt": "200.00"}]
    world.epicor.seed(payments=[{"VendorNum": 12, "CheckNum": 4999, "BankAcctID": "OPER", "pays": pays}])
    advise(world)
    assert polled(world) == {"rejected": 1}
    assert "more than the open balance 50.00 of invoice 00124" in world.document("5001").reason
    assert [number for number, *_ in paid(world)] == [4999]
    assert headers(world) == 0
    assert len(world.epicor.history.effects("payment.deleted")) == 1


def test_a_closed_period_is_told_and_the_payment_goes_in_when_it_is_open_again(world):
    advise(world)
    world.epicor.close_periods(date(2026, 3, 1))
    refused(world, "Check Date 2026-03-01 is not in an open fiscal period.")
    world.epicor.close_periods(None)
    world.run(FLOW)
    assert_paid_once(world)


def test_an_invoice_that_is_not_posted_yet_is_told_and_paid_when_it_is(make_partner_world):
    world = make_partner_world(pay_posted_only=True)
    world.epicor.seed(invoices=[INVOICES[0], {**INVOICES[1], "Posted": False}])
    advise(world)
    refused(world, "Invoice '00124' is not posted or is on payment hold.")
    world.epicor.update("APInvHed", {"InvoiceNum": "00124"}, Posted=True)
    world.run(FLOW)
    assert_paid_once(world)


def test_a_vendor_on_payment_hold_is_told(world):
    advise(world)
    world.epicor.touch_vendor("ACME", PayHold=True)
    refused(world, "Vendor ACME is on payment hold.")


def test_another_currency_than_that_of_the_bank_account_is_not_entered(world):
    advise(world, one_set(currency="CUR*PR*EUR"))
    refused(world, "CurrencyCode")


def test_a_group_of_another_bank_account_is_not_used(world):
    world.epicor.seed(payment_groups=[{"GroupID": "MLCPAY", "BankAcctID": "OPER"}])
    advise(world)
    refused(world, "BankAcctID")


# Somebody else was there first


def keyed(world, *pays, **head):
    given = {
        "VendorNum": 12,
        "CheckNum": 5001,
        "BankAcctID": "MAIN",
        "CheckDate": "2026-03-01",
        "GroupID": "MLCPAY",
        **head,
    }
    lines = [
        {"InvoiceNum": invoice, "DocTranAmt": amount, "DocDiscAmt": discount} for invoice, amount, discount in pays
    ]
    world.epicor.seed(payments=[{**given, "pays": lines}])


BOTH = (("00123", "10.30", "0"), ("00124", "245.00", "5.00"))


def test_the_same_payment_keyed_by_a_person_is_adopted(world):
    keyed(world, *BOTH)
    advise(world)
    assert polled(world) == {"adopted": 1}
    assert len(paid(world)) == 1


@pytest.mark.parametrize(
    ("pays", "head"),
    [
        (BOTH, {"CheckDate": "2026-03-02"}),
        (BOTH, {"VendorNum": 13}),
        (BOTH, {"Posted": True, "Voided": True}),
        (BOTH[1:], {}),
        ((("00123", "10.30", "0"), ("OTHER", "245.00", "5.00")), {}),
        ((), {"DocPaymentTotal": "9.00"}),
    ],
    ids=["another day", "another vendor", "voided", "an invoice missing", "another invoice", "nothing applied yet"],
)
def test_another_payment_of_that_number_is_held_and_never_removed(world, pays, head):
    keyed(world, *pays, **head)
    advise(world)
    assert polled(world) == {"held": 1}
    for _ in range(2):
        world.run(FLOW)
    assert (len(paid(world)), world.calls("*DeleteByID"), world.calls("*PaymentEntrySvc/Update")) == (1, 0, 0)


# Lost answers

COMMITS = {"save": 1, "save_line[1]": 2, "save_line[2]": 3}
KINDS = ("lost_answer", "cut_before", "500_after")
LONG = ("reset", "truncated", "html", "error_in_200", "503", "500", "redirect", "429", "nan")
"""In the long proof."""


@pytest.mark.parametrize("step", COMMITS)
@pytest.mark.parametrize("kind", [*KINDS, *(pytest.param(kind, marks=pytest.mark.faults) for kind in LONG)])
def test_one_payment_whatever_happens_to_a_commit(world, kind, step):
    advise(world)
    world.epicor.faults.add(Fault(kind=kind, at="*PaymentEntrySvc/Update", nth=COMMITS[step]))
    for _ in range(3):
        world.run(FLOW)
    assert_paid_once(world)


@pytest.mark.parametrize("step", COMMITS)
def test_a_request_that_lands_late_makes_no_second_payment(world, step):
    advise(world)
    world.epicor.faults.add(Fault(kind="late", at="*PaymentEntrySvc/Update", nth=COMMITS[step], value="30"))
    for _ in range(4):
        world.run(FLOW)
    world.clock.forward(hours=2)
    assert_paid_once(world)


@pytest.mark.parametrize(
    "at",
    [
        "*PaymentEntries",
        "*APChkGrpSvc/GetByID",
        "*GetNewAPChkGrpNoLock",
        "*APChkGrpSvc/Update",
        "*CreateNewCheckHed",
        "*OnChangeVendor",
        "*OnChangeCheckNum",
        "*GetNewAPTran",
        "*OnChangeInvoiceNum",
        "*OnChangeDocTranAmt",
        "*OnChangeDocDiscAmt",
    ],
)
def test_one_payment_whatever_happens_beside_the_commits(world, at):
    advise(world)
    world.epicor.faults.add(Fault(kind="lost_answer", at=at))
    for _ in range(3):
        world.run(FLOW)
    assert_paid_once(world)


@pytest.mark.parametrize("kind", ["lost_answer", "cut_before"])
def test_a_lost_answer_to_the_undo_itself_is_settled_too(world, kind):
    advise(world)
    world.epicor.faults.add(Fault(kind="lost_answer", at="*PaymentEntrySvc/Update", nth=2))
    world.epicor.faults.add(Fault(kind=kind, at="*PaymentEntrySvc/DeleteByID"))
    for _ in range(4):
        world.run(FLOW)
    assert_paid_once(world)


def test_a_half_written_payment_that_was_posted_is_held(world):
    advise(world)
    world.epicor.faults.add(Fault(kind="lost_answer", at="*PaymentEntrySvc/Update", nth=2))
    world.run(FLOW)
    assert world.state("5001") == "in_doubt"
    world.epicor.post_payments("MLCPAY")
    for _ in range(2):
        world.run(FLOW)
    assert world.state("5001") == "held"
    assert "Half-written" in world.document("5001").reason
    assert (headers(world), world.calls("*DeleteByID")) == (1, 0)


def test_a_half_written_payment_to_which_a_person_added_a_line_is_held(world):
    advise(world)
    world.epicor.faults.add(Fault(kind="lost_answer", at="*PaymentEntrySvc/Update", nth=2))
    world.run(FLOW)
    world.epicor.update("APTran", {"CheckNum": 5001}, Description="moved by Maria")
    for _ in range(2):
        world.run(FLOW)
    assert (world.state("5001"), headers(world), world.calls("*DeleteByID")) == ("held", 1, 0)


def test_a_payment_is_found_by_the_older_api_too(world):
    world.change(
        "",
        (
            "      auth: oauth2\n      token_url: {env: EPICOR_TOKEN_URL}\n",
            "      api: v1\n      auth: oauth2\n      token_url: {env: EPICOR_TOKEN_URL}\n",
        ),
        ("      api_key: {secret: epicor.api_key}\n", ""),
    )
    advise(world)
    world.epicor.faults.add(Fault(kind="lost_answer", at="*PaymentEntrySvc/Update", nth=3))
    for _ in range(2):
        world.run(FLOW)
    assert_paid_once(world)


def test_a_sweep_finds_what_was_paid_and_tells_what_was_voided_since(world):
    advise(world)
    world.run(FLOW)
    assert swept(world) == "reconciled 1 of 1, 0 differences"
    world.epicor.post_payments("MLCPAY")
    assert swept(world) == "reconciled 1 of 1, 0 differences"
    world.epicor.void_payment(world.epicor.payments()[0]["HeadNum"])
    assert swept(world) == "reconciled 0 of 1, 1 difference"


def swept(world):
    world.clock.forward(minutes=10)
    with world.workspace() as workspace:
        report = sweep(world.spec, workspace, world.seams(), quiet, flows=(FLOW,), days=7)
    return report.render("text").splitlines()[-1].partition(" (")[0]


def test_parts_of_one_invoice_are_paid_as_they_are_listed(world):
    parts = (("00124", "100", "", ""), ("00124", "145", "", ""))
    advise(world, one_set(amount="245", lines=remitted(*parts)))
    world.epicor.faults.add(Fault(kind="lost_answer", at="*PaymentEntrySvc/Update", nth=3))
    for _ in range(2):
        world.run(FLOW)
    (head,) = world.epicor.payments()
    assert [tran["DocTranAmt"] for tran in head["APTrans"]] == [100, 145]
    assert (headers(world), world.calls("*DeleteByID")) == (1, 0)
