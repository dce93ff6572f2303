"""The same order in the system calls of a real run: the intent's bytes are synced to disk before the request's leave."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from engine.desk.opening import LOOPBACK

from ..security.peer import Peer  # noqa: TID252 - the tests are no package
from ..security.stage import ROOT, Stage  # noqa: TID252

CHILD = """
import sys
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

first, how = int(sys.argv.pop(1)), sys.argv.pop(1)
taken = []

def weaken(connection, *_):
    taken.append(1)
    if len(taken) >= first:
        connection.execute(f"PRAGMA synchronous={how}")

if how != "FULL":
    event.listen(Pool, "checkout", weaken)
import cli
cli.main(sys.argv[1:])
"""
"""The command as it is; or with a database that syncs less, from its n-th use on: the first is where the engine checks it."""
CALL = re.compile(r"^(\d+)\s+(?:<\.\.\. )?(\w+)(?: resumed>|\((\d+)<([^>]*)>)(.*)$")
SYNCS = {"fsync", "fdatasync"}
WRITES = {"write", "pwrite64", "writev", "pwritev", "pwritev2"}
SENDS = {"sendto", "sendmsg", "write", "writev"}


def run(stage, command):
    """The command on that stage, by that interpreter."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), LOOPBACK: "1", **stage.environ}
    words = ["run", str(stage.spec), "--flow", "bills", "--workspace", str(stage.home)]
    return subprocess.run(
        [*command, *words], capture_output=True, text=True, timeout=100, check=False, cwd=stage.folder, env=environ
    )


def traced(stage, trace, how):
    """The lines of the trace of a run."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not on the PATH")
    calls = ",".join(sorted(SYNCS | WRITES | SENDS))
    strace = ["strace", "-f", "-y", "-s", "48", "-e", f"trace={calls}", "-o", str(trace)]
    done = run(stage, [*strace, sys.executable, "-c", CHILD, "2", how])
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return trace.read_text(errors="replace").splitlines()


def unsynced_sends(lines):
    """For each POST: whether something written to the database's log was not yet synced when it left.

    A call that strace shows in two lines counts as a write when it begins, and as a sync when it has returned.
    """
    began: dict[str, str] = {}
    dirty, found = False, []
    for line in lines:
        match = CALL.match(line)
        if match is None:
            continue
        thread, name, number, place, rest = match.groups()
        if number is None:  # it ends what began before
            place = began.pop(thread, "")
        elif rest.endswith("<unfinished ...>"):
            began[thread] = place
        log = place.endswith("state.db-wal")
        if log and name in WRITES:
            dirty = True
        elif log and name in SYNCS and not rest.endswith("<unfinished ...>"):
            assert rest.rstrip().endswith("= 0"), line
            dirty = False
        elif name in SENDS and number is not None and '"POST ' in rest:
            found.append(dirty)
    return found


@pytest.fixture
def stage(tmp_path):
    with Peer() as peer:
        stage = Stage(tmp_path, peer)
        stage.store_secrets()
        stage.offer_bill()
        yield stage


def test_the_log_is_synced_between_the_intent_and_the_first_byte_of_the_request(stage, tmp_path):
    sends = unsynced_sends(traced(stage, tmp_path / "trace", "FULL"))
    assert stage.states() == {"A-1": "posted"}
    assert sends == [False]


@pytest.mark.parametrize("how", ["NORMAL", "OFF"])
def test_a_database_that_syncs_less_is_noticed(stage, tmp_path, how):
    """The same run without `synchronous=FULL`: its request leaves while the intent is in the system's memory only."""
    sends = unsynced_sends(traced(stage, tmp_path / "trace", how))
    assert stage.states() == {"A-1": "posted"}
    assert sends == [True]


@pytest.mark.parametrize("how", ["NORMAL", "OFF"])
def test_a_database_that_syncs_less_from_the_start_is_refused(stage, how):
    """What the engine itself does about it: its settings are read back, and nothing is sent."""
    done = run(stage, [sys.executable, "-c", CHILD, "1", how])
    assert done.returncode != 0
    assert "synchronous is" in done.stderr
    assert stage.peer.posts() == []
