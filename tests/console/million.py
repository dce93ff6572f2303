"""A ledger with a million documents, put there directly: what the pages cost when there are many."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from engine.run.workspace import Workspace
from engine.state import tables, tables_service
from engine.state.bulk import insert_rows
from engine.state.codec import encode_plain, stamp
from engine.state.purged import purged_mark

MANY = int(os.environ.get("MLCONNECTOR_TEST_MANY", "1000000"))
STOPPED = 6000
"""Of these, spread over the states of the work queue and over the last weeks."""
FLOWS = tuple(
    f"epicor-kinetic--stampli/{name}" for name in ("invoices", "credit_memos", "payments", "vendors", "gl_accounts")
)
STATES = ("held", "conflict", "quarantined", "rejected", "in_doubt", "waiting")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAYS = 365
KEPT = timedelta(days=30)
"""What is older was purged: its key and hash are there, its content is not."""
_PIECE = 20_000


def fill(workspace: Workspace) -> None:
    """A year of documents, the newest now; runs, parcels, identifiers and figures that go with them."""
    chance = random.Random(1)
    every = MANY // STOPPED
    with workspace.database.write() as connection:
        connection.execute(text("PRAGMA temp_store=MEMORY"))
        for numbers in _pieces(range(MANY)):
            rows = [_document(workspace, n, chance, stopped=n % every == 0) for n in numbers]
            insert_rows(connection, tables.document, rows)
            insert_rows(connection, tables.identifier, [_identifier(row) for row in rows])
        insert_rows(connection, tables.parcel, list(_parcels(workspace.tenant)))
        insert_rows(connection, tables.run, list(_runs(workspace.tenant)))
        for table, name, cut, days in (
            (tables_service.tally, "day", 10, DAYS),
            (tables_service.tally_hour, "hour", 13, 2),
        ):
            insert_rows(connection, table, list(_figures(workspace.tenant, name, cut, days)))
        connection.execute(text("ANALYZE"))


def at(n: int) -> datetime:
    """When the n-th document came."""
    return NOW - timedelta(days=DAYS) * (MANY - n) / MANY


def _document(workspace: Workspace, n: int, chance: random.Random, *, stopped: bool) -> dict[str, Any]:
    state = STATES[n // (MANY // STOPPED) % len(STATES)] if stopped else "posted"
    key, when = f"{n:032x}", stamp(at(n))
    kept = stopped or at(n) > NOW - KEPT
    seal, record = workspace.desk.seal_record, {"number": f"INV-{n}", "vendor": f"V{n % 700}"}
    sealed = seal(record, key, 0, "source") if kept else purged_mark(NOW - timedelta(days=1))
    payload = seal(record, key, 0, "payload") if kept else None
    return {
        "tenant": workspace.tenant, "key": key, "version": 0, "seq": n + 1, "flow": FLOWS[n % len(FLOWS)], "kind": "ap_invoice",
        "number": f"INV-{n}", "party": f"V{n % 700}", "state": state, "content_hash": key, "source_sealed": sealed,
        "payload_sealed": payload, "parcel_id": f"p{n // 200}", "place": f"line {n % 200 + 2}",
        "amount": f"{chance.randrange(100, 9_999_999) / Decimal(100):.2f}", "identifiers": encode_plain({"number": f"INV-{n}"}),
        "reason": f"`GLAccount`: no entry for `{6000 + n % 40}`" if stopped else "", "tries": 0 if stopped else 1,
        "reference": "" if stopped else f"{n % 700}/INV-{n}", "run": f"r{n // 1000}", "created_at": when, "updated_at": when,
    }  # fmt: skip


def _identifier(row: dict[str, Any]) -> dict[str, Any]:
    return {"tenant": row["tenant"], "value": row["number"], "name": "number", "key": row["key"], "version": 0}


def _parcels(tenant: str) -> Iterator[dict[str, Any]]:
    for n in range(MANY // 200):
        when = stamp(at(n * 200))
        yield {
            "tenant": tenant, "flow": FLOWS[n % len(FLOWS)], "id": f"p{n}", "kind": "file", "name": f"invoices_{n}.csv",
            "sha256": f"{n:064x}", "size": 20_000, "state": "settled", "counts": encode_plain({"posted": 200}), "run": f"r{n // 5}",
            "seen_at": when, "settled_at": when,
        }  # fmt: skip


def _runs(tenant: str) -> Iterator[dict[str, Any]]:
    for n, flow in itertools.product(range(96 * 60), FLOWS):
        when = NOW - timedelta(minutes=15 * (96 * 60 - n))
        summary = {"headline": "180 posted (91234.50), 1 held (5.00)", "counts": {"posted": 180, "held": 1}}
        yield {
            "tenant": tenant, "id": f"r{n}-{flow[-4:]}{len(flow)}", "flow": flow, "mode": "run", "spec_sha": "s", "started_at": stamp(when),
            "ended_at": stamp(when + timedelta(seconds=9)), "outcome": "done", "ok": True, "summary": encode_plain(summary),
        }  # fmt: skip


def _figures(tenant: str, name: str, cut: int, days: int) -> Iterator[dict[str, Any]]:
    steps = days if cut == 10 else days * 24
    for n in range(steps):
        when = stamp(NOW - (timedelta(days=n) if cut == 10 else timedelta(hours=n)))[:cut]
        for flow, state in itertools.product(FLOWS, ("received", "posted", *STATES[:5])):
            yield {"tenant": tenant, "flow": flow, name: when, "state": state, "documents": 540, "amount": "1234567.89"}


def _pieces(numbers: range) -> Iterator[range]:
    for start in range(0, len(numbers), _PIECE):
        yield numbers[start : start + _PIECE]
