"""Payments to the partner as X12 820, and what the partner answers: read by the partner's own reader."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.contracts import State
from engine.sandbox.faults import Fault
from engine.sandbox.partner_x12 import acknowledge, named, read, remittances

from .test_partner_outbound import PAYMENT

SECOND = {
    "HeadNum": 1002,
    "VendorNum": 13,
    "CheckNum": 5002,
    "CheckDate": "2026-03-01",
    "pays": [{"InvoiceNum": "A-9", "DocTranAmt": "77.70"}],
    "Posted": True,
    "GroupID": "G1",
}
NAME = "820_000000001.edi"


def out(world):
    return (world.partner.path("/outbound") / NAME).read_bytes()


@pytest.fixture
def sent(partner_world):
    """Two payments that went out, and the file."""
    partner_world.epicor.seed(payments=[PAYMENT, SECOND])
    partner_world.run("remittances_out")
    return partner_world


def answered(world, name="997_1.edi", **how):
    world.partner.write(name, acknowledge(out(world), control=500, **how))
    return world.run("remittances_out")


def documents(world):
    """Those of the flow, by payment number."""
    with world.workspace() as workspace:
        found = workspace.ledger.find_documents(flow="epicor-kinetic--sftp-files/remittances_out", limit=99)
    return {document.identifiers["payment"]: document for document in found}


def states(world):
    return {number: document.state.value for number, document in documents(world).items()}


def test_the_partner_reads_what_was_paid(sent):
    first, second = remittances(out(sent))
    assert (first["number"], first["amount"], first["date"]) == ("5001", Decimal("15.00"), "20260301")
    assert [(i["number"], i["paid"], i["gross"], i["discount"]) for i in first["invoices"]] == [
        ("00123", Decimal(10), "10.3", "0.3"),
        ("00124", Decimal(5), "5", "0"),
    ]
    assert (second["number"], second["payee"], second["payer"]) == (
        "5002",
        "Northwind Freight",
        "Example Manufacturing",
    )
    head = read(out(sent))[0]
    assert (head[6].strip(), head[8].strip(), head[13], head[15]) == ("EXAMPLEMFG", "NORTHBANK", "000000001", "P")


def test_it_goes_out_once(sent):
    sent.run("remittances_out")
    assert [path.name for path in sent.partner.taken()] == [NAME]


def test_what_the_partner_accepts_is_noted_and_its_answer_archived(sent):
    result = answered(sent)
    assert result.exit_code == 0
    assert f"the partner accepted {NAME}" in result.flows[0].notes
    assert (sent.partner.path("/archive") / "997_1.edi").is_file()
    assert set(states(sent).values()) == {"posted"}


def test_a_payment_the_partner_rejects_waits_for_a_person_and_goes_out_anew(sent):
    result = answered(sent, verdicts={"0002": "R"})
    assert result.exit_code == 3
    assert states(sent) == {"5001": "posted", "5002": "held"}
    document = documents(sent)["5002"]
    assert "RMR at 9, element 4: code 1" in document.reason

    with sent.workspace() as workspace:
        workspace.ledger.release(document.key, State.READY, actor="tess", reason="the partner corrected its records")
    sent.run("remittances_out")
    second = (sent.partner.path("/outbound") / "820_000000002.edi").read_bytes()
    assert [each["number"] for each in remittances(second)] == ["5002"]
    assert named(read(second), "ISA")[0][12] == "000000002"


def test_silence_is_told_after_a_day(sent):
    sent.clock.forward(hours=25)
    (told,) = sent.run("remittances_out").flows[0].trouble
    assert NAME in told
    assert "was not acknowledged within" in told


def test_an_upload_whose_end_nobody_saw_is_settled_by_the_answer(partner_world):
    """The rename was done, its reply was lost, and the partner took the file away: only its answer tells that it came."""
    world = partner_world
    world.epicor.seed(payments=[PAYMENT])
    world.partner.faults.add(Fault(kind="drop", at="rename", value="after"))
    world.run("remittances_out")
    data = out(world)
    (world.partner.path("/outbound") / NAME).unlink()
    world.partner.write("997_1.edi", acknowledge(data, control=500))
    world.run("remittances_out")
    world.run("remittances_out")
    assert states(world) == {"5001": "posted"}
    assert world.partner.taken() == []
