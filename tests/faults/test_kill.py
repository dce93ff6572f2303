"""Real processes, really killed: SQLite on disk, HTTP and SFTP stand-ins, and `kill -9` at a drawn instant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from engine.sandbox.faults import Fault

from ..postgres import fresh_database  # noqa: TID252 - the tests are no package that is installed
from ..specs.world import World, invoice  # noqa: TID252 - the tests are no package that is installed

ROOT = Path(__file__).parents[2]
LONG_PROOF = int(os.environ.get("MLCONNECTOR_KILLS", "1000"))
"""Kills of the long proof."""
EACH_WORLD = 50
"""So many invoices share a workspace; then everything is made anew."""


class Server:
    """The fork server, as a process."""

    def __init__(self, stack):
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(Path(__file__).with_name("fork_server.py"))]
        self._process = stack.enter_context(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environ,
            )
        )
        stack.callback(self._process.stdin.close)

    def run(self, world, kill_after):
        order = {
            "spec": str(world.spec),
            "home": str(world.home),
            "environ": world.environ,
            "now": world.clock().isoformat(),
            "kill_after": kill_after,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        world.clock.forward(minutes=15)
        return answer


def kill_again_and_again(server, world, chance, numbers, normal):
    """One or two kills for each invoice, then runs until it is posted; how many kills hit a living process."""
    hits = 0
    for number in numbers:
        world.masters_are_fresh()
        world.offer(f"invoices_{number}.csv", invoice(number))
        if chance.random() < 0.3:
            kind, nth = chance.choice(("lost_answer", "slow", "500_after")), chance.choice((1, 2, 3))
            world.epicor.faults.add(Fault(kind=kind, at="*APInvoiceSvc/UpdateMaster", nth=nth, value="0.05"))
        for _ in range(chance.choice((1, 1, 2))):
            hits += server.run(world, chance.uniform(0, normal))["ended"] == -9
        world.epicor.faults.clear()
        for _ in range(6):
            server.run(world, None)
            if any(document.state.value == "posted" for document in world.documents(number)):
                break
        world.assert_whole(number)
        assert world.state(number) == "posted", world.document(number).reason
    return hits


def kill_many(tmp_path, many, seed, postgres=None):
    """So many invoices, in as many worlds as that needs; prints the rate. `postgres`: the server that keeps the ledgers."""
    chance, began, hits = Random(seed), time.monotonic(), 0
    for start in range(0, many, EACH_WORLD):
        with ExitStack() as stack:
            folder = tmp_path / str(start)
            folder.mkdir()
            world, server = World(stack, folder), Server(stack)
            if postgres is not None:
                name = f"mlc_kill_{os.getpid()}_{seed}_{start}"
                world.keep_on(stack.enter_context(fresh_database(postgres, name)))
            world.masters_are_fresh()
            world.offer("invoices_first.csv", invoice("FIRST"))
            server.run(world, None)
            world.offer("invoices_second.csv", invoice("SECOND"))
            normal = server.run(world, None)["seconds"]
            numbers = [f"K-{number}" for number in range(start, min(many, start + EACH_WORLD))]
            hits += kill_again_and_again(server, world, chance, numbers, normal)
    rate = many / (time.monotonic() - began)
    where = "SQLite" if postgres is None else "PostgreSQL"
    told = f"{many} invoices on {where}, {hits} processes killed at work, {rate:.1f} invoices a second, seed {seed}"
    sys.stdout.write(told + "\n")
    return hits


def test_ten_invoices_survive_kill_9(tmp_path):
    assert kill_many(tmp_path, 10, seed=20261121) >= 4


@pytest.mark.faults
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(4))
def test_a_thousand_invoices_survive_kill_9(tmp_path, part):
    assert kill_many(tmp_path, max(1, LONG_PROOF // 4), seed=part)
