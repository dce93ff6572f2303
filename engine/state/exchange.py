"""What partners say of files of ours, and the control numbers they have used up themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from engine.contracts import State
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.facts import OutboxBatch
from engine.state.ledger_desk import Desk, now_text
from engine.state.ledger_outbox import UNDECIDED, batch_of, finish
from engine.state.trail import Work
from engine.state.transitions import ARRIVED_AFTER_ALL, REFUSED_BY_PARTNER

_BOX, _ROW, _ENVELOPE = tables.outbox.c, tables.document.c, tables.interchange.c
_SOME = 400
_WAITED_FOR = ("due", "overdue")


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A partner's word on one file of ours. `rejected`: the places in the file of the documents refused, from 1; None means all."""

    accepted: bool
    rejected: Collection[int] | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class UsedUp:
    """Where a control number came before."""

    name: str
    sha256: str
    seen_at: datetime


def used_up(desk: Desk, scope: str, numbers: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], UsedUp]:
    """Those of the senders' control numbers that came before within `scope`."""
    found: dict[tuple[str, str], UsedUp] = {}
    asked = select(tables.interchange).where(_ENVELOPE.tenant == desk.tenant, _ENVELOPE.scope == scope)
    with desk.database.look() as connection:
        for sender, control in numbers:
            here = asked.where(_ENVELOPE.sender == sender, _ENVELOPE.control == control)
            row = connection.execute(here).one_or_none()
            if row is not None:
                found[sender, control] = UsedUp(name=row.name, sha256=row.sha256, seen_at=moment(row.seen_at))
    return found


def file_of(desk: Desk, series: str, control: int) -> OutboxBatch | None:
    """The file of ours with that control number, whichever flow sent it."""
    here = (_BOX.tenant == desk.tenant, _BOX.series == series, _BOX.control == control)
    with desk.database.look() as connection:
        row = connection.execute(select(tables.outbox).where(*here)).one_or_none()
    return None if row is None else batch_of(row)


def answered(desk: Desk, file: OutboxBatch, answer: Answer) -> int:
    """Keeps what the partner says; returns how many documents a person has to look at for it. Saying it twice changes nothing.

    An answer proves that the file arrived, also where its upload was in doubt. What is rejected is HELD: sent again as it is,
    it would be rejected again.
    """
    if file.state in UNDECIDED:
        finish(desk, file.flow, file.number, State.POSTED, "")
    with desk.trail.writing() as work:
        word = "accepted" if answer.accepted else "rejected"
        here = (_BOX.tenant == desk.tenant, _BOX.flow == file.flow, _BOX.number == file.number)
        changed = update(tables.outbox).where(*here, _BOX.answer != word).values(answer=word)
        if not work.connection.execute(changed).rowcount:
            return 0
        work.tell(f"file {word}", flow=file.flow, detail={"file": file.place, "reason": answer.reason})
        if file.state == "held":
            work.connection.execute(update(tables.outbox).where(*here).values(state="done", done_at=now_text(desk)))
            _move(desk, work, file, ARRIVED_AFTER_ALL, None, "")
        if answer.accepted and not answer.rejected:
            return 0
        return _move(desk, work, file, REFUSED_BY_PARTNER, answer.rejected, answer.reason)


def _move(
    desk: Desk, work: Work, file: OutboxBatch, way: tuple[State, State], places: Collection[int] | None, reason: str
) -> int:
    moved = 0
    for some in _pieces(file.documents, places):
        rows = work.connection.execute(
            update(tables.document)
            .where(_ROW.tenant == desk.tenant, _ROW.flow == file.flow, _ROW.batch == file.number)
            .where(_ROW.state == way[0].value, _ROW.batch_place.in_(some))
            .values(state=way[1].value, epoch=_ROW.epoch + 1, reason=desk.clean(reason), updated_at=now_text(desk))
            .values(reference=file.place)
            .returning(_ROW.key, _ROW.version, _ROW.parcel_id, _ROW.run)
        ).all()
        for row in rows:
            detail = {"version": row.version, "from": way[0].value, "file": file.place, "reason": reason}
            work.tell(way[1].value, key=row.key, parcel=row.parcel_id, flow=file.flow, run=row.run, detail=detail)
        moved += len(rows)
        work.write_lines()
    return moved


def _pieces(documents: int, places: Collection[int] | None) -> Iterator[list[int]]:
    wanted = sorted(places) if places is not None else list(range(1, documents + 1))
    for start in range(0, len(wanted), _SOME):
        yield wanted[start : start + _SOME]


def overdue(desk: Desk, flow: str, sent_before: datetime) -> list[OutboxBatch]:
    """Files the partner has not answered although they were sent that long ago; each is told once."""
    here = (_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.state == "done", _BOX.answer == "due")
    asked = select(tables.outbox).where(*here, _BOX.done_at < stamp(sent_before)).order_by(_BOX.number)
    with desk.trail.writing() as work:
        found = [batch_of(row) for row in work.connection.execute(asked).all()]
        for file in found:
            same = (_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.number == file.number)
            work.connection.execute(update(tables.outbox).where(*same).values(answer="overdue"))
            work.tell("file overdue", flow=flow, detail={"file": file.place})
    return found


def waited_for(desk: Desk, flow: str) -> int:
    """How many files of a flow the partner has yet to answer."""
    here = (_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.state == "done", _BOX.answer.in_(_WAITED_FOR))
    with desk.database.look() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.outbox).where(*here)).scalar_one())
