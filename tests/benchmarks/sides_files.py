"""One side of a comparison of files, alone in its process; its child, which reads the file, is watched with it.

`python sides_files.py NAME JSON-ARGUMENTS`; the functions below that take a `watch` are the names.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Watch:
    """Seconds and processor seconds of this process and its children inside `with watch:`, and the peak of each in MB."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self._child, self._over = 0.0, threading.Event()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        looker = threading.Thread(target=self._look)
        looker.start()
        wall, cpu = time.perf_counter(), _cpu()
        try:
            yield
        finally:
            self._over.set()
            looker.join()
        self.figures |= {"seconds": time.perf_counter() - wall, "cpu": _cpu() - cpu}
        self.figures |= {"memory": _peak("self"), "child": self._child}

    def _look(self) -> None:
        """A child's own peak, which the system forgets with it: looked at until it ends."""
        children, own = Path(f"/proc/self/task/{os.getpid()}/children"), _command("self")
        while not self._over.wait(0.04):
            for child in children.read_text().split() if children.exists() else ():
                if _command(child) != own:  # until it has become another program, its memory is ours
                    self._child = max(self._child, _peak(child))


def _command(process: str) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _cpu() -> float:
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in times)


def _peak(process: str) -> float:
    """The most memory a process has had, in MB; 0 once it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)


def ours_file(watch: Watch, folder: Path, file: str, form: str) -> dict[str, Any]:
    """The engine's reader, as a run has it: a large file in a process of its own."""
    from files_spec import FilesBench

    from engine.contracts import Row
    from engine.sources.pickup_read import compile_reader

    bench = FilesBench(folder)
    with bench.session() as (_, session):
        kind = session.integration.flows[form].source.kind
        read = compile_reader(kind.format, kind.document, spool=folder, note=lambda *_: None)
        received: list[dict[str, Any]] = []
        with watch():
            made = _told(row.values for row in read(Path(file), received.append, rush=True) if isinstance(row, Row))
    return {"made": made}


def hand_file(watch: Watch, folder: Path, file: str, form: str) -> dict[str, Any]:
    """The same by hand."""
    import hand_taken

    with watch():
        made = _told(hand_taken.READERS[form](Path(file)))
    return {"made": made}


def ours_taken(watch: Watch, folder: Path, file: str, form: str) -> dict[str, Any]:
    """Found, fetched, read, mapped, hashed, in the ledger, put away, and for X12 acknowledged; delivery not."""
    from files_spec import FilesBench

    from engine.contracts import ParcelOutcome
    from engine.run.ingest import ingest

    bench = FilesBench(folder)
    bench.place(Path(file), form)
    with bench.session() as (workspace, session):
        work = session.work(session.integration.flows[form])
        run = workspace.ledger.start_run(work.flow.id, "run", work.flow.spec_sha)
        with watch():
            for parcel in work.source.parcels():
                taken = ingest(
                    work.flow, parcel, ledger=work.ledger, preparer=work.preparer, run_id=run, reception=work.reception
                )
                work.source.settle(parcel, ParcelOutcome(ok=True, counts=taken.counts))
            work.exchange(run, lambda: False)
    assert form != "x12" or len(list((bench.box / "acks").iterdir())) == 1
    assert taken.counts["ready"] == taken.counts["read"], dict(taken.counts)
    return {"made": f"{taken.counts['ready']} {taken.amounts['ready']}"}


def hand_taken_bare(watch: Watch, folder: Path, file: str, form: str) -> dict[str, Any]:
    """The same by hand: a table in the clear."""
    import hand_taken as hand

    with watch():
        made, total = hand.take(Path(file), form, folder / "hand.db")
    return {"made": f"{made} {total}"}


def hand_taken_same(watch: Watch, folder: Path, file: str, form: str) -> dict[str, Any]:
    """The same by hand: sealed, with what was read, a signed trail and identifiers."""
    import hand_taken as hand

    with watch():
        made, total = hand.take(Path(file), form, folder / "hand.db", hand.Safe())
    return {"made": f"{made} {total}"}


def _told(documents: Iterator[dict[str, Any]]) -> str:
    """How many there were, and a hash of every fiftieth: both sides pay the same for it."""
    digest, many = hashlib.sha256(), 0
    for many, document in enumerate(documents, start=1):
        if many % 50 == 0:
            digest.update(repr(sorted(document.items(), key=str)).encode())
    return f"{many} {digest.hexdigest()}"


SIDES: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each for each in (ours_file, hand_file, ours_taken, hand_taken_bare, hand_taken_same)
}

if __name__ == "__main__":
    watch, given = Watch(), json.loads(sys.argv[2])
    made = SIDES[sys.argv[1]](watch, Path(given.pop("folder")), **given)
    sys.stdout.write(json.dumps({**made, **watch.figures}) + "\n")
