"""A week of Epicor and Stampli on the test clock: masters, invoices, payments, edits, duplicates, faults, expiry, killed runs."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from engine.sandbox.faults import Fault
from engine.sandbox.stampli import INVOICE_COLUMNS, PAYMENT_COLUMNS, render

from .test_ramp_week import Killed, killed_after
from .world import World, invoice, line, payment

DAYS = 7
INVOICES = ("invoices", "credit_memos", "invoices_xml", "credit_memos_xml")
ALL = ("vendors", "gl_accounts", *INVOICES, "payments")
SAVES = ("*APInvoiceSvc/UpdateMaster", "*APInvoiceSvc/Update", "*PaymentEntrySvc/Update")
LOOKS = ("*APInvoiceSvc/GetByID", "*ChangeVendorID", "*GLAccountSvc/*", "*VendorSvc/*", "*connect/token")
LOST = ("lost_answer", "500_after", "reset", "truncated", "cut_before", "html", "error_in_200")
BUSY = ("429", "503", "lost_answer", "expired_token")
BROKEN = (("drop", "read"), ("partial_read", "read"), ("drop", "list"), ("drop", "rename"), ("drop", "write"))
DONE = {"posted", "adopted"}
UNDER_WAY = {"ready", "waiting", "probing", "sending", "in_doubt", "rejected"}


class Week:
    """What people do, and what must come of it.

    `expected`: the line amounts of each invoice that must be in Epicor; `paid`: the invoices of each payment;
    `kept`: what must not get in, by flow and number, with its state and reason.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = Random(seed)
        self.expected: dict[str, tuple[str, ...]] = {}
        self.paid: dict[int, dict[str, Decimal]] = {}
        self.kept: dict[tuple[str, str], tuple[str, str]] = {}
        self.offered: list[dict[str, Any]] = []
        self.rest = b""
        self.kills = 0

    def new(self, number: str, **more: Any) -> dict[str, Any]:
        """An invoice that must get in, or a credit memo where its number begins with C."""
        sign = "-" if number.startswith("C") else ""
        amounts = (f"{sign}{self.amount()}", f"{sign}{self.amount()}")
        self.expected[number] = amounts
        lines = (line(1, amounts[0]), line(2, amounts[1], "FREIGHT", ""))
        return invoice(number, *lines, **({"document_type": "CREDIT_MEMO"} if sign else {}), **more)

    def amount(self) -> Decimal:
        return Decimal(self.chance.randrange(100, 99_999)) / 100

    def morning(self, day: int) -> None:
        """Two invoices and a credit memo as CSV, the first of yesterday again; one invoice as XML; a payment."""
        today = [self.new(f"W{day}-0"), self.new(f"W{day}-1"), self.new(f"C{day}")]
        self.world.offer(f"invoices_{day}.csv", *today, *self.offered[-3:-2])
        self.offered += today
        self.world.offer_xml(f"invoices_{day}.xml", self.new(f"X{day}"))
        if day:
            self.pay(day)
        special = getattr(self, f"day_{day}", None)
        if special is not None:
            special()

    def pay(self, day: int) -> None:
        """Yesterday's second invoice and today's first, which may not be in Epicor yet; every other file comes twice."""
        pays = {number: sum(map(Decimal, self.expected[number])) for number in (f"W{day - 1}-1", f"W{day}-0")}
        self.paid[7000 + day] = pays
        row = payment(str(7000 + day), {number: str(amount) for number, amount in pays.items()})
        data = render(PAYMENT_COLUMNS, [row])
        for name in (f"payments_{day}.csv", f"payments_{day}_again.csv")[: 1 + day % 2]:
            self.world.stampli.write(name, data, modified=self.world.clock())

    def day_1(self) -> None:
        """What cannot be entered, and what is not approved yet."""
        sums = invoice("S-1", line(1, "5.00"), invoice_total="6.00")
        center = invoice("S-2", line(1, "5.00", "OFFICE", "CC99"))
        draft = invoice("S-3", line(1, "5.00"), approval_status="PENDING")
        stays = invoice("S-4", line(1, "5.00"), invoice_total="7.00")
        self.world.offer("invoices_odd.csv", sums, center, draft, stays)
        self.kept["invoices", "S-2"] = ("held", "CC99")
        self.kept["invoices", "S-4"] = ("held", "do not add up")

    def day_2(self) -> None:
        """An edit of what was entered already, a correction of what was not, and an approval."""
        edited = invoice("W0-0", line(1, "77.00"))
        self.world.offer("invoices_edited.csv", edited, self.new("S-1"), self.new("S-3"))
        self.kept["invoices", "W0-0"] = ("conflict", "")

    def day_3(self) -> None:
        """A vendor that Epicor does not know yet; yesterday's file again under another name, and as XML."""
        self.world.offer("invoices_blue.csv", self.new("B-1", vendor_id="BLUE"))
        again = [each for each in self.offered if each["invoice_number"].startswith("W2")]
        self.world.offer("invoices_2_again.csv", *again)
        self.world.offer_xml("invoices_2_again.xml", *again)

    def day_4(self) -> None:
        """The vendor is there; another one moves; an account is new."""
        self.world.epicor.seed(
            vendors=[{"VendorNum": 14, "VendorID": "BLUE", "Name": "Blue Harbor"}],
            gl_accounts=[{"COACode": "MAIN", "GLAccount": "6300|00|00", "AccountDesc": "Software"}],
        )
        self.world.epicor.touch_vendor("ACME", City="Boulder")

    def day_5(self) -> None:
        """A file whose upload broke off in its first line, and the whole one later; a credit memo whose total is none."""
        whole = render(INVOICE_COLUMNS, [self.new("P-1"), self.new("P-2")])
        self.world.stampli.write("invoices_0_cut.csv", whole[:100])
        self.world.stampli.write("invoices_whole.csv", whole)
        self.world.offer("invoices_plus.csv", invoice("C-PLUS", line(1, "5.00"), document_type="CREDIT_MEMO"))
        self.kept["credit_memos", "C-PLUS"] = ("held", "must be negative")

    def day_6(self) -> None:
        """A file that is still being written when it is seen."""
        whole = render(INVOICE_COLUMNS, [self.new(f"G-{n}") for n in range(3)])
        self.world.stampli.write("invoices_growing.csv", whole[:500])
        self.rest = whole[500:]

    def pause(self, seconds: float) -> None:
        """Time passes, and an upload under way goes on meanwhile."""
        if self.rest:
            with (self.world.stampli.path("/outbound") / "invoices_growing.csv").open("ab") as file:
                file.write(self.rest)
        self.rest = b""
        self.world.clock.forward(seconds=seconds)

    def upset(self, day: int) -> None:
        """Every day an answer is lost on saving, a look fails, and the file server breaks off."""
        chance = self.chance
        self.world.epicor.faults.add(
            Fault(kind=chance.choice(LOST), at=SAVES[day % len(SAVES)], nth=1 + chance.randrange(4))
        )
        kind = chance.choice(BUSY)
        value = "30" if kind == "429" else None
        self.world.epicor.faults.add(Fault(kind=kind, at=chance.choice(LOOKS), value=value))
        kind, at = BROKEN[day % len(BROKEN)]
        self.world.stampli.faults.add(Fault(kind=kind, at=at))


@pytest.fixture(params=[5, pytest.param(11, marks=pytest.mark.faults)])
def week(make_world, request):
    return Week(make_world(token_life=1200), request.param)


def live(week: Week) -> None:
    """Two polls a day, one of them by a process that dies; every poll is a session of its own."""
    world, seams = week.world, {"sleep": week.pause}
    world.run("vendors", "gl_accounts")
    for day in range(DAYS):
        week.morning(day)
        week.upset(day)
        try:
            world.run(*INVOICES, "payments", seams=seams, progress=killed_after(week.chance.randrange(5)))
        except Killed:
            week.kills += 1
        world.run(*(ALL if day in {1, 4, 5} else ALL[2:]), seams=seams)
        world.epicor.faults.clear()
        world.stampli.faults.clear()
        world.clock.forward(hours=23)
    for _ in range(2):
        world.run(*ALL)


def test_after_a_week_each_document_is_there_once_and_the_ledger_explains_the_rest(week):
    live(week)
    world = week.world
    assert week.kills >= DAYS // 2
    assert len([call for call in world.epicor.history.calls() if call.status in {None, 401, 429, 500, 503}]) > 1
    assert Counter(world.numbers()) == Counter(week.expected.keys())
    for number, amounts in week.expected.items():
        world.assert_whole(number, amounts)
    debits = {row["InvoiceNum"] for row in world.epicor.invoices() if row["DebitMemo"]}
    assert debits == {f"C{day}" for day in range(DAYS)}
    assert_paid(week)
    assert_masters(world)
    assert_files(world)
    assert_explained(week)
    world.assert_understood()


def assert_paid(week: Week) -> None:
    """Each payment is there once and pays the invoices it names."""
    rows = week.world.epicor.payments()
    found = {row["CheckNum"]: {tran["InvoiceNum"]: tran["DocTranAmt"] for tran in row["APTrans"]} for row in rows}
    assert found == week.paid
    history = week.world.epicor.history
    made = sum(effect.detail["new"] for effect in history.effects("payment.saved"))
    assert made - len(history.effects("payment.deleted")) == len(rows) == len(week.paid)
    assert sum(len(row["APTrans"]) for row in rows) == sum(map(len, week.paid.values()))


def assert_masters(world: World) -> None:
    """Stampli got each vendor and account, a changed one once more, and nothing twice."""
    vendors = Counter(row["vendor_id"] for row in world.stampli.read_inbound("vendors_*"))
    assert vendors == {"ACME": 2, "NWFRT": 1, "BLUE": 1}
    cities = [row["city"] for row in world.stampli.read_inbound("vendors_*") if row["vendor_id"] == "ACME"]
    assert cities == ["", "Boulder"]
    accounts = Counter(row["account_number"] for row in world.stampli.read_inbound("gl_accounts_*"))
    assert accounts == {"6100|00|10": 1, "6200|00|00": 1, "6300|00|00": 1}


def assert_files(world: World) -> None:
    """Every file was put away, and the one that was cut is where a person looks for it."""
    assert world.outbound() == []
    bad = [name for name in world.outbound("/error") if not name.endswith(".json")]
    assert bad == ["invoices_0_cut.csv"]
    assert [path.name for path in world.stampli.path("/inbound").iterdir() if path.name[0] == "."] == []


def assert_explained(week: Week) -> None:
    """Nothing is under way any more, and each record that is nowhere says why."""
    with week.world.workspace() as workspace:
        documents = workspace.ledger.find_documents(limit=10_000)
    assert [document for document in documents if document.state.value in UNDER_WAY] == []
    kept = {(d.flow.partition("/")[2], d.number): d for d in documents if d.state.value not in {*DONE, "cancelled"}}
    assert kept.keys() == week.kept.keys()
    for key, (state, reason) in week.kept.items():
        assert kept[key].state.value == state, key
        assert reason in kept[key].reason, key
    gone = [document for document in documents if document.state.value == "cancelled"]
    assert [document.number for document in gone] == ["S-1"]
    assert gone[0].reason.startswith("replaced by version")
