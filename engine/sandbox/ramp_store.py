"""What the Ramp stand-in has stored: rows by table and id in the order they came, and one change at a time."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from engine.sandbox.history import History

Row = dict[str, Any]

TABLES = (
    "entities", "users", "vendors", "bills", "drafts", "transactions", "reimbursements", "transfers", "purchase_orders",
    "accounts", "accounting_vendors", "fields", "field_options", "syncs", "webhooks",
)  # fmt: skip


@dataclass(kw_only=True, slots=True)
class Rules:
    """How the stand-in behaves where real answers differ or nothing public proves the behaviour.

    The defaults are the stricter reading. `top_level_type` shows the type of a selection beside its category too,
    `omit_empty` leaves out a bill's texts that are null, `uuid_keys` takes UUIDs only as idempotency keys.
    """

    strict_parameters: bool = False
    filters_2026: bool = False
    retry_after: bool = False
    error_id: bool = False
    uuid_keys: bool = True
    sync_limit: int = 500
    ready_events: bool = False
    page_size: int = 20
    top_level_type: bool = False
    omit_empty: bool = False
    signature_header: str = "X-Ramp-Webhook-Signature"
    signature_prefix: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something webhooks are told: thin, the receiver fetches the object afterwards."""

    id: str
    type: str
    created_at: datetime
    object: Mapping[str, Any]


@dataclass(kw_only=True)
class Store:
    """All rows; callers hold `lock` around a whole request. Rows are replaced, never changed in place."""

    history: History
    clock: Callable[[], datetime]
    random: Random
    rules: Rules
    business_id: str = ""
    connection: Row | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    ignored: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    cursors: dict[tuple[str, str], tuple[int, Mapping[str, str]]] = field(default_factory=dict)
    _rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {name: {} for name in TABLES})
    _places: dict[tuple[str, str], int] = field(default_factory=dict)
    _undo: list[Callable[[], object]] = field(default_factory=list)
    _notes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    _told: list[Event] = field(default_factory=list)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time; effects and events leave only when everything is stored."""
        with self.lock:
            self._undo, self._notes, self._told = [], [], []
            connection = self.connection
            try:
                yield
            except BaseException:
                self.connection = connection
                for undo in reversed(self._undo):
                    undo()
                raise
            for what, key, detail in self._notes:
                self.history.record(what, key, **detail)
            self.events += self._told

    def note(self, what: str, key: str, **detail: Any) -> None:
        """An effect of the running transaction."""
        self._notes.append((what, key, detail))

    def tell(self, kind: str, **about: Any) -> None:
        """An event of the running transaction, such as `bills.approved` with the id of the bill."""
        self._told.append(Event(id=self.new_id(), type=kind, created_at=self.clock(), object=about))

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def get(self, table: str, row_id: str) -> Row | None:
        return self._rows[table].get(row_id)

    def all(self, table: str) -> list[Row]:
        """In the order they came; a change keeps its place."""
        return list(self._rows[table].values())

    def after(self, table: str, place: int) -> list[Row]:
        """The rows behind a place in the order."""
        return [row for row in self.all(table) if self._places[table, row["id"]] > place]

    def place_of(self, table: str, row_id: str) -> int:
        return self._places[table, row_id]

    def put(self, table: str, row: Row) -> Row:
        """Stores a row under its `id`; a new one goes to the end."""
        rows, row_id = self._rows[table], row["id"]
        before = rows.get(row_id)
        self._places.setdefault((table, row_id), len(self._places))
        self._undo.append(lambda: _restore(rows, row_id, before))
        rows[row_id] = row
        return row

    def remove(self, table: str, row_id: str) -> None:
        rows = self._rows[table]
        before = rows.pop(row_id)
        self._undo.append(lambda: _restore(rows, row_id, before))


def _restore(rows: dict[str, Row], row_id: str, before: Row | None) -> None:
    if before is None:
        rows.pop(row_id, None)
    else:
        rows[row_id] = before
