"""What an operator decides, asks and stores: held documents, replay, audit, secrets, keys."""

from __future__ import annotations

import json

import pytest


def test_held_documents_from_list_to_decision(desk):
    desk.place("a.csv", "1,13", "2,13")
    desk.at("run", desk.spec)

    listed = desk.at("held", "list")
    shown = desk.at("held", "show", "1")
    posted = desk.at("held", "release", "1", "--reason", "keyed by hand", "--posted-as", "INV-9")
    rejected = desk.at("held", "reject", "2", "--reason", "a duplicate")
    after = desk.at("held", "list", "--all")

    assert listed.stdout.count("Thirteen is unlucky") == 2
    assert "as read" in shown.stdout
    assert posted.stdout == "1 counts as posted under INV-9.\n"
    assert rejected.stdout == "2 will not be posted.\n"
    assert after.stdout == "Nothing is held.\n"


def test_held_as_json(desk):
    desk.place("a.csv", "1,13")
    desk.at("run", desk.spec)

    (row,) = json.loads(desk.at("held", "list", "--format", "json").stdout)

    assert (row["number"], row["state"]) == ("1", "held")
    assert json.loads(desk.at("held", "show", "1", "--format", "json").stdout)["as read"]["number"] == "1"


def test_held_in_an_empty_workspace(desk):
    desk.at("run", desk.spec)

    result = desk.at("held", "list")

    assert (result.exit_code, result.stdout) == (0, "Nothing is held.\n")


@pytest.mark.parametrize(
    "words",
    [
        ("held", "list"),
        ("held", "show", "1"),
        ("replay", "1"),
        ("audit", "verify"),
        ("secrets", "list"),
        ("secrets", "remove", "a.b"),
        ("keys", "rotate"),
        ("db", "upgrade"),
    ],
)
def test_a_mistyped_workspace_is_wrong_usage_and_not_a_new_one(desk, words):
    result = desk(*words, "--workspace", str(desk.folder / "typo"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "There is no workspace in" in result.stderr
    assert not (desk.folder / "typo").exists()


def test_a_new_workspace_is_told_of_once(desk):
    first = desk.at("secrets", "set", "partner.token", input="hunter2-hunter2")
    second = desk.at("secrets", "set", "partner.token", input="hunter3-hunter3")

    assert "a new one is made there" in first.stderr
    assert second.stderr == ""


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "naïve", "a" * 101])
def test_a_secret_no_spec_could_name_is_refused(desk, name):
    result = desk("secrets", "set", "--workspace", str(desk.folder), "--", name, input="hunter2-hunter2")

    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("tenant", ["", "a b", "../x", "a/b"])
def test_a_tenant_has_a_plain_name(desk, tenant):
    assert desk.at("held", "list", "--tenant", tenant).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [("held", "show", "99"), ("held", "release", "99", "--reason", "x"), ("held", "reject", "99", "--reason", "x")],
)
def test_an_unknown_document_is_wrong_usage(desk, words):
    desk.at("run", desk.spec)

    result = desk.at(*words)

    assert result.exit_code == 2
    assert "No document `99`" in result.stderr


def test_a_decision_asks_for_its_reason(desk):
    assert desk.at("held", "reject", "1").exit_code == 2


def test_replay_and_remap(desk):
    desk.place("a.csv", "1,13")
    desk.at("run", desk.spec)

    stays = desk.at("replay", "1", "--remap", desk.spec)
    nothing = desk.at("replay")

    assert stays.exit_code == 0
    assert "1: stays held" in stays.stdout
    assert nothing.exit_code == 2


def test_audit_tells_a_story_and_proves_the_trail(desk):
    desk.place("a.csv", "1,10.50")
    desk.at("run", desk.spec)

    story = desk.at("audit", "--invoice", "1")
    file = json.loads(desk.at("audit", "--file", "a.csv", "--format", "json").stdout)
    whole = desk("audit", "--workspace", str(desk.folder), "verify")

    assert "posted as /out/ledger_1.csv" in story.stdout
    assert file
    assert (whole.exit_code, whole.stdout[:18]) == (0, "The trail is whole")


@pytest.mark.parametrize("words", [("--invoice", "99"), ("--file", "z.csv"), ("--since", "yesterday")])
def test_audit_of_what_nobody_heard_of(desk, words):
    result = desk.at("audit", *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def test_secrets_are_read_from_standard_input_and_never_shown(desk):
    stored = desk.at("secrets", "set", "partner.token", input="hunter2-hunter2\n")
    listed = desk.at("secrets", "list")
    removed = desk.at("secrets", "remove", "partner.token")
    again = desk.at("secrets", "remove", "partner.token")

    assert (stored.exit_code, stored.stdout) == (0, "Stored `partner.token`.\n")
    assert "partner.token" in listed.stdout
    assert "hunter2" not in stored.output + listed.output + removed.output
    assert removed.exit_code == 0
    assert again.exit_code == 2


def test_a_secret_from_a_file(desk):
    key = desk.folder / "id"
    key.write_text("-----BEGIN KEY-----\nabcdefghijklmnop\n-----END KEY-----\n")

    assert desk.at("secrets", "set", "partner.key", "--from-file", str(key)).exit_code == 0


@pytest.mark.parametrize("value", ["", "1234"])
def test_a_secret_too_short_is_refused(desk, value):
    result = desk.at("secrets", "set", "pin", input=value)

    assert result.exit_code == 2
    assert desk.at("secrets", "list").stdout == "No secrets are stored.\n"


def test_a_new_key_seals_everything_again(desk):
    desk.at("secrets", "set", "partner.token", input="hunter2-hunter2")
    before = (desk.folder / ".mlconnector.key").read_text()

    result = desk.at("keys", "rotate")

    assert result.exit_code == 0
    assert result.stdout.startswith("Sealed ")
    assert (desk.folder / ".mlconnector.key").read_text() != before
    assert "partner.token" in desk.at("secrets", "list").stdout


def test_tenants_do_not_see_each_other(desk):
    desk.at("secrets", "set", "partner.token", "--tenant", "acme", input="hunter2-hunter2")

    assert "partner.token" in desk.at("secrets", "list", "--tenant", "acme").stdout
    assert desk.at("secrets", "list").stdout == "No secrets are stored.\n"
