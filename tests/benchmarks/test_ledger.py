"""The ledger alone: its rate with many in flight, and its costs as it grows; figures are printed, never asserted.

Sizes: `MLCONNECTOR_BENCH_FLIGHT` (documents, 1000), `MLCONNECTOR_BENCH_LEDGERS` (documents held already, `10000,300000`;
a million take 5 GB and some minutes, ten million ten times that).
"""

from __future__ import annotations

import os

import pytest

from .measure import TABLE, child, size

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]
LEDGERS = os.environ.get("MLCONNECTOR_BENCH_LEDGERS", "10000,300000").split(",")


@pytest.mark.parametrize("at_once", [1, 8, 32])
def test_documents_in_flight(tmp_path, at_once):
    """Claim, intent and receipt, each durable; every document posted, the trail whole."""
    found = child("ledger_speed.py", "flight", str(tmp_path), str(at_once), str(size("FLIGHT", 1000)))

    rate = f"{found['rate']:.0f}/s, {found['cpu']:.0f} µs CPU"
    TABLE.add(f"ledger alone, {at_once} in flight", rate, "", "", "", f"{found['commits']:.2f} commits each")


def test_costs_of_a_large_ledger(tmp_path):
    """The same acts against ledgers of different sizes, in turn."""
    found = child("ledger_speed.py", "sizes", str(tmp_path), *LEDGERS)

    for held in LEDGERS:
        for act, cost in found["figures"][held].items():
            against = found["against"][held][act]
            what = f"ledger of {int(held):,}: {act}"
            megabytes = f"{found['megabytes'][held]:.0f} MB on disk"
            TABLE.add(what, f"{cost:.0f} µs", "", f"{against:.2f}", "0.9 to 1.1", megabytes)
