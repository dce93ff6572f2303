"""A fetched file as the records of a parcel: small ones read here, large ones in a process of their own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engine.contracts import BadRow, Row
from engine.formats.layouts import Format
from engine.mapping.documents import DocumentShape
from engine.sources.pickup_apart import read_apart
from engine.sources.pickup_guard import DEFAULT, Limits, in_time
from engine.sources.pickup_rows import FileRows, Report, nobody
from engine.sources.pickup_wire import Job, job_format, unpacker

Note = Callable[[str, dict[str, Any]], None]


class Reader:
    """Reads local copies from their start, every time it is called. What comes out raises ParcelError when the structure breaks.

    In a `rush` it takes one pass, and may raise ReadAgain at any moment: what came so far is void. `report` is told what was received.
    """

    def __init__(
        self, format_: Format, shape: DocumentShape | None, spool: Path | None, note: Note, limits: Limits
    ) -> None:
        self._rows = FileRows(format_, shape, spool)
        self._format = format_
        self._shape = shape
        self._spool = spool
        self._note = note
        self._limits = limits
        self._unpack = unpacker(self._rows.documents)

    def __call__(self, path: Path, report: Report = nobody, *, rush: bool = False) -> Iterator[Row | BadRow]:
        size, seconds = path.stat().st_size, self._limits.allowed(path.stat().st_size)
        if size <= self._limits.apart_above or not sys.executable:
            return in_time(self._rows.read(path, self._tell, report, rush=rush), seconds, time.monotonic)
        job = Job(
            path=str(path.absolute()),
            rush=rush,
            memory=self._limits.memory,
            seconds=seconds,
            format=job_format(self._format),
            shape=self._shape,
            spool=str(self._spool.absolute()) if self._spool is not None else None,
        )
        return read_apart(job, self._limits, self._unpack, self._tell, time.monotonic, report)

    def _tell(self, text: str) -> None:
        self._note("finding", {"text": text})


def compile_reader(
    format_: Format,
    shape: DocumentShape | None,
    *,
    spool: Path | None = None,
    note: Note,
    limits: Limits = DEFAULT,
) -> Reader:
    """A reader of one layout; without a shape every row is a record of its own, untyped. Raises ValueError for a shape that can't work."""
    return Reader(format_, shape, spool, note, limits)
