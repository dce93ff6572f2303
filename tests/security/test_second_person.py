"""A blind target and a lost answer: nobody alone can make it be sent a second time, by whatever command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from engine.contracts import Guarantee
from engine.state.approvals import guarantee_of

LOST = (0, {}, b"")


@pytest.fixture
def doubtful(stage):
    """A bill that was sent once; its answer was lost, and the shop can't be asked."""
    find = "    find: {get: bills, query: {number: document.number}, records: items, show: {date: date, total: total}"
    find += ", ours: found.tag == marker}\n"
    blind = "guarantee: {class: blind, settle: 5s}\n      accept: [blind]"
    money = "    key: [vendor, number]\n    money: true\n    fields"
    stage.change(
        "systems/shop.yaml",
        ("guarantee: {class: lookup, settle: 1m}", blind),
        (find, ""),
        (money, money.replace("    money: true\n", "")),
    )
    stage.clock.now = datetime.now(UTC)
    stage.change("", (", if_exists: {compare: [date, total]}", ""))
    stage.offer_bill()
    stage.peer.answer = lambda asked: LOST if asked.method == "POST" else None
    stage.run()
    stage.peer.answer = lambda _asked: None
    assert stage.states() == {"A-1": "held"}
    return stage


def posts(stage):
    stage.clock.now += timedelta(minutes=30)
    stage.run()
    return len(stage.peer.posts())


def send(stage, who, *more):
    return stage.cli("held", "release", "A-1", "--send", "--reason", f"{who} is sure", *more, MLCONNECTOR_ACTOR=who)


def test_a_run_notes_what_its_target_can_promise(doubtful):
    with doubtful.workspace() as workspace:
        assert guarantee_of(workspace.desk, "bills/bills") is Guarantee.BLIND


def test_one_person_alone_sends_nothing_however_often(doubtful):
    for who in ("tess", "tess", " Tess ", "TESS"):
        said = send(doubtful, who)
        assert said.returncode == 0
        assert "is not sent yet" in said.stdout
    assert doubtful.states() == {"A-1": "held"}
    assert posts(doubtful) == 1


def test_the_second_person_does_and_it_is_sent_once(doubtful):
    send(doubtful, "tess")
    shown = doubtful.cli("held", "show", "A-1", MLCONNECTOR_ACTOR="otto").stdout
    facts = json.loads(doubtful.cli("held", "show", "A-1", "--format", "json").stdout)
    said = send(doubtful, "otto")

    assert "tess asks to send it (tess is sure)" in shown
    assert (facts["asked"]["by"], facts["asked"]["reason"]) == ("tess", "tess is sure")
    assert "as tess asked" in said.stdout
    assert posts(doubtful) == 2
    assert doubtful.states() == {"A-1": "posted"}
    told = doubtful.rows("select event, actor from trail where event like 'send%' and actor <> 'test' order by n")
    assert told == [("send asked", "tess"), ("send confirmed", "otto")]
    assert "whole" in doubtful.cli("audit", "verify").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "A-1"),
        ("replay", "A-1", "--remap", "SPEC"),
        ("held", "release", "A-1", "--reason", "look"),
        ("replay", "--failed"),
        ("held", "release", "--group", "GROUP", "--send", "--reason", "all"),
    ],
)
def test_no_other_command_leads_around_it(doubtful, words):
    (row,) = json.loads(doubtful.cli("held", "list", "--format", "json").stdout)
    given = {"SPEC": str(doubtful.spec), "GROUP": row["cause"]}
    for _ in range(2):
        doubtful.cli(*(given.get(word, word) for word in words), MLCONNECTOR_ACTOR="tess")
        assert posts(doubtful) == 1, "sent a second time by one person"
    assert doubtful.states() == {"A-1": "held"}


def test_rejecting_and_attesting_stay_one_persons(doubtful):
    send(doubtful, "tess")
    assert doubtful.cli("held", "reject", "A-1", "--reason", "it is there").returncode == 0
    assert doubtful.states() == {"A-1": "cancelled"}
    assert send(doubtful, "otto").returncode == 2


def test_a_state_that_moves_takes_the_promise_along(doubtful, tmp_path):
    """In the new place nothing ran yet, and one person still can't."""
    file = tmp_path / "bills.state"
    assert doubtful.cli("state", "export", str(file)).returncode == 0
    assert '"table":"promise"' in file.read_text()


def test_a_target_that_can_be_asked_needs_one_person(stage):
    stage.offer_bill()
    there = (200, {}, b'{"items": [{"number": "A-1", "total": "9.00", "date": "2026-11-01"}]}')
    stage.peer.answer = lambda asked: there if asked.method == "GET" else None
    stage.run()
    assert stage.states() == {"A-1": "held"}
    assert (
        "goes on at the next run"
        in stage.cli("held", "release", "A-1", "--send", "--reason", "ok", MLCONNECTOR_ACTOR="tess").stdout
    )
