"""The trail told: a document's, a file's, a run's story."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from engine.errors import UsageError
from engine.run.story import parse_moment, tell, verify


@pytest.fixture
def told(desk):
    desk.place("a.csv", "ACME,1,10.50,I", "ACME,2,13,I")
    desk.run()
    desk.workspace.trail.flush()
    return desk


def test_a_documents_story_goes_from_its_row_to_its_file(told):
    story = tell(told.workspace, form="text", invoice="1")

    head, *lines = story.splitlines()
    assert head == "1 of ACME over 10.50: posted as /out/ledger_1.csv, flow books/invoices"
    assert "a.csv" in story
    assert "row 2" in story
    assert "/out/ledger_1.csv" in lines[-1]
    assert lines == sorted(lines, key=lambda line: line[:21])


def test_a_held_documents_story_begins_with_the_reason(told):
    assert tell(told.workspace, form="text", invoice="2").startswith("2 of ACME over 13: held (Thirteen is unlucky")


def test_a_files_story_as_json(told):
    lines = json.loads(tell(told.workspace, form="json", file="a.csv"))

    assert lines[0]["detail"]["name"] == "a.csv"
    assert {"n", "at", "actor", "event", "detail"} <= set(lines[0])


def test_a_documents_story_as_json(told):
    (story,) = json.loads(tell(told.workspace, form="json", invoice="1"))

    assert story["document"]["reference"] == "/out/ledger_1.csv"
    assert [line["event"] for line in story["trail"]][-1] == "posted"


def test_a_runs_story(told):
    run = told.workspace.ledger.runs(limit=1)[0].id

    assert "run ended" in tell(told.workspace, form="text", run_id=run)


@pytest.mark.parametrize(
    ("asked", "says"), [({"invoice": "99"}, "number `99`"), ({"file": "z.csv"}, "No file of the name `z.csv`")]
)
def test_what_nobody_heard_of_is_told(told, asked, says):
    with pytest.raises(UsageError, match=says):
        tell(told.workspace, form="text", **asked)


def test_since_leaves_out_what_came_before(told):
    assert tell(told.workspace, form="text", since="2026-11-22") == "Nothing in the trail."


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2026-11-21T06:00Z", datetime(2026, 11, 21, 6, tzinfo=UTC)),
        ("2026-11-21T06:00", datetime(2026, 11, 21, 6, tzinfo=UTC)),
        ("2026-11-21T06:00+01:00", datetime(2026, 11, 21, 5, tzinfo=UTC)),
    ],
)
def test_moments(said, moment):
    assert parse_moment(said) == moment


@pytest.mark.parametrize("said", ["", "yesterday", "2026-13-01", "21.11.2026", "0000000000"])
def test_what_is_no_moment_is_told_with_an_example(said):
    with pytest.raises(UsageError, match="write 2026-11-21 or"):
        parse_moment(said)


def test_a_whole_trail_is_said_to_be_whole(told):
    said, code = verify(told.workspace)

    assert code == 0
    assert said.startswith("The trail is whole: ")


def test_a_changed_line_is_found(told):
    with told.workspace.database.look() as connection:
        connection.execute(text("update trail set detail = replace(detail, 'a.csv', 'b.csv')"))
        connection.commit()

    said, code = verify(told.workspace)

    assert code == 3
    assert said.startswith("The trail was changed:")
