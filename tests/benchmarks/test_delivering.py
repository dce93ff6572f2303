"""Deliveries of two calls beside bare httpx doing the same calls, ledger, trail and look included; figures are printed, never asserted.

Sizes: `MLCONNECTOR_BENCH_DOCUMENTS` (documents a turn for each at once without latency, 200), `MLCONNECTOR_BENCH_TURNS` (3).
"""

from __future__ import annotations

import pytest

from .measure import TABLE, child, size, system

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("at_once", [1, 8, 32])
@pytest.mark.parametrize("latency", [0, 20, 100])
def test_writes_beside_bare_httpx(tmp_path, latency, at_once):
    """Nothing is posted twice, and the trail stays whole, at every rate."""
    most = size("DOCUMENTS", 200) * min(at_once, 4)
    documents = most if not latency else min(most, max(2 * at_once, 1000 * at_once // latency))

    with system() as site:
        words = [site, latency, at_once, documents, size("TURNS", 3), tmp_path]
        found = child("writes.py", *map(str, words))

    TABLE.add(
        f"writes, {latency} ms, {at_once} at once",
        f"{found['ours']:.0f}/s, {found['cpu']:.2f} ms CPU",
        f"{found['bare']:.0f}/s, {found['bare_cpu']:.2f} ms CPU",
        f"{found['share']:.0%}",
        ">= 95 %",
        f"{found['commits']:.2f} commits each",
    )
