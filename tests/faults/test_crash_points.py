"""Every row of the delivery protocol's crash table, once, with the real engine: nothing lost, nothing doubled.

Rows about batches of an API, webhooks, refreshed tokens and keys are proved where those live.
"""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from .schedule import Play

BEFORE_SENDING = {
    "row_1_listing": "reads invoices_1",
    "row_2_downloaded": "invoices_1.csv is read",
    "row_4_before_the_archive": "archives invoices_1",
    "row_5_claimed": "claim done",
    "row_6_looking": "look N-0",
    "row_6_skeleton": "skeleton N-0",
    "row_22_during_a_pass": "invoices_1.csv is read",
    "row_23_before_the_cursor": "archives invoices_1",
}
WHILE_SENDING = {
    "row_7_nothing_sent": "intend done",
    "row_8_half_of_the_request": "header N-0 goes out",
    "row_10_answer_not_read": "header N-0 is done",
    "row_11_before_the_posted_commit": "before receipt",
    "row_14_header_without_lines": "lines N-0 goes out",
}


def dies(process):
    process.die("the planned place")


def fills_up(process):
    process.full = True


def dies_in_its_commit(process):
    process.plan["commits"] = dies


def a_play(theatre, klass, *, steps=2, documents=1):
    theatre.house.clear()
    play = Play(theatre.flow, theatre.house, klass, 7)
    play.stage.stormy = False
    play.shop.steps, play.shop.lag = steps, 0.0
    play.inbox.deliver([(f"N-{n}", f"{n}.50") for n in range(documents)])
    return play


def states(play):
    return [row.state for row in play._kept()]


def made(play):
    return sum(what == "made" for what, _, _ in play.shop.history) - sum(
        what == "removed" for what, _, _ in play.shop.history
    )


def ends_well(play, state="posted"):
    """The calm after it: judged from outside, and every document where it should be."""
    assert play._calm() == []
    assert set(states(play)) == {state}


@pytest.mark.parametrize(
    ("klass", "row"),
    [(klass, row) for klass in "ABC" for row in BEFORE_SENDING if (klass, row) != ("C", "row_6_looking")],
)
def test_killed_before_anything_was_sent(theatre, klass, row):
    play = a_play(theatre, klass)
    play.life(plan={BEFORE_SENDING[row]: dies})
    assert play.shop.history == []
    ends_well(play)
    assert made(play) == 1


@pytest.mark.parametrize("klass", ["A", "B", "C"])
@pytest.mark.parametrize("row", WHILE_SENDING)
def test_killed_while_sending(theatre, klass, row):
    play = a_play(theatre, klass)
    play.life(plan={WHILE_SENDING[row]: dies})
    assert states(play) == ["sending"]
    ends_well(play, "held" if klass == "C" else "posted")
    assert made(play) == (1 if klass != "C" else len(play.shop.stored))


def test_row_3_killed_inside_the_ingest_transaction(theatre):
    play = a_play(theatre, "B")
    play.life(plan={"invoices_1.csv is read": dies_in_its_commit})
    assert states(play) == []
    ends_well(play)


def test_row_9_killed_before_the_target_committed(theatre):
    play = a_play(theatre, "B")
    play.stage.answers["header N-0"] = "late"
    play.life(plan={"before receipt": dies})
    assert (states(play), made(play)) == (["sending"], 0)
    ends_well(play)
    assert made(play) == 1


@pytest.mark.parametrize(("row", "answer"), [("row_12", "late"), ("row_13", "lost_after")])
@pytest.mark.parametrize("step", ["header", "lines"])
def test_no_answer_and_the_request_lands_all_the_same(theatre, row, answer, step):
    play = a_play(theatre, "B")
    play.stage.answers[f"{step} N-0"] = answer
    play.life()
    assert states(play) == ["in_doubt"]
    ends_well(play)
    assert made(play) == 1


def test_row_15_several_in_doubt_are_looked_up_each_alone(theatre):
    play = a_play(theatre, "B", documents=3)
    play.stage.answers |= {"lines N-0": "lost_after", "lines N-1": "lost", "lines N-2": "late"}
    play.life()
    assert states(play) == ["in_doubt"] * 3
    ends_well(play)
    assert made(play) == 3


@pytest.mark.parametrize("place", ["before intend", "header N-0 goes out", "before receipt"])
def test_row_17_a_stopped_worker_goes_on_after_its_claim_was_taken(theatre, place):
    play = a_play(theatre, "B")
    play.life(plan={place: lambda _process: play.life()})
    assert made(play) == 1
    ends_well(play)
    assert made(play) == 1


def test_row_18_the_intent_is_on_disk_before_the_wire(theatre, tmp_path):
    play = a_play(theatre, "B")

    def pull_the_plug(process):
        for file in play.house.file.parent.glob("state.db*"):
            shutil.copy(file, tmp_path)

    play.life(plan={"header N-0 goes out": pull_the_plug})
    copy = sqlite3.connect(tmp_path / "state.db")
    assert copy.execute("SELECT state FROM document").fetchall() == [("sending",)]
    copy.close()
    with play.house.database.look() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_row_19_disk_full_at_the_intent_sends_nothing(theatre):
    play = a_play(theatre, "B")
    play.life(plan={"before intend": fills_up})
    assert (states(play), play.shop.history) == (["probing"], [])
    ends_well(play)
    assert made(play) == 1


def test_row_19_disk_full_at_a_later_intent_is_a_doubt(theatre):
    play = a_play(theatre, "C")
    play.life(plan={"header N-0 is done": fills_up})
    ends_well(play, "held")
    assert made(play) == 1


@pytest.mark.parametrize("klass", ["A", "B"])
def test_row_20_disk_full_at_the_posted_commit(theatre, klass):
    play = a_play(theatre, klass)
    play.life(plan={"before receipt": fills_up})
    assert states(play) == ["sending"]
    ends_well(play)
    assert made(play) == 1


def test_row_21_yesterdays_database_adopts_what_is_there(theatre, tmp_path):
    play = a_play(theatre, "B")
    play.life(plan={"before claim": dies})
    play.house.database.close()
    shutil.copy(play.house.file, tmp_path / "yesterday.db")
    play.life()
    assert states(play) == ["posted"]
    play.house.database.close()
    for file in play.house.file.parent.glob("state.db*"):
        file.unlink()
    shutil.copy(tmp_path / "yesterday.db", play.house.file)
    assert states(play) == ["ready"]
    ends_well(play, "adopted")
    assert made(play) == 1


@pytest.mark.parametrize(
    ("row", "place", "end"),
    [
        ("row_24_temporary_file_written", "put ledger_1.csv: half of the bytes", "held"),
        ("row_24_before_the_upload", "before outbox_sending", "posted"),
        ("row_25_rename_asked_for", "put ledger_1.csv: rename goes out", "held"),
        ("row_25_renamed_not_confirmed", "put ledger_1.csv: renamed", "posted"),
    ],
)
def test_killed_while_a_file_is_dropped(theatre, row, place, end):
    play = a_play(theatre, "F", documents=2)
    play.life(plan={place: dies})
    ends_well(play, end)
    assert len(play.folder.history) == (end == "posted")


@pytest.mark.parametrize("taken", [True, False], ids=["consumed_meanwhile", "still_there"])
def test_row_25_two_runs_at_one_batch_drop_it_once(theatre, taken):
    play = a_play(theatre, "F")
    play.life(plan={"before outbox_sending": dies})

    def another_run(process):
        play.life()
        if taken:
            play.folder.consume()

    play.life(plan={"before outbox_sending": another_run})
    ends_well(play)
    assert len(play.folder.history) == 1


def test_a_refusal_after_a_saved_step_is_not_believed_while_the_look_lags(theatre):
    """The header was saved, so a look that shows nothing is behind: nothing is sent again before it has caught up."""
    play = a_play(theatre, "B")
    play.shop.lag = 90.0
    play.stage.answers["lines N-0"] = "refused"
    play.life()
    play.stage.forward(70)
    play.life()
    assert made(play) == 1
    ends_well(play)
    assert made(play) == 1


def test_a_file_that_cannot_be_written_down_as_posted_is_found_by_the_next_run(theatre):
    play = a_play(theatre, "F")
    play.life(plan={"before outbox_done": fills_up})
    assert states(play) == ["sending"]
    ends_well(play)
    assert len(play.folder.history) == 1


def test_documents_in_doubt_are_put_back_when_the_connection_is_wrong(theatre):
    """Left in hand, three polls with a wrong password would look like three deaths, and hold them for nothing."""
    play = a_play(theatre, "B", documents=2)
    play.stage.answers |= {"header N-0": "lost", "header N-1": "lost"}
    play.life()
    play.stage.forward(1200)
    play.stage.answers["look N-0"] = "setup"
    play.life()
    assert [(row.state, row.owner) for row in play._kept()] == [("in_doubt", "")] * 2
    ends_well(play)


def test_a_database_that_is_locked_for_a_moment_holds_nothing(theatre):
    play = a_play(theatre, "B")
    play.stage.answers["look N-0"] = "busy"
    play.life(plan={"before change": fills_up})
    ends_well(play)
    assert made(play) == 1
