"""The same random fault schedules with the ledger on a PostgreSQL server, and the same judges."""

from __future__ import annotations

import os
import sys
import time

import pytest

from .house_postgres import play_on_server
from .schedule import CLASSES, play
from .test_schedules import seeds

EVERY_CHANGE = 25
LONG_PROOF = int(os.environ.get("MLCONNECTOR_SCHEDULES_PG", "300"))
"""Schedules of each class."""
OTHERS = 700_000
"""Where the long proof's seeds begin: not those the embedded database has played."""


def play_all(theatre, klass, chosen):
    """Plays them all and tells the first that failed, with its seed and trace, and how many others did."""
    began = time.monotonic()
    outcomes = [play_on_server(theatre.flow, theatre.house, klass, seed) for seed in chosen]
    failed = [one for one in outcomes if one.problems]
    rate = len(outcomes) / (time.monotonic() - began)
    sys.stdout.write(f"{len(outcomes)} schedules {klass} on PostgreSQL, {len(failed)} failed, {rate:.1f} a second\n")
    assert not failed, f"{len(failed)} of {len(outcomes)} failed: {[one.seed for one in failed]}\n{failed[0]}"


@pytest.mark.parametrize("klass", CLASSES)
def test_no_schedule_on_a_server_loses_doubles_or_strands_a_document(postgres_theatre, klass):
    play_all(postgres_theatre, klass, seeds(klass, 0, EVERY_CHANGE))


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("klass", CLASSES)
def test_no_schedule_of_the_long_proof_does_either(postgres_theatre, klass):
    play_all(postgres_theatre, klass, seeds(klass, OTHERS, LONG_PROOF))


@pytest.mark.parametrize("klass", CLASSES)
def test_a_seed_gives_one_trace_whichever_database_keeps_the_ledger(theatre, postgres_theatre, klass):
    """So what a schedule finds on one is found on the other, and every difference is a difference of databases."""
    for seed in seeds(klass, 0, 8):
        embedded = play(theatre.flow, theatre.house, klass, seed)
        shared = play_on_server(postgres_theatre.flow, postgres_theatre.house, klass, seed)
        assert shared.trace == embedded.trace
        assert shared.states == embedded.states
