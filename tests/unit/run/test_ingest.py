"""A parcel into the ledger: every record accounted for, all or nothing, changes by the flow's policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.contracts import State
from engine.errors import UsageError


def test_every_record_read_is_counted_once(desk):
    desk.place("a.csv", "ACME,1,10.50,I", "ACME,2,13,I", "ACME,3,abc,I", "ACME,4,1,DRAFT", "ACME,1,10.50,I")

    counts = desk.counts()

    assert counts == {"read": 5, "passed_over": 1, "seen": 1, "posted": 1, "held": 1, "quarantined": 1}
    assert counts["read"] == sum(count for name, count in counts.items() if name != "read")


def test_the_same_file_under_another_name_is_read_once(desk):
    desk.place("a.csv", "ACME,1,10.50,I")
    desk.run()
    desk.place("b.csv", "ACME,1,10.50,I")

    assert desk.counts() == {}
    assert sorted(file.name for file in (desk.box / "done").iterdir()) == ["a.csv", "b.csv"]


def test_a_known_record_among_new_ones_is_only_seen(desk):
    desk.place("a.csv", "ACME,1,10.50,I")
    desk.run()
    desk.place("b.csv", "ACME,1,10.50,I", "ACME,2,20,I")

    assert desk.counts() == {"read": 2, "seen": 1, "posted": 1}
    assert desk.out()["ledger_2.csv"] == "vendor,number,total\nACME,2,20.00\n"


WITH_LINES = "        kind: {column: kind, type: string}\n"


def test_rows_that_stand_apart_are_read_again_in_order_and_counted_once(desk):
    system = desk.folder / "systems" / "partner.yaml"
    text = system.read_text()
    assert WITH_LINES in text
    system.write_text(
        text.replace(WITH_LINES, WITH_LINES + "      lines:\n        note: {column: note, type: string}\n")
    )
    rows = ["ACME,1,10,I,a", "ACME,2,20,I,b", "ACME,1,10,I,c"]
    (desk.box / "in" / "a.csv").write_text("vendor,number,total,kind,note\n" + "\n".join(rows) + "\n")

    assert desk.counts() == {"read": 2, "posted": 2}
    assert desk.document("1").source["lines"] == [{"note": "a"}, {"note": "c"}]
    assert desk.document("1").place == "rows 2-4"


def test_a_file_that_takes_too_much_goes_aside_and_the_next_is_read(desk):
    desk.seams = replace(desk.seams, environ={**desk.seams.environ, "MLCONNECTOR_FILE_MEMORY": "20"})
    rows = [f"ACME,{n},1,I" for n in range(120_000)]
    desk.place("a.csv", *rows)
    desk.place("b.csv", "ACME,1,10.50,I")

    (flow,) = desk.run().flows

    assert len(flow.bad_files) == 1
    assert flow.counts["posted"] == 1
    assert [file.name for file in sorted((desk.box / "bad").iterdir())] == ["a.csv", "a.csv.error.json"]
    assert "memory" in (desk.box / "bad" / "a.csv.error.json").read_text()


@pytest.mark.parametrize(
    ("policy", "counts", "state"),
    [
        ("hold", {"read": 1, "conflict": 1}, State.CONFLICT),
        ("update", {"read": 1, "posted": 1}, State.POSTED),
        ("ignore", {"read": 1, "ignored": 1}, State.POSTED),
    ],
)
def test_other_content_under_a_known_key_follows_the_policy(desk, policy, counts, state):
    desk.write_spec(lambda text: text.replace("on_changed: hold", f"on_changed: {policy}"))
    desk.place("a.csv", "ACME,1,10.50,I")
    desk.run()
    desk.place("b.csv", "ACME,1,11.50,I")

    assert desk.counts() == counts
    assert desk.document("1").state is state
    assert len(desk.out()) == (2 if policy == "update" else 1)


def test_without_a_policy_a_file_of_master_data_is_sent_again(desk):
    desk.write_spec(lambda text: text.replace(", on_changed: hold", ""))
    desk.place("a.csv", "ACME,1,10.50,I")
    desk.run()
    desk.place("b.csv", "ACME,1,11.50,I")

    assert desk.counts() == {"read": 1, "posted": 1}


def test_a_record_that_was_never_accepted_is_replaced_whatever_the_policy(desk):
    desk.place("a.csv", "ACME,1,abc,I")
    desk.run()
    desk.place("b.csv", "ACME,1,10,I")

    assert desk.counts() == {"read": 1, "posted": 1}


def test_the_same_key_twice_with_other_content_in_one_file_waits_for_a_person(desk):
    desk.place("a.csv", "ACME,1,10,I", "ACME,1,20,I")

    assert desk.counts() == {"read": 2, "posted": 1, "conflict": 1}
    assert desk.out()["ledger_1.csv"].count("ACME") == 1


def test_a_duplicate_hundreds_of_rows_later_is_seen(desk):
    rows = [f"ACME,{n},1,I" for n in range(1, 701)]
    desk.place("a.csv", *rows, rows[0])

    assert desk.counts() == {"read": 701, "seen": 1, "posted": 700}


def test_numbers_that_differ_in_case_and_blanks_are_one(desk):
    desk.place("a.csv", "ACME,inv 1,10,I")
    desk.run()
    desk.place("b.csv", "acme,INV 1,10,I")

    assert desk.counts()["conflict"] == 1


def test_a_layout_that_changed_takes_nothing_of_the_file(desk):
    desk.place("a.csv", "ACME,1,10,I", "ACME,2,x,I", "ACME,3,y,I")

    result = desk.run()

    assert result.exit_code == 3
    assert "2 of 3 records can't be used" in result.flows[0].bad_files[0]
    assert desk.states() == {}
    assert sorted(file.name for file in (desk.box / "bad").iterdir()) == ["a.csv", "a.csv.error.json"]


def test_how_many_bad_records_are_too_many_is_the_flows_to_say(desk):
    desk.write_spec(lambda text: text.replace("amount: total", "amount: total\n    max_bad_share: 0.9"))
    desk.place("a.csv", "ACME,1,10,I", "ACME,2,x,I", "ACME,3,y,I")

    assert desk.counts() == {"read": 3, "posted": 1, "quarantined": 2}


def test_one_bad_record_is_no_change_of_layout(desk):
    desk.place("a.csv", "ACME,1,x,I")

    assert desk.counts() == {"read": 1, "quarantined": 1}


def test_a_record_without_its_key_is_kept_under_its_place(desk):
    desk.place("a.csv", "ACME,,10,I", "ACME,2,10,I")

    counts = desk.counts()

    assert counts == {"read": 2, "posted": 1, "quarantined": 1}
    kept = [d for d in desk.workspace.ledger.find_documents(limit=9) if d.state is State.QUARANTINED]
    assert kept[0].number == "row 2"
    assert "number" in kept[0].reason


def test_a_limit_takes_a_part_and_leaves_the_file_open(desk):
    desk.place("a.csv", "ACME,1,10,I", "ACME,2,20,I", "ACME,3,30,I")

    first = desk.counts(limit=1)
    still_there = (desk.box / "in" / "a.csv").exists()
    rest = desk.counts()

    assert first == {"read": 1, "posted": 1}
    assert still_there
    assert rest == {"read": 3, "seen": 1, "posted": 2}
    assert not (desk.box / "in" / "a.csv").exists()


def test_only_one_document_is_taken_and_sent(desk):
    desk.place("a.csv", "ACME,1,10,I", "ACME,2,20,I", "ACME,3,30,I")

    assert desk.counts(only="2") == {"read": 1, "posted": 1}
    assert desk.states() == {"2": "posted"}


def test_only_an_unknown_document_is_a_usage_error_in_the_flows_summary(desk):
    desk.place("a.csv", "ACME,1,10,I")

    summary = desk.run(only="99").flows[0]

    assert summary.exit_code == UsageError.exit_code
    assert "99" in summary.error
    assert desk.out() == {}


def test_only_does_not_wait_for_other_documents_that_are_due(desk):
    desk.place("a.csv", "ACME,1,10,I")
    desk.run(only="1")
    desk.time.slept.clear()
    desk.place("b.csv", "ACME,2,10,I")
    desk.run(limit=1, only="2")

    assert sum(desk.time.slept) <= 10


def test_nothing_is_kept_of_a_file_whose_structure_breaks(desk):
    (desk.box / "in" / "a.csv").write_bytes(b"vendor,number,total,kind\nACME,1,10,I\nACME,2,\xff\xfe,I\n")

    result = desk.run()

    assert result.exit_code == 3
    assert result.flows[0].bad_files
    assert desk.states() == {}


def test_amounts_add_up_by_outcome(desk):
    desk.place("a.csv", "ACME,1,10.50,I", "ACME,2,13,I", "ACME,3,0.25,I", "ACME,1,10.50,I")

    assert desk.run().flows[0].amounts == {"posted": "10.75", "held": "13", "seen": "10.50"}
