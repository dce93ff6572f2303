"""`alerts list`, `alerts test`, `alerts send`: for whoever runs flows without a service, and for trying an address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sinks import Sink


@pytest.fixture
def sink():
    found = Sink()
    yield found
    found.close()


@pytest.fixture
def told(desk, sink):
    """A team is told; two documents are held."""
    path = Path(desk.spec)
    text = path.read_text().replace("flows:\n", "alerts:\n  team: {to: {env: TEAM}}\nflows:\n", 1)
    path.write_text(text + "    on_error: {alert: team}\n")
    desk.place("a.csv", "1,10.50", "2,13", "3,13")
    environ = {"PARTNER_PATH": str(desk.folder / "box"), "PARTNER_CODE": "x", "TEAM": sink.address}

    def call(*words, **more):
        return desk.at("alerts", *words, environ=environ | more)

    assert desk.at("run", desk.spec, environ=environ).exit_code == 3
    return call


def test_a_test_message_arrives(told, desk, sink):
    result = told("test", desk.spec)
    assert (result.exit_code, result.stdout) == (0, "team, address 1: sent\n")
    assert sink.subjects == ["mlconnector: a test message (books)"]
    assert sink.bodies == ["A test: messages of Books (books) for `team` arrive here."]


def test_a_test_that_fails_says_why_and_shows_no_address(told, desk, sink):
    sink.status = 401
    result = told("test", desk.spec, "team", "--format", "json")
    (tried,) = json.loads(result.stdout)["sent"]
    assert (result.exit_code, tried["sent"]) == (4, False)
    assert "401" in tried["error"]
    for secret in ("s3cret-of-the-sink", "T0KEN-1234567890abc", "teller"):
        assert secret not in result.output


def test_a_test_of_nothing_is_wrong_usage(told, desk):
    assert "`books` has no alert `teem`: did you mean `team`?" in told("test", desk.spec, "teem").stderr
    assert told("test", desk.spec, "teem").exit_code == 2
    path = Path(desk.spec)
    path.write_text(path.read_text().replace("  team: {to: {env: TEAM}}\n", "").replace("alerts:\n", ""))
    path.write_text(path.read_text().replace("    on_error: {alert: team}\n", ""))
    assert "nobody could be told" in told("test", desk.spec).stderr


def test_an_address_that_is_not_set_is_told(told, desk):
    result = told("test", desk.spec, TEAM="")
    assert result.exit_code == 4
    assert "team, address 1: NOT sent: environment variable TEAM, where an alert goes, is not set" in result.stdout


def test_sending_without_a_service(told, desk, sink):
    first = told("send", desk.spec)
    assert (first.exit_code, first.stdout) == (0, "1 opened, 0 closed, 1 not told yet; 0 messages sent, 0 not sent\n")
    assert sink.got == []
    assert told("send", desk.spec, "--now").stdout == (
        "0 opened, 0 closed, 0 not told yet; 1 messages sent, 0 not sent\n"
    )
    assert sink.subjects == ["mlconnector: 1 thing needs you (books)"]
    assert "invoices: 2 documents are held, 26 in all" in sink.bodies[0]
    assert "In the console" not in sink.bodies[0]
    assert told("send", desk.spec, "--now").stdout.endswith("0 messages sent, 0 not sent\n")


def test_a_message_that_is_not_taken_is_told_by_the_exit_code_and_the_list(told, desk, sink):
    sink.status = 500
    result = told("send", desk.spec, "--now", "--format", "json")
    assert result.exit_code == 4
    assert json.loads(result.stdout) == {
        "opened": 1, "closed": 0, "digests": 1, "sent": 0, "not_sent": 1, "not_told_yet": 0,
    }  # fmt: skip
    assert "not sent to team yet: `json` did not take the message" in told("list").stdout


def test_the_list(told, desk, sink):
    assert told("list").stdout == "Nothing is wrong.\n"
    told("send", desk.spec, "--now")
    shown = told("list").stdout
    assert "invoices: 2 documents are held, 26 in all" in shown
    assert "Thirteen is unlucky" in shown
    (alert,) = json.loads(told("list", "--format", "json").stdout)["alerts"]
    assert (alert["kind"], alert["times"], alert["amount"], alert["state"]) == ("held", 2, "26", "open")
    for number in ("2", "3"):
        desk.at("held", "reject", number, "--reason", "x")
    told("send", desk.spec)
    assert told("list").stdout == "Nothing is wrong.\n"
    assert [each["state"] for each in json.loads(told("list", "--all", "--format", "json").stdout)["alerts"]] == [
        "solved"
    ]
