"""One side of a comparison, alone in its process: does its work, then prints seconds, CPU seconds, memory and what it made as JSON.

`python sides.py NAME JSON-ARGUMENTS`; the functions below are the names.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Watch:
    """Measures what happens inside `with watch:`."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}

    @contextmanager
    def __call__(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.figures |= {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def hand_pages(watch: Watch, folder: Path, site: str, many: int) -> dict[str, Any]:
    """Pages to a file by hand."""
    import hand_pages as hand

    with watch():
        made = hand.copy(site, many, folder)
    return {"made": made}


def ours_pages(watch: Watch, folder: Path, site: str, many: int) -> dict[str, Any]:
    """Pages to a file by the engine's own parts, the ledger left out."""
    from bench_spec import Bench

    from engine.contracts import Row
    from engine.targets.drop import build, publish

    bench = Bench(folder, site, many=many)
    with bench.workspace() as workspace, bench.session(workspace) as session:
        flow = session.integration.flows["vendors"]
        source, files = session.source(flow, []), session.connections.files(flow.target.system)
        kind = flow.target.kind
        with watch():
            records = (
                flow.mapper.map(row.values, session.scope, {})
                for parcel in source.parcels()
                for row in parcel.read()
                if isinstance(row, Row)
            )
            built = build(kind.csv, records, tuple(kind.fields), folder)
            publish(files, kind.drop, built, "ours.csv")
    return {"made": built.sha256}


def hand_seen(watch: Watch, folder: Path, site: str, many: int) -> dict[str, Any]:
    """A run that knows what it saw, by hand."""
    import hand_pages as hand

    with watch():
        made = hand.copy_new(site, many, folder)
    return {"made": made}


def ours_seen(watch: Watch, folder: Path, site: str, many: int) -> dict[str, Any]:
    """A whole run of the engine: ledger, trail, outbox, file."""
    from bench_spec import Bench

    bench = Bench(folder, site, many=many)
    with bench.workspace() as workspace:
        with watch():
            summary = bench.run(workspace, "vendors")
        commits = workspace.ledger._commits.commits
    return {"made": summary.flows[0].moved["posted"], "commits": commits}


def hand_csv(watch: Watch, folder: Path, file: str) -> dict[str, Any]:
    """A file to mapped documents by hand."""
    import hand_csv as hand

    with watch():
        made = _told(hand.documents(Path(file)))
    return {"made": made}


def ours_csv(watch: Watch, folder: Path, file: str) -> dict[str, Any]:
    """A file to mapped documents by the engine's reader and mapper."""
    from bench_spec import Bench

    from engine.contracts import Row
    from engine.sources.pickup_read import compile_reader

    bench = Bench(folder)
    with bench.workspace() as workspace, bench.session(workspace) as session:
        flow = session.integration.flows["invoices"]
        read = compile_reader(flow.source.kind.csv, flow.source.kind.document, spool=folder, note=lambda *_: None)
        with watch():
            rows = read(Path(file))
            made = _told(flow.mapper.map(row.values, session.scope, {}) for row in rows if isinstance(row, Row))
    return {"made": made}


def _told(documents: Iterator[dict[str, Any]]) -> str:
    """How many there were, and a hash of every fiftieth: both sides pay the same for it."""
    digest, many = hashlib.sha256(), 0
    for many, document in enumerate(documents, start=1):
        if many % 50 == 0:
            digest.update(repr(sorted(document.items(), key=str)).encode())
    return f"{many} {digest.hexdigest()}"


def peak() -> float:
    """The most memory this process has had, in MB. On Linux `ru_maxrss` begins with what the process that started us had."""
    status = Path("/proc/self/status")
    if status.is_file():
        return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


SIDES: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each for each in (hand_pages, ours_pages, hand_seen, ours_seen, hand_csv, ours_csv)
}

if __name__ == "__main__":
    watch, given = Watch(), json.loads(sys.argv[2])
    made = SIDES[sys.argv[1]](watch, Path(given.pop("folder")), **given)
    sys.stdout.write(json.dumps({**watch.figures, **made, "memory": peak()}) + "\n")
