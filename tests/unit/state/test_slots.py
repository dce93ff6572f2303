"""Seats of a licence: never more taken than there are, whoever asks, and given back by whoever ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.errors import AlreadyRunning
from engine.state.locks import owner_id, seat_lock

ROOT = Path(__file__).resolve().parents[3]


def take(house, most=2, **options):
    return seat_lock(house.database, "erp https://erp.example", most, shown="`erp`", **options)


def test_as_many_as_there_are_and_no_more(house):
    with ExitStack() as stack:
        stack.enter_context(take(house))
        stack.enter_context(take(house.more()))
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}.*process {os.getpid()}"), take(house):
            pass
    with take(house), take(house):
        pass


def test_another_licence_has_seats_of_its_own(house):
    with take(house, 1), seat_lock(house.database, "erp https://other.example", 1, shown="`erp`"):
        pass


def test_who_waits_gets_the_seat_that_becomes_free(house):
    waited = []
    first = ExitStack()
    first.enter_context(take(house, 1))

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 3:
            first.close()
        time.sleep(0.01)

    with take(house, 1, wait=60, sleep=sleep):
        assert len(waited) >= 3  # a server frees it a moment after the connection ended


def test_twelve_that_want_three_seats_are_three_at_once_at_most(house):
    there, most, done, lock = [0], [0], [0], threading.Lock()

    def work():
        with take(house, 3, wait=20, sleep=lambda _: time.sleep(0.005)):
            with lock:
                there[0] += 1
                most[0] = max(most[0], there[0])
            time.sleep(0.01)
            with lock:
                there[0] -= 1
                done[0] += 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (most[0], done[0]) == (3, 12)


def test_a_seat_ends_with_the_process_that_has_it(house):
    code = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from engine.state.database import open_database
        from engine.state.locks import seat_lock
        with seat_lock(open_database(sys.argv[1] or None, Path(sys.argv[2])), "erp https://erp.example", 1, shown="erp"):
            print("held", flush=True)
            time.sleep(60)
    """)
    argv = [sys.executable, "-c", code, house.url or "", str(house.workspace)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT, text=True) as other:
        assert other.stdout.readline() == "held\n"
        os.kill(other.pid, signal.SIGSTOP)
        with pytest.raises(AlreadyRunning, match=str(other.pid)), take(house, 1):
            pass
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        with take(house, 1, wait=5):
            assert str(os.getpid()) in owner_id()
