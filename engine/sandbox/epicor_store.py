"""What the Epicor Kinetic stand-in has stored: rows by key, revision numbers, row ids, and who may change what when."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from engine.sandbox.epicor_columns import EMPTY_GUID, Table, new_tables
from engine.sandbox.epicor_errors import BUSINESS, Refusal, business, not_found, unreadable
from engine.sandbox.history import History

Row = dict[str, Any]
COA = "MAIN"
_PARENT: Mapping[str, int] = {"APInvDtl": 3, "APInvExp": 3, "APTran": 2, "PODetail": 2, "PORel": 2}
_INT32 = 2**31


@dataclass(kw_only=True, slots=True)
class Rules:
    """How the stand-in behaves where real servers differ or nothing public proves the behaviour."""

    strict_booleans: bool = True
    duplicate_status: int = 409
    next_link: bool = False
    closed_through: date | None = None
    prompt: str | None = None
    pay_posted_only: bool = False
    currencies: frozenset[str] | None = frozenset({"USD", "CAD", "EUR", "GBP"})


@dataclass(kw_only=True)
class Store:
    """All rows of all companies; callers hold `lock` around a whole request."""

    company: str
    companies: frozenset[str]
    history: History
    clock: Callable[[], datetime]
    random: Random
    rules: Rules
    user: str = "mlc"
    tables: dict[str, Table] = field(default_factory=new_tables)
    lock: threading.RLock = field(default_factory=threading.RLock)
    ignored: set[str] = field(default_factory=set)
    vendor_gl: dict[int, str] = field(default_factory=dict)
    _rows: dict[str, dict[tuple[Any, ...], Row]] = field(default_factory=dict)
    _by_id: dict[str, Row] = field(default_factory=dict)
    _below: dict[tuple[Any, ...], dict[Any, Row]] = field(default_factory=dict)
    _revision: int = 88000
    _burned: dict[str, int] = field(default_factory=dict)
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

    def today(self) -> date:
        return self.clock().astimezone(UTC).date()

    def key_of(self, table: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.tables[table].key)

    def get(self, table: str, *key: Any, company: str) -> Row | None:
        return self._rows.get(table, {}).get((company, *key))

    def by_id(self, row_id: str) -> Row | None:
        return self._by_id.get(row_id)

    def all(self, table: str) -> Iterator[Row]:
        return iter(list(self._rows.get(table, {}).values()))

    def select(self, table: str, **equal: Any) -> list[Row]:
        """The rows whose named columns have these values, in key order of insertion."""
        return [row for row in self.all(table) if all(row[name] == value for name, value in equal.items())]

    def below(self, table: str, *parent: Any) -> list[Row]:
        """The rows of a child table under one parent key, Company first, sorted by key; mostly without a scan."""
        depth = _PARENT.get(table, 0)
        if len(parent) < depth:
            rows = (row for row in self.all(table) if self.key_of(table, row)[: len(parent)] == parent)
            return sorted(rows, key=lambda row: self.key_of(table, row))
        found = self._below.get((table, *parent[:depth]), {})
        return [found[key] for key in sorted(found) if key[: len(parent)] == parent]

    def reserve(self, counter: str, start: int) -> int:
        """The next number of a counter; a number handed out is gone even when nothing is saved under it."""
        self._burned[counter] = self._burned.get(counter, start - 1) + 1
        return self._burned[counter]

    def put(self, table: str, row: Mapping[str, Any]) -> Row:
        """Store a row: its revision rises, its change stamp is now, and it is no longer marked as changed."""
        self._revision += 1
        stored = {**row, "SysRevID": self._revision, "RowMod": ""}
        if stored["SysRowID"] in {"", EMPTY_GUID}:
            stored["SysRowID"] = self.guid()
        columns = self.tables[table].columns
        if "ChangeDate" in columns:
            stored["ChangeDate"] = self.clock().astimezone(UTC).replace(microsecond=0)
        if "ChangedBy" in columns:
            stored["ChangedBy"] = self.user
        key = self.key_of(table, stored)
        self._set(self._rows.setdefault(table, {}), key, stored)
        self._set(self._below.setdefault((table, *key[: _PARENT.get(table, 0)]), {}), key, stored)
        self._set(self._by_id, stored["SysRowID"], stored)
        return stored

    def remove(self, table: str, row: Mapping[str, Any]) -> None:
        key = self.key_of(table, row)
        self._set(self._rows[table], key, None)
        self._set(self._below[table, *key[: _PARENT.get(table, 0)]], key, None)
        self._set(self._by_id, row["SysRowID"], None)

    def _set(self, rows: dict[Any, Row], key: Any, value: Row | None) -> None:
        before = rows.get(key)
        self._undo.append(lambda: _place(rows, key, before))
        _place(rows, key, value)

    def stored_for(self, table: str, row: Row) -> Row | None:
        """The stored row a change is about, None for a new one.

        Refuses an unknown RowMod, a key that exists, an unknown row id, and a row somebody else changed meanwhile.
        """
        if row["RowMod"] not in {"A", "U", "D"}:
            raise business(f"Invalid RowMod '{row['RowMod']}'.", table=table, field="RowMod")
        if row["RowMod"] == "A":
            if self.key_of(table, row) in self._rows.get(table, {}):
                raise self.duplicate(table, row)
            return None
        stored = self._by_id.get(row["SysRowID"])
        if stored is None or self._rows.get(table, {}).get(self.key_of(table, stored)) is not stored:
            raise not_found(f"{table} record not found.")
        if row["SysRevID"] != stored["SysRevID"]:
            raise business("Row has been modified by another user and couldn't be updated.", table=table)
        if row["RowMod"] == "U" and self.key_of(table, row) != self.key_of(table, stored):
            raise business("The key of a record cannot be changed.", table=table)
        return stored

    def duplicate(self, table: str, row: Mapping[str, Any]) -> Refusal:
        """The refusal of a key that exists, as 409 or as the 400 seen in practice."""
        key = "/".join(str(part) for part in self.key_of(table, row)[1:])
        message = f"Duplicate entry. {table} {key} already exists."
        if self.rules.duplicate_status == 409:
            return Refusal(409, message, Table=table)
        return Refusal(400, message, kind=BUSINESS, Table=table)

    def read_row(self, table: str, given: Any, *, company: str, method: str) -> Row:
        """One row a client sent, typed and filled up from the stored row of the same id, else from the empty row."""
        if not isinstance(given, dict):
            raise unreadable(f"A row of {table} is no object.")
        columns = self.tables[table].columns
        self.ignored.update(f"{method}: {table}.{name}" for name in given if name not in columns)
        row_id = given.get("SysRowID")
        stored = self._by_id.get(row_id) if isinstance(row_id, str) else None
        base = stored if stored is not None else self.tables[table].blank()
        row = {**base, "Company": company, "SysRevID": 0, "RowMod": ""}
        for name, value in given.items():
            if name in columns:
                row[name] = read_value(columns[name], value, f"{table}.{name}")
        row["Company"] = row["Company"] or company
        return row

    def add_column(self, table: str, name: str, kind: str) -> None:
        """A customer column; its name must end in `_c`, as the vendor's do."""
        if not name.endswith("_c"):
            known = ", ".join(self.tables[table].columns)
            raise ValueError(f"`{name}` is no column of {table}; known are {known}, and customer columns end in `_c`")
        self.tables[table].columns[name] = kind
        empty = self.tables[table].blank()[name]
        for row in self.all(table):
            row[name] = empty


def _place(rows: dict[Any, Row], key: Any, value: Row | None) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
_EMPTY: Mapping[str, Any] = {"string": "", "integer": 0, "decimal": Decimal(0), "boolean": False}


def read_value(kind: str, value: Any, where: str) -> Any:
    """A JSON value as the column's type; null is the type's empty value. 400 for a value of another type.

    Whole numbers are 32 bits wide, revisions are wider: a longer check number cannot be sent to a real server either.
    """
    if value is None:
        return _EMPTY.get(kind)
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "string" and isinstance(value, str):
        return value
    if kind == "integer" and type(value) is int and (-_INT32 <= value < _INT32 or where.endswith("SysRevID")):
        return value
    if kind == "decimal" and type(value) in {int, Decimal}:
        return Decimal(value)
    if kind in {"date", "datetime"} and isinstance(value, str) and _DATE.fullmatch(value):
        return _read_time(kind, value, where)
    raise unreadable(f"{where} does not take {value!r} as {kind}.")


def _read_time(kind: str, text: str, where: str) -> Any:
    try:
        if kind == "date":
            return date.fromisoformat(text[:10])
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise unreadable(f"{where} does not take {text!r} as {kind}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
