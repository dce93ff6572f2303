"""Payloads whose time is over: what was read, mapped, sent and answered goes; keys, hashes, states, references and trail stay.

So a duplicate is still known, and the trail's chain still holds. Only documents that ended, never one that is open or held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, Row, Select, and_, delete, exists, func, select, text, tuple_, update

from engine.contracts import State
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.database import BUSY_SECONDS, Database, told
from engine.state.ledger_desk import Desk
from engine.state.ledger_runs import take_numbers
from engine.state.purged import PURGED, purged_mark
from engine.state.trail import Work

ENDED = (State.POSTED, State.ADOPTED, State.CANCELLED)
PIECE = 500
"""Documents in one transaction."""

_ROW, _ATTEMPT, _COUNTER = tables.document.c, tables.attempt.c, tables.counter.c
_OWED = "purge: to be written anew"
"""A counter that is there from the first payload taken out until the file was written anew: a purge cut short is finished later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Documents whose payloads are to go, their attempts, and when the first of them ended."""

    documents: int
    attempts: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Over:
    """What is purged: documents of these flows that ended before then."""

    flows: Sequence[str]
    before: datetime

    def of(self, desk: Desk) -> ColumnElement[bool]:
        """The condition on a document's row."""
        return and_(
            _ROW.tenant == desk.tenant,
            _ROW.flow.in_(self.flows),
            _ROW.state.in_([state.value for state in ENDED]),
            _ROW.updated_at < stamp(self.before),
            func.substr(_ROW.source_sealed, 1, len(PURGED), type_=LargeBinary) != PURGED,
        )


def due(desk: Desk, over: Over) -> Due:
    """What a purge would take out."""
    of_those = exists().where(
        _ROW.tenant == _ATTEMPT.tenant, _ROW.key == _ATTEMPT.key, _ROW.version == _ATTEMPT.version, over.of(desk)
    )
    with desk.database.look() as connection:
        many, oldest = connection.execute(select(func.count(), func.min(_ROW.updated_at)).where(over.of(desk))).one()
        asked = select(func.count()).select_from(tables.attempt).where(_ATTEMPT.tenant == desk.tenant, of_those)
        return Due(documents=many, attempts=connection.execute(asked).scalar_one(), oldest=moment(oldest))


def purge(desk: Desk, over: Over, *, integration: str, kept: str, piece: int = PIECE) -> Due:
    """Takes them out, a piece a transaction, each with its lines; cut anywhere, the next purge goes on."""
    found = due(desk, over)
    documents = attempts = 0
    for rows in _pieces(desk, over, piece):
        with desk.trail.writing() as work:
            taken, of_them = _take_out(desk, work, over, rows, kept)
        documents, attempts = documents + taken, attempts + of_them
    with desk.trail.writing() as work:
        detail = {"integration": integration, "kept": kept, "before": stamp(over.before), "documents": documents,
                  "attempts": attempts, "by": "person"}  # fmt: skip
        work.tell("purge", detail=detail)
    return Due(documents=documents, attempts=attempts, oldest=found.oldest)


def _pieces(desk: Desk, over: Over, piece: int) -> Iterator[Sequence[Row[Any]]]:
    asked: Select[Any] = select(_ROW.seq, _ROW.key, _ROW.version, _ROW.flow, _ROW.parcel_id).where(over.of(desk))
    last = -1
    while True:
        with desk.database.look() as connection:
            rows = connection.execute(asked.where(_ROW.seq > last).order_by(_ROW.seq).limit(piece)).all()
        if not rows:
            return
        yield rows
        last = rows[-1].seq


def _take_out(desk: Desk, work: Work, over: Over, rows: Sequence[Row[Any]], kept: str) -> tuple[int, int]:
    """How many documents and attempts it were; one that is no longer what it was stays."""
    mark = purged_mark(desk.clock())
    if desk.database.is_sqlite:
        work.connection.exec_driver_sql("PRAGMA secure_delete=ON")
    take_numbers(desk, work, _OWED, 1)
    names = [(row.key, row.version) for row in rows]
    taking = (
        update(tables.document)
        .where(over.of(desk), tuple_(_ROW.key, _ROW.version).in_(names))
        .values(source_sealed=mark, payload_sealed=None)
        .returning(_ROW.key, _ROW.version)
    )
    taken = {(row.key, row.version) for row in work.connection.execute(taking)}
    if not taken:
        return 0, 0
    emptied = (
        update(tables.attempt)
        .where(_ATTEMPT.tenant == desk.tenant, tuple_(_ATTEMPT.key, _ATTEMPT.version).in_(sorted(taken)))
        .values(request_sealed=mark, response_sealed=None)
    )
    attempts = work.connection.execute(emptied).rowcount
    for row in rows:
        if (row.key, row.version) in taken:
            detail = {"version": row.version, "kept": kept, "by": "person"}
            work.tell("purged", key=row.key, flow=row.flow, detail=detail)
    return len(taken), attempts


def owes_writing(desk: Desk) -> bool:
    """Whether a purge took something out, and what lies in the file since was not written anew."""
    asked = select(_COUNTER.value).where(_COUNTER.tenant == desk.tenant, _COUNTER.name == _OWED)
    with desk.database.look() as connection:
        return connection.execute(asked).first() is not None


def write_anew(desk: Desk, *, patience: float = BUSY_SECONDS) -> bool:
    """Rewrites what lies on disk without what was taken out; False while somebody still reads an older state of it.

    SQLite: the whole file, and the write-ahead log emptied. PostgreSQL: the space is given free to be written over; its
    own log and backups are the server's. `patience`: seconds to wait for others. Raises TransientError when a run is in
    the way longer, SetupError.
    """
    done = _rewritten(desk.database, patience)
    if done:
        with desk.database.write() as connection:
            connection.execute(delete(tables.counter).where(_COUNTER.tenant == desk.tenant, _COUNTER.name == _OWED))
    return done


def _rewritten(database: Database, patience: float) -> bool:
    connection = database.session()
    try:
        with told():
            if not database.is_sqlite:
                connection.execute(text("VACUUM document"))
                connection.execute(text("VACUUM attempt"))
                return True
            connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience * 1000)}")
            connection.exec_driver_sql("VACUUM")
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            return not busy
    finally:
        connection.close()
