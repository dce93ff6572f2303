"""What a workspace remembers, shown and corrected with a reason; what its trail answers; nothing changed by a mistake."""

from __future__ import annotations

import json

import pytest

from engine.state.database import open_database
from engine.state.locks import flow_lock

from .state_desk import FLOW, SOURCE, put_cursor, ran, rows

__all__ = ["ran"]


# Shown


def test_a_flows_state(ran):
    put_cursor(ran, "2026-03-02T09:00:00Z")

    text = ran.at("state", "show")
    (facts,) = json.loads(ran.at("state", "show", "--flow", "invoices", "--format", "json").stdout)

    assert text.exit_code == 0
    assert "reads on from  2026-03-02T09:00:00Z  (partner.invoices)" in text.stdout
    assert "posted         1  10.50" in text.stdout
    assert "held           1  13" in text.stdout
    assert ": partial (" in text.stdout
    assert facts["documents"]["held"] == {"documents": 1, "amount": "13"}
    assert facts["cursors"] == [{"source": SOURCE, "value": "2026-03-02T09:00:00Z"}]
    assert (facts["in_doubt_since"], facts["files_unsent"], facts["open_parcels"]) == (None, 0, 0)


def test_the_age_of_a_doubt_is_told(ran):
    ran.at("held", "release", "2", "--reason", "look again")

    assert "in doubt for   0 h 0 min, since 20" in ran.at("state", "show").stdout


@pytest.mark.parametrize("command", [("state", "show"), ("held", "list"), ("state", "export", "x.state")])
def test_an_unknown_flow_or_integration_is_wrong_usage(ran, command):
    option = "--integration" if command[1] == "export" else "--flow"

    told = ran.at(*command, option, "nix")

    assert (told.exit_code, told.stdout) == (2, "")
    assert "`nix`" in told.stderr
    assert "books" in told.stderr, "it says what there is"


# Corrected


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ("2026-03-02T09:00:00Z", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("2026-03-02T09:00:00Z", "2026-03-01", "2026-03-01T00:00:00Z"),
        ("2026-03-02", "2026-03-05", "2026-03-05"),
        ("4711", "4000", "4000"),
    ],
)
def test_a_cursor_is_moved_with_a_reason(ran, before, asked, after):
    put_cursor(ran, before)

    told = ran.at("state", "set", "invoices", "--cursor", asked, "--reason", "restored their database")
    line = json.loads(ran.at("audit", "--since", "2020-01-01", "--format", "json").stdout)[-1]

    assert told.exit_code == 0, told.stderr
    assert f"was {before} and is {after}" in told.stdout
    assert ("is not read" in told.stdout) == (after > before)
    assert after in ran.at("state", "show").stdout
    assert (line["event"], line["actor"], line["detail"]["reason"]) == ("cursor set", "tess", "restored their database")
    assert (line["detail"]["was"], line["detail"]["value"]) == (before, after)


@pytest.mark.parametrize("value", ["", "soon", "2026-13-01", "12", "2026-03-02T25:00:00Z"])
def test_a_value_of_another_kind_is_refused(ran, value):
    put_cursor(ran, "2026-03-02T09:00:00Z")
    before = rows(ran.folder)

    told = ran.at("state", "set", "invoices", "--cursor", value, "--reason", "x")

    assert (told.exit_code, told.stdout) == (2, "")
    assert "write it the same way" in told.stderr
    assert rows(ran.folder) == before


@pytest.mark.parametrize(
    "words",
    [
        ("state", "set", "invoices", "--cursor", "2026-03-01"),
        ("state", "set", "invoices", "--cursor", "2026-03-01", "--reason", " "),
        ("state", "set", "invoices", "--cursor", "2026-03-01", "--reason", "x", "--source", "partner.nix"),
        ("state", "set", "nix", "--cursor", "2026-03-01", "--reason", "x"),
        ("state", "reset", "invoices"),
        ("state", "reset", "nix", "--reason", "x"),
        ("state", "reset", "invoices", "--reason", ""),
    ],
)
def test_mistakes_change_nothing(ran, words):
    put_cursor(ran, "2026-03-02T09:00:00Z")
    before = rows(ran.folder)

    told = ran.at(*words)

    assert (told.exit_code, told.stdout) == (2, "")
    assert rows(ran.folder) == before


@pytest.mark.parametrize("words", [("set", "invoices", "--cursor", "2026-03-01"), ("reset", "invoices")])
def test_a_flow_without_a_cursor_is_told(ran, words):
    told = ran.at("state", *words, "--reason", "x")

    assert told.exit_code == 2
    assert "has no cursor: it reads files or everything" in told.stderr


def test_a_reset_forgets_the_cursor_and_keeps_the_documents(ran):
    put_cursor(ran, "4711")

    told = ran.at("state", "reset", "invoices", "--reason", "read all again", "--format", "json")

    assert json.loads(told.stdout) == {"flow": FLOW, "was": ["4711"], "documents": 2}
    assert "reads on" not in ran.at("state", "show").stdout
    assert "cursor reset" in ran.at("audit", "--since", "2020-01-01").stdout
    assert "Its 2 documents stay" in _again(ran)


def _again(desk):
    put_cursor(desk, "4711")
    return desk.at("state", "reset", "invoices", "--reason", "once more").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("state", "set", "invoices", "--cursor", "1", "--reason", "x"),
        ("state", "reset", "invoices", "--reason", "x"),
        ("state", "export", "moved.state"),
    ],
)
def test_while_a_run_is_at_work_the_state_is_left_alone(ran, words, tmp_path):
    put_cursor(ran, "4711")
    words = tuple(str(tmp_path / word) if word.endswith(".state") else word for word in words)
    before = rows(ran.folder)
    database = open_database(None, ran.folder)
    with flow_lock(database, "default", FLOW):
        told = ran.at(*words)
    database.close()

    assert (told.exit_code, told.stdout) == (5, "")
    assert "at work already" in told.stderr
    assert rows(ran.folder) == before
    assert not (tmp_path / "moved.state").exists()


# Searching, telling, proving


def test_the_journey_of_a_record_is_whole(ran):
    ran.at("held", "release", "2", "--reason", "thirteen is fine", "--send")
    ran.at("run", ran.spec)

    story = ran.at("audit", "--invoice", "2").stdout
    (facts,) = json.loads(ran.at("audit", "--invoice", "2", "--format", "json").stdout)

    assert story.startswith("2 over 13: posted as /out/ledger_2.csv, flow books/invoices")
    for part in ("as read", "as mapped", '"total": "13.00"', "by tess", "thirteen is fine", "a.csv"):
        assert part in story, part
    assert facts["as mapped"] == {"number": "2", "total": "13.00"}
    assert facts["document"]["flow"] == FLOW


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "--invoice", "1"),
        ("verify", "--file", "a.csv"),
        ("verify", "--run", "x"),
        ("verify", "--since", "2026-01-01"),
        ("verify", "--head", ""),
        ("--invoice", "1", "--file", "a.csv"),
        ("--invoice", "1", "--head", "1:00"),
        ("--run", "nix"),
        ("--run", "nix", "--since", "2026-01-01"),
        ("--invoice", ""),
        ("--file", ""),
        ("--since", ""),
    ],
)
def test_questions_without_an_answer_are_wrong_usage(ran, words):
    told = ran.at("audit", *words)

    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith("error: ")
    assert len(told.stderr.splitlines()) == 1


def test_a_part_of_a_number_is_answered_with_those_that_hold_it(desk):
    desk.place("a.csv", "INV-0042,10.50", "INV-0043,10.50")
    desk.at("run", desk.spec)

    told = desk.at("audit", "--invoice", "inv-00")

    assert told.exit_code == 2
    assert "did you mean INV-0042, INV-0043?" in told.stderr


def test_a_tenant_finds_nothing_of_another(ran):
    assert ran.at("audit", "--invoice", "1", "--tenant", "acme").exit_code == 2
    assert ran.at("state", "show", "--tenant", "acme").stdout == "Nothing ran in this workspace yet.\n"
    assert ran.at("state", "export", "x.state", "--tenant", "acme").exit_code == 2


def test_the_proof_as_json(ran):
    told = ran.at("audit", "verify", "--format", "json")

    assert (told.exit_code, json.loads(told.stdout)["whole"]) == (0, True)
