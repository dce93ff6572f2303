"""The ledger alone: documents in flight through claim, intent and receipt; and what each act costs as the ledger grows.

`python ledger_speed.py flight FOLDER AT-ONCE DOCUMENTS` and `python ledger_speed.py sizes FOLDER 10000 1000000 …` print JSON.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from engine.contracts import Document, Parcel, State
from engine.mapping.documents import document_key
from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import Workspace, open_workspace
from engine.state.database import FOLDER

FLOW = "bench/invoices"
SEED = "INV-SEED000"
ROUNDS, MANY = 7, 400
REQUEST = b'{"InvoiceNum": "INV-0000001", "Amount": 10.25}' * 8


def a_document(number: str, vendor: str = "V00001") -> Document:
    """An invoice of two lines, as a mapping makes it."""
    lines = [{"Line": n, "LineDesc": f"Line {n}", "Account": "6100-01", "Center": "CC1"} for n in (1, 2)]
    content = {"VendorID": vendor, "InvoiceNum": number, "VendorName": "Vendor 1 Inc.", "lines": lines}
    return Document(
        key=document_key(["default", "bench", "invoices", vendor, number]), version=0, flow=FLOW, kind="invoices",
        number=number, party=vendor, state=State.READY, content_hash="0" * 64, source=content, payload=content,
        place="row 2", amount="20.50", spec_sha="0" * 64,
        identifiers={"number": number, "near": f"{vendor} {number}", "vendor": vendor},
    )  # fmt: skip


def take_in(workspace: Workspace, documents: list[Document], name: str) -> None:
    """One parcel."""
    parcel = Parcel(id=name, kind="file", name=name, read=lambda: iter(()), sha256=name)
    with workspace.ledger.intake(FLOW, parcel, "run") as intake:
        for start in range(0, len(documents), 500):
            some = documents[start : start + 500]
            assert not intake.known([document.key for document in some])
            intake.add(some)
        intake.finish({"read": len(documents)})


def deliver(workspace: Workspace, document: Document) -> None:
    """What a delivery asks of the ledger."""
    ledger = workspace.ledger
    sent = ledger.intend(document, "save", REQUEST, datetime.now(UTC) + timedelta(minutes=2))
    ledger.receipt(sent, State.POSTED, outcome="posted", status=200, response=b'{"id": 1}', reference="1")


def open_one(stack: ExitStack, folder: Path) -> Workspace:
    """A workspace with the real clock."""
    folder.mkdir(parents=True, exist_ok=True)
    return stack.enter_context(open_workspace(folder, seams=Seams(environ={}), redactor=Redactor(), actor="bench"))


def flight(folder: Path, at_once: int, documents: int) -> dict[str, Any]:
    """So many documents, so many at once."""
    with ExitStack() as stack:
        workspace = open_one(stack, folder)
        take_in(workspace, [a_document(f"INV-{n:07d}") for n in range(documents)], "all")
        pool = stack.enter_context(ThreadPoolExecutor(at_once))
        before, began, cpu = workspace.ledger._commits.commits, time.perf_counter(), time.process_time()
        done = 0
        while batch := workspace.ledger.claim(FLOW, datetime.now(UTC), at_once * 2, owner="bench"):
            list(pool.map(lambda document: deliver(workspace, document), batch))
            done += len(batch)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        assert done == documents
        assert workspace.ledger.counts() == {State.POSTED: documents}
        assert not workspace.trail.verify().breaks
        commits = workspace.ledger._commits.commits - before
    return {"rate": documents / took, "commits": commits / documents, "cpu": cpu / documents * 1e6}


def fill(folder: Path, many: int) -> None:
    """A ledger of so many posted documents, from the rows of one that was really posted; sealed texts are copies and never opened."""
    with ExitStack() as stack:
        workspace = open_one(stack, folder)
        take_in(workspace, [a_document(SEED)], "seed")
        [document] = workspace.ledger.claim(FLOW, datetime.now(UTC), 1, owner="bench")
        deliver(workspace, document)
    state = sqlite3.connect(folder / FOLDER / "state.db", isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
        state.execute(f"PRAGMA {pragma}")
    state.execute("BEGIN")
    lines = state.execute("SELECT max(n) FROM trail").fetchone()[0]
    only = {"trail": " WHERE key <> ''"}  # a parcel's own line is not one of each document
    for name in ("document", "identifier", "attempt", "trail"):
        columns = [row[1] for row in state.execute(f"PRAGMA table_info({name})")]
        made = ", ".join(copied(name, column, lines) for column in columns)
        state.execute(
            f"INSERT INTO {name} WITH RECURSIVE new(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM new WHERE i < {many - 1})"
            f" SELECT {made} FROM new, (SELECT * FROM {name}{only.get(name, '')})"
        )
    state.execute("UPDATE chain SET n = (SELECT max(n) FROM trail)")
    state.execute(f"UPDATE counter SET value = {many} WHERE name = 'document'")
    state.execute("COMMIT")
    state.close()


def copied(table: str, column: str, lines: int) -> str:
    """What a column holds in the copy number `i` of a row."""
    if column in {"key", "number", "value", "identifiers"} and (table, column) != ("attempt", "number"):
        return f"replace(replace({column}, '{SEED[4:]}', printf('%07d', i)), 'V00001', printf('V%05d', i * 7919 % 997))"
    given = {("document", "seq"): "i + 1", ("attempt", "n"): "i + 1", ("trail", "n"): f"i * {lines} + n"}
    if column in {"parcel_id", "parcel"}:
        return f"iif({column} = '', '', 'p' || (i / 300))"
    return given.get((table, column), column)


class Acts:
    """What is measured of one ledger."""

    def __init__(self, workspace: Workspace, size: int) -> None:
        self._workspace, self._size = workspace, size
        self._turn = 0

    def run(self) -> dict[str, float]:
        """Microseconds a document of each act."""
        self._turn += 1
        new = [a_document(f"INV-{self._size + self._turn * MANY + n:07d}N") for n in range(MANY)]
        some = [1 + (n * 7919 + self._turn * 31) % (self._size - 1) for n in range(MANY)]
        old = [a_document(f"INV-{i:07d}", f"V{i * 7919 % 997:05d}").key for i in some]
        ledger, took = self._workspace.ledger, {}
        took["ingest"] = timed(lambda: take_in(self._workspace, new, f"turn{self._turn}"))
        parcel = Parcel(id="look", kind="pass", name="look", read=lambda: iter(()))
        intake = ledger.intake(FLOW, parcel, "run")
        took["known"] = timed(lambda: check(len(intake.known(old)), MANY))
        intake._spool.close()
        states = (State.PROBING, State.SENDING, State.IN_DOUBT, State.POSTED, State.ADOPTED)
        found = [(document.identifiers["near"], document.key) for document in new[:40]]
        took["near look"] = timed(
            lambda: [ledger.find_documents(identifier=word, but=key, states=states) for word, key in found], len(found)
        )
        claimed: list[Document] = []
        took["claim"] = timed(lambda: claimed.extend(self._claim()))
        check(len(claimed), MANY)
        with ThreadPoolExecutor(8) as pool:
            took["deliver"] = timed(lambda: list(pool.map(lambda d: deliver(self._workspace, d), claimed)))
        forget(self._workspace)
        took["known, nothing cached"] = timed(lambda: check(len(intake.known(old)), MANY))
        intake._spool.close()
        return took

    def _claim(self) -> Iterator[Document]:
        while batch := self._workspace.ledger.claim(FLOW, datetime.now(UTC), 16, owner="bench"):
            yield from batch


def forget(workspace: Workspace) -> None:
    """Drops the pages of the database that SQLite and the system have in memory."""
    workspace.database.close()
    file = workspace.database.folder / "state.db"
    with file.open("rb") as database:
        os.fsync(database.fileno())
        os.posix_fadvise(database.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm(folder: Path) -> None:
    """Reads the database once: a ledger in use is in the system's memory as far as there is any."""
    with (folder / FOLDER / "state.db").open("rb") as database:
        while database.read(1 << 24):
            pass


def check(found: int, wanted: int) -> None:
    """Raises AssertionError."""
    assert found == wanted, f"{found} of {wanted}"


def timed(act: Callable[[], Any], many: int = MANY) -> float:
    """Microseconds of it for each of so many."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) / many * 1e6


def sizes(folder: Path, many: list[int]) -> dict[str, Any]:
    """Every size in turn, round after round, so that a busy machine is unfair to none."""
    filled = {}
    for size in many:
        began = time.perf_counter()
        fill(folder / str(size), size)
        filled[size] = time.perf_counter() - began
    with ExitStack() as stack:
        acts = {size: Acts(open_one(stack, folder / str(size)), size) for size in many}
        rounds = []
        for _ in range(ROUNDS):
            for size in many:
                warm(folder / str(size))
            rounds.append({size: acts[size].run() for size in many})
    figures = {size: {act: median(each[size][act] for each in rounds[1:]) for act in rounds[0][size]} for size in many}
    against = {
        size: {act: median(each[size][act] / each[many[0]][act] for each in rounds[1:]) for act in rounds[0][size]}
        for size in many
    }
    weight = {size: (folder / str(size) / FOLDER / "state.db").stat().st_size / 1e6 for size in many}
    return {"figures": figures, "against": against, "filled": filled, "megabytes": weight}


if __name__ == "__main__":
    place = Path(sys.argv[2])
    numbers = [int(word) for word in sys.argv[3:]]
    made = flight(place, *numbers) if sys.argv[1] == "flight" else sizes(place, numbers)
    sys.stdout.write(json.dumps(made) + "\n")
