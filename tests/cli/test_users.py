"""Who may use the console: let in, changed and taken out on the command line; a password is never a word of the command."""

from __future__ import annotations

import json

import pytest

from tests.docs_tables import every_command

GOOD = "a few good words"


def add(desk, name="ada", role="admin", password=GOOD):
    return desk.at("users", "add", name, "--role", role, "--password-stdin", input=f"{password}\n")


def test_somebody_is_let_in_listed_changed_and_taken_out(desk):
    assert add(desk).stdout == "ada may log in as admin.\n"
    assert add(desk, "olga", "viewer").exit_code == 0
    assert desk.at("users", "role", "olga", "operator").stdout.startswith("olga is operator now")
    assert "new password" in desk.at("users", "passwd", "olga", "--password-stdin", input="other good words\n").stdout
    listed = json.loads(desk.at("users", "list", "--format", "json").stdout)
    assert [(one["name"], one["role"], one["sessions"]) for one in listed] == [
        ("ada", "admin", 0),
        ("olga", "operator", 0),
    ]
    assert desk.at("users", "remove", "olga").exit_code == 0
    assert "olga" not in desk.at("users", "list").stdout


def test_before_anybody_is_there_the_list_says_how_to_begin(desk):
    desk.at("run", desk.spec)
    assert "mlconnector users add NAME --role admin" in desk.at("users", "list").stdout


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [("ada", "eleven char", "at least 12"), ("ada lovelace", GOOD, "no name for a person"), ("", GOOD, "no name"),
     ("lovelace.ada", "Lovelace.Ada", "choose another"), ("ada", "ababababababab", "choose another"), ("ada", "", "at least 12")],
)  # fmt: skip
def test_what_is_no_good_name_or_password_is_refused_before_anything_is_made(desk, name, password, said):
    result = add(desk, name, password=password)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert not password or password not in result.stderr.replace(name, "")
    assert not (desk.folder / ".mlconnector").exists()


def test_without_a_terminal_it_says_how_to_give_a_password(desk):
    result = desk.at("users", "add", "ada")
    assert (result.exit_code, "--password-stdin" in result.stderr) == (2, True)


def test_the_same_name_twice_and_the_last_admin_gone_are_refused(desk):
    add(desk)
    assert "There is a `ada` already" in add(desk).stderr
    for words in (("remove", "ada"), ("role", "ada", "viewer")):
        result = desk.at("users", *words)
        assert (result.exit_code, "is the only admin" in result.stderr) == (2, True)


def test_every_change_is_told_in_the_trail_and_no_password_stands_anywhere(desk):
    add(desk)
    add(desk, "olga", "viewer")
    desk.at("users", "role", "olga", "operator")
    lines = json.loads(desk.at("audit", "--since", "2026-01-01", "--format", "json").stdout)
    told = [
        (line["event"], line["actor"], line["detail"]["user"]) for line in lines if line["event"].startswith("user ")
    ]
    assert told == [
        ("user added", "tess", "ada"),
        ("user added", "tess", "olga"),
        ("user role changed", "tess", "olga"),
    ]
    stored = b"".join(path.read_bytes() for path in (desk.folder / ".mlconnector").rglob("*") if path.is_file())
    assert GOOD.encode() not in stored
    assert b"$argon2id$v=19$m=65536,t=3,p=4$" in stored


def test_no_command_takes_a_password_as_a_word():
    taken = {
        f"{' '.join(path)} {word}"
        for path, command in every_command()
        for option in command.params
        for word in option.opts
    }
    assert {word for word in taken if word.endswith(("--password", "-p"))} == set()
