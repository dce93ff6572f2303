"""Files to drop: what goes into one, under which name, is durable before a byte leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from engine.contracts import Document, State
from engine.errors import UsageError
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.facts import Claimed, IllegalTransition, LostClaim, OutboxBatch, OutgoingFile
from engine.state.ledger_desk import Desk, now_text
from engine.state.spool import Spool
from engine.state.trail import Work

_ROW, _BOX = tables.document.c, tables.outbox.c
_PIECE = 500
UNDECIDED = ("built", "sending")
Handed = Document | Claimed
"""What a file is built of: its content is of no more use by then."""
_TAKE = (
    update(tables.document)
    .where(_ROW.tenant == bindparam("at_tenant"), _ROW.key == bindparam("at_key"))
    .where(_ROW.version == bindparam("at_version"))
    .where(_ROW.epoch == bindparam("at_epoch"), _ROW.state == bindparam("at_state"))
    .values(state=State.SENDING.value, owner="", epoch=_ROW.epoch + 1, tries=_ROW.tries + 1, step="drop")
    .values(batch=bindparam("to_batch"), batch_place=bindparam("to_place"), updated_at=bindparam("to_time"))
    .values(not_before=None, waits_since=None)
)


def build(desk: Desk, batch: OutgoingFile, documents: Iterable[Handed]) -> OutboxBatch:
    """Raises LostClaim when one of the documents was changed meanwhile; nothing is written then."""
    spool = Spool()
    try:
        _gather(spool, documents)
        with desk.trail.writing() as work:
            _write(desk, work, batch, spool)
    finally:
        spool.close()
    return pending_batch(desk, batch.flow, batch.number)


def _gather(spool: Spool, documents: Iterable[Handed]) -> None:
    """Reads the caller's documents before anything is locked: they may come from the database themselves."""
    some: list[tuple[Any, ...]] = []
    for document in documents:
        if document.state not in {State.READY, State.PROBING}:
            raise IllegalTransition(f"`{document.key}` can't go from `{document.state}` into a file")
        some.append((document.key, document.version, document.epoch, document.state.value, document.parcel_id))
        if len(some) == _PIECE:
            spool.put("document", some)
            some.clear()
    spool.put("document", some)


def _write(desk: Desk, work: Work, batch: OutgoingFile, spool: Spool) -> None:
    now = now_text(desk)
    work.connection.execute(
        insert(tables.outbox).values(
            tenant=desk.tenant, flow=batch.flow, number=batch.number, folder=batch.folder, name=batch.name,
            sha256=batch.sha256, size=batch.size, documents=spool.rows, state="built", spec_sha=batch.spec_sha,
            run=batch.run_id, built_at=now, series=batch.series, control=batch.control, made_at=stamp(batch.made_at),
            answer="due" if batch.answered else "",
        )
    )  # fmt: skip
    file = {"file": batch.place, "sha256": batch.sha256, "batch": batch.number}
    if batch.series:
        file["control"] = batch.control
    work.tell("file built", flow=batch.flow, run=batch.run_id, detail={**file, "documents": spool.rows})
    place = 0
    for piece in spool.pieces():
        rows = []
        for _kind, (key, version, epoch, state, parcel_id) in piece:
            place += 1
            rows.append(
                {"at_tenant": desk.tenant, "at_key": key, "at_version": version, "at_epoch": epoch, "at_state": state,
                 "to_batch": batch.number, "to_place": place, "to_time": now}
            )  # fmt: skip
            detail = {"version": version, "from": state, **file}
            work.tell("sending", key=key, parcel=parcel_id, flow=batch.flow, run=batch.run_id, detail=detail)
        if work.connection.execute(_TAKE, rows).rowcount != len(rows):
            raise LostClaim(f"a document of `{batch.name}` was changed by somebody else; the file is not used")
        work.write_lines()


def pending(desk: Desk, flow: str) -> list[OutboxBatch]:
    asked = select(tables.outbox).where(_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.state.in_(UNDECIDED))
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_BOX.number)).all()
    return [batch_of(row) for row in rows]


def pending_batch(desk: Desk, flow: str, number: int) -> OutboxBatch:
    """One batch in whatever state. Raises UsageError when there is none of that number."""
    asked = select(tables.outbox).where(_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.number == number)
    with desk.database.look() as connection:
        row = connection.execute(asked).one_or_none()
    if row is None:
        raise UsageError(f"The flow `{flow}` has built no file number {number}")
    return batch_of(row)


def documents(desk: Desk, flow: str, number: int) -> Iterator[Document]:
    last = 0
    while True:
        asked = (
            select(tables.document)
            .where(_ROW.tenant == desk.tenant, _ROW.flow == flow, _ROW.batch == number, _ROW.batch_place > last)
            .order_by(_ROW.batch_place)
            .limit(_PIECE)
        )
        with desk.database.look() as connection:
            rows = connection.execute(asked).all()
        yield from map(desk.read, rows)
        if len(rows) < _PIECE:
            return
        last = rows[-1].batch_place


def start(desk: Desk, work: Work, flow: str, number: int, was: str) -> None:
    """From here on the file may arrive at any moment. Raises LostClaim when the batch is in another state than it was seen in."""
    place = (_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.number == number, _BOX.state == was)
    if not work.connection.execute(update(tables.outbox).where(*place).values(state="sending")).rowcount:
        raise LostClaim(f"the file number {number} of `{flow}` is in other hands; it is not sent from here")


def unsend(desk: Desk, work: Work, flow: str, number: int) -> None:
    """It has certainly not arrived."""
    place = (_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.number == number, _BOX.state.in_(UNDECIDED))
    work.connection.execute(update(tables.outbox).where(*place).values(state="built"))


def finish(desk: Desk, flow: str, number: int, to: State, reason: str) -> int:
    """Ends a batch: all its documents, or none. Ended already counts as done: 0 documents change."""
    batch = pending_batch(desk, flow, number)
    posted = to is State.POSTED
    reference = batch.place
    changed = 0
    with desk.trail.writing() as work:
        place = (_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.number == number, _BOX.state.in_(UNDECIDED))
        ended = update(tables.outbox).where(*place).values(state="done" if posted else "held", done_at=now_text(desk))
        if not work.connection.execute(ended).rowcount:
            return 0
        work.tell("file dropped" if posted else "file held", flow=flow, detail={"file": reference, "reason": reason})
        values = {"reference": reference, "reason": ""} if posted else {"reason": desk.clean(reason)}
        for start in range(0, batch.documents, _PIECE):
            changed += _finish_some(desk, work, (flow, number, start), to, values)
            work.write_lines()
    return changed


def _finish_some(desk: Desk, work: Work, piece: tuple[str, int, int], to: State, values: dict[str, str]) -> int:
    flow, number, start = piece
    rows = work.connection.execute(
        update(tables.document)
        .where(_ROW.tenant == desk.tenant, _ROW.flow == flow, _ROW.batch == number)
        .where(_ROW.batch_place > start, _ROW.batch_place <= start + _PIECE, _ROW.state == State.SENDING.value)
        .values(state=to.value, epoch=_ROW.epoch + 1, owner="", updated_at=now_text(desk), **values)
        .returning(_ROW.key, _ROW.version, _ROW.parcel_id, _ROW.run)
    ).all()
    for row in rows:
        detail = {"version": row.version, "from": State.SENDING.value, **values}
        work.tell(to.value, key=row.key, parcel=row.parcel_id, flow=flow, run=row.run, detail=detail)
    return len(rows)


def batch_of(row: Row[Any]) -> OutboxBatch:
    return OutboxBatch(
        flow=row.flow, number=row.number, folder=row.folder, name=row.name, sha256=row.sha256, size=row.size,
        documents=row.documents, state=row.state, built_at=moment(row.built_at), spec_sha=row.spec_sha,
        made_at=moment(row.made_at or row.built_at), control=row.control, answer=row.answer,
    )  # fmt: skip
