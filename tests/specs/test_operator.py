"""What a person does around the runs: tries, limits, decides on held documents, replays."""

from __future__ import annotations

import json
import sqlite3

import pytest

from engine.desk.people import list_held, reject, release
from engine.desk.replay import replay_documents
from engine.errors import UsageError
from engine.sandbox.faults import Fault

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


def half_written(world):
    """The ERP loses its answer to the first line three times: the document is in there half, and a person is asked."""
    world.offer("invoices_001.csv", invoice())
    for nth in (2, 4, 6):
        world.epicor.faults.add(Fault(kind="lost_answer", at="*APInvoiceSvc/UpdateMaster", nth=nth))
    for _ in range(4):
        world.run("invoices")
    document = world.document("00123")
    assert (document.state.value, document.tries) == ("held", 3)
    assert document.reason == "Half-written in the target after 3 attempts"


def look_again(world, reason="mended in Epicor"):
    with world.workspace() as workspace:
        return release(workspace, "00123", reason=reason, posted_as=None, send=False)


def take_out(world):
    for table in ("APInvExp", "APInvDtl", "APInvHed"):
        for row in list(world.epicor.store.select(table, InvoiceNum="00123")):
            world.epicor.store.remove(table, row)


@pytest.mark.parametrize("mend", [None, take_out], ids=["left_as_it_is", "removed_in_the_erp"])
def test_a_half_written_document_goes_on_with_fresh_turns_once_a_person_lets_it_be_looked_at(world, mend):
    half_written(world)
    if mend is not None:
        mend(world)
    assert "looked up first" in look_again(world)
    for _ in range(2):
        world.run("invoices")
    assert world.state("00123") == "posted"
    world.assert_whole("00123") if mend is None else None
    assert world.numbers() == ["00123"]
    assert world.document("00123").tries == 4, "how often it was sent stays true"


def test_a_document_that_fails_again_after_a_look_is_held_again_after_three_more(world):
    half_written(world)
    for nth in (2, 4, 6):
        world.epicor.faults.add(Fault(kind="lost_answer", at="*APInvoiceSvc/UpdateMaster", nth=nth))
    look_again(world)
    for _ in range(4):
        world.run("invoices")
    document = world.document("00123")
    assert (document.state.value, document.tries) == ("held", 6)
    assert document.reason == "Half-written in the target after 3 attempts"


@pytest.mark.parametrize("send", [True, False])
def test_what_was_sent_once_is_never_replaced_unseen_whatever_a_person_released(world, send):
    world.offer("invoices_001.csv", invoice())
    world.epicor.faults.add(Fault(kind="lost_answer", at="*APInvoiceSvc/Update", nth=2))
    world.run("invoices")
    world.epicor.update("APInvHed", {"InvoiceNum": "00123"}, InvoiceDate="2026-02-21")
    world.run("invoices")
    with world.workspace() as workspace:
        release(workspace, "00123", reason="look again", posted_as=None, send=send)
    world.run("invoices")
    assert world.state("00123") == "held", "it is there with another date"
    world.offer("invoices_002.csv", invoice("00123", line(1, "99.00")))
    world.run("invoices")
    assert [document.state.value for document in world.documents("00123")] == ["held", "conflict"]
    assert world.saved("00123") == 1


@pytest.mark.parametrize(
    "given", [{"reason": ""}, {"reason": " \t"}, {"reason": "\x00"}, {"reason": "x", "posted_as": ""}]
)
def test_a_release_without_a_reason_or_with_an_empty_reference_changes_nothing(world, given):
    hold(world)
    before = tables(world)["document"]
    with world.workspace() as workspace, pytest.raises(UsageError):
        release(workspace, "00123", **{"posted_as": None, "send": False, **given})
    assert tables(world)["document"] == before


def test_a_since_that_is_no_place_in_the_list_is_wrong_usage_and_nothing_moves(world):
    world.offer("invoices_001.csv", invoice())
    before = tables(world)
    with pytest.raises(UsageError, match=r"--since: `epicor.vendors`: 'NONSENSE'.*told by a number"):
        world.run(since="NONSENSE")
    with pytest.raises(UsageError, match="none of the chosen flows reads a list"):
        world.run("invoices", since="17")
    assert tables(world) == before
    assert world.epicor.history.calls() == []


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
    before = world.document("X-1").spec_sha
    with (world.spec.parent / "crosswalks" / "gl_codes.csv").open("a") as stream:
        stream.write("STATIONERY,6100,corrected\n")
    with world.workspace() as workspace:
        said = replay_documents(workspace, world.seams(), ["X-1"], failed=False, remap=world.spec)
    assert said == f"X-1: ready [spec {before[:8]} -> {world.document('X-1').spec_sha[:8]}]"
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


def test_what_a_run_has_in_hand_is_not_replayed(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    world.epicor.update("APInvGrp", {"GroupID": "MLC"}, ActiveUserID="maria")
    world.offer("invoices_002.csv", invoice("R-1"), invoice("R-2"))
    world.run("invoices")
    world.clock.forward(hours=1)
    with world.workspace() as workspace:
        flow = world.document("R-1").flow
        assert workspace.ledger.claim(flow, world.clock(), 1, owner="a:1:1", key=world.document("R-1").key)
        with pytest.raises(UsageError, match="R-1 is probing: a run is at work on it"):
            replay_documents(workspace, world.seams(), ["R-2", "R-1"], failed=False, remap=None)
    assert world.state("R-2") == "rejected", "all of them or none"
