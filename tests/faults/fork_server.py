"""Runs the real integration in a child of its own, over and over: imported once, forked for each, killed on order.

Reads one JSON order a line (spec, home, environ, now, kill_after) and answers each with how the child ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.redaction import Redactor
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.workspace import open_workspace

with suppress(ModuleNotFoundError):  # as the rest: imported once, here, and not by every child
    import_module("psycopg")
    import_module("sqlalchemy.dialects.postgresql.psycopg")


class Passing:
    """Time from a given moment on, at its own pace, but for sleeping: that passes at once."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def sleep(self, seconds: float) -> None:
        self._start += timedelta(seconds=seconds)


def work(order: dict[str, Any]) -> int:
    """One poll, as the command does it."""
    clock = Passing(datetime.fromisoformat(order["now"]))
    seams = Seams(clock=clock, sleep=clock.sleep, environ=order["environ"], allow_loopback=True)
    with open_workspace(Path(order["home"]), seams=seams, redactor=Redactor(), actor="test") as workspace:
        result = run_spec(Path(order["spec"]), workspace, seams, Options(flows=("invoices",)), quiet)
    return result.exit_code


def watch(pid: int, kill_after: float | None) -> int:
    """Until it ends, or is killed for good; negative: the signal it died of."""
    until = None if kill_after is None else time.monotonic() + kill_after
    while True:
        found, status = os.waitpid(pid, os.WNOHANG if until is not None else 0)
        if found:
            return os.waitstatus_to_exitcode(status)
        if until is not None and time.monotonic() >= until:
            os.kill(pid, signal.SIGKILL)
            until = None
        else:
            time.sleep(0.0005)


def serve() -> None:
    """Until its input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                code = work(order)
            finally:
                os._exit(code)
        ended = watch(pid, order["kill_after"])
        sys.stdout.write(json.dumps({"ended": ended, "seconds": time.monotonic() - began}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
