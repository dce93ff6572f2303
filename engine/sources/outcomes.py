"""Reading what became of another flow's documents, from our own ledger: to tell the system they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.contracts import Clock, Document, Parcel, ParcelOutcome, Record, Row, State
from engine.mapping.text import to_text
from engine.mapping.types import FieldType
from engine.sources.stamps import CursorStore, Window, latest, parse_stamp, window

DELIVERED = frozenset({State.POSTED, State.ADOPTED})
FIELDS: Mapping[str, FieldType] = {
    "number": FieldType(kind="string"),
    "party": FieldType(kind="string"),
    "done": FieldType(kind="boolean"),
    "reference": FieldType(kind="string"),
    "reason": FieldType(kind="string"),
}
"""What is told of each document besides its `record`. `done`: it is in the target, under `reference`; else `reason` says why not."""

Outcomes = Callable[[datetime | None], Iterator[Document]]
"""The documents whose outcome changed since then (None: all), each once, oldest change first."""


def outcome_fields(record: Mapping[str, FieldType] | None) -> dict[str, FieldType]:
    """The fields of an outcome, whose `record` is one of the object the other flow reads."""
    return {**FIELDS, "record": FieldType(kind="any", fields=record)}


@dataclass(slots=True)
class _Pass:
    window: Window
    newest: datetime | None = None
    complete: bool = False


class OutcomeSource:
    """A Source of one parcel per run: outcomes since the last pass, a little overlapped; the ledger knows those told already."""

    def __init__(self, outcomes: Outcomes, cursor: CursorStore, *, name: str, clock: Clock, full: bool = False) -> None:
        self._outcomes = outcomes
        self._cursor = cursor
        self._name = name
        self._clock = clock
        self._full = full

    def parcels(self) -> Iterator[Parcel]:
        """One pass."""
        started = self._clock()
        this = _Pass(
            window=window(
                cap=started,
                cursor=parse_stamp(self._cursor.get(), "datetime"),
                start=None,
                override=None,
                lookback=None,
                lag=timedelta(0),
                full=self._full,
                moves=True,
            )
        )
        since = this.window.since
        yield Parcel(
            id=f"pass:{self._name}:{'all' if since is None else to_text(since)}:{to_text(started)}",
            kind="pass",
            name=f"{self._name} since {to_text(since)}" if since is not None else f"{self._name}, all",
            read=lambda: self._read(this),
            handle=this,
        )

    def settle(self, parcel: Parcel, outcome: ParcelOutcome) -> None:
        """Moves the cursor once everything read is durable."""
        this = parcel.handle
        if outcome.ok and isinstance(this, _Pass) and this.complete:
            value = this.window.next_cursor(this.newest)
            if value is not None:
                self._cursor.set(to_text(value))

    def _read(self, this: _Pass) -> Iterator[Row]:
        this.newest, this.complete = None, False
        for document in self._outcomes(this.window.since):
            this.newest = latest(this.newest, document.updated_at)
            yield Row(place=f"{document.number} version {document.version}", values=_told(document))
        this.complete = True


def _told(document: Document) -> Record:
    """No state and no time in it: an outcome that stays the same while it is tried again is told once."""
    done = document.state in DELIVERED
    return {
        "number": document.number,
        "party": document.party,
        "done": done,
        "reference": document.reference if done else "",
        "reason": "" if done else document.reason,
        "record": document.source,
    }
