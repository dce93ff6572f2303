"""What the operator may forbid, what can't be reached, what was noted elsewhere, and the shared database."""

from __future__ import annotations

import sqlite3

import pytest

from engine.contracts import State
from engine.desk.people import release
from engine.desk.validating import validate_paths
from engine.run.running import Options, run_spec
from engine.run.story import shown_head, verify

from ..postgres import NoPostgres, fresh_database, running_server  # noqa: TID252
from .world import invoice


@pytest.mark.parametrize("allowed", [("*.acme.example",), ("localhost",)])
def test_a_host_outside_the_operators_list_is_never_reached(world, allowed):
    world.offer("invoices_001.csv", invoice())
    asked = len(world.epicor.history.calls())

    result = world.run("invoices", seams={"allowed_hosts": allowed})

    assert result.exit_code == 4
    assert "MLCONNECTOR_ALLOW_HOSTS" in result.flows[0].error
    assert len(world.epicor.history.calls()) == asked
    assert not world.stampli.history.effects("auth.accepted")


def test_hosts_on_the_operators_list_are_reached(world):
    world.offer("invoices_001.csv", invoice())

    assert world.run("invoices", seams={"allowed_hosts": ("127.0.0.*",)}).exit_code == 0
    world.assert_whole("00123")


def test_a_token_address_outside_the_list_gets_no_credentials(world):
    world.environ["EPICOR_TOKEN_URL"] = "http://login.elsewhere.example/token"
    world.offer("invoices_001.csv", invoice())

    result = world.run("invoices", seams={"allowed_hosts": ("127.0.0.1",)})

    assert "login.elsewhere.example" in result.flows[0].error


def test_an_erp_that_goes_away_before_the_write_is_told_and_the_work_stays(world):
    world.offer("invoices_001.csv", invoice())
    world.epicor.faults.add("503:GetNewAPInvHedInvoice:0")

    result = world.run("invoices")
    left = world.state("00123")
    world.epicor.faults.clear()
    again = world.run("invoices")

    assert (result.exit_code, left) == (4, "ready")
    assert any("next run tries again" in note for note in result.flows[0].notes)
    assert again.exit_code == 0
    world.assert_whole("00123")


def test_a_document_settled_within_the_run_needs_nobody(world):
    """In doubt, looked for twice, sent again, all in one run: the last state counts, not those on the way."""
    world.offer("invoices_001.csv", invoice())
    world.epicor.faults.add("cut_before:UpdateMaster:1")
    world.run("invoices")

    result = world.run("invoices")

    assert world.state("00123") == "posted"
    assert (result.exit_code, dict(result.flows[0].moved)) == (0, {"posted": 1})


def test_a_trail_cut_short_is_found_out_by_a_head_noted_elsewhere(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    with world.workspace() as workspace:
        noted = shown_head(workspace.trail.head())
        whole = verify(workspace, noted)
    with sqlite3.connect(world.home / ".mlconnector" / "state.db") as database:
        n, digest = database.execute("SELECT n, hash FROM trail ORDER BY n DESC LIMIT 1 OFFSET 3").fetchone()
        database.execute("DELETE FROM trail WHERE n > ?", (n,))
        database.execute("UPDATE chain SET n = ?, hash = ?", (n, digest))
    database.close()

    with world.workspace() as workspace:
        unseen, found_out = verify(workspace), verify(workspace, noted)

    assert (whole[1], unseen[1], found_out[1]) == (0, 0, 3)


def test_the_answer_is_kept_with_the_attempt_and_sealed(world):
    """The auditor's question, what the ERP answered, has its answer; the thief of the database does not."""
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")

    with world.workspace() as workspace:
        document = workspace.ledger.find_documents(identifier="00123")[0]
        attempts = workspace.ledger.attempts(document.key)
        run = workspace.ledger.last_run(document.flow)
        calls = [entry for entry in workspace.trail.entries(run=run.id) if entry.event == "call"]

    assert [attempt.step for attempt in attempts] == [
        "save",
        "save_line[1]",
        "code_line[1]",
        "save_line[2]",
        "code_line[2]",
    ]
    assert all(b"OpenPayable" in attempt.response for attempt in attempts)
    assert {"find", "save", "code_line[2]"} <= {call.detail["step"] for call in calls}
    stored = b"".join(path.read_bytes() for path in (world.home / ".mlconnector").glob("state.db*"))
    assert b"OpenPayable" not in stored


def test_the_whole_integration_on_a_shared_database(world):
    try:
        with running_server() as server, fresh_database(server, "mlc_specs") as url:
            world.environ["MLCONNECTOR_DATABASE_URL"] = url
            world.store_secrets()
            world.masters_are_fresh()
            world.offer("invoices_001.csv", invoice())
            world.epicor.faults.add("lost_answer:UpdateMaster:2")
            first = world.run("invoices")
            second = world.run("invoices")
            with world.workspace() as workspace:
                again = run_spec(world.spec, workspace, world.seams(), Options(), lambda *_: None)
                states = workspace.ledger.counts()
            assert (first.exit_code, second.exit_code, again.exit_code) == (3, 0, 0)
            assert states[State.POSTED] >= 1
            world.assert_whole("00123")
    except NoPostgres as reason:
        pytest.skip(str(reason))


def test_a_changed_invoice_waits_for_a_person_while_the_one_before_is_in_doubt(world):
    """Even where changes are sent again: the first may still land, and both would stand in the ERP."""
    world.change("", ("pattern: create_once, if_exists", "pattern: create_once, on_changed: update, if_exists"))
    world.offer("invoices_001.csv", invoice())
    world.epicor.faults.add("cut_before:UpdateMaster:1")
    world.run("invoices")
    world.clock.forward(minutes=-14)
    world.offer("invoices_002.csv", invoice("00123", description="changed"))

    result = world.run("invoices")

    assert world.counts(result) == {"conflict": 1}
    assert world.saved("00123") <= 1


def test_what_a_check_held_a_person_can_let_go(world):
    """The operator knows better than the check: it is looked up, then sent as it was mapped."""
    world.offer("invoices_001.csv", invoice(invoice_total="11.30"))
    world.run("invoices")
    held = world.state("00123")
    with world.workspace() as workspace:
        release(workspace, "00123", reason="freight is invoiced apart", posted_as=None, send=False)

    world.run("invoices")

    assert (held, world.state("00123")) == ("held", "posted")
    assert world.saved("00123") == 1


def test_a_secret_written_into_a_spec_is_not_repeated(world):
    world.change("", ("client_secret: {secret: epicor.client_secret}", "client_secret: not-in-a-log-please"))

    text, code = validate_paths([str(world.spec)], form="text", strict=False, data=None)

    assert code == 1
    assert "E305" in text
    assert "not-in-a-log-please" not in text
