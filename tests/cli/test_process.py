"""The installed command as a process: exit codes, streams, signals, and how little it loads."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ("sqlalchemy", "alembic", "paramiko", "httpx", "jinja2", "jmespath", "jsonschema", "cryptography", "rich")
REPORT = """
import sys
from cli import main
try:
    main(sys.argv[1:])
finally:
    print(",".join(sorted(name for name in {heavy!r} if name in sys.modules)), file=sys.stderr)
"""


def started(*words: str, folder: Path, **environ: str) -> subprocess.Popen[str]:
    known = {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *words],
        cwd=folder,
        env=known,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(*words: str, folder: Path, **environ: str) -> tuple[int, str, str]:
    with started(*words, folder=folder, **environ) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def loaded(*words: str, folder: Path) -> set[str]:
    """Which of the heavy libraries a command imports."""
    script = REPORT.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split(",")) - {""}


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), ("run", "--help"), ("held", "list", "--help"), ("init", "--help")]
)
def test_help_loads_nothing_heavy(desk, words):
    assert loaded(*words, folder=desk.folder) == set()


def test_validate_loads_neither_database_nor_sftp(desk):
    assert not loaded("validate", "books.yaml", folder=desk.folder) & {
        "sqlalchemy",
        "alembic",
        "paramiko",
        "cryptography",
    }


def test_explaining_a_code_loads_no_connection(desk):
    assert not loaded("explain", "E202", folder=desk.folder) & {"sqlalchemy", "alembic", "paramiko", "cryptography"}


def test_a_workspace_up_to_date_loads_no_migrations(desk):
    ended("run", "books.yaml", folder=desk.folder, PARTNER_PATH="box", PARTNER_CODE="x")

    assert "alembic" not in loaded("held", "list", folder=desk.folder)


def test_a_run_from_start_to_end(desk):
    desk.place("a.csv", "1,10.50")

    code, out, err = ended("run", "books.yaml", folder=desk.folder, PARTNER_PATH="box", PARTNER_CODE="x")

    assert code == 0, err
    assert out.startswith("invoices: 1 in = 1 posted (10.50)\n")
    assert "reading a.csv" in err
    assert (desk.folder / "box" / "out" / "ledger_1.csv").read_text() == "number,total\n1,10.50\n"


def test_a_mistake_in_the_spec_ends_with_1(desk):
    desk.break_spec()

    code, out, err = ended("validate", "books.yaml", folder=desk.folder)

    assert (code, err) == (1, "")
    assert out.startswith("books.yaml:")


def test_two_runs_of_a_flow_never_at_once(desk):
    desk.place("a.csv", "1,10.50")
    ended("run", "books.yaml", folder=desk.folder, PARTNER_PATH="nowhere", PARTNER_CODE="x")
    holder = """
import sys, time
from pathlib import Path
from engine.state.database import open_database
from engine.state.locks import flow_lock
database = open_database(None, Path("."))
with flow_lock(database, "default", "books/invoices"):
    print("held", flush=True)
    sys.stdin.read()
database.close()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holder], cwd=desk.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        code, out, _ = ended("run", "books.yaml", folder=desk.folder, PARTNER_PATH="box", PARTNER_CODE="x")
        other.communicate()

    assert code == 5
    assert "stopped" in out
    assert list((desk.folder / "box" / "out").iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_after_what_is_in_hand(desk, number, code):
    system = desk.folder / "systems" / "partner.yaml"
    system.write_text(system.read_text().replace("apart: 0s", "apart: 2s"))
    desk.place("a.csv", "1,10.50")

    with started("run", "books.yaml", folder=desk.folder, PARTNER_PATH="box", PARTNER_CODE="x") as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("There was no workspace")
        assert process.stderr.readline() == "invoices: started\n"
        time.sleep(0.1)
        process.send_signal(number)
        process.communicate(timeout=30)

    assert process.returncode == code
    assert ended("run", "books.yaml", folder=desk.folder, PARTNER_PATH="box", PARTNER_CODE="x")[0] == 0
    assert len(list((desk.folder / "box" / "out").iterdir())) == 1


def test_a_secret_is_asked_for_on_standard_input_only(desk):
    """A value on the command line would be in every process list: there is no such option."""
    code, _, err = ended("secrets", "set", "partner.token", "hunter2-hunter2", folder=desk.folder)

    assert code == 2
    assert "unexpected extra argument" in err


def test_watching_goes_on_until_ctrl_c(desk):
    with started("validate", "books.yaml", "--watch", folder=desk.folder) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        desk.break_spec()
        second = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert "ok: 1 file" in first
    assert "error[E202]" in second
    assert (process.returncode, err) == (130, "")


def on_a_terminal(*words: str, folder: Path, **environ: str) -> bytes:
    """What a command writes to a terminal as its stderr."""
    ours, theirs = pty.openpty()
    known = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm", **environ}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=folder, env=known, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, timeout=60, check=False,
    )  # fmt: skip
    os.close(theirs)
    told = b""
    try:
        while piece := os.read(ours, 4096):
            told += piece
    except OSError:  # the other side is closed and all of it was read
        pass
    os.close(ours)
    assert done.returncode == 0, told
    return told


def test_a_terminal_gets_a_live_line_unless_it_asks_for_calm(desk):
    known = {"PARTNER_PATH": "box", "PARTNER_CODE": "x"}
    live = on_a_terminal("run", "books.yaml", folder=desk.folder, **known)
    calm = on_a_terminal("run", "books.yaml", folder=desk.folder, NO_COLOR="1", **known)
    quiet = on_a_terminal("run", "books.yaml", "--quiet", folder=desk.folder, **known)

    assert b"\x1b" in live
    assert calm == b"invoices: started\r\ninvoices: empty\r\n"
    assert quiet == b""
