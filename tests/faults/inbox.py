"""The source of a schedule: files that stay until they are settled, and come back when it pleases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from engine.contracts import BadRow, Parcel, ParcelOutcome, Row

from .stage import Process, Stage

Row_ = tuple[str, str]


@dataclass
class Inbox:
    """What waits to be read (`waiting`), everything that ever came (`came`), and what each number was offered as."""

    stage: Stage
    waiting: list[Parcel] = field(default_factory=list)
    came: list[Parcel] = field(default_factory=list)
    offers: dict[str, list[str]] = field(default_factory=dict)

    def deliver(self, rows: list[Row_], *, bad: bool = False) -> None:
        lines: list[Row | BadRow] = [
            Row(place=f"row {n}", values={"vendor": "ACME", "number": number, "total": Decimal(total), "kind": "INV"})
            for n, (number, total) in enumerate(rows, start=2)
        ]
        if bad:
            lines.append(BadRow(place="row 99", values={"total": "?"}, error="is no number", field="total"))
        count = len(self.came) + 1
        name = f"invoices_{count}.csv"
        parcel = Parcel(id=name, kind="file", name=name, read=lambda: iter(lines), sha256=f"{count:064}")
        self.waiting.append(parcel)
        self.came.append(parcel)
        for number, total in rows:
            known = self.offers.setdefault(number, [])
            if total not in known:
                known.append(total)


class Reader:
    """The source as one process reads it."""

    def __init__(self, inbox: Inbox, process: Process, seen: Callable[[str], Any]) -> None:
        self._inbox = inbox
        self._process = process
        self._seen = seen

    def parcels(self) -> Iterator[Parcel]:
        """A file whose bytes are in the ledger is put away unread, as the pickup does."""
        for parcel in list(self._inbox.waiting):
            self._process.seam(f"reads {parcel.name}")
            if self._seen(parcel.sha256) is None:
                yield replace(parcel, read=lambda parcel=parcel: self._read(parcel))
            else:
                self.settle(parcel, ParcelOutcome(ok=True))

    def _read(self, parcel: Parcel) -> Iterator[Row | BadRow]:
        yield from parcel.read()
        self._process.seam(f"{parcel.name} is read")

    def settle(self, parcel: Parcel, outcome: ParcelOutcome) -> None:
        self._process.seam(f"archives {parcel.name}")
        if not self._process.stage.often(0.15):
            self._inbox.waiting[:] = [one for one in self._inbox.waiting if one.id != parcel.id]
        self._process.seam(f"{parcel.name} is archived")
