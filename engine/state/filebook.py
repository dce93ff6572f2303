"""Files as people look through them: those that came, those of ours, and what partners said of them; newest first, page by page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, func, select, tuple_

from engine.contracts import State
from engine.state import tables
from engine.state.codec import decode_plain, moment, stamp
from engine.state.ledger_desk import Desk, no_nul

_PARCEL, _BOX, _ROW, _NAME = tables.parcel.c, tables.outbox.c, tables.document.c, tables.parcel_name.c
_ENVELOPE = tables.interchange.c
RECEIVED: Mapping[str, Collection[str]] = {
    "archived": ("settled",),
    "taken in": ("ingested",),
    "in part": ("partial",),
    "in error": ("bad",),
}
"""What a file that came can be, as people call it, and the states of its parcel."""
SENT: Mapping[str, Collection[str]] = {
    "sent": ("done",),
    "waiting": ("built", "sending"),
    "held": ("held",),
}
ANSWERS: Mapping[str, Collection[str]] = {
    "acknowledgement due": ("due", "overdue"),
    "acknowledged": ("accepted",),
    "rejected": ("rejected",),
}
"""What a partner said of a file of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What of them is wanted; `before`: older than this place, as `place` of a file tells it."""

    flow: str = ""
    state: str = ""
    name: str = ""
    before: str = ""
    most: int = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Came:
    """A file that came. `good` and `bad` count its records; `settled_at`: when it was put away."""

    flow: str
    id: str
    name: str
    size: int
    sha256: str
    state: str
    reason: str
    counts: Mapping[str, Any]
    run: str
    seen_at: datetime
    settled_at: datetime | None

    @property
    def bad(self) -> int:
        """Records that could not be used as they came."""
        return int(self.counts.get(State.QUARANTINED.value, 0))

    @property
    def good(self) -> int:
        """All the others."""
        return max(0, int(self.counts.get("read", 0)) - self.bad)

    @property
    def place(self) -> str:
        """Where a list goes on after it."""
        return f"{stamp(self.seen_at)} {self.flow} {self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Went:
    """A file of ours. `control` 0: it has no number; `answer`: due, overdue, accepted, rejected, or empty."""

    flow: str
    number: int
    folder: str
    name: str
    size: int
    sha256: str
    documents: int
    state: str
    run: str
    built_at: datetime
    done_at: datetime | None
    control: int
    answer: str

    @property
    def place(self) -> str:
        """Where a list goes on after it."""
        return f"{stamp(self.built_at)} {self.flow} {self.number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """A control number a partner has used up with a file."""

    sender: str
    control: str
    name: str
    seen_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfit:
    """A document of a file that could not be used as it came, or that waits: where in the file, and why."""

    key: str
    version: int
    number: str
    place: str
    state: State
    amount: str | None
    reason: str


def came(desk: Desk, asked: Asked) -> Sequence[Came]:
    """Files that came, newest first."""
    wanted = select(tables.parcel).where(_PARCEL.tenant == desk.tenant, _PARCEL.kind == "file")
    if asked.flow:
        wanted = wanted.where(_PARCEL.flow == asked.flow)
    if asked.state in RECEIVED:
        wanted = wanted.where(_PARCEL.state.in_(RECEIVED[asked.state]))
    if asked.name:
        wanted = wanted.where(_PARCEL.name.icontains(no_nul(asked.name), autoescape=True))
    if asked.before:
        at, flow, id_ = (*asked.before.split(" ", 2), "", "")[:3]
        wanted = wanted.where(tuple_(_PARCEL.seen_at, _PARCEL.flow, _PARCEL.id) < (at, flow, id_))
    order = (_PARCEL.seen_at.desc(), _PARCEL.flow.desc(), _PARCEL.id.desc())
    return [_came(row) for row in _rows(desk, wanted.order_by(*order).limit(asked.most))]


def went(desk: Desk, asked: Asked) -> Sequence[Went]:
    """Files of ours, newest first."""
    wanted = select(tables.outbox).where(_BOX.tenant == desk.tenant)
    if asked.flow:
        wanted = wanted.where(_BOX.flow == asked.flow)
    if asked.state in SENT:
        wanted = wanted.where(_BOX.state.in_(SENT[asked.state]))
    elif asked.state in ANSWERS:
        wanted = wanted.where(_BOX.answer.in_(ANSWERS[asked.state]))
    if asked.name:
        wanted = wanted.where(_BOX.name.icontains(no_nul(asked.name), autoescape=True))
    if asked.before:
        at, flow, number = (*asked.before.split(" ", 2), "", "0")[:3]
        last = int(number) if number.isdigit() and len(number) < 19 else 0
        wanted = wanted.where(tuple_(_BOX.built_at, _BOX.flow, _BOX.number) < (at, flow, last))
    order = (_BOX.built_at.desc(), _BOX.flow.desc(), _BOX.number.desc())
    return [_went(row) for row in _rows(desk, wanted.order_by(*order).limit(asked.most))]


def one_that_came(desk: Desk, flow: str, parcel: str) -> Came | None:
    """The file of that flow and id."""
    wanted = select(tables.parcel).where(_PARCEL.tenant == desk.tenant, _PARCEL.flow == flow, _PARCEL.id == parcel)
    return next((_came(row) for row in _rows(desk, wanted.where(_PARCEL.kind == "file"))), None)


def one_of_ours(desk: Desk, flow: str, number: int) -> Went | None:
    """The file of ours of that flow and number."""
    wanted = select(tables.outbox).where(_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.number == number)
    return next((_went(row) for row in _rows(desk, wanted)), None)


def names_of(desk: Desk, file: Came) -> Sequence[tuple[str, datetime]]:
    """Every name the content came under."""
    wanted = select(_NAME.name, _NAME.seen_at).where(
        _NAME.tenant == desk.tenant, _NAME.flow == file.flow, _NAME.sha256 == file.sha256
    )
    return [(row.name, moment(row.seen_at)) for row in _rows(desk, wanted.order_by(_NAME.seen_at, _NAME.name))]


def envelopes_of(desk: Desk, file: Came) -> Sequence[Envelope]:
    """The control numbers in it."""
    wanted = select(tables.interchange).where(
        _ENVELOPE.tenant == desk.tenant, _ENVELOPE.flow == file.flow, _ENVELOPE.sha256 == file.sha256
    )
    return [
        Envelope(sender=row.sender, control=row.control, name=row.name, seen_at=moment(row.seen_at))
        for row in _rows(desk, wanted.order_by(_ENVELOPE.seen_at, _ENVELOPE.control))
    ]


def standing(desk: Desk, file: Came | Went) -> Mapping[State, int]:
    """How many documents of a file stand where."""
    wanted = select(_ROW.state, func.count().label("many")).where(_of(desk, file)).group_by(_ROW.state)
    found = {row.state: row.many for row in _rows(desk, wanted)}
    return {state: found[state.value] for state in State if state.value in found}


def documents_of(desk: Desk, file: Came | Went, states: Collection[State], most: int) -> Sequence[Unfit]:
    """Documents of a file in these states, in the order of the file."""
    wanted = (
        select(_ROW.key, _ROW.version, _ROW.number, _ROW.place, _ROW.state, _ROW.amount, _ROW.reason)
        .where(_of(desk, file), _ROW.state.in_([state.value for state in states]))
        .order_by(_ROW.seq)
        .limit(most)
    )
    return [
        Unfit(
            key=row.key, version=row.version, number=row.number, place=row.place, state=State(row.state),
            amount=row.amount, reason=row.reason,
        )
        for row in _rows(desk, wanted)
    ]  # fmt: skip


def _of(desk: Desk, file: Came | Went) -> Any:
    mine = and_(_ROW.tenant == desk.tenant, _ROW.flow == file.flow)
    return and_(mine, _ROW.parcel_id == file.id if isinstance(file, Came) else _ROW.batch == file.number)


def _rows(desk: Desk, wanted: Select[Any]) -> Sequence[Row[Any]]:
    with desk.database.look() as connection:
        return connection.execute(wanted).all()


def _came(row: Row[Any]) -> Came:
    return Came(
        flow=row.flow, id=row.id, name=row.name, size=row.size, sha256=row.sha256, state=row.state, reason=row.reason,
        counts=decode_plain(row.counts), run=row.run, seen_at=moment(row.seen_at), settled_at=moment(row.settled_at),
    )  # fmt: skip


def _went(row: Row[Any]) -> Went:
    return Went(
        flow=row.flow, number=row.number, folder=row.folder, name=row.name, size=row.size, sha256=row.sha256,
        documents=row.documents, state=row.state, run=row.run, built_at=moment(row.built_at),
        done_at=moment(row.done_at), control=row.control, answer=row.answer,
    )  # fmt: skip
