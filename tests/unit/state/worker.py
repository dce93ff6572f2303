"""A process of its own for tests that kill it: opens the workspace, does one thing, says so, and waits to die."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.contracts import Document, Parcel, State
from engine.redaction import Redactor
from engine.state import locks
from engine.state.database import open_database
from engine.state.keyring import load_keyring
from engine.state.ledger import Ledger
from engine.state.rotation import rotate
from engine.state.trail import Trail
from engine.state.vault import open_vault

url, workspace, what = sys.argv[1] or None, Path(sys.argv[2]), sys.argv[3]


def clock():
    return datetime.now(UTC)


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def wait():
    say("ready")
    sys.stdin.read()


database = open_database(url, workspace)
redactor = Redactor()
vault = open_vault(database, "acme", workspace, environment={}, redactor=redactor, clock=clock)
trail = Trail(database, "acme", vault=vault, redactor=redactor, clock=clock, actor="worker")
ledger = Ledger(database, "acme", clock=clock, vault=vault, trail=trail, actor="worker")
owner = locks.owner_id()


def document(key):
    return Document(
        key=key, version=0, flow="invoices", kind="k", number=key, party="p", state=State.READY, content_hash="h",
        source={"a": "1"}, payload={},
    )  # fmt: skip


def intake():
    parcel = Parcel(id="killed", kind="file", name="a.csv", read=lambda: iter(()), sha256="f" * 64)
    with ledger.intake("invoices", parcel, "r") as taking:
        taking.add([document(f"n{i}") for i in range(2000)])
        wait()


def write():
    """Dies with a transaction open, its rows written and not committed."""
    with trail.writing() as work:
        work.tell("never")
        work.write_lines()
        wait()


def claim():
    ledger.claim("invoices", clock(), 1, owner=owner)
    wait()


def send():
    (taken,) = ledger.claim("invoices", clock(), 1, owner=owner)
    ledger.intend(taken, "save", b"{}", clock())
    wait()


def lock():
    with locks.flow_lock(database, "acme", "invoices"):
        wait()


def change_keys():
    """Stands still when the first piece is sealed with the new key."""
    rotate(database, load_keyring(workspace, {}, make=False), clock=clock, progress=lambda _: wait())


def deliver():
    """The protocol in small: the target is a file with a line for each document it has."""
    target = workspace / "target.txt"
    say("ready")
    with locks.flow_lock(database, "acme", "invoices"):
        ledger.abandoned("invoices", lambda _: False, settle=timedelta(0))
        while taken := ledger.claim("invoices", clock(), 5, owner=owner):
            for one in taken:
                there = target.exists() and one.key in target.read_text().split()
                if there:
                    ledger.change(
                        one, State.POSTED if one.state is State.IN_DOUBT else State.ADOPTED, reference="found"
                    )
                    continue
                sent = ledger.intend(one, "save", b"{}", clock())
                handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.write(handle, f"{one.key}\n".encode())
                os.close(handle)
                ledger.receipt(sent, State.POSTED, outcome="done", reference="sent")
    ledger.close()
    say("done")


{
    "intake": intake, "write": write, "claim": claim, "send": send, "lock": lock, "change keys": change_keys,
    "deliver": deliver,
}[what]()  # fmt: skip
