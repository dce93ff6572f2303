"""Guards for every test: no network beyond loopback, no home directory, no long real sleep."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

os.environ["HOME"] = "/nonexistent/home-of-tests"
LONGEST_SLEEP = 0.3
_LOOPBACK = ("127.", "::1", "localhost", "/")


@pytest.fixture(autouse=True, scope="session")
def _guards():
    """What a unit of code must take as an argument raises here when it is reached for."""
    connect, sleep = socket.socket.connect, time.sleep

    def guarded_connect(self, address):
        host = address[0] if isinstance(address, tuple) else str(address)
        if not str(host).startswith(_LOOPBACK):
            raise AssertionError(f"a test reached for the network: {address}")
        return connect(self, address)

    def guarded_sleep(seconds):
        if seconds > LONGEST_SLEEP and threading.current_thread() is threading.main_thread():
            raise AssertionError(f"a test really slept for {seconds} s: pass a `sleep`")
        sleep(seconds)

    socket.socket.connect = guarded_connect
    time.sleep = guarded_sleep
    yield
    socket.socket.connect, time.sleep = connect, sleep
