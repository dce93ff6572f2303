"""The ledger seen as a whole: what stands where, without opening what is sealed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, select

from engine.contracts import Document, State
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.facts import Cursor, Listed
from engine.state.ledger_desk import Desk, normal

_ROW, _WORD, _ATTEMPT = tables.document.c, tables.identifier.c, tables.attempt.c
_CURSOR, _PARCEL, _BOX, _RUN = tables.cursor.c, tables.parcel.c, tables.outbox.c, tables.run.c
_NAMES = (
    "flow", "key", "version", "state", "number", "party", "amount", "reason", "step", "place", "reference", "tries",
    "created_at", "updated_at",
)  # fmt: skip
_PAGE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What a flow has open besides its documents.

    `doubt_since`: when the oldest doubt was sent; None without one. `open_parcels`: taken in part, to be read on.
    """

    cursors: dict[str, Cursor]
    doubt_since: datetime | None
    files_unsent: int
    open_parcels: int


def flows(desk: Desk) -> list[str]:
    """Every flow the ledger has heard of."""
    found: set[str] = set()
    with desk.database.look() as connection:
        for table in (tables.document, tables.run, tables.cursor, tables.parcel, tables.outbox):
            asked = select(table.c.flow).where(table.c.tenant == desk.tenant).distinct()
            found |= set(connection.execute(asked).scalars())
    return sorted(found - {""})


def listed(
    desk: Desk,
    states: Collection[State],
    *,
    flow: str | None = None,
    before: datetime | None = None,
    most: int | None = None,
) -> Iterator[Listed]:
    """Documents in these states (with `before`: that came in earlier), newest change first, streamed: read it to its end."""
    asked = _in(desk, select(*(_ROW[name] for name in _NAMES)), states, flow, before)
    asked = asked.order_by(_ROW.updated_at.desc(), _ROW.seq).limit(most).execution_options(yield_per=_PAGE)
    with desk.database.look() as connection:
        for row in connection.execute(asked):
            values = dict(zip(_NAMES, row, strict=True))
            times = {name: moment(values.pop(name)) for name in ("created_at", "updated_at")}
            yield Listed(**{**values, **times, "state": State(row.state)})


def count(desk: Desk, states: Collection[State], *, flow: str | None = None, before: datetime | None = None) -> int:
    """How many documents stand in these states; with `before`, of those that came in earlier."""
    asked = _in(desk, select(func.count()), states, flow, before)
    with desk.database.look() as connection:
        return int(connection.execute(asked).scalar_one())


def arrived(desk: Desk, flow: str, first: datetime, last: datetime) -> int:
    """How many documents of a flow came in between two moments, both included."""
    asked = select(func.count()).where(_ROW.tenant == desk.tenant, _ROW.flow == flow)
    with desk.database.look() as connection:
        return int(connection.execute(asked.where(_ROW.created_at.between(stamp(first), stamp(last)))).scalar_one())


def delivered(desk: Desk, flow: str, since: datetime) -> Iterator[Document]:
    """Documents that reached the target since then, the latest of each key, in the order they came in; streamed."""
    later = tables.document.alias()
    there = [State.POSTED.value, State.ADOPTED.value]
    newer = exists().where(
        later.c.tenant == _ROW.tenant, later.c.key == _ROW.key, later.c.version > _ROW.version, later.c.state.in_(there)
    )
    asked = select(tables.document).where(_ROW.tenant == desk.tenant, _ROW.flow == flow, _ROW.state.in_(there))
    asked = asked.where(_ROW.updated_at >= stamp(since), ~newer).order_by(_ROW.seq)
    with desk.database.look() as connection:
        for row in connection.execute(asked.execution_options(yield_per=100)):
            yield desk.read(row)


def standing(desk: Desk, flow: str) -> Standing:
    """What a flow has open."""
    here = (tables.parcel.c.tenant == desk.tenant, _PARCEL.flow == flow, _PARCEL.state == "partial")
    unsent = (_BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.state.in_(("built", "sending")))
    cursors = select(_CURSOR.source, _CURSOR.value, _CURSOR.cap).where(
        _CURSOR.tenant == desk.tenant, _CURSOR.flow == flow
    )
    sent = select(func.max(_ATTEMPT.started_at)).where(
        _ATTEMPT.tenant == _ROW.tenant, _ATTEMPT.key == _ROW.key, _ATTEMPT.version == _ROW.version
    )
    oldest = _in(desk, select(func.min(func.coalesce(sent.scalar_subquery(), _ROW.updated_at))), [State.IN_DOUBT], flow)
    with desk.database.look() as connection:
        rows = connection.execute(cursors.order_by(_CURSOR.source)).all()
        return Standing(
            cursors={row.source: Cursor(value=row.value, cap=row.cap) for row in rows},
            doubt_since=moment(connection.execute(oldest).scalar_one_or_none()),
            files_unsent=int(connection.execute(select(func.count()).where(*unsent)).scalar_one()),
            open_parcels=int(connection.execute(select(func.count()).where(*here)).scalar_one()),
        )


def has_run(desk: Desk, run: str) -> bool:
    """Whether there was a run of that id."""
    with desk.database.look() as connection:
        return connection.execute(select(_RUN.id).where(_RUN.tenant == desk.tenant, _RUN.id == run)).first() is not None


def named(desk: Desk, identifier: str) -> int:
    """How many documents, of every flow and version, go by that number or name."""
    asked = select(func.count(func.distinct(_ROW.seq))).select_from(tables.document).join(
        tables.identifier, and_(_WORD.tenant == _ROW.tenant, _WORD.key == _ROW.key, _WORD.version == _ROW.version)
    )  # fmt: skip
    asked = asked.where(_ROW.tenant == desk.tenant, _WORD.value == normal(identifier))
    with desk.database.look() as connection:
        return int(connection.execute(asked).scalar_one())


def alike(desk: Desk, identifier: str, most: int = 5) -> list[str]:
    """Numbers and names that hold this text somewhere, for a person who remembers only a part."""
    part = normal(identifier)
    if not part:
        return []
    asked = select(_ROW.number).distinct().join_from(
        tables.document, tables.identifier,
        and_(_WORD.tenant == _ROW.tenant, _WORD.key == _ROW.key, _WORD.version == _ROW.version),
    )  # fmt: skip
    asked = asked.where(_ROW.tenant == desk.tenant, _WORD.value.contains(part, autoescape=True))
    with desk.database.look() as connection:
        return list(connection.execute(asked.order_by(_ROW.number).limit(most)).scalars())


def _in(
    desk: Desk, asked: Select[Any], states: Collection[State], flow: str | None, before: datetime | None = None
) -> Select[Any]:
    asked = asked.where(_ROW.tenant == desk.tenant, _ROW.state.in_([state.value for state in states]))
    if before is not None:
        asked = asked.where(_ROW.created_at < stamp(before))
    return asked if flow is None else asked.where(_ROW.flow == flow)
