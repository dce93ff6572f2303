"""A week of Epicor and a partner's files on the test clock: masters, payments both ways, duplicates, faults, expiry, killed runs."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from engine.contracts import State
from engine.run.seams import quiet
from engine.sandbox.faults import Fault
from engine.sandbox.partner import fixed_vendors
from engine.sandbox.partner_x12 import Verdict, acknowledge, named, read, remittances

from .partner_world import SPEC, PartnerWorld
from .test_partner_payments import interchange, one_set, remitted
from .test_ramp_week import Killed, killed_after

DAYS = 7
SILENT = {4, 5}
IN = ("vendors_in", "vendors_fixed_in", "confirmations_in", "payments_in")
OUT = ("vendors_out", "invoices_out", "payments_out", "remittances_out")
SAVES = ("*VendorSvc/Update", "*PaymentEntrySvc/Update")
LOOKS = ("*VendorSvc/GetByVendID", "*APInvoiceSvc/APInvoices", "*PaymentEntries", "*connect/token")
LOST = ("lost_answer", "500_after", "reset", "truncated", "cut_before", "html", "error_in_200")
BUSY = ("429", "503", "lost_answer", "expired_token")
CUT = (("drop", "write", None), ("drop", "rename", "after"), ("drop", "rename", None), ("no_space", "write", None))
UNREAD = (("partial_read", "read"), ("drop", "read"), ("drop", "list"), ("denied", "open"))
DONE = {"posted", "adopted"}
UNDER_WAY = {"ready", "waiting", "probing", "sending", "in_doubt", "rejected"}


def advice(number: str, payee: str, paid: dict[str, Decimal]) -> list[str]:
    """The segments of one payment that was made for these invoices."""
    lines = remitted(*((invoice, amount, amount, "") for invoice, amount in paid.items()))
    return one_set(number, payee=payee, amount=str(sum(paid.values())), lines=lines)


class Week:
    """What both sides do, and what must come of it.

    `paid_in`: each payment that must be in Epicor, with its invoices; `paid_out`: each that must reach the partner;
    `cities`: where each vendor must be; `kept`: what must not get in, by flow and number, with its state and reason.
    """

    def __init__(self, world: PartnerWorld, seed: int) -> None:
        self.world = world
        self.chance = Random(seed)
        self.paid_in: dict[int, dict[str, Decimal]] = {}
        self.paid_out: dict[str, dict[str, Decimal]] = {}
        self.cities: dict[str, list[str]] = {}
        self.kept: dict[tuple[str, str], tuple[str, str]] = {}
        self.controls = itertools.count(100)
        self.answers = itertools.count(700)
        self.files: list[bytes] = []
        self.sets: list[list[list[str]]] = []
        self.answered: list[str] = []
        self.refused: str | None = None
        self.right: dict[str, Any] = {}
        self.kills = 0

    def invoices(self, day: int) -> None:
        """Posted invoices of the day; the freight company has one of the same number."""
        for vendor, number in ((12, f"W{day}-0"), (12, f"W{day}-1"), (12, f"W{day}-2"), (13, f"W{day}-0")):
            self.invoice(number, str(self.amount()), VendorNum=vendor)

    def invoice(self, number: str, amount: str, **more: Any) -> None:
        given = {"VendorNum": 12, "InvoiceDate": "2026-02-20", "Posted": True, "GroupID": "G1", **more}
        self.world.epicor.seed(invoices=[{"InvoiceNum": number, "DocInvoiceVendorAmt": amount, **given}])

    def amount(self) -> Decimal:
        return Decimal(self.chance.randrange(100, 99_999)) / 100

    def payments(self, day: int) -> None:
        """Two payments a day; one of day 1 is posted only on day 4, and one is voided."""
        for place in range(2):
            self.payment(f"{6000 + 10 * day + place}", Posted=(day, place) != (1, 1))
        if day == 2:
            self.payment("6999", Voided=True)
            del self.paid_out["6999"]
        if day == 4:
            self.world.epicor.update("CheckHed", {"CheckNum": 6011}, Posted=True)

    def payment(self, number: str, **more: Any) -> None:
        pays = {f"P{number}-{n}": self.amount() for n in range(1 + self.chance.randrange(3))}
        self.paid_out[number] = pays
        row = {
            "HeadNum": 3000 + int(number),
            "VendorNum": 12,
            "CheckNum": int(number),
            "CheckDate": "2026-03-01",
            "GroupID": "G1",
            "pays": [{"InvoiceNum": invoice, "DocTranAmt": str(amount)} for invoice, amount in pays.items()],
        }
        self.world.epicor.seed(payments=[{**row, "Posted": True, **more}])

    def vendors(self, day: int) -> None:
        """A vendor moves every other day, a new one comes by each layout; some files say the same again."""
        rows = [("ACME", f"City {day // 2}"), (f"CSV{day}", "Reno")]
        for vendor, city in [*rows, (f"FIX{day}", "Tacoma")]:
            if city not in self.cities.setdefault(vendor, []):
                self.cities[vendor].append(city)
        given = [{"vendor_id": vendor, "city": city} for vendor, city in rows]
        self.world.vendors(*given, name=f"vendors_{day}.csv")
        self.world.fixed_vendors({"vendor_id": f"FIX{day}", "city": "Tacoma"}, name=f"vendors_{day}.txt")
        if day % 2:
            self.world.vendors(given[1], name=f"vendors_{day}_again.csv")
        if day == 3:
            self.world.vendors({"vendor_id": "ODD", "status": "MAYBE"}, name="vendors_odd.csv")
            self.kept["vendors_in", "ODD"] = ("quarantined", "MAYBE")
            short = "\r\n".join(
                fixed_vendors([{"vendor_id": "CUT", "vendor_name": "Cut", "status": "ACTIVE"}], date(2026, 3, 2))[:-1]
            )
            self.world.partner.write("vendors_cut.txt", short.encode())

    def pay(self, day: int) -> None:
        """Two vendors are paid; the file comes again, its content under a new number, its number with other content."""
        balance = {(row["VendorNum"], row["InvoiceNum"]): row["DocInvoiceBal"] for row in self.world.epicor.invoices()}
        acme = {f"W{day}-{n}": balance[12, f"W{day}-{n}"] for n in range(2)}
        freight = {f"W{day}-0": balance[13, f"W{day}-0"]}
        number = 8000 + 10 * day
        self.paid_in |= {number: acme, number + 1: freight}
        sets = [advice(f"{number}", "ACME", acme), advice(f"{number + 1}", "nwfrt", freight)]
        data = interchange(*sets, control=next(self.controls)).encode()
        self.files.append(data)
        self.sets.append(sets)
        if day == 5:  # the first time it is cut in the middle
            self.world.partner.write("820_0_cut.edi", data[: len(data) // 2])
        self.world.partner.write(f"820_{day}.edi", data)
        self.again(day)
        if day == 1:
            self.late_invoice()

    def again(self, day: int) -> None:
        put = self.world.partner.write
        if day in {1, 4}:
            put(f"820_{day}_same.edi", self.files[day - 1])
        if day in {2, 5}:
            put(f"820_{day}_anew.edi", interchange(*self.sets[day - 1], control=next(self.controls)).encode())
        if day == 3:
            other = advice("8999", "ACME", {"W0-2": Decimal("1.00")})
            put("820_3_number.edi", interchange(other, control=100).encode())
        if day == 6:
            other = advice("8000", "ACME", {"W0-2": Decimal("1.00")})
            put("820_6_amount.edi", interchange(other, control=next(self.controls)).encode())
            self.kept["payments_in", "8000"] = ("conflict", "")

    def late_invoice(self) -> None:
        """Paid before it is in Epicor; and a payment of a vendor nobody knows."""
        late = advice("8500", "ACME", {"LATE-1": Decimal("9.00")})
        lost = advice("8501", "NOBODY", {"LATE-1": Decimal("9.00")})
        data = interchange(late, lost, control=next(self.controls)).encode()
        self.world.partner.write("820_late.edi", data)
        self.paid_in[8500] = {"LATE-1": Decimal("9.00")}
        self.kept["payments_in", "8501"] = ("held", "NOBODY")

    def confirm(self, day: int) -> None:
        """The invoices of the day; one with a wrong total that is corrected, one that stays wrong."""
        rows = [
            {"invoice_number": row["InvoiceNum"], "invoice_total": row["DocInvoiceVendorAmt"]}
            for row in self.world.epicor.invoices()
            if row["VendorNum"] == 12 and row["InvoiceNum"].startswith(f"W{day}-")
        ]
        if day == 2:
            self.world.confirmations({**rows.pop(), "invoice_total": "0.01"}, name="confirmations_wrong.csv")
            self.kept["confirmations_in", "W2-2"] = ("held", "0.01 here")
        wrong = [{**rows[0], "invoice_total": "0.02"}] if day == 4 else rows[:1]
        self.world.confirmations(*wrong, *rows[1:], name=f"confirmations_{day}.csv")
        self.right = rows[0] if day == 4 else self.right
        if day == 5:
            self.world.confirmations(self.right, name="confirmations_corrected.csv")

    def answer(self, day: int) -> None:
        """A 997 for each file that came: the first from day 2 on refuses a payment, one is sent twice, for two days none."""
        if day in SILENT:
            return
        for path in self.world.partner.taken("820_*.edi"):
            if path.name in self.answered:
                continue
            self.answered.append(path.name)
            data = path.read_bytes()
            verdicts: dict[str, Verdict] = {}
            if day >= 2 and self.refused is None:
                verdicts["0001"] = "R"
                self.refused = remittances(data)[0]["number"]
            ack = acknowledge(data, control=next(self.answers), verdicts=verdicts)
            self.world.partner.write(f"997_{path.stem}.edi", ack)
            if day == 3:
                self.world.partner.write(f"997_{path.stem}_again.edi", ack)

    def upset(self, day: int) -> None:
        """Every day an answer is lost on saving, a look fails, an upload is cut and a file cannot be read."""
        chance, epicor, partner = self.chance, self.world.epicor.faults, self.world.partner.faults
        epicor.add(Fault(kind=chance.choice(LOST), at=SAVES[day % 2], nth=1 + chance.randrange(3)))
        kind = chance.choice(BUSY)
        epicor.add(Fault(kind=kind, at=chance.choice(LOOKS), value="30" if kind == "429" else None))
        kind, at, value = chance.choice(CUT)
        partner.add(Fault(kind=kind, at=at, nth=1 + chance.randrange(3), value=value))
        kind, at = chance.choice(UNREAD)
        partner.add(Fault(kind=kind, at=at, nth=1 + chance.randrange(3)))

    def release(self) -> None:
        """A person sends the refused payment once more; nothing else of that flow waits for one."""
        with self.world.workspace() as workspace:
            for document in workspace.ledger.find_documents(flow=f"{SPEC}/remittances_out", limit=1000):
                if document.state is State.HELD:
                    workspace.ledger.release(document.key, State.READY, actor="tess", reason="they corrected it")


@pytest.fixture(params=[5, pytest.param(11, marks=pytest.mark.faults)])
def week(make_partner_world, request):
    return Week(make_partner_world(token_life=1200), request.param)


def live(week: Week) -> list[str]:
    """Two polls a day, one of them by a process that dies; every poll is a session of its own. What it told as trouble."""
    world, told = week.world, []

    def poll(*flows: str, progress: Any = quiet) -> None:
        for each in world.run(*flows, progress=progress).flows:
            told.extend(map(str, [*each.trouble, each.error or ""]))

    for day in range(DAYS):
        week.invoices(day)
        week.payments(day)
        week.vendors(day)
        week.pay(day)
        week.confirm(day)
        if day == 4:
            week.invoice("LATE-1", "9.00")
        week.upset(day)
        try:
            poll(*(OUT if day % 3 == 1 else IN), progress=killed_after(week.chance.randrange(9)))
        except Killed:
            week.kills += 1
        poll(*IN, *OUT)
        world.epicor.faults.clear()
        world.partner.faults.clear()
        week.answer(day)
        if day == 3:
            week.release()
        world.clock.forward(hours=23)
    poll(*IN, *OUT)
    return told


def test_after_a_week_each_document_is_there_once_and_the_ledger_explains_the_rest(week):
    told = live(week)
    world = week.world
    assert week.kills >= DAYS // 2
    assert len([call for call in world.epicor.history.calls() if call.status in {None, 401, 429, 500, 503}]) > 1
    assert any("the server closed the connection" in each for each in told)
    assert_entered(week)
    assert_vendors(week)
    assert_sent(week)
    assert_remitted(week)
    assert_answered(world)
    assert any("was not acknowledged within" in each for each in told)
    assert any("the partner rejected" in each for each in told)
    assert_explained(week)
    world.epicor.post_payments("MLCPAY")
    open_ = {row["InvoiceNum"] for row in world.epicor.invoices() if row["DocInvoiceBal"]}
    assert open_ == {f"W{day}-2" for day in range(DAYS)}
    world.assert_understood()


def assert_entered(week: Week) -> None:
    """Each payment the partner made is in Epicor once, with each of its invoices."""
    ours = [row for row in week.world.epicor.payments() if row["GroupID"] == "MLCPAY"]
    found = {row["CheckNum"]: {tran["InvoiceNum"]: tran["DocTranAmt"] for tran in row["APTrans"]} for row in ours}
    assert found == week.paid_in
    assert sum(len(row["APTrans"]) for row in ours) == sum(map(len, week.paid_in.values()))
    assert {row["VendorNumVendorID"] for row in ours if row["CheckNum"] % 2} == {"NWFRT"}
    history = week.world.epicor.history
    made = sum(effect.detail["new"] for effect in history.effects("payment.saved"))
    assert made - len(history.effects("payment.deleted")) == len(ours) == len(week.paid_in)


def assert_vendors(week: Week) -> None:
    """Each vendor is as the partner last said, was stored once for each change, and the partner knows its own back."""
    back = {row["vendor_id"]: row["city"] for row in week.world.partner.read_taken("vendors_*")}
    for vendor, cities in week.cities.items():
        assert week.world.vendor(vendor)["City"] == back[vendor] == cities[-1], vendor
        assert week.world.vendor_saves(vendor) == len(cities), vendor
    assert {row["VendorID"] for row in week.world.epicor.vendors()} == {*week.cities, "NWFRT"}
    assert set(back) == {*week.cities, "NWFRT"}


def assert_sent(week: Week) -> None:
    """Each invoice and each payment went out as CSV once, complete."""
    rows = week.world.partner.read_taken("invoices_*")
    invoices = {(row["VendorNumVendorID"], row["InvoiceNum"]): row for row in week.world.epicor.invoices()}
    assert Counter((row["vendor_id"], row["invoice_number"]) for row in rows) == Counter(invoices.keys())
    for row in rows:
        there = invoices[row["vendor_id"], row["invoice_number"]]
        assert Decimal(row["invoice_total"]) == there["DocInvoiceVendorAmt"]
    paid = week.world.partner.read_taken("payments_*")
    found = sorted((row["payment_number"], row["invoice_number"], Decimal(row["amount_paid"])) for row in paid)
    assert found == sorted((number, *each) for number, pays in week.paid_out.items() for each in pays.items())


def assert_remitted(week: Week) -> None:
    """Each payment stands in one 820; the refused one in two, the second of which the partner took."""
    files = [path.read_bytes() for path in week.world.partner.taken("820_*.edi")]
    controls = [named(read(data), "ISA")[0][12] for data in files]
    assert len(set(controls)) == len(controls)
    sent = [payment for data in files for payment in remittances(data)]
    assert week.refused is not None
    assert Counter(each["number"] for each in sent) == Counter([*week.paid_out, week.refused])
    for each in sent:
        pays = week.paid_out[each["number"]]
        assert {invoice["number"]: invoice["paid"] for invoice in each["invoices"]} == pays
        assert each["amount"] == sum(pays.values())


def assert_answered(world: PartnerWorld) -> None:
    """Each group that came was acknowledged once; the cut file and the number that came again were refused as such."""
    said = [read(path.read_bytes()) for path in world.partner.path("/acks").iterdir()]
    groups = Counter(ak1[1] for each in said for ak1 in named(each, "AK1"))
    assert groups == Counter(str(100 + n) for n in range(len(groups)))
    assert {verdict for each in said for verdict, *_ in named(each, "AK5")} == {"A"}
    refused = [(ta1[0], ta1[3], ta1[4]) for each in said for ta1 in named(each, "TA1")]
    assert sorted(refused) == [("000000100", "R", "025"), ("000000107", "R", "023")]
    assert list(world.partner.path("/inbound").iterdir()) == []
    bad = {path.name for path in world.partner.path("/error").iterdir() if path.suffix != ".json"}
    assert bad == {"820_0_cut.edi", "820_3_number.edi", "vendors_cut.txt"}
    for folder in ("/outbound", "/acks"):
        assert [path.name for path in world.partner.path(folder).iterdir() if path.name[0] == "."] == []


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
    gone = [d for d in documents if d.state.value == "cancelled"]
    assert all(d.reason.startswith("replaced by version") for d in gone)
    assert [d.number for d in gone if not d.flow.endswith("/vendors_out")] == ["W4-0"]
    confirmed = {d.number for d in documents if d.flow.endswith("/confirmations_in") and d.state.value == "adopted"}
    assert confirmed == {f"W{day}-{place}" for day in range(DAYS) for place in range(3)} - {"W2-2"}
