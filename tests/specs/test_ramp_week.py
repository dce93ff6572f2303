"""A week of Epicor and Ramp on the test clock: masters, bills, edits, duplicates, faults, expiry, limits, restarts, a killed run."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from engine.sandbox.faults import Fault

from .ramp_world import MASTERS, SPEC, TELLING

DAYS = 7
MASTER_FAULTS = ("lost_answer", "500_after", "503", "429")
COMMITS = ("*APInvoiceSvc/UpdateMaster", "*APInvoiceSvc/Update")
LOST = ("lost_answer", "500_after", "reset", "truncated", "cut_before")
UNDER_WAY = {"ready", "waiting", "probing", "sending", "in_doubt"}


class Killed(BaseException):
    """The process is gone in the middle of its work."""


def killed_after(number: int) -> Callable[[str, Any], None]:
    """Dies when so many documents were delivered."""
    left = [number]

    def progress(event: str, detail: Any) -> None:
        left[0] -= event == "delivered"
        if left[0] < 0:
            raise Killed

    return progress


class Week:
    """What people do, and what must come of it. `expected`: invoice number to total, of bills that can be entered."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.chance = Random(5)
        self.expected: dict[str, Decimal] = {}
        self.bills: dict[str, str] = {}
        self.stuck: dict[str, str] = {}

    def bill(self, number: str, *amounts: str, **more: Any) -> str:
        lines = [
            (amount, "6100" if place % 2 else "6200", "10" if place % 2 else "00")
            for place, amount in enumerate(amounts, 1)
        ]
        total = sum(map(Decimal, amounts))
        self.bills[number] = self.world.bill(number, str(total), *lines, **more)
        if "vendor" not in more:
            self.expected[number] = total
        return self.bills[number]

    def morning(self, day: int) -> None:
        """New bills each day, one of them a credit; each day something special beside them."""
        for number in range(2):
            self.bill(f"W{day}-{number}", f"{10 + number}.10", "0.20")
        self.bill(f"C{day}", "-5.25")
        if day == 1:
            self.stuck["no link"] = self.bill("X-1", "9.99", vendor="Blue Harbor Catering")
        if day == 2:  # the same invoice once more, as another bill
            self.stuck["twice"] = self.world.bill("W0-0", "10.30", ("10.10", "6100", "10"), ("0.20", "6200", "00"))
        if day == 3:  # an edit after it was entered and synced: Ramp shows it no more as ready
            self.world.correct(self.bills["W1-0"], memo="edited later")
        if day == 4:
            self.world.epicor.update("Vendor", {"VendorID": "ACME"}, Name="Acme Supply", City="Boulder")
            self.world.epicor.seed(segments=[{"SegmentNbr": 3, "SegmentCode": "30", "SegmentName": "Lab"}])
        if day == 5:
            self.stuck["sum"] = self.world.bill("S-1", "50.00", ("49.00", "6100", "10"))
            self.stuck["later"] = self.world.bill("S-2", "50.00", ("49.00", "6100", "10"))
        if day == 6:
            self.world.correct(
                self.stuck.pop("later"), line_items=[{"amount": "50.00", "coding": {"gl": "6100", "Department": "10"}}]
            )
            self.expected["S-2"] = Decimal("50.00")

    def upset(self, day: int) -> None:
        """One answer lost in each system, another commit step every day."""
        kind = LOST[day % len(LOST)]
        self.world.epicor.faults.add(Fault(kind=kind, at=COMMITS[day % 2], nth=1 + day))
        self.world.strike(kind, "accounting/syncs", 1 + day % 3)
        self.world.strike(MASTER_FAULTS[day % len(MASTER_FAULTS)], "*/bills")
        if day == 3:
            self.world.strike("expired_token", "*/bills", 2)
        if day == 4:
            self.world.strike("429", "accounting/syncs", 2, "30")
            self.world.strike("lost_answer", "accounting/vendors", 1)


@pytest.fixture
def week(make_ramp_world):
    world = make_ramp_world(ramp={"rate": (60, 10.0)})
    return Week(world)


def live(week: Week) -> None:
    """Two polls a day of all flows, one of them by a process that dies; every poll is a session of its own."""
    world = week.world
    world.strike("500_after", "accounting/accounts", 2)
    for _ in range(2):
        world.run(*MASTERS)
    for day in range(DAYS):
        week.morning(day)
        week.upset(day)
        if day == 2:
            with pytest.raises(Killed):
                world.run("bills", progress=killed_after(1))
        world.run(*MASTERS, "bills", *TELLING)
        if day == 3:
            for number in ("W0-1", "W1-1"):
                world.ramp.pay(week.bills[number])
        world.run("bills", *TELLING, "payments", "vendors_in")
        world.clock.forward(hours=23)
    for _ in range(3):
        world.run("bills", *TELLING)


def test_after_a_week_each_document_is_there_once_and_whole(week):
    live(week)
    world = week.world
    assert sorted(world.numbers()) == sorted(week.expected)
    for invoice in world.epicor.invoices():
        number = invoice["InvoiceNum"]
        assert invoice["DocInvoiceVendorAmt"] == week.expected[number]
        assert invoice["DocInvoiceVariance"] == 0
        assert invoice["DebitMemo"] is number.startswith("C")
        assert all(expense["GLAccount"] for line in invoice["APInvDtls"] for expense in line["APInvExps"])
        assert world.saved(number) == 1
    synced = [effect.key for effect in world.ramp.history.effects("bill.synced")]
    assert len(synced) == len(set(synced)) == len(week.expected)
    for number in week.expected:
        assert [row["remote_id"] for row in world.in_ramp(number) if row["remote_id"]] == [f"EPIC06/12/{number}"]
    assert_masters(world)
    assert_explained(week)
    for side in (world.epicor, world.ramp):
        assert sum(call.status in {None, 500, 503, 429} for call in side.history.calls()) >= DAYS - 2
    world.assert_understood()


def assert_masters(world: Any) -> None:
    """Each account, department and vendor was added once, and shows what Epicor shows."""
    for kind in ("accounts", "fields", "field_options", "accounting_vendors"):
        added = [effect.key for effect in world.ramp.history.effects(f"{kind}.added")]
        assert len(added) == len(set(added)), kind
    assert {row["id"]: row["value"] for row in world.ramp.rows("field_options")} == {
        "00": "Company",
        "10": "Plant",
        "30": "Lab",
    }
    assert {row["id"]: row["name"] for row in world.ramp.rows("accounting_vendors")} == {
        "ACME": "Acme Supply",
        "NWFRT": "Northwind Freight",
    }


def assert_explained(week: Week) -> None:
    """Nothing is under way any more, and each bill that is not in Epicor says why, here and in Ramp."""
    world = week.world
    with world.workspace() as workspace:
        documents = workspace.ledger.find_documents(limit=10_000)
    assert [document for document in documents if document.state.value in UNDER_WAY] == []
    latest = {d.key: d for d in sorted(documents, key=lambda d: d.version) if d.flow == f"{SPEC}/bills"}
    open_ = {d.number: d for d in latest.values() if d.state.value not in {"posted", "adopted"}}
    assert set(open_) == set(week.stuck.values())
    for bill, document in open_.items():
        assert document.state.value == "held"
        assert document.reason
        assert world.told("sync_failed", bill)[-1]["message"] == document.reason
    told = [effect.key for effect in world.ramp.history.effects("bill.sync_failed")]
    assert len(told) == len(set(told)) == len(week.stuck) + 1  # S-2 was corrected after its failure was told
