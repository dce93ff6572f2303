"""`kill -9` at any moment: nothing half written, nothing lost, nothing twice."""

import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.contracts import State
from engine.errors import AlreadyRunning, SetupError
from engine.state.keyring import load_keyring
from engine.state.locks import flow_lock, owner_alive, owner_id, writer_lock
from engine.state.rotation import rotate

WORKER = Path(__file__).with_name("worker.py")


@contextmanager
def worker(house, what):
    """A process that has reached its point; killed at the end at the latest."""
    command = [sys.executable, str(WORKER), house.url or "", str(house.workspace), what]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def real_time(house):
    house.clock.now = datetime.now(UTC)


def test_killed_while_a_parcel_gathers(house):
    with worker(house, "intake"):
        pass
    assert house.ledger.counts() == {}
    assert house.ledger.parcel("invoices", "f" * 64) is None


def test_killed_inside_a_transaction(house):
    with worker(house, "write"):
        pass
    assert house.events() == []
    assert house.trail.verify().breaks == ()


def test_killed_after_a_claim(house, make):
    house.take_in(make())
    real_time(house)
    with worker(house, "claim"):
        held = house.ledger.document("k1")
        assert house.ledger.abandoned("invoices", owner_alive, settle=timedelta(0)) == []
    (found,) = house.ledger.abandoned("invoices", owner_alive, settle=timedelta(0))
    assert (held.state, found.state, found.crashes) == (State.PROBING, State.READY, 1)


def test_killed_after_the_intent(house, make):
    house.take_in(make())
    real_time(house)
    with worker(house, "send"):
        pass
    (found,) = house.ledger.abandoned("invoices", owner_alive, settle=timedelta(minutes=5))
    assert found.state is State.IN_DOUBT
    assert house.ledger.claim("invoices", house.clock(), 1, owner="me") == []


def test_killed_again_and_again_while_it_delivers(house, make):
    keys = [f"k{i:03}" for i in range(150)]
    house.take_in(*(make(key) for key in keys))
    draw, kills = random.Random(20261102), 0
    while kills < 6:
        with worker(house, "deliver") as process:
            time.sleep(draw.uniform(0.02, 0.15))
            kills += 1
            if process.poll() is not None:
                break
    real_time(house)
    for _ in range(2):  # the first of these workers takes back what the last kill left, and may hold it as poison
        for found in house.ledger.find_documents(states=[State.HELD], limit=200):
            house.ledger.release(found.key, State.READY, actor="ana", reason="crashed too often by design of this test")
        with worker(house, "deliver") as process:
            assert process.stdout.readline() == "done\n"

    assert sorted((house.workspace / "target.txt").read_text().split()) == keys
    assert sum(house.ledger.counts().values()) == house.ledger.counts()[State.POSTED] + house.ledger.counts().get(
        State.ADOPTED, 0
    )
    assert house.trail.verify().breaks == ()


def test_killed_half_way_through_a_change_of_keys(house, make):
    """Both keys open what they sealed until the change, begun anew, has come to its end; what was written meanwhile stays."""
    house.take_in(*(make(f"k{i}") for i in range(250)))
    house.vault.set("name", "long enough")
    old = house.vault.keyring.current.id
    for survived in (1, 2):
        with worker(house, "change keys"):
            pass
        between = house.more()
        assert len(between.vault.keyring.keys) == 2
        assert (between.ledger.document("k7").source, between.vault.get("name").expose()) == ({"a": "1"}, "long enough")
        between.take_in(make(f"while-{survived}"))
        between.close()
    done = rotate(house.database, load_keyring(house.workspace, {}, make=False), clock=house.clock)
    after = house.more()
    assert done.retired == (old,)
    assert [key.id for key in after.vault.keyring.keys] == [done.key_id]
    assert {document.source["a"] for document in after.ledger.find_documents(limit=999)} == {"1"}
    assert after.trail.verify().breaks == ()


def test_a_lock_ends_with_the_process_that_holds_it(house):
    with worker(house, "lock") as process:
        with (
            pytest.raises(AlreadyRunning, match=f"{process.pid} .*since 20"),
            flow_lock(house.database, "acme", "invoices"),
        ):
            pass
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(AlreadyRunning), flow_lock(house.database, "acme", "invoices"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with flow_lock(house.database, "acme", "invoices", wait=5, sleep=lambda _: time.sleep(0.05)) as lock:
            lock.check()


def test_locks_are_told_apart_and_freed(house):
    with flow_lock(house.database, "acme", "invoices"), flow_lock(house.database, "acme", "vendors"):
        with flow_lock(house.database, "other", "invoices"), writer_lock(house.database, "acme epicor EPIC06"):
            pass
        with pytest.raises(AlreadyRunning), flow_lock(house.database, "acme", "vendors"):
            pass
    with flow_lock(house.database, "acme", "invoices") as lock:
        lock.check()


def test_waiting_for_a_writer_asks_again_until_it_is_free(house):
    holding = writer_lock(house.database, "epicor")
    holding.__enter__()
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            holding.__exit__(None, None, None)
        if len(waits) >= 3:
            time.sleep(0.01)  # a server frees a lock when it notices that its connection has ended

    with writer_lock(house.database, "epicor", wait=60, sleep=sleep):
        assert len(waits) >= 3


def test_a_lost_lock_is_noticed_before_the_next_send(house):
    with flow_lock(house.database, "acme", "invoices") as lock:
        if house.url is None:
            for file in (house.workspace / ".mlconnector" / "locks").iterdir():
                file.unlink()
        else:
            house.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        for _ in range(2):  # of many threads each asks, also after the first was told
            with pytest.raises(SetupError, match="before it sends more"):
                lock.check()


def test_a_process_is_known_by_its_start_and_not_by_its_number(house):
    host, pid, started = owner_id().split(":")
    assert owner_alive(owner_id())
    assert not owner_alive(f"{host}:{pid}:1")
    assert not owner_alive(f"{host}:4194303:{started}")
    assert owner_alive("another-host:1:1")
