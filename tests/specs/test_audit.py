"""Where an invoice came from, whether the trail was touched, what an old backup does, and that no secret is written anywhere."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3

import pytest

from engine.desk.people import show_document
from engine.errors import UsageError
from engine.run.story import tell, verify
from engine.sandbox.faults import Fault

from .world import CANARIES, SPEC, invoice, line, payment


def database(world):
    return next((world.home / ".mlconnector").glob("*.db"))


def test_the_story_of_an_invoice_names_its_file_its_rows_every_call_and_the_erp_number(world):
    world.offer("invoices_001.csv", invoice("00122"), invoice())
    world.epicor.faults.add(Fault(kind="lost_answer", at="*APInvoiceSvc/Update", nth=1))
    for _ in range(2):
        world.run("invoices")
    for number in ("00122", "00123"):
        with world.workspace() as workspace:
            story = tell(workspace, form="text", invoice=number)
        assert "invoices_001.csv" in story
        assert f"12/{number}" in story
        assert "rows 4-5" in story if number == "00123" else "rows 2-3" in story
        for step in ("find", "skeleton", "vendor", "date", "total", "save", "save_line[2]", "code_line[2]"):
            assert f"epicor {step}:" in story, step
        assert "sending" in story
    with world.workspace() as workspace:
        assert "12/00123" in tell(workspace, form="json", invoice="00123")
        assert "ingested" in tell(workspace, form="text", file="invoices_001.csv")
        with pytest.raises(UsageError):
            tell(workspace, form="text", invoice="no such number")


def test_the_journey_shows_what_was_read_mapped_sent_and_answered(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    with world.workspace() as workspace:
        text = tell(workspace, form="text", invoice="00123")
        (facts,) = json.loads(tell(workspace, form="json", invoice="00123"))
        shown = show_document(workspace, "00123", form="text")
    order = [word for word in ("as read", "as mapped", "claimed", "request", "answer", "posted") if word in text]
    assert order == sorted(order, key=lambda word: text.index(f"  {word} ")), "told in the order it happened"
    assert '"invoice_number": "00123"' in text
    assert "answer             save: done" in text
    steps = [attempt["step"] for attempt in facts["attempts"]]
    assert steps[0] == "save"
    for attempt in facts["attempts"]:
        assert attempt["outcome"]
        assert attempt["ended"]
        assert attempt["answer"], attempt["step"]
        assert attempt["request"]["InvoiceNum"] == "00123"
    assert facts["as read"]["invoice_number"] == "00123"
    assert facts["as mapped"]["DocInvoiceVendorAmt"] == "10.30"
    assert facts["document"]["flow"] == f"{SPEC}/invoices"
    assert "answer  {" in shown


def test_an_answer_nobody_heard_is_told_as_that(world):
    world.offer("invoices_001.csv", invoice())
    world.epicor.faults.add(Fault(kind="lost_answer", at="*APInvoiceSvc/UpdateMaster", nth=1))
    world.run("invoices")
    with world.workspace() as workspace:
        story = tell(workspace, form="text", invoice="00123")
    assert "in_doubt" in story


def test_any_identifier_finds_a_document_in_whatever_flow_and_says_which(world):
    world.offer("invoices_001.csv", invoice(), invoice("00124"))
    world.run("invoices")
    world.stampli.write_payments("payments_001.csv", [payment()])
    world.run("payments", "vendors")
    with world.workspace() as workspace:
        by_vendor = tell(workspace, form="text", invoice="acme")
        flows = {one["document"]["flow"] for one in json.loads(tell(workspace, form="json", invoice="ACME"))}
        assert "5001 of" in tell(workspace, form="text", invoice="5001")
        with pytest.raises(UsageError, match=r"`0012`; did you mean 00123, 00124\?"):
            tell(workspace, form="text", invoice="0012")
    assert {f"{SPEC}/invoices", f"{SPEC}/payments", f"{SPEC}/vendors"} <= flows
    assert f"flow {SPEC}/payments" in by_vendor


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE trail SET detail = replace(detail, '12/00123', '12/00999')",
        "DELETE FROM trail WHERE n = (SELECT max(n) - 3 FROM trail)",
        "UPDATE trail SET at = '2020-01-01T00:00:00.000000Z' WHERE n = 5",
        "UPDATE trail SET actor = 'somebody else' WHERE n = 7",
    ],
)
def test_audit_verify_finds_a_changed_line(world, edit):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    with world.workspace() as workspace:
        assert verify(workspace)[1] == 0
    connection = sqlite3.connect(database(world))
    with connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        assert connection.execute(edit).rowcount > 0
    connection.close()
    with world.workspace() as workspace:
        text, code = verify(workspace)
    assert code == 3
    assert "was changed" in text


# Yesterday's database


def test_yesterdays_database_adopts_what_is_in_the_erp_and_doubles_nothing(world):
    world.masters_are_fresh("vendors", "gl_accounts")
    backup = world.folder / "backup"
    shutil.copytree(world.home, backup)
    path = world.offer("invoices_001.csv", invoice(), invoice("00124"))
    data = path.read_bytes()
    world.run("invoices")
    shutil.rmtree(world.home)
    shutil.copytree(backup, world.home)
    world.stampli.write("invoices_001.csv", data)
    result = world.run("invoices")
    assert world.counts(result) == {"adopted": 2}
    world.assert_whole("00123")
    world.assert_whole("00124")


def test_a_payment_of_yesterdays_database_is_adopted_too(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    backup = world.folder / "backup"
    shutil.copytree(world.home, backup)
    path = world.stampli.write_payments("payments_001.csv", [payment()])
    data = path.read_bytes()
    world.run("payments")
    shutil.rmtree(world.home)
    shutil.copytree(backup, world.home)
    world.stampli.write("payments_001.csv", data)
    assert world.counts(world.run("payments"), "payments") == {"adopted": 1}
    assert len(world.epicor.payments()) == 1


# Secrets


def test_no_secret_is_in_any_byte_the_engine_writes(world, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    world.offer("invoices_001.csv", invoice(), invoice("00124"), invoice("B", line(1, "5"), invoice_date="x"))
    for kind, at in (("lost_answer", "*UpdateMaster"), ("500", "*Vendors"), ("expired_token", "*ChangeVendorID")):
        world.epicor.faults.add(Fault(kind=kind, at=at))
    told = [world.run().render(form) for _ in range(2) for form in ("text", "json")]
    told.append(world.run(dry_run=True).render("json"))
    world.secrets["epicor.client_secret"] = wrong = "canary-wrong-client-secret-00"
    with world.workspace() as workspace:
        workspace.vault.set("epicor.client_secret", wrong)
    world.clock.forward(hours=3)
    told.append(world.run().render("text"))
    with world.workspace() as workspace:
        told += [tell(workspace, form=form, invoice="00123") for form in ("text", "json")]
        told.append(tell(workspace, form="json", run_id=None))
    written = b"".join(path.read_bytes() for path in world.home.rglob("*") if path.is_file())
    written += b"".join(path.read_bytes() for path in world.stampli.path("/").rglob("*") if path.is_file())
    out, err = capfd.readouterr()
    everything = written + "\n".join([*told, out, err, caplog.text]).encode()
    tokens = [*world.epicor.logins.tokens]
    assert tokens
    for secret in (*CANARIES.values(), wrong, *tokens):
        assert secret.encode() not in everything, secret
    assert b"00123" in everything
