"""Seven days between Acumatica and Stampli: masters, new, edited and duplicate invoices, faults, ends of logins, limits, restarts."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from decimal import Decimal
from random import Random

import pytest

from engine.sandbox.acumatica_store import Rules

from .acumatica_world import ALL_MASTERS, invoice, line
from .world import payment

ROUNDS = 3
POSTING = ("invoices", "credit_memos", "invoices_xml", "credit_memos_xml")
SETTLED = {"posted", "adopted"}
FAULTS = (
    ("lost_answer", "PUT Bill", None),
    ("500_after", "PUT Bill", None),
    ("500", "PUT Bill", None),
    ("503", "PUT Bill", None),
    ("429", "PUT Bill", None),
    ("late", "PUT Bill", "200"),
    ("expired_token", "PUT Bill", None),
    ("lost_answer", "ReleaseBill", None),
    ("500_after", "ReleaseBill", None),
    ("expired_token", "status/*", None),
    ("503", "GET Bill", None),
    ("html", "GET Vendor", None),
    ("truncated", "GET PurchaseOrder", None),
    ("429", "GET Vendor", None),
    ("cut_before", "connect/token", None),
)
ORDER_LINE = {
    "LineDescription": "Paper",
    "OrderQty": "10",
    "UnitCost": "4.10",
    "Account": "50000",
    "Subaccount": "000-000",
}


class Killed(BaseException):
    """The process is gone between two documents."""


class Week:
    """What happens, by the day; `sent` is every invoice Stampli approved, `odd` those that can't become a bill."""

    def __init__(self, world, seed: int) -> None:
        self.world, self.chance = world, Random(seed)
        self.sent: dict[str, Decimal] = {}
        self.odd: dict[str, str] = {}
        self.files = 0

    def offer(self, *invoices: dict, xml: bool = False) -> None:
        self.files += 1
        self.world.clock.forward(seconds=7)
        (self.world.offer_xml if xml else self.world.offer)(
            f"invoices_{self.files:03}.{'xml' if xml else 'csv'}", *invoices
        )

    def approve(self, number: str, *, xml: bool = False, credit: bool = False, matched: bool = False) -> dict:
        sign = "-" if credit else ""
        amount = f"{sign}{self.chance.randrange(100, 90000) / 100:.2f}"
        lines = [line(1, amount, po_line_number=1 if matched else ""), line(2, f"{sign}1.05", "61000", "CC1-000")]
        kind = "CREDIT_MEMO" if credit else "INVOICE"
        one = invoice(number, *lines, document_type=kind, po_number="000001" if matched else "")
        self.sent[number] = abs(Decimal(one["invoice_total"]))
        self.offer(one, xml=xml)
        return one

    def morning(self, day: int) -> None:
        """Invoices of the day by both templates, a duplicate of one, an edited one, and one thing that is wrong."""
        first = self.approve(f"INV-{day}1", matched=True)
        self.approve(f"INV-{day}2", xml=True)
        self.approve(f"CM-{day}3", credit=True, xml=day % 2 == 0)
        self.offer(first, invoice(f"INV-{day}4"))
        self.sent[f"INV-{day}4"] = Decimal("10.30")
        edited = invoice(f"INV-{day}4", line(1, "77.00"))
        wrong = {
            "sum": ("held", invoice(f"BAD-{day}", invoice_total="1.00")),
            "account": ("held", invoice(f"BAD-{day}", line(1, "5.00", "99999"))),
            "vendor": ("waiting", invoice(f"BAD-{day}", vendor_id="NOBODY")),
            "period": ("rejected", invoice(f"BAD-{day}", gl_posting_date="2020-01-31")),
            "project": ("rejected", invoice(f"BAD-{day}", line(1, "5.00", project="NOPE"))),
        }
        state, record = list(wrong.values())[day % len(wrong)]
        self.odd[f"BAD-{day}"] = state
        self.offer(record)
        self.later = edited

    def evening(self, day: int) -> None:
        """What was posted by noon comes again with other content; a vendor and an account are new, one is renamed."""
        self.offer(self.later)
        erp = self.world.erp
        erp.seed(Vendor=[{"VendorID": f"DAY{day}", "VendorName": f"Vendor of day {day}"}])
        erp.update("Vendor", {"VendorID": "NWFRT"}, VendorName=f"Northwind Freight {day}")
        erp.update("Subaccount", {"SubaccountCD": "CC1-000"}, Description=f"Office west {day}")

    def strike(self) -> None:
        self.world.erp.faults.clear()
        kind, at, value = self.chance.choice(FAULTS)
        self.world.strike(kind, at, self.chance.randrange(1, 3), value)

    def run(self, flows: tuple[str, ...], *, dies: bool) -> None:
        """One poll, by a process of its own; one that dies stops in the middle of its documents."""
        seen = []

        def die(what: str, _figures: object) -> None:
            seen.append(what)
            if what == "delivered" and seen.count(what) == 2:
                raise Killed

        if not dies:
            self.world.run(*flows)
            return
        with suppress(Killed):
            self.world.run(*flows, progress=die)


@pytest.mark.parametrize(
    ("auth", "entry"), [("cookie", "release"), pytest.param("refresh_token", "hold", marks=pytest.mark.faults)]
)
def test_a_week(make_acumatica, auth, entry):
    rules = Rules(per_minute=40, closed_through=202512)
    world = make_acumatica(rules=rules, seats=1, token_life=1800)
    world.change("", ("after_entry: hold", f"after_entry: {entry}"))
    world.log_in_by(auth)
    world.change("systems/acumatica.yaml", ("at_once: 2", "at_once: 1"))  # so that a seed always tells the same story
    world.erp.seed(PurchaseOrder=[{"VendorID": "ACME", "Hold": False, "Details": [ORDER_LINE]}])
    week = Week(world, 7)
    world.run(*ALL_MASTERS)
    for day in range(1, 8):
        week.morning(day)
        for turn in range(ROUNDS):
            week.strike()
            flows = (*ALL_MASTERS, *POSTING) if turn == 0 else POSTING
            week.run(flows, dies=turn == 1)
            world.clock.forward(hours=7)
            if turn == 0:
                world.erp.sessions.forget()
            if turn == 1:
                week.evening(day)
    world.erp.faults.clear()
    world.run(*ALL_MASTERS)
    for _ in range(6):
        world.run(*POSTING)
    assert_bills(world, week, entry)
    assert_masters(world)
    assert_explained(world, week)
    world.assert_logged_out()
    world.assert_understood()


def assert_bills(world, week, entry):
    """Each approved document is there exactly once and complete, and nothing else is."""
    assert Counter(bill["VendorRef"] for bill in world.erp.bills()) == Counter(list(week.sent))
    for number, amount in week.sent.items():
        (bill,) = world.bills(number)
        assert len(world.made(number)) == 1, number
        assert bill["Amount"] == amount == sum(each["ExtendedCost"] for each in bill["Details"]), number
        assert bill["Status"] == {"hold": "On Hold", "release": "Open"}[entry], number
        assert len(world.erp.history.effects("bill.released")) >= (len(week.sent) if entry == "release" else 0)


def assert_masters(world):
    """The last word Stampli has on every master record is the one the ERP holds."""
    names = {row["vendor_id"]: row["vendor_name"] for row in world.stampli.read_inbound("vendors_*")}
    assert names == {row["VendorID"]: row["VendorName"] for row in world.erp.rows("Vendor")}
    told = {row["code"]: row["name"] for row in world.stampli.read_inbound("dimensions_subaccount_*")}
    assert told == {row["SubaccountCD"]: row["Description"] for row in world.erp.rows("Subaccount")}


def assert_explained(world, week):
    """The ledger has a settled document for each bill, and for everything else a state with a reason a person can read."""
    with world.workspace() as workspace:
        documents = [
            one for flow in POSTING for one in workspace.ledger.find_documents(flow=f"{world.spec.stem}/{flow}")
        ]
    newest = {}
    for document in sorted(documents, key=lambda one: one.version):
        newest.setdefault(document.identifiers["invoice"], []).append(document)
    assert set(newest) == {*week.sent, *week.odd}
    for number, versions in newest.items():
        states = [one.state.value for one in versions]
        if number in week.sent:
            assert states[0] in SETTLED, (number, states)
            assert all(state in {*SETTLED, "conflict"} for state in states), (number, states)
        else:
            assert states[0] in {week.odd[number], "held"}, (number, states)
        assert all(one.reason for one in versions if one.state.value not in SETTLED), number
    edited = [number for number, versions in newest.items() if versions[-1].state.value == "conflict"]
    assert sorted(edited) == [f"INV-{day}4" for day in range(1, 8)]


def test_payments_of_the_week_are_compared_only(make_acumatica):
    """A payment for each of three bills: one agrees, one differs, one is missing; the ERP is only read."""
    world = make_acumatica()
    world.masters_are_fresh()
    world.change("", ("after_entry: hold", "after_entry: release"))
    world.offer("invoices_001.csv", *[invoice(f"INV-{n}") for n in range(3)])
    world.run("invoices")
    check = {"Vendor": "ACME", "CashAccount": "10200", "ApplicationDate": "2026-03-01", "Status": "Closed"}
    for n, amount in ((0, "10.30"), (1, "9.00")):
        (bill,) = world.bills(f"INV-{n}")
        applied = [{"DocType": "Bill", "ReferenceNbr": bill["ReferenceNbr"], "AmountPaid": amount}]
        world.erp.seed(Check=[{**check, "PaymentRef": f"70{n}", "PaymentAmount": amount, "Details": applied}])
    world.erp.history.clear()
    world.stampli.write_payments("payments_001.csv", [payment(f"70{n}", {f"INV-{n}": "10.30"}) for n in range(3)])
    assert world.counts(world.run("payments"), "payments") == {"adopted": 1, "held": 1, "rejected": 1}
    assert world.erp.history.effects("*") == []
