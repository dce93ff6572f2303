"""What the Acumatica stand-in has stored, and how it behaves where servers are set up differently."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from random import Random
from typing import Any, Literal

from engine.sandbox.acumatica_record import Record
from engine.sandbox.acumatica_shapes import NUMBERED, SHAPES, Shape
from engine.sandbox.history import History

_FIRST_NUMBER: Mapping[str, int] = {"Bill": 159, "Check": 1, "Payment": 1, "PurchaseOrder": 1, "JournalTransaction": 1}
_PADDED_TO = 10


@dataclass(kw_only=True, slots=True)
class Rules:
    """How the stand-in behaves where real servers differ or nothing public proves the behaviour.

    The defaults are the stricter reading for a client. `not_logged_in` may be 302, a redirect to the login page, or an
    empty 401; `broken` answers every entity like a damaged endpoint; `polls` is how often an action says it is running;
    `closed_through` is a period such as 202412.
    """

    not_logged_in: Literal["401", "401 empty", "302"] = "401"
    seats_full: Literal[429, 500] = 429
    bare_versions: bool = False
    html_404: bool = False
    named_404: bool = False
    unknown_key: Literal[404, 500] = 404
    post_status: Literal[405, 406] = 405
    unknown_fields: Literal["ignored", "refused"] = "ignored"
    bad_filter: Literal[400, 500] = 500
    held_status: Literal[422, 500] = 422
    unique_vendor_ref: bool = False
    control_totals: bool = True
    hold_on_entry: bool = True
    padded_keys: bool = True
    links: bool = True
    retry_after: int | None = None
    per_minute: int | None = 150
    at_once: int = 6
    queue: int = 20
    queue_seconds: float = 60.0
    work_seconds: float = 0.0
    polls: int = 2
    action_fails: str | None = None
    closed_through: int | None = None
    broken: Literal[302, 500] | None = None
    forbidden: frozenset[str] = frozenset()
    logout_ends_token: bool = False


@dataclass(kw_only=True)
class Store:
    """All records; callers hold `lock` around a whole request. `lists` are the values of what has no entity."""

    history: History
    clock: Callable[[], datetime]
    random: Random
    rules: Rules
    lists: dict[str, dict[str, int]]
    customs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    ignored: set[str] = field(default_factory=set)
    _records: dict[str, dict[str, Record]] = field(default_factory=dict)
    _by_key: dict[str, dict[tuple[Any, ...], str]] = field(default_factory=dict)
    _used: dict[str, set[str]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _undo: list[Callable[[], object]] = field(default_factory=list)
    _notes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time; effects enter the history only when everything is stored."""
        with self.lock:
            self._undo, self._notes = [], []
            try:
                yield
            except BaseException:
                for undo in reversed(self._undo):
                    undo()
                raise
            for what, key, detail in self._notes:
                self.history.record(what, key, **detail)

    def note(self, what: str, key: str, **detail: Any) -> None:
        """An effect of the running transaction."""
        self._notes.append((what, key, detail))

    def guid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def now(self) -> datetime:
        """To the millisecond, as it is shown."""
        moment = self.clock().astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def today(self) -> date:
        return self.now().date()

    def all(self, entity: str, keep: Callable[[Record], bool] | None = None) -> list[Record]:
        """Those to keep, in the order of their keys."""
        shape, records = SHAPES[entity], self._records.get(entity, {}).values()
        kept = records if keep is None else [record for record in records if keep(record)]
        return sorted(kept, key=lambda record: key_of(shape, record))

    def by_id(self, entity: str, record_id: str) -> Record | None:
        return self._records.get(entity, {}).get(record_id.lower())

    def get(self, entity: str, *key: Any) -> Record | None:
        found = self._by_key.get(entity, {}).get(key)
        return self._records[entity][found] if found is not None else None

    def known(self, kind: str, value: str) -> bool:
        """Whether a value refers to something that is there: a record of an entity, or a name of a list."""
        if kind in SHAPES:
            return self.get(kind, value) is not None
        return value in self.lists[kind]

    def put(self, entity: str, record: Record) -> Record:
        """Store a record, stamped as changed now."""
        shape = SHAPES[entity]
        if "LastModifiedDateTime" in shape.fields:
            record.values["LastModifiedDateTime"] = self.now()
        if "CreatedDateTime" in shape.fields:
            record.values.setdefault("CreatedDateTime", self.now())
            record.values["CreatedDateTime"] = record.values["CreatedDateTime"] or self.now()
        records, keys = self._records.setdefault(entity, {}), self._by_key.setdefault(entity, {})
        self._set(records, record.id, record)
        self._set(keys, key_of(shape, record), record.id)
        if entity in NUMBERED:
            self._used.setdefault(entity, set()).add(record.values[NUMBERED[entity]])
        return record

    def remove(self, entity: str, record: Record) -> None:
        self._set(self._records[entity], record.id, None)
        self._set(self._by_key[entity], key_of(SHAPES[entity], record), None)

    def next_number(self, entity: str) -> str:
        """The next number of a document, such as `000159`."""
        taken = self._used.get(entity, set())
        while True:
            number = self._numbers.get(entity, _FIRST_NUMBER[entity])
            self._numbers[entity] = number + 1
            if f"{number:06}" not in taken:
                return f"{number:06}"

    def next_id(self, entity: str) -> int:
        return 1000 + len(self._records.get(entity, {}))

    def shown_key(self, shape: Shape, name: str, value: Any) -> Any:
        """Some keys come filled up with blanks to the length of their segment."""
        if self.rules.padded_keys and shape.padded and name in shape.key and isinstance(value, str):
            return value.ljust(_PADDED_TO)
        return value

    def _set(self, rows: dict[Any, Any], key: Any, value: Any) -> None:
        before = rows.get(key)
        self._undo.append(lambda: _place(rows, key, before))
        _place(rows, key, value)


def key_of(shape: Shape, record: Record) -> tuple[Any, ...]:
    return tuple(record.values[name] for name in shape.key)


def name_of(shape: Shape, record: Record) -> str:
    """The record for a person, such as `Bill 000159`."""
    return " ".join(str(part) for part in key_of(shape, record))


def blank(shape: Shape, record_id: str) -> Record:
    """An empty record with its empty lists and linked entities."""
    return Record(
        id=record_id,
        values=dict.fromkeys(shape.fields),
        lists={name: [] for name in shape.lists},
        links={name: blank(inner, record_id) for name, inner in shape.links.items()},
    )


def _place(rows: dict[Any, Any], key: Any, value: Any) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value
