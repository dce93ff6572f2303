"""Random schedules of faults, each from its seed: whatever comes together, nothing is lost and nothing is posted twice."""

from __future__ import annotations

from random import Random

import pytest

from engine.desk.people import release
from engine.sandbox.faults import Fault

from .world import invoice, payment

KINDS = (
    "lost_answer", "cut_before", "truncated", "truncated_unmarked", "reset", "429", "500", "500_after", "503", "html",
    "expired_token", "redirect", "late", "nan", "duplicate_keys", "error_in_200",
)  # fmt: skip
CALLS = (
    "*APInvoiceSvc/UpdateMaster", "*APInvoiceSvc/UpdateMaster", "*APInvoiceSvc/Update", "*APInvoiceSvc/Update",
    "*APInvoiceSvc/GetByID", "*DeleteByID", "*PaymentEntrySvc/Update", "*PaymentEntrySvc/Update", "*PaymentEntries",
    "*GetNewAPTran", "*VendorSvc/Vendors", "*ChangeExtCost", "*APInvGrpSvc/*", "*connect/token",
)  # fmt: skip
SFTP = (("drop", "rename", "after"), ("drop", "rename", None), ("drop", "read", None), ("drop", "list", None),
        ("partial_read", "read", None), ("rename_fails", "rename", None), ("denied", "open", None))  # fmt: skip
SEEDS = [0, 9, 32, *(pytest.param(seed, marks=pytest.mark.faults) for seed in range(150) if seed not in {0, 9, 32})]


def upset(world, chance):
    for _ in range(chance.randint(2, 7)):
        kind, at = chance.choice(KINDS), chance.choice(CALLS)
        value = (
            str(chance.choice((5, 30, 90))) if kind == "late" else chance.choice((None, "7")) if kind == "429" else None
        )
        world.epicor.faults.add(Fault(kind=kind, at=at, nth=chance.randint(1, 9), value=value))
    for _ in range(chance.randint(0, 2)):
        kind, at, value = chance.choice(SFTP)
        world.stampli.faults.add(Fault(kind=kind, at=at, nth=chance.randint(1, 4), value=value))


def persons_turn(world, numbers):
    """What failed three times half-way is held; once the trouble is over a person lets it go on, and it does."""
    for number in numbers:
        document = world.document(number)
        if document.state.value == "held":
            assert document.reason == "Half-written in the target after 3 attempts"
            with world.workspace() as workspace:
                release(workspace, number, reason="the ERP is well again", posted_as=None, send=True)
    for _ in range(3):
        world.run()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_schedule_of_faults_loses_and_doubles_nothing(world, seed):
    chance = Random(seed)
    numbers = [f"{chance.choice('XYZ')}-{n}{chance.randint(10, 99)}" for n in range(chance.randint(1, 5))]
    world.offer("invoices_001.csv", *(invoice(n) for n in numbers))
    pays = dict.fromkeys(numbers, "10.30")
    world.stampli.write_payments("payments_001.csv", [payment("5001", pays)])
    upset(world, chance)
    for poll in range(12):
        world.run()
        if poll == 2:
            upset(world, chance)
        if poll == 4:
            world.epicor.faults.clear()
            world.stampli.faults.clear()
        if poll > 4 and all(world.state(number) == "posted" for number in (*numbers, "5001")):
            break
    persons_turn(world, (*numbers, "5001"))
    left = [(number, world.state(number), world.document(number).reason) for number in (*numbers, "5001")]
    assert all(state in {"posted", "adopted"} for _, state, _ in left), left
    assert world.numbers() == sorted(numbers)
    for number in numbers:
        world.assert_whole(number)
    (paid,) = world.epicor.payments()
    assert sorted(tran["InvoiceNum"] for tran in paid["APTrans"]) == sorted(numbers)
    vendors = [row["vendor_id"] for row in world.stampli.read_inbound("vendors_*")]
    assert sorted(vendors) == ["ACME", "NWFRT"]
    assert world.epicor.crashes == []
