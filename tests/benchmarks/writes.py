"""Deliveries of two calls each (a look, a save) by the engine and by bare httpx, in turn, in one process.

`python writes.py SITE LATENCY-MS AT-ONCE DOCUMENTS TURNS FOLDER` prints documents a second of both as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from bench_spec import Bench, write_invoices

from engine.run.ingest import ingest
from engine.state.codec import encode_record

FLOW = "invoices"


def bare(site: str, at_once: int, payloads: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds, and CPU seconds, of the calls alone."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    with httpx.Client(timeout=60, limits=limits) as client, ThreadPoolExecutor(at_once) as pool:

        def one(payload: dict[str, Any]) -> None:
            query = {"vendor": payload["VendorID"], "number": payload["InvoiceNum"]}
            found = client.get(f"{site}/invoices", params=query)
            assert json.loads(found.content, parse_float=Decimal) == {"value": []}
            saved = client.post(f"{site}/invoices", json=payload)
            assert json.loads(saved.content, parse_float=Decimal)["status"] == "saved"

        began, cpu = time.perf_counter(), time.process_time()
        list(pool.map(one, payloads))
        return time.perf_counter() - began, time.process_time() - cpu


class Ours:
    """The engine's delivery over a workspace of its own."""

    def __init__(self, bench: Bench, workspace: Any, session: Any) -> None:
        self._bench, self._workspace, self._session = bench, workspace, session
        self._work = session.work(session.integration.flows[FLOW])
        self._files = 0
        self.commits = 0

    def prepare(self, documents: int) -> None:
        """So many documents READY in the ledger."""
        self._files += 1
        path = self._bench.box / "in" / f"{self._files}.csv"
        write_invoices(path, documents * 2, lines=2)
        path.write_text(path.read_text().replace(",INV-", f",INV-{self._files}-"))
        work = self._work
        for parcel in work.source.parcels():
            ingest(work.flow, parcel, ledger=work.ledger, preparer=work.preparer, run_id="bench")

    def deliver(self) -> tuple[int, float, float]:
        """How many were posted, in how many seconds and CPU seconds."""
        before = self._workspace.ledger._commits.commits
        began, cpu = time.perf_counter(), time.process_time()
        outcomes = self._work.deliver("bench", lambda: False, None)
        took = time.perf_counter() - began, time.process_time() - cpu
        self.commits = self._workspace.ledger._commits.commits - before
        assert set(outcomes) == {"posted"}, outcomes
        return outcomes["posted"], *took


def payloads_of(documents: int, mark: str) -> list[dict[str, Any]]:
    """What the engine sends for such documents, as plain JSON."""
    lines = [
        {"Line": n, "LineDesc": f"Line {n}", "Amount": 10.25, "Account": "6100-01", "Center": "CC1"} for n in (1, 2)
    ]
    head = {"DocumentType": "INVOICE", "InvoiceID": "1", "VendorName": "Vendor 1 Inc.", "InvoiceDate": "2026-01-01",
            "DueDate": "2026-01-01", "ApplyDate": "2026-01-01", "CurrencyCode": "USD", "Amount": 20.5,
            "Description": "Goods, as ordered", "Status": "APPROVED", "marker": "mlc:0123456789ab"}  # fmt: skip
    return [
        {"VendorID": f"V{n:05d}", "InvoiceNum": f"{mark}-{n:07d}", **head, "lines": lines} for n in range(documents)
    ]


def saved(site: str) -> dict[str, int]:
    """The system's own count since it was asked last."""
    found: dict[str, int] = httpx.get(f"{site.rpartition('/')[0]}/0/saved").json()
    return found


def main(site: str, latency: str, at_once: int, documents: int, turns: int, folder: Path) -> dict[str, Any]:
    """Both sides in turn."""
    site = f"{site}/{latency}"
    bench = Bench(folder, site, at_once=at_once)
    runs = []
    with bench.workspace() as workspace, bench.session(workspace) as session:
        ours = Ours(bench, workspace, session)
        ours.prepare(at_once)
        ours.deliver()  # connections, statements, caches
        bare(site, at_once, payloads_of(at_once, "W"))
        saved(site)
        for turn in range(turns):
            ours.prepare(documents)
            plain, plain_cpu = bare(site, at_once, payloads_of(documents, f"B{turn}"))
            assert saved(site) == {"documents": documents, "saved": documents}
            posted, took, cpu = ours.deliver()
            assert posted == documents
            assert saved(site) == {"documents": documents, "saved": documents}
            runs.append(
                {"bare": documents / plain, "ours": documents / took, "share": plain / took,
                 "bare_cpu": plain_cpu / documents * 1000, "cpu": cpu / documents * 1000, "commits": ours.commits / documents}
            )  # fmt: skip
        verified = workspace.trail.verify()
        assert not verified.breaks
        assert all(encode_record(each.payload or {}) for each in workspace.ledger.find_documents(limit=1))
    runs.sort(key=lambda run: run["share"])
    return runs[len(runs) // 2]


if __name__ == "__main__":
    given = sys.argv[1:]
    figures = main(given[0], given[1], int(given[2]), int(given[3]), int(given[4]), Path(given[5]))
    sys.stdout.write(json.dumps(figures) + "\n")
