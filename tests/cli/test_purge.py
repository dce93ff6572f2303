"""`purge SPEC`: an operator takes old payloads out, and every command says so afterwards."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from engine.state.database import open_database
from engine.state.locks import flow_lock

from .state_desk import FLOW, ran

__all__ = ["ran"]


@pytest.fixture
def aged(ran):
    """One posted and one held, both of 2020."""
    with sqlite3.connect(ran.folder / ".mlconnector/state.db") as connection:
        connection.execute("update document set updated_at = '2020-01-02T03:04:05.000000+00:00'")
    connection.close()
    return ran


def retain(desk, days):
    path = Path(desk.spec)
    path.write_text(path.read_text().replace("title: Books\n", f"title: Books\nretention: {days}\n", 1))


def test_the_specs_retention_is_what_holds(aged):
    retain(aged, "400d")
    before = json.loads(aged.at("audit", "--invoice", "1", "--format", "json").stdout)[0]

    looked = aged.at("purge", aged.spec, "--dry-run")
    again = aged.at("purge", aged.spec, "--dry-run", "--format", "json")
    done = aged.at("purge", aged.spec)

    assert before["as read"] == {"number": "1", "total": "10.50"}
    assert (looked.exit_code, again.exit_code, done.exit_code) == (0, 0, 0), done.stderr
    assert "1 documents that ended before" in looked.stdout
    assert "would be purged" in looked.stdout
    assert json.loads(again.stdout)["documents"] == 1
    assert "were purged" in done.stdout
    assert "written anew" in done.stdout
    assert aged.at("purge", aged.spec).stdout.startswith("books: the payloads of 0 documents")


def test_every_command_says_that_the_payload_is_gone_and_when(aged):
    assert aged.at("purge", aged.spec, "--older-than", "400d").exit_code == 0

    shown = aged.at("held", "show", "1")
    told = aged.at("audit", "--invoice", "1")
    again = aged.at("replay", "1")
    facts = json.loads(aged.at("held", "show", "1", "--format", "json").stdout)

    assert "source, payload, requests and answers are gone" in shown.stdout
    assert "its payload was purged on 20" in told.stdout
    assert "10.50" not in told.stdout.replace("over 10.50", "")
    assert again.exit_code == 2
    assert "its payload was purged on 20" in again.stderr
    assert (facts["as mapped"], facts["state"], facts["reference"] != "") == (None, "posted", True)
    assert facts["purged_at"]
    assert aged.at("audit", "verify").exit_code == 0
    assert aged.at("held", "show", "2").stdout.count("13"), "what is held keeps everything"


def test_who_did_it_and_how_much_it_was_is_in_the_trail(aged):
    aged.at("purge", aged.spec, "--older-than", "400d")

    line = json.loads(aged.at("audit", "--since", "2020-01-01", "--format", "json").stdout)[-1]

    assert (line["event"], line["actor"]) == ("purge", "tess")
    assert (line["detail"]["integration"], line["detail"]["documents"]) == ("books", 1)


def test_what_was_purged_is_not_posted_again(aged):
    aged.at("purge", aged.spec, "--older-than", "400d")

    aged.place("b.csv", "1,10.50", "3,9.00")
    assert aged.at("run", aged.spec).exit_code == 0
    dropped = sorted(path.read_text() for path in (aged.folder / "box" / "out").iterdir())

    assert [text.count("10.50") for text in dropped] == [1, 0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "has no `retention`"),
        (["--older-than", "29d"], "30d or more"),
        (["--older-than", "soon"], "write a duration"),
        (["--older-than", "0s"], "30d or more"),
    ],
)
def test_a_time_that_is_none_or_too_short_purges_nothing(aged, words, said):
    told = aged.at("purge", aged.spec, *words)

    assert told.exit_code == 2
    assert said in told.stderr
    assert "10.5" in aged.at("held", "show", "1").stdout


def test_an_operator_may_keep_longer_than_the_spec_and_not_shorter(aged):
    retain(aged, "3650d")

    short = aged.at("purge", aged.spec, "--older-than", "400d")
    longer = aged.at("purge", aged.spec, "--older-than", "4000d")

    assert (short.exit_code, longer.exit_code) == (2, 0)
    assert "3650d" in short.stderr


@pytest.mark.parametrize("wrong", ["29d", "0d", "12h", "400", "1d12h", "-400d", "400 d", "soon", "x"])
def test_a_retention_that_is_none_is_told_at_its_place(desk, wrong):
    retain(desk, wrong)

    told = desk("validate", desk.spec)

    assert told.exit_code == 1
    assert "E10" in told.stdout
    assert "retention" in told.stdout


def test_nothing_is_purged_while_a_run_is_at_work(aged):
    database = open_database(None, aged.folder)
    with flow_lock(database, "default", FLOW):
        told = aged.at("purge", aged.spec, "--older-than", "400d")
    database.close()

    assert told.exit_code == 5
    assert "10.5" in aged.at("held", "show", "1").stdout


def test_a_sweep_over_what_was_purged_calls_nothing_missing(aged):
    """It can't be looked up any more, and is never told as lost; files are not looked up in any case."""
    aged.at("purge", aged.spec, "--older-than", "400d")

    swept = aged.at("sweep", aged.spec, "--days", "9000")

    assert "missing" not in swept.stdout
