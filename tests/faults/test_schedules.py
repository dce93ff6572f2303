"""Random fault schedules with the real engine: nothing lost, nothing doubled, nothing stuck, everything explained."""

from __future__ import annotations

import os
import zlib

import pytest

from .schedule import CLASSES, play

CHUNKS = 20
EVERY_CHANGE = int(os.environ.get("MLCONNECTOR_SCHEDULES", "500"))
"""Schedules of each class at every change of the code."""
LONG_PROOF = 10_000
"""And in the long proof."""


def seeds(klass, first, many):
    """Seeds of a class; no two classes share one."""
    start = zlib.crc32(klass.encode()) % 1000 * 1_000_000
    return range(start + first, start + first + many)


def play_all(theatre, klass, chosen):
    """Plays them all and tells the first that failed, with its seed and trace, and how many others did."""
    failed = []
    for seed in chosen:
        outcome = play(theatre.flow, theatre.house, klass, seed)
        if outcome.problems:
            failed.append(outcome)
    assert not failed, f"{len(failed)} of {len(chosen)} failed: {[one.seed for one in failed]}\n{failed[0]}"


@pytest.mark.parametrize(
    ("many", "chunk"),
    [
        *((EVERY_CHANGE, chunk) for chunk in range(4)),
        *(pytest.param(LONG_PROOF, chunk, marks=pytest.mark.faults) for chunk in range(4, 4 + CHUNKS)),
    ],
    ids=[*(f"every_change-{n}" for n in range(4)), *(f"long_proof-{n}" for n in range(CHUNKS))],
)
@pytest.mark.parametrize("klass", CLASSES)
@pytest.mark.timeout(1800)
def test_no_schedule_loses_doubles_or_strands_a_document(theatre, klass, many, chunk):
    share = many // (4 if chunk < 4 else CHUNKS)
    play_all(theatre, klass, seeds(klass, chunk * share if chunk < 4 else many + chunk * share, share))


@pytest.mark.parametrize("klass", CLASSES)
def test_the_same_seed_gives_the_same_trace(theatre, klass):
    for seed in seeds(klass, 0, 12):
        first, second = (play(theatre.flow, theatre.house, klass, seed) for _ in range(2))
        assert first.trace == second.trace
        assert first.states == second.states
