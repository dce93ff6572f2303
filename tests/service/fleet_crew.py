"""Workers of a fleet as real processes on one PostgreSQL database, to be killed, stopped and told to leave; and what they did."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg

from .fleet_shop import Shop

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = 0o600


@dataclass
class Crew:
    """`folder` has the specs; every worker is a process of its own, named by its number to the shop."""

    folder: Path
    database: str
    site: str
    shop: Shop
    seed: int
    at_once: int = 3
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    started: int = 0
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.home = self.folder / "home"
        self.home.mkdir(exist_ok=True)
        self.log = (self.folder / "log").open("ab")

    @property
    def environ(self) -> dict[str, str]:
        return {
            **os.environ,
            "MLCONNECTOR_DATABASE_URL": self.database,
            "MLCONNECTOR_ALLOW_LOOPBACK": "1",
            "MLCONNECTOR_KEY": base64.b64encode(bytes(32)).decode(),
            "SHOP_SITE": self.site,
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the CLI, to its end."""
        argv = [sys.executable, "-m", "cli", *arguments, "--workspace", str(self.home)]
        environ = {**self.environ, "SHOP_WORKER": "person"}
        return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=100)

    def start(self, specs: Path | None = None) -> str:
        """Another worker; its name."""
        self.started += 1
        name = f"w{self.started}"
        argv = [sys.executable, "-m", "cli", "worker", str(specs or self.folder), "--at-once", str(self.at_once)]
        self.workers[name] = subprocess.Popen(
            [*argv, "--workspace", str(self.home)],
            cwd=ROOT,
            env={**self.environ, "SHOP_WORKER": name},
            stdout=self.log,
            stderr=self.log,
        )
        return name

    def kill(self, name: str) -> None:
        """Without warning. It is stopped first, so that the shop knows before the server does that its sessions are gone."""
        process = self.workers.pop(name)
        process.send_signal(signal.SIGSTOP)
        self.shop.forget(name)
        process.kill()
        process.wait()
        self.told["killed"] += 1

    def leave(self, name: str) -> float:
        """As asked to; the seconds it took. Fails when it did not end well."""
        process, began = self.workers.pop(name), time.monotonic()
        process.terminate()
        code = process.wait(60)
        assert code in {0, -signal.SIGTERM}, f"{name} ended with {process.returncode}: {self.tail()}"
        self.told["left"] += 1
        return time.monotonic() - began

    def freeze(self, name: str, seconds: float) -> None:
        """As a laptop that is closed, or a machine that swaps."""
        self.workers[name].send_signal(signal.SIGSTOP)
        wait(lambda: False, seconds, fails=False)
        self.workers[name].send_signal(signal.SIGCONT)
        self.told["frozen"] += 1

    def harm(self) -> None:
        """One of them, one way or another; what died is replaced."""
        for name, process in list(self.workers.items()):
            assert process.poll() is None, f"{name} ended by itself: {self.tail()}"
        self.wait_for_others()
        name = self.chance.choice(sorted(self.workers))
        how = self.chance.choices(("kill", "leave", "freeze"), (6, 2, 1))[0]
        if how == "freeze":
            self.freeze(name, 3.0)
            return
        getattr(self, how)(name)
        self.start()

    def wait_for_others(self) -> None:
        """Until two of those that were started are at work, so that one is left when one is struck."""
        wait(lambda: len(self.at_work()) >= 2, 300, said=self.tail)

    def at_work(self) -> list[str]:
        """The workers that have said that they are there."""
        there = {row[0] for row in self.ask("SELECT split_part(owner, ':', 2) FROM worker")}
        return [name for name, process in self.workers.items() if str(process.pid) in there]

    def stopped(self) -> Counter[str]:
        """How often each flow's run was stopped in its middle and put back, as the log says."""
        self.log.flush()
        lines = (self.folder / "log").read_text(errors="replace").splitlines()
        told = [json.loads(line) for line in lines if '"put back: stopped' in line]
        return Counter(line["flow"] for line in told)

    def end(self) -> None:
        for process in self.workers.values():
            process.kill()
            process.wait()
        self.workers.clear()
        self.log.close()

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def states(self) -> Counter[str]:
        """How many firings are in which state."""
        return Counter(dict(self.ask("SELECT state, count(*) FROM firing GROUP BY state")))

    def stop_the_schedule(self) -> None:
        """Nothing is due any more."""
        self.ask("UPDATE schedule SET next_at = '2999-01-01T00:00:00.000000+00:00'")

    def rest(self, seconds: float) -> None:
        """Until nothing waits and nothing is at work."""
        wait(lambda: not self.open(), seconds, said=lambda: f"still open: {self.open()}\n{self.tail()}")

    def open(self) -> list[tuple[Any, ...]]:
        return self.ask(
            "SELECT flow, state, attempt, owner, reason FROM firing WHERE state IN ('queued', 'running') ORDER BY 1 LIMIT 20"
        )

    def tail(self) -> str:
        self.log.flush()
        return (self.folder / "log").read_text(errors="replace")[-3000:]


def wait(until: Callable[[], Any], seconds: float, *, said: Callable[[], str] = lambda: "", fails: bool = True) -> None:
    """Polls until something is so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if until():
            return
        time.sleep(0.1)
    assert not fails, f"not so after {seconds} s: {said()}"
