"""Controls 1, 2, 3, 26, 28, 31: what a thief of the database reads, and what an insider can change unseen."""

# ruff: noqa: ISC004 - specs and files are quoted as they are written

from __future__ import annotations

import shutil
import stat

import pytest

from .stage import ALERT, PASSWORD, leaks

PAYLOAD = "confidential-line-text-5d2e"
"""Stands in a line of the bill only: neither a number nor an amount nor an identifier."""

PLAIN = {
    "document": {
        "tenant", "key", "version", "seq", "flow", "kind", "number", "party", "state", "content_hash", "parcel_id", "place",
        "amount", "identifiers", "epoch", "owner", "step", "tries", "forgiven", "crashes", "reference", "reason", "not_before",
        "settle", "boot_host", "boot_id", "boot_due", "waits_since", "spec_sha", "run", "batch", "batch_place", "created_at", "updated_at",
    },
        "attempt": {
        "n", "tenant", "key", "version", "step", "epoch", "number", "spec_sha", "request_sha", "started_at", "deadline_at",
        "outcome", "status", "finished_at",
    },
    "secret": {"tenant", "kind", "name", "expires_at", "updated_at"},
}  # fmt: skip
"""What is searched by, and therefore readable: numbers, parties, amounts, identifiers, states, times, reasons, references."""


@pytest.mark.parametrize("answer", [None, (400, {}, b'{"message": "no"}'), (0, {}, b"")])
def test_28_a_stolen_database_shows_no_line_of_an_invoice(stage, answer):
    """Posted, refused, in doubt: the payload is nowhere in the state, its log, the trail or the spool."""
    stage.peer.answer = lambda asked: answer if asked.method == "POST" else None
    stage.offer_bill(description=PAYLOAD)
    stage.run()
    stage.run()
    assert leaks({"payload": PAYLOAD, "password": PASSWORD, "alert": ALERT}, stage.home) == []


def test_28_what_the_target_shows_of_other_invoices_is_not_kept_either(stage):
    stage.peer.bills.append({"number": "A-1", "date": "2026-11-01", "total": 99, "lines": [{"description": PAYLOAD}]})
    stage.offer_bill()
    stage.run()
    assert stage.states() == {"A-1": "held"}
    assert leaks({"payload": PAYLOAD}, stage.home) == []


@pytest.mark.parametrize("table", PLAIN)
def test_28_every_other_column_is_sealed(stage, table):
    """A new column must be listed here or end in `_sealed`."""
    columns = {row[1] for row in stage.rows(f"pragma table_info({table})")}
    rest = columns - PLAIN[table]
    assert rest
    assert all(name.endswith("sealed") for name in rest)


def test_03_everything_made_is_its_owners_only_even_without_a_umask(bare):
    bare.offer_bill()
    for name, value in (("shop.password", PASSWORD), ("alerts.team", ALERT)):
        assert bare.process("secrets", "set", name, stdin=value, umask=0).returncode == 0
    assert bare.process("run", str(bare.spec), umask=0).returncode == 0
    assert bare.process("keys", "rotate", umask=0).returncode == 0
    made = list(bare.home.rglob("*"))
    assert len(made) > 3
    open_to_others = {str(path): oct(path.stat().st_mode) for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077}
    assert open_to_others == {}


def test_03_files_dropped_for_a_partner_are_not_for_everybody(stage):
    stage.change("", ("write: {object: shop.bills, pattern: create_once, if_exists: {compare: [date, total]}}",
                      "write: {object: files.notes, pattern: append}"),
                 ("      vendor: vendor\n      number: number\n      date: date\n      total: total\n"
                  "      lines: {each: lines, map: {description: description, amount: amount}}\n",
                  "      code: number\n      text: vendor\n"))  # fmt: skip
    stage.offer_bill()
    ran = stage.process("run", str(stage.spec), umask=0)
    (dropped,) = (stage.files / "in").iterdir()
    assert ran.returncode == 0
    assert stat.S_IMODE(dropped.stat().st_mode) & 0o022 == 0


@pytest.mark.parametrize("name", [".mlconnector/state.db", ".mlconnector.key"])
def test_03_a_state_or_key_open_to_others_is_refused(stage, name):
    path = stage.home / name
    path.chmod(0o644)
    ran = stage.cli("run", str(stage.spec))
    assert ran.returncode == 4
    assert "chmod 600" in ran.stderr
    assert stage.peer.asked == []


def test_02_a_backup_without_the_key_opens_nothing_and_makes_no_new_key(stage):
    stage.offer_bill()
    stage.run()
    thief = stage.folder / "thief/.mlconnector"
    thief.mkdir(parents=True, mode=0o700)
    shutil.copy(stage.home / ".mlconnector/state.db", thief / "state.db")
    stage.home = stage.folder / "thief"
    for words in (["run", str(stage.spec)], ["held", "show", "A-1"]):
        ran = stage.cli(*words)
        assert ran.returncode == 4, ran.stdout + ran.stderr
        assert "key" in ran.stderr
    assert not list(stage.home.rglob("*.key"))


def test_01_a_secret_moved_to_another_row_by_sql_stops_the_run(stage):
    """The password and the alert address are swapped: one would be sent as the other."""
    stage.rows("update secret set name = 'x' where name = 'shop.password'")
    stage.rows("update secret set name = 'shop.password' where name = 'alerts.team'")
    stage.rows("update secret set name = 'alerts.team' where name = 'x'")
    stage.offer_bill()
    ran = stage.cli("run", str(stage.spec))
    assert ran.returncode == 4
    assert "altered or moved" in ran.stderr
    assert stage.peer.asked == []


def test_01_a_payload_moved_to_another_document_by_sql_is_not_posted(stage):
    stage.peer.answer = lambda asked: (503, {}, b"")
    stage.offer(
        "vendor,number,date,total,description,amount\nACME,A-1,2026-11-01,1.00,x,1.00\nACME,A-2,2026-11-01,9.00,y,9.00\n"
    )
    stage.run()
    stage.rows(
        "update document set payload_sealed = (select payload_sealed from document where number = 'A-2') where number = 'A-1'"
    )
    stage.peer.answer = lambda asked: None
    stage.clock.sleep(3600)
    ran = stage.cli("run", str(stage.spec))
    assert ran.returncode in {3, 4, 70}
    assert [bill["number"] for bill in stage.peer.bills] in ([], ["A-2"])


TAMPERING = {
    "edited": "update trail set detail = replace(detail, 'A-1', 'A-9'), event = 'x' where n = 3",
    "deleted": "delete from trail where n = 4",
    "reordered": "update trail set n = case n when 3 then 4 when 4 then 3 end where n in (3, 4)",
    "cut short": "delete from trail where n > 5",
    "somebody else's doing": "update trail set actor = 'auditor' where n = 2",
}


@pytest.mark.parametrize("how", TAMPERING)
def test_26_a_trail_changed_by_sql_is_told(stage, how):
    stage.offer_bill()
    stage.run()
    assert stage.cli("audit", "verify").returncode == 0
    if how == "reordered":
        stage.rows("update trail set n = -3 where n = 3")
        stage.rows("update trail set n = 3 where n = 4")
        stage.rows("update trail set n = 4 where n = -3")
    else:
        stage.rows(TAMPERING[how])
    told = stage.cli("audit", "verify")
    assert told.returncode == 3
    assert "changed" in told.stdout


def test_26_a_trail_cut_short_together_with_its_head_is_told_by_the_head_noted_outside(stage):
    """Each run prints the head for this."""
    stage.offer_bill()
    printed = stage.run().render("text").rpartition("trail head ")[2].strip()
    with stage.workspace() as workspace:
        head = workspace.trail.head()
    assert f"{head.n}:{head.hash}".startswith(printed)
    stage.rows("delete from trail where n > 5")
    stage.rows("update chain set n = 5, hash = (select hash from trail where n = 5)")
    with stage.workspace() as workspace:
        assert workspace.trail.verify(expected=head).breaks


@pytest.mark.parametrize("words", [["audit", "--invoice", "' or 1=1 --"], ["held", "show", "' or '1'='1"],
                                   ["audit", "--file", "x' union select hash from chain --"]])  # fmt: skip
def test_31_what_is_asked_for_is_never_sql(stage, words):
    stage.offer_bill()
    stage.run()
    told = stage.cli(*words)
    assert told.returncode == 2
    assert "A-1" not in told.stdout


def test_31_an_invoice_number_that_is_sql_is_a_number(stage):
    stage.offer_bill(number="A'); drop table document; --")
    stage.run()
    assert stage.states() == {"A'); drop table document; --": "posted"}


def test_03_the_workspace_can_not_be_redirected_by_a_link(bare, tmp_path):
    """Another user of the machine puts a link where the state will be."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (bare.home / ".mlconnector").symlink_to(elsewhere)
    done = bare.cli("secrets", "set", "shop.password", stdin=PASSWORD)
    assert done.returncode == 4
    assert list(elsewhere.iterdir()) == []
