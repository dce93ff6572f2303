"""Real processes, really killed, with the ledger on a PostgreSQL server; HTTP and SFTP stand-ins as before."""

from __future__ import annotations

import os

import pytest

from .test_kill import kill_many

LONG_PROOF = int(os.environ.get("MLCONNECTOR_KILLS_PG", "300"))
"""Invoices of the long proof; each is killed once or twice."""


def test_six_invoices_on_a_server_survive_kill_9(tmp_path, server):
    assert kill_many(tmp_path, 6, seed=20261121, postgres=server) >= 2


@pytest.mark.faults
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(3))
def test_three_hundred_invoices_on_a_server_survive_kill_9(tmp_path, server, part):
    kill_many(tmp_path, max(1, LONG_PROOF // 3), seed=1000 + part, postgres=server)
