"""An integration moved to another workspace or database; files and databases that are refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cli import main
from engine.state.database import open_database
from engine.state.locks import flow_lock
from tests.postgres import NoPostgres, fresh_database, running_server

from .conftest import Desk
from .state_desk import FLOW, put_cursor, ran, rows
from .test_commands import every_command

__all__ = ["ran"]


def elsewhere(desk, tmp_path, *, key=True):
    """Another workspace on the same machine, with the same spec and the same folders."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("books.yaml", ".mlconnector.key" if key else "books.yaml"):
        shutil.copy(desk.folder / name, folder / name)
    shutil.copytree(desk.folder / "systems", folder / "systems")
    (folder / "box").symlink_to(desk.folder / "box")
    return Desk(folder=folder)


def move(ran, other, *words):
    file = ran.folder / "moved.state"
    assert ran.at("state", "export", str(file)).exit_code == 0
    return file, other.at("state", "import", str(file), "--reason", "a new server", *words)


def test_an_integration_moves_and_nothing_is_posted_twice(ran, tmp_path):
    put_cursor(ran, "4711")
    other = elsewhere(ran, tmp_path)

    file, told = move(ran, other)

    assert told.exit_code == 0, told.stderr
    assert "took 2 documents and 1 cursors" in told.stdout
    for command in (("held", "list"), ("held", "list", "--format", "json"), ("held", "show", "2"), ("state", "show")):
        assert other.at(*command).stdout == ran.at(*command).stdout, command
    out = sorted(path.name for path in (ran.folder / "box" / "out").iterdir())
    same = {"PARTNER_PATH": str(ran.folder / "box"), "PARTNER_CODE": "x", "MLCONNECTOR_ACTOR": "tess"}
    ran.place("same.csv", "1,10.50", "2,13")
    assert "same content as before: same.csv" in other.at("run", other.spec, environ=same).stdout
    ran.place("again.csv", "2,13", "1,10.50")
    again = other.at("run", other.spec, environ=same)
    assert "2 in = 2 seen" in again.stdout
    assert sorted(path.name for path in (ran.folder / "box" / "out").iterdir()) == out
    ran.place("b.csv", "3,7.00")
    assert "1 posted (7.00)" in other.at("run", other.spec, environ=same).stdout
    assert (ran.folder / "box" / "out" / "ledger_2.csv").exists(), "numbers of files go on where they were"
    story = other.at("audit", "--invoice", "2")
    assert story.exit_code == 0
    imported = other.at("audit", "--since", "2020-01-01").stdout
    assert "state imported" in imported
    assert "a new server" in imported
    assert "by tess" in imported
    assert oct(file.stat().st_mode & 0o777) == "0o600"


def test_no_payload_and_no_secret_is_in_the_file(ran, tmp_path):
    ran.place("c.csv", "77-canary-in-number,13.37")
    ran.at("secrets", "set", "partner.token", input="hunter2-hunter2")
    ran.at("run", ran.spec)
    file = tmp_path / "moved.state"

    ran.at("state", "export", str(file))

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0]["integration"] == "books"
    assert {line["table"] for line in lines[1:]} >= {"document", "parcel", "parcel_name", "run", "counter", "outbox"}
    assert "secret" not in {line.get("table") for line in lines}
    assert "hunter2" not in file.read_text()
    documents = [line for line in lines if line.get("table") == "document"]
    assert all(line["source_sealed"].startswith("bWxjM") for line in documents), "sealed values begin with mlc1"


def changed(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("spoil", "says", "code"),
    [
        (lambda file: changed(file, '"state":"held"', '"state":"posted"'), "was changed or cut", 2),
        (lambda file: file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n"), "was changed or cut", 2),
        (lambda file: changed(file, '"integration":"books"', '"integration":"other"'), "was changed or cut", 2),
        (lambda file: changed(file, '"format":1', '"format":2'), "made by a newer mlconnector", 2),
        (lambda file: changed(file, '"schema":"0', '"schema":"9'), "made by a newer mlconnector", 2),
        (lambda file: changed(file, '"tenant":"default"', '"tenant":"acme"'), "of the tenant `acme`", 2),
        (lambda file: file.write_text("number,total\n1,2\n"), "is no state file", 2),
        (lambda file: file.write_bytes(b"\xff\xfe\x00"), "is no state file", 2),
        (lambda file: file.write_text(""), "is no state file", 2),
    ],
)
def test_a_file_that_can_not_be_trusted_is_refused(ran, tmp_path, spoil, says, code):
    other = elsewhere(ran, tmp_path)
    other.at("secrets", "set", "partner.token", input="hunter2-hunter2")
    file = tmp_path / "moved.state"
    ran.at("state", "export", str(file))
    spoil(file)
    before = rows(other.folder)

    told = other.at("state", "import", str(file), "--reason", "x")

    assert (told.exit_code, told.stdout) == (code, "")
    assert says in told.stderr
    assert rows(other.folder) == before


def test_a_workspace_with_another_key_is_told_what_it_needs(ran, tmp_path):
    other = elsewhere(ran, tmp_path, key=False)

    _, told = move(ran, other)

    assert told.exit_code == 4
    assert "add it as a second line of the key file" in told.stderr
    with (other.folder / ".mlconnector.key").open("a") as keys:
        keys.write((ran.folder / ".mlconnector.key").read_text())
    assert other.at("state", "import", str(ran.folder / "moved.state"), "--reason", "x").exit_code == 0
    assert other.at("keys", "rotate").exit_code == 0
    assert "13" in other.at("held", "show", "2").stdout


def test_a_ledger_that_ran_it_already_is_left_as_it_is(ran, tmp_path):
    before = rows(ran.folder)

    file, told = move(ran, ran)

    assert told.exit_code == 2
    assert "knows `books/invoices` already" in told.stderr
    assert rows(ran.folder)["document"] == before["document"]
    assert ran.at("state", "export", str(file)).exit_code == 2, "a file that is there is not written over"


def test_another_integration_comes_in_only_when_it_is_named(ran, tmp_path):
    other = elsewhere(ran, tmp_path)
    text = (other.folder / "books.yaml").read_text().replace("integration: books", "integration: shelf")
    (other.folder / "shelf.yaml").write_text(text)
    other.place("s.csv", "9,1.00")
    other.at("run", str(other.folder / "shelf.yaml"))

    file, refused = move(ran, other)
    wrong = other.at("state", "import", str(file), "--reason", "x", "--integration", "shelf")
    taken = other.at("state", "import", str(file), "--reason", "x", "--integration", "books", "--format", "json")

    assert (refused.exit_code, wrong.exit_code, taken.exit_code) == (2, 2, 0)
    assert "say `--integration books` if both shall live here" in refused.stderr
    assert json.loads(taken.stdout)["flows"] == [FLOW]
    several = other.at("state", "export", str(tmp_path / "two.state"))
    assert several.exit_code == 2
    assert "books, shelf" in several.stderr
    assert other.at("state", "export", str(tmp_path / "two.state"), "--integration", "books").exit_code == 0


def test_an_import_waits_for_nobody(ran, tmp_path):
    other = elsewhere(ran, tmp_path)
    other.at("secrets", "set", "partner.token", input="hunter2-hunter2")
    database = open_database(None, other.folder)
    with flow_lock(database, "default", FLOW):
        _, told = move(ran, other)
    database.close()

    assert told.exit_code == 5
    assert other.at("held", "list").stdout == "Nothing is held.\n"


def test_a_move_that_is_cut_leaves_nothing(ran, tmp_path):
    """A file that breaks off in the middle of its rows, header and all: the transaction is gone with it."""
    other = elsewhere(ran, tmp_path)
    file, _ = move(ran, other, "--integration", "nix")
    script = """
import os, sys
from pathlib import Path
from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import open_workspace
from engine.state import ledger_moving
with open_workspace(Path(sys.argv[1]), seams=Seams(environ={}), redactor=Redactor()) as workspace:
    with workspace.desk.trail.writing() as work, open(sys.argv[2], "rb") as lines:
        lines.readline()
        ledger_moving._Taking(workspace.desk, work).take(map(ledger_moving.msgspec.json.decode, lines))
        os._exit(9)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(other.folder), str(file)], check=False, cwd=Path(__file__).parents[2]
    )

    assert done.returncode == 9
    assert other.at("held", "list").stdout == "Nothing is held.\n"
    assert other.at("state", "import", str(file), "--reason", "again").exit_code == 0


@pytest.fixture(scope="module")
def server():
    try:
        with running_server() as address:
            yield address
    except NoPostgres as error:
        pytest.skip(str(error))


def test_from_a_file_to_a_shared_database_and_back(ran, tmp_path, server):
    put_cursor(ran, "4711")
    first, second = tmp_path / "first.state", tmp_path / "second.state"
    assert ran.at("state", "export", str(first)).exit_code == 0
    for name in ("shared", "back"):
        (tmp_path / name).mkdir()
        shutil.copy(ran.folder / ".mlconnector.key", tmp_path / name / ".mlconnector.key")
    back = Desk(folder=tmp_path / "back")
    with fresh_database(server, "moving") as address:
        shared = Desk(folder=tmp_path / "shared")
        environ = {"MLCONNECTOR_DATABASE_URL": address, "MLCONNECTOR_ACTOR": "tess"}
        told = shared.at("state", "import", str(first), "--reason", "grown", environ=environ)
        assert told.exit_code == 0, told.stderr
        again = shared.at("state", "import", str(first), "--reason", "grown", environ=environ)
        assert again.exit_code == 2
        for command in (("held", "list", "--format", "json"), ("held", "list", "--by-cause"), ("state", "show")):
            assert shared.at(*command, environ=environ).stdout == ran.at(*command).stdout
        assert "did you mean" not in shared.at("audit", "--invoice", "nix", environ=environ).stderr
        assert shared.at("replay", "2", environ=environ).exit_code == 0
        assert "in doubt for" in shared.at("state", "show", environ=environ).stdout
        assert shared.at("state", "export", str(second), environ=environ).exit_code == 0
    assert back.at("state", "import", str(second), "--reason", "shrunk").exit_code == 0
    assert "in doubt for" in back.at("state", "show").stdout


# A database of the future

WORDS = {
    "run": ("SPEC",), "check": ("SPEC",), "sweep": ("SPEC",), "purge": ("SPEC", "--older-than", "400d"),
    "replay": ("1",), "state import": ("SPEC", "--reason", "x"),
    "state export": ("x.state",), "state set": ("invoices", "--cursor", "1", "--reason", "x"),
    "state reset": ("invoices", "--reason", "x"), "held show": ("1",), "held release": ("1", "--reason", "x"),
    "held reject": ("1", "--reason", "x"), "secrets set": ("a.b",), "secrets remove": ("a.b",),
    "serve": ("SPEC", "--port", "0"), "worker": ("SPEC",), "alerts send": ("SPEC",), "alerts test": ("SPEC",),
    "users add": ("ada", "--role", "viewer", "--password-stdin"), "users passwd": ("ada", "--password-stdin"),
    "users role": ("ada", "viewer"), "users remove": ("ada",),
}  # fmt: skip
OPENING = sorted(" ".join(path) for path in every_command() if path)


@pytest.mark.parametrize("command", OPENING)
def test_a_database_of_the_future_is_left_alone_by_every_command(ran, command):
    words = command.split()
    group = main
    for word in words:
        group = group.commands[word]
    if (
        hasattr(group, "commands")
        or "tenant" not in {p.name for p in group.params}
        or command in {"validate", "worker"}
    ):
        pytest.skip("opens no workspace; a worker refuses the embedded database first")
    connection = sqlite3.connect(ran.folder / ".mlconnector" / "state.db")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = rows(ran.folder)
    given = [ran.spec if word == "SPEC" else word for word in WORDS.get(command, ())]

    told = ran.at(*words, *given, input="hunter2-hunter2\n")

    assert told.exit_code == 2, told.output
    assert "newer mlconnector" in told.output
    assert "9999" in told.output
    assert rows(ran.folder) == before
