"""The process that reads one file. It has nothing but the file: no secrets, no network, no database; and only so much memory."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from engine.contracts import BadRow, ReadAgain, Row
from engine.errors import ParcelError
from engine.sources.pickup_rows import FileRows
from engine.sources.pickup_wire import Job, Sort, pack_rows, receive, send, unpack_job

_MOST = 100
_MOST_LINES = 2_000
ORPHANED = 3


def main() -> None:
    """Reads a job from standard input and writes rows to standard output, until the file or the parent ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    first = receive(sys.stdin.buffer)
    if first is None:
        os._exit(ORPHANED)
    job = unpack_job(first[1])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit(job)
    try:
        with suppress(BrokenPipeError):
            _answer(job, out)
    finally:
        os._exit(0)


def _answer(job: Job, out: BinaryIO) -> None:
    try:
        _send_rows(job, out)
    except MemoryError:
        send(out, Sort.MEMORY)
    except ParcelError as error:
        message = str(error).removeprefix(f"{error.place}: ") if error.place else str(error)
        send(out, Sort.REFUSED, msgspec.msgpack.encode((message, error.place)))
    except ReadAgain:
        send(out, Sort.AGAIN)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # a bug: told to the parent, which ends the run with it
        send(out, Sort.BUG, f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
    else:
        send(out, Sort.END)


def _send_rows(job: Job, out: BinaryIO) -> None:
    rows = FileRows(job.format.chosen, job.shape, Path(job.spool) if job.spool is not None else None)
    batch: list[Row | BadRow] = []
    lines = 0

    def tell(text: str) -> None:
        send(out, Sort.FINDING, text.encode())

    def report(interchange: dict[str, Any]) -> None:
        send(out, Sort.RECEIVED, msgspec.msgpack.encode(interchange))

    for row in rows.read(Path(job.path), tell, report, rush=job.rush):
        batch.append(row)
        lines += len(row.values.get("lines") or ())
        if len(batch) >= _MOST or lines >= _MOST_LINES:
            send(out, *pack_rows(batch, typed=job.shape is not None))
            batch, lines = [], 0
    if batch:
        send(out, *pack_rows(batch, typed=job.shape is not None))


def _end_with_parent() -> None:
    """Standard input ends when the parent does: then nobody wants the rows any more."""
    while os.read(0, 1):
        pass
    os._exit(ORPHANED)


def _limit(job: Job) -> None:
    """Where there are no limits (Windows), the parent's clock is the only one."""
    try:
        import resource
    except ImportError:
        return
    processor = int(job.seconds) + 5
    for what, most, end in (
        (resource.RLIMIT_AS, job.memory, job.memory),
        (resource.RLIMIT_CPU, processor, processor + 5),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        with suppress(ValueError, OSError):  # already lower, or not to be had on this system
            resource.setrlimit(what, (most, end))


if __name__ == "__main__":
    main()
