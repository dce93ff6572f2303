"""What a person does around the runs: tries, limits, decides on held documents, replays."""

from __future__ import annotations

import json
import sqlite3

import pytest

from engine.errors import UsageError
from engine.run.people import list_held, reject, release
from engine.run.replay import replay_documents

from .world import invoice, line


def database(world):
    return next((world.home / ".mlconnector").glob("*.db"))


def tables(world):
    """Every row of every table."""
    with sqlite3.connect(f"file:{database(world)}?mode=ro", uri=True) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        dump = {name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"'))) for name in names}
    connection.close()
    return dump


def keyed(number="00123", total="10.30"):
    lines = [
        {"Description": "line 1", "DocExtCost": "10.10", "GLAccount": "6100|00|10"},
        {"Description": "line 2", "DocExtCost": str(float(total) - 10.10)[:4], "GLAccount": "6200|00|00"},
    ]
    return {
        "VendorNum": 12,
        "InvoiceNum": number,
        "InvoiceDate": "2026-02-20",
        "DocInvoiceVendorAmt": total,
        "lines": lines,
    }


# --dry-run, --limit, --only


def test_a_dry_run_writes_nothing_anywhere_and_shows_what_would_be_sent(world):
    world.run("vendors")
    world.epicor.touch_vendor("ACME", City="Boulder")
    world.epicor.seed(invoices=[keyed()])
    world.offer("invoices_001.csv", invoice(), invoice("00124"), invoice("00125", invoice_total="1.00"))
    before = (
        tables(world),
        len(world.epicor.history.effects()),
        [e for e in world.stampli.history.effects() if e.what.startswith("file.")],
    )
    result = world.run(dry_run=True)
    after = (
        tables(world),
        len(world.epicor.history.effects()),
        [e for e in world.stampli.history.effects() if e.what.startswith("file.")],
    )
    changed = {name for name in before[0] if before[0][name] != after[0][name]}
    assert changed <= {"secret", "trail", "chain"}, "at most a fresh token, and the trail tells which reads were made"
    assert before[1:] == after[1:]
    assert world.outbound() == ["invoices_001.csv"]
    assert result.exit_code == 3, "one of them would be held"
    text, data = result.render("text"), json.loads(result.render("json"))
    assert "00123" in text
    assert "exists already as 12/00123" in text
    assert "Lines do not add up" in text
    assert "nothing was written anywhere" in text
    flow = next(each for each in data["flows"] if each["flow"] == "invoices")
    fresh = next(each for each in flow["documents"] if each["number"] == "00124")
    assert "save" in fresh["would"]
    assert fresh["document"]["APInvDtls"][0]["GLAccount"] == "6100|00|10"
    written = [
        c for c in world.epicor.history.calls() if c.path.rsplit("/", 1)[-1] in {"Update", "UpdateMaster", "DeleteByID"}
    ]
    assert written == []
    world.run("invoices")
    assert sorted(world.numbers()) == ["00123", "00124"]


def test_limit_takes_part_of_a_file_and_the_rest_comes_later(world):
    world.offer("invoices_001.csv", *(invoice(f"L-{n}") for n in range(5)))
    assert world.counts(world.run("invoices", limit=2)) == {"posted": 2}
    assert world.numbers() == ["L-0", "L-1"]
    assert world.outbound() == ["invoices_001.csv"]
    world.run("invoices", "credit_memos")
    assert world.numbers() == [f"L-{n}" for n in range(5)]
    assert world.outbound() == []


def test_only_delivers_the_one_document(world):
    world.offer("invoices_001.csv", *(invoice(f"L-{n}") for n in range(5)))
    world.run("invoices", only="L-3")
    assert world.numbers() == ["L-3"]
    world.run("invoices")
    assert world.numbers() == [f"L-{n}" for n in range(5)]


def test_only_of_an_unknown_number_is_wrong_usage(world):
    world.offer("invoices_001.csv", invoice())
    result = world.run("invoices", only="NOPE")
    assert result.exit_code != 0
    assert "NOPE" in result.flows[0].error
    assert world.numbers() == []


def test_a_flow_that_does_not_exist_is_wrong_usage(world):
    with pytest.raises(UsageError, match="has no flow `invoises`"):
        world.run("invoises")


# Held documents


def hold(world):
    """An invoice the ERP has otherwise, entered by hand: held."""
    world.epicor.seed(invoices=[keyed(total="10.35")])
    world.offer("invoices_001.csv", invoice())
    assert world.run("invoices").exit_code == 3
    assert world.state("00123") == "held"


def test_a_released_document_is_looked_up_first_and_held_again_while_nothing_changed(world):
    hold(world)
    with world.workspace() as workspace:
        release(workspace, "00123", reason="checked", posted_as=None, send=False)
    world.run("invoices")
    assert world.state("00123") == "held"
    assert world.calls("*UpdateMaster") == 0


def test_a_released_document_goes_once_the_cause_is_gone(world):
    hold(world)
    header = world.epicor.store.select("APInvHed", InvoiceNum="00123")[0]
    for table in ("APInvExp", "APInvDtl", "APInvHed"):
        for row in list(world.epicor.store.select(table, InvoiceNum=header["InvoiceNum"])):
            world.epicor.store.remove(table, row)
    with world.workspace() as workspace:
        release(workspace, "00123", reason="removed the wrong one in Epicor", posted_as=None, send=False)
    world.run("invoices")
    world.run("invoices")
    world.assert_whole("00123")


def test_even_send_looks_first_and_never_doubles(world):
    hold(world)
    with world.workspace() as workspace:
        release(workspace, "00123", reason="send it", posted_as=None, send=True)
    world.run("invoices")
    assert world.state("00123") == "held"
    assert len(world.numbers()) == 1
    assert world.calls("*UpdateMaster") == 0


def test_a_person_can_attest_where_it_was_posted(world):
    hold(world)
    with world.workspace() as workspace:
        release(workspace, "00123", reason="corrected by hand", posted_as="12/00123", send=False)
        assert list_held(workspace, every=False, form="text") == "Nothing is held."
    document = world.document("00123")
    assert (document.state.value, document.reference) == ("posted", "12/00123")
    world.run("invoices")
    assert world.calls("*UpdateMaster") == 0


def test_a_rejected_document_never_goes(world):
    hold(world)
    with world.workspace() as workspace:
        assert "00123" in list_held(workspace, every=False, form="text")
        reject(workspace, "00123", reason="double")
        with pytest.raises(UsageError, match="rejected by a person"):
            replay_documents(workspace, world.seams(), ["00123"], failed=False, remap=None)
    for _ in range(2):
        world.run("invoices")
    assert (world.state("00123"), world.calls("*UpdateMaster")) == ("cancelled", 0)


def test_a_posted_document_is_not_replayed(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    with world.workspace() as workspace, pytest.raises(UsageError, match="would double it"):
        replay_documents(workspace, world.seams(), ["00123"], failed=False, remap=None)


def test_the_newer_version_of_a_conflict_can_be_rejected_and_the_posted_one_stays(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    world.offer("invoices_002.csv", invoice("00123", line(1, "99.00")))
    world.run("invoices")
    with world.workspace() as workspace:
        reject(workspace, "00123", reason="credit note comes")
    assert [d.state.value for d in world.documents("00123")] == ["posted", "cancelled"]
    world.run("invoices")
    world.assert_whole("00123")


# Replay


def test_replay_gives_a_rejected_document_another_turn_with_what_was_sent(world):
    world.offer("invoices_001.csv", invoice())
    world.run()
    world.epicor.update("APInvGrp", {"GroupID": "MLC"}, ActiveUserID="maria")
    world.offer("invoices_002.csv", invoice("R-1"))
    world.run("invoices")
    assert world.state("R-1") in {"rejected", "ready"}, world.document("R-1").reason
    world.epicor.update("APInvGrp", {"GroupID": "MLC"}, ActiveUserID="")
    with world.workspace() as workspace:
        assert "R-1" in replay_documents(workspace, world.seams(), ["R-1"], failed=False, remap=None)
    world.run("invoices")
    world.assert_whole("R-1")


def test_remap_maps_a_held_code_with_the_corrected_crosswalk(world):
    world.offer("invoices_001.csv", invoice("X-1", line(1, "5.00", "STATIONERY")))
    world.run("invoices")
    assert world.state("X-1") == "held"
    with (world.spec.parent / "crosswalks" / "gl_codes.csv").open("a") as stream:
        stream.write("STATIONERY,6100,corrected\n")
    with world.workspace() as workspace:
        said = replay_documents(workspace, world.seams(), ["X-1"], failed=False, remap=world.spec)
    assert said == "X-1: ready"
    world.run("invoices")
    world.assert_whole("X-1", ("5.00",))


def test_a_quarantined_record_is_read_from_a_corrected_file(world):
    bad = invoice("B-1", line(1, "5.00"), invoice_date="20.02.2026")
    world.offer("invoices_001.csv", bad, invoice())
    world.run("invoices")
    world.offer("invoices_002.csv", invoice("B-1", line(1, "5.00")))
    world.run("invoices")
    world.assert_whole("B-1", ("5.00",))
    assert world.state("B-1") == "posted"
