"""The trail: who did what, when, from which file.

Each line is chained to the one before it, so none can be changed, dropped or moved unseen.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, insert, or_, select, update

from engine.contracts import Clock, State
from engine.errors import SetupError
from engine.redaction import Redactor
from engine.state import tables
from engine.state.bulk import insert_rows
from engine.state.codec import encode_plain, moment, stamp
from engine.state.database import Database
from engine.state.prepared import Prepared
from engine.state.tables import chain, trail
from engine.state.vault import Vault

LONGEST_DETAIL = 4096
_PAGE = 1000
_OURS = frozenset(
    {"version", "state", "from", "place", "reason", "reference", "step", "outcome", "status", "try", "by"}
)
_STATES = tuple(state.value for state in State)
_START = "0" * 64
_LOCK_HEAD = Prepared(select(chain.c.n, chain.c.hash).where(chain.c.tenant == bindparam("at")).with_for_update())
_MOVE_HEAD = Prepared(
    update(chain).where(chain.c.tenant == bindparam("at")).values(n=bindparam("to_n"), hash=bindparam("to_hash"))
)


class Line(NamedTuple):
    """A line before it has its place in the chain; redacted and capped already."""

    at: str
    actor: str
    event: str
    key: str
    parcel: str
    flow: str
    run: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A line as it was written."""

    n: int
    at: datetime
    actor: str
    event: str
    key: str
    parcel: str
    flow: str
    run: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """The last line: note it outside, and nobody can cut the trail short unseen."""

    n: int
    hash: str


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the trail is not what was written."""

    n: int
    problem: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """What checking the whole chain found."""

    lines: int
    head: Head
    breaks: tuple[Break, ...]


class Work:
    """One transaction: its connection, and the lines that will stand in the trail if and only if it commits."""

    def __init__(self, connection: Connection, owner: Trail, lines: list[Line]) -> None:
        self.connection = connection
        self.lines = lines
        self._owner = owner
        self._head: Head | None = None

    def tell(
        self,
        event: str,
        *,
        key: str = "",
        parcel: str = "",
        flow: str = "",
        run: str = "",
        detail: Mapping[str, Any] | None = None,
        actor: str = "",
    ) -> None:
        """Adds a line."""
        self.lines.append(self._owner.line(event, key, parcel, flow, run, detail, actor))

    def write_lines(self) -> None:
        """Chains and writes the lines so far, to keep memory bounded; called at the end in any case."""
        if self.lines:
            self._head = self._owner.append(self.connection, self._head, self.lines)
            self.lines.clear()


class Trail:
    """One tenant's trail."""

    def __init__(
        self, database: Database, tenant: str, *, vault: Vault, redactor: Redactor, clock: Clock, actor: str
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._vault = vault
        self._clock = clock
        self._actor = actor
        self._noted: list[Line] = []
        self._lock = threading.Lock()
        self.redactor = redactor

    def note(
        self,
        event: str,
        *,
        key: str = "",
        parcel: str = "",
        flow: str = "",
        run: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Adds a line that rides along with the next transaction, whichever it is; costs no commit of its own."""
        line = self.line(event, key, parcel, flow, run, detail, "")
        with self._lock:
            self._noted.append(line)

    def flush(self) -> None:
        """Writes the noted lines now."""
        if self._noted:
            with self.writing():
                pass

    @contextmanager
    def writing(self) -> Iterator[Work]:
        """A transaction with a place for lines. Noted lines go with it, and are kept for the next one if it fails."""
        with self._lock:
            noted, self._noted = self._noted, []
        try:
            with self._database.write() as connection:
                work = Work(connection, self, list(noted))
                yield work
                work.write_lines()
        except BaseException:
            with self._lock:
                self._noted[:0] = noted
            raise

    def line(
        self, event: str, key: str, parcel: str, flow: str, run: str, detail: Mapping[str, Any] | None, actor: str
    ) -> Line:
        """A line with secrets masked and its detail cut to 4 KiB."""
        text = encode_plain(self._masked(detail)) if detail else "{}"
        if len(text.encode()) > LONGEST_DETAIL:
            text = encode_plain({"cut": text.encode()[: LONGEST_DETAIL // 2].decode("utf-8", "ignore")})
        return Line(stamp(self._clock()), actor or self._actor, event, key, parcel, flow, run, text)

    def _masked(self, detail: Mapping[str, Any]) -> dict[str, Any]:
        """Only foreign names and texts need the redactor; ours are most of what a large parcel tells."""
        if not detail.keys() <= _OURS:
            masked: dict[str, Any] = self.redactor.data(dict(detail))
            return masked
        redact = self.redactor.data
        return {
            name: value if type(value) is int or value in _STATES else redact(value) for name, value in detail.items()
        }

    def append(self, connection: Connection, head: Head | None, lines: Iterable[Line]) -> Head:
        """Writes lines behind the head, which stays locked until the transaction ends; returns the new one."""
        found = head or self._locked_head(connection)
        n, last = found.n, bytes.fromhex(found.hash)
        key_id, key = self._vault.audit_key()
        rows = []
        for line in lines:
            n += 1
            last = _mac(key, last, self._tenant, n, line)
            rows.append({"tenant": self._tenant, "n": n, "key_id": key_id, "hash": last.hex(), **line._asdict()})
        insert_rows(connection, trail, rows)
        _MOVE_HEAD.run(connection, {"at": self._tenant, "to_n": n, "to_hash": last.hex()})
        return Head(n, last.hex())

    def head(self) -> Head:
        """The last line's number and hash."""
        with self._database.look() as connection:
            row = connection.execute(
                select(chain.c.n, chain.c.hash).where(chain.c.tenant == self._tenant)
            ).one_or_none()
        return Head(row.n, row.hash) if row else Head(0, _START)

    def _locked_head(self, connection: Connection) -> Head:
        found = _LOCK_HEAD.run(connection, {"at": self._tenant})
        if not found:
            first = {"tenant": self._tenant, "n": 0, "hash": _START}
            if connection.dialect.name == "postgresql":
                from sqlalchemy.dialects.postgresql import insert as insert_or_not

                connection.execute(insert_or_not(chain).on_conflict_do_nothing(), first)
            else:
                connection.execute(insert(chain), first)
            found = _LOCK_HEAD.run(connection, {"at": self._tenant})
        return Head(found[0].n, found[0].hash)

    def verify(self, expected: Head | None = None) -> Verification:
        """Recomputes the chain. `expected` is a head noted outside earlier; without it a cut-off end can go unseen."""
        breaks: list[Break] = []
        lines, n, last = 0, 0, _START
        for row in self._all_rows():
            lines += 1
            problem = self._problem(row, n, last)
            if problem is None and expected and row.n == expected.n and not row.hash.startswith(expected.hash):
                problem = f"line {row.n} is not the one noted outside"
            if problem is not None:
                breaks.append(Break(row.n, problem))
            n, last = row.n, row.hash
        head = self.head()
        if (head.n, head.hash) != (n, last):
            breaks.append(Break(head.n, f"the trail ends at line {n}, and should end at line {head.n}"))
        if expected and expected.n > n:
            breaks.append(Break(expected.n, f"the trail ends at line {n}, and reached line {expected.n} earlier"))
        return Verification(lines=lines, head=head, breaks=tuple(breaks))

    def _problem(self, row: Row[Any], n: int, last: str) -> str | None:
        if row.n != n + 1:
            return f"line {n + 1} is missing" if row.n == n + 2 else f"lines {n + 1} to {row.n - 1} are missing"
        try:
            key = self._vault.audit_key(row.key_id)[1]
        except SetupError as error:
            return str(error)
        found = _mac(key, _hash_of(last), self._tenant, row.n, Line(*(getattr(row, name) for name in Line._fields)))
        return (
            None
            if hmac.compare_digest(found.hex().encode(), row.hash.encode())
            else f"line {row.n} was changed or moved"
        )

    def entries(
        self,
        *,
        key: str | None = None,
        parcel: str | None = None,
        file: str | None = None,
        run: str | None = None,
        flow: str | None = None,
        since: datetime | None = None,
        limit: int = 1000,
    ) -> list[Entry]:
        """Lines in the order they were written, the latest `limit` of them. `file` is a name a parcel was seen under."""
        asked = select(trail).where(trail.c.tenant == self._tenant)
        given = {trail.c.key: key, trail.c.parcel: parcel, trail.c.run: run, trail.c.flow: flow}
        asked = asked.where(*(column == value for column, value in given.items() if value is not None))
        if since is not None:
            asked = asked.where(trail.c.at >= stamp(since))
        if file is not None:
            asked = asked.where(trail.c.parcel.in_(self._parcels_named(file)))
        with self._database.look() as connection:
            rows = connection.execute(asked.order_by(trail.c.n.desc()).limit(limit)).all()
        return [_entry(row) for row in reversed(rows)]

    def _parcels_named(self, file: str) -> Select[tuple[str]]:
        names, parcels = tables.parcel_name.c, tables.parcel.c
        content = select(names.sha256).where(names.tenant == self._tenant, names.name == file)
        asked = select(parcels.id).where(parcels.tenant == self._tenant)
        return asked.where(or_(parcels.name == file, parcels.sha256.in_(content)))

    def _all_rows(self) -> Iterator[Row[Any]]:
        last = -1
        while True:
            asked = (
                select(trail).where(trail.c.tenant == self._tenant, trail.c.n > last).order_by(trail.c.n).limit(_PAGE)
            )
            with self._database.look() as connection:
                rows = connection.execute(asked).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            last = rows[-1].n


def _mac(key: bytes, last: bytes, tenant: str, n: int, line: Line) -> bytes:
    return hmac.digest(key, last + msgspec.json.encode((tenant, n, *line)), hashlib.sha256)


def _hash_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _entry(row: Row[Any]) -> Entry:
    detail = msgspec.json.decode(row.detail)
    return Entry(
        n=row.n, at=moment(row.at), actor=row.actor, event=row.event, key=row.key, parcel=row.parcel, flow=row.flow,
        run=row.run, detail=detail,
    )  # fmt: skip
