"""The work queue: documents that don't go on by themselves, a page at a time, however many the ledger holds.

Every query stays inside the partial index of stopped documents, or asks by a key; none walks through the ledger.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Numeric, Row, Text, case, cast, func, literal, or_, select, text, tuple_
from sqlalchemy.sql.elements import SQLCoreOperations

from engine.contracts import State
from engine.errors import UsageError
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.facts import Listed
from engine.state.ledger_desk import Desk, no_nul

STOPPED = (State.HELD, State.CONFLICT, State.QUARANTINED, State.REJECTED, State.IN_DOUBT, State.WAITING)
"""What the work queue shows; the first three wait for a person."""
Order = Literal["newest", "oldest", "amount"]
COUNTED = 1000
"""A count goes no further: `1,000+`."""
READ_THROUGH = 10_000
"""Stopped documents whose texts one page looks through, the newest."""

_ROW, _PARCEL = tables.document.c, tables.parcel.c
_STOPPED = text(f"document.{tables.STOPPED}")
"""Literally as the index has it: with its states as parameters no planner could tell that the index holds them all."""
_SHOWN = (
    "flow", "key", "version", "state", "number", "party", "amount", "reason", "step", "place", "reference", "tries",
    "created_at", "updated_at",
)  # fmt: skip
_PIECE = 500
_MORE = ("seq", "parcel_id", "waits_since")
_AMOUNT = re.compile(r"^-?[0-9]+(\.[0-9]+)?$")
_NONE = "-1" + "0" * 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a list is narrowed to; what is None or empty narrows nothing.

    `before`: not changed since then; `since`: changed since. `text` stands somewhere in number, party or reason, `file` in the
    file's name, `holding` exactly in the reason.
    """

    flow: str | None = None
    states: Collection[State] = STOPPED
    before: datetime | None = None
    since: datetime | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    party: str = ""
    file: str = ""
    text: str = ""
    holding: str = ""


class Stopped(NamedTuple):
    """A document in the list: its place in the order of arrival, its parcel, since when it is stopped, and what is shown of it."""

    seq: int
    parcel: str
    since: datetime
    document: Listed


class Place(NamedTuple):
    """Where a page ended: the next one begins behind it."""

    value: str
    seq: int

    def written(self) -> str:
        """For an address."""
        return base64.urlsafe_b64encode(f"{self.seq} {self.value}".encode()).decode().rstrip("=")


def place_of(written: str) -> Place | None:
    """What was written; None without one. Raises UsageError."""
    if not written:
        return None
    try:
        seq, _, value = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode().partition(" ")
        return Place(value, int(seq))
    except (ValueError, binascii.Error):
        raise UsageError("That page of the list does not exist: open the list again") from None


def listed(
    desk: Desk, wanted: Wanted, *, order: Order = "newest", after: Place | None = None, most: int = 50
) -> list[Stopped]:
    """At most so many, in that order, behind that place."""
    asked = select(*(_ROW[name] for name in (*_SHOWN, *_MORE))).where(*_conditions(desk, wanted))
    if after is not None:
        asked = asked.where(_behind(desk, order, after))
    asked = asked.order_by(*_sorted(desk, order)).limit(most)
    with desk.database.look() as connection:
        return [_stopped(row) for row in connection.execute(asked)]


def end_of(found: Sequence[Stopped], order: Order) -> Place:
    """Where this page ended; it must not be empty."""
    last = found[-1]
    value = last.document.amount or "" if order == "amount" else stamp(last.document.updated_at)
    return Place(value, last.seq)


def count(desk: Desk, wanted: Wanted, *, most: int = COUNTED) -> int:
    """How many there are, `most` + 1 when they are more."""
    some = select(_ROW.seq).where(*_conditions(desk, wanted)).limit(most + 1).subquery()
    with desk.database.look() as connection:
        return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def reach(desk: Desk, most: int = READ_THROUGH) -> datetime | None:
    """Since when the newest `most` stopped; None when there are no more than that. Further back no text is looked for."""
    asked = select(_ROW.updated_at).where(_ROW.tenant == desk.tenant, _STOPPED)
    with desk.database.look() as connection:
        last = connection.execute(asked.order_by(*_sorted(desk, "newest")).offset(most).limit(1)).scalar_one_or_none()
    return moment(last)


def standing(desk: Desk, flow: str | None = None) -> dict[State, int]:
    """How many are stopped in each state; exact."""
    asked = select(_ROW.state, func.count()).where(_ROW.tenant == desk.tenant, _STOPPED).group_by(_ROW.state)
    if flow is not None:
        asked = asked.where(_ROW.flow == flow)
    with desk.database.look() as connection:
        found = {State(state): many for state, many in connection.execute(asked)}
    return {state: found[state] for state in STOPPED if state in found}


def flows(desk: Desk) -> list[str]:
    """The flows that have stopped documents."""
    asked = select(_ROW.flow).where(_ROW.tenant == desk.tenant, _STOPPED).distinct().order_by(_ROW.flow)
    with desk.database.look() as connection:
        return list(connection.execute(asked).scalars())


def arrived(desk: Desk, flow: str, first: int, last: int, most: int) -> int:
    """How many documents of a flow came in between two places of arrival, both included; `most` + 1 when more."""
    every = [state.value for state in State]
    between = _ROW.state.in_(every), _ROW.seq.between(first, last)
    some = select(_ROW.seq).where(_ROW.tenant == desk.tenant, _ROW.flow == flow, *between).limit(most + 1).subquery()
    with desk.database.look() as connection:
        return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


class Mark(NamedTuple):
    """One stopped document as far as telling whether it changed needs: its place of arrival, and since when it is so."""

    seq: int
    updated_at: str


def fingerprint(desk: Desk) -> tuple[int, str]:
    """How many are stopped and when the last one stopped: while both are the same, so is the queue."""
    asked = select(func.count(), func.max(_ROW.updated_at)).where(_ROW.tenant == desk.tenant, _STOPPED)
    with desk.database.look() as connection:
        many, last = connection.execute(asked).one()
    return int(many), last or ""


def marks(desk: Desk, most: int) -> list[Mark]:
    """Every stopped document, newest change first; from the index alone."""
    asked = select(_ROW.seq, _ROW.updated_at).where(_ROW.tenant == desk.tenant, _STOPPED)
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(*_sorted(desk, "newest")).limit(most))
        return [Mark(seq, since) for seq, since in rows]


def at_marks(desk: Desk, wanted: Iterable[Mark]) -> list[Stopped]:
    """The documents of these marks that still are as they were."""
    some = list(wanted)
    columns = [_ROW[name] for name in (*_SHOWN, *_MORE)]
    found: list[Stopped] = []
    with desk.database.look() as connection:
        for start in range(0, len(some), _PIECE):
            piece = {mark.seq: mark.updated_at for mark in some[start : start + _PIECE]}
            # the sum keeps SQLite from trying every time with every place
            here = (_ROW.updated_at.in_(set(piece.values())), (_ROW.seq + 0).in_(piece))
            asked = select(*columns).where(_ROW.tenant == desk.tenant, _STOPPED, *here)
            rows = [_stopped(row) for row in connection.execute(asked)]
            found += [each for each in rows if stamp(each.document.updated_at) == piece[each.seq]]
    return found


def file_names(desk: Desk, parcels: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Flow and parcel id to the name it came under."""
    asked = select(_PARCEL.flow, _PARCEL.id, _PARCEL.name).where(
        _PARCEL.tenant == desk.tenant, tuple_(_PARCEL.flow, _PARCEL.id).in_(sorted(parcels))
    )
    if not parcels:
        return {}
    with desk.database.look() as connection:
        return {(row.flow, row.id): row.name for row in connection.execute(asked)}


def _stopped(row: Row[Any]) -> Stopped:
    """What waits is looked at in every run, and waits since before that."""
    document = shown(row)
    waits = moment(row.waits_since) if document.state is State.WAITING else None
    return Stopped(row.seq, row.parcel_id, waits or document.updated_at, document)


def shown(row: Row[Any]) -> Listed:
    """A row of the columns a list shows."""
    values = {name: getattr(row, name) for name in _SHOWN}
    times = {name: moment(values.pop(name)) for name in ("created_at", "updated_at")}
    return Listed(**{**values, **times, "state": State(row.state)})


def shown_columns() -> list[ColumnElement[Any]]:
    """The columns `shown` reads."""
    return [_ROW[name] for name in _SHOWN]


def _conditions(desk: Desk, wanted: Wanted) -> list[SQLCoreOperations[bool]]:
    narrow: list[Any] = [_ROW.tenant == desk.tenant, _STOPPED]
    if wanted.flow is not None:
        narrow.append(_ROW.flow == wanted.flow)
    if set(wanted.states) != set(STOPPED):
        narrow.append(_ROW.state.in_([state.value for state in wanted.states]))
    if wanted.before is not None:
        narrow.append(_ROW.updated_at < stamp(wanted.before))
    if wanted.since is not None:
        narrow.append(_ROW.updated_at >= stamp(wanted.since))
    if wanted.least is not None:
        narrow.append(_number(desk) >= _number_of(format(wanted.least, "f")))
    if wanted.most is not None:
        narrow.append(_number(desk) <= _number_of(format(wanted.most, "f")))
    if wanted.party:
        narrow.append(_ROW.party.icontains(no_nul(wanted.party), autoescape=True))
    if wanted.text:
        part = no_nul(wanted.text)
        narrow.append(
            or_(*(column.icontains(part, autoescape=True) for column in (_ROW.number, _ROW.party, _ROW.reason)))
        )
    if wanted.holding:
        narrow.append(_ROW.reason.contains(no_nul(wanted.holding), autoescape=True))
    if wanted.file:
        # file by file of what is stopped: a part of a name may fit more files than there are stopped documents
        its = (_PARCEL.tenant == _ROW.tenant, _PARCEL.flow == _ROW.flow, _PARCEL.id == _ROW.parcel_id)
        named = _PARCEL.name.icontains(no_nul(wanted.file), autoescape=True)
        narrow.append(select(_PARCEL.id).where(*its, named).correlate(tables.document).exists())
    return narrow


def _behind(desk: Desk, order: Order, after: Place) -> SQLCoreOperations[bool]:
    if order == "oldest":
        return tuple_(_ROW.updated_at, _ROW.seq) > tuple_(literal(after.value), literal(after.seq))
    if order == "newest":
        return tuple_(_ROW.updated_at, _ROW.seq) < tuple_(literal(after.value), literal(after.seq))
    here = _number_of(after.value if _AMOUNT.fullmatch(after.value) else _NONE)
    return tuple_(_sortable(desk), _ROW.seq) < tuple_(here, literal(after.seq))


def _sorted(desk: Desk, order: Order) -> tuple[Any, ...]:
    if order == "oldest":
        return _ROW.updated_at, _ROW.seq
    first = _ROW.updated_at if order == "newest" else _sortable(desk)
    return first.desc(), _ROW.seq.desc()


def _sortable(desk: Desk) -> ColumnElement[Any]:
    """Documents without an amount come last."""
    return func.coalesce(_number(desk), _number_of(_NONE))


def _number(desk: Desk) -> ColumnElement[Any]:
    """The amount as a number, NULL where there is none."""
    if desk.database.is_sqlite:
        return cast(_ROW.amount, Numeric)
    return case((_ROW.amount.regexp_match(_AMOUNT.pattern), cast(_ROW.amount, Numeric)))


def _number_of(amount: str) -> ColumnElement[Any]:
    """As text until the database has it: SQLite's driver knows no Decimal."""
    return cast(literal(amount, Text), Numeric)
