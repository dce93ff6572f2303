"""Finding a document by what a person knows of it, among all there ever were; and what belongs to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, literal, select

from engine.contracts import State
from engine.state import tables
from engine.state.codec import moment
from engine.state.facts import Listed
from engine.state.ledger_desk import Desk, no_nul, normal
from engine.state.worklist import shown, shown_columns

MOST = 50
_LOOKED = 1000
_ROW, _WORD, _PARCEL, _NAME = tables.document.c, tables.identifier.c, tables.parcel.c, tables.parcel_name.c
_LAST = chr(0x10FFFF)
"""Behind every text that begins alike."""


class Hit(NamedTuple):
    """A document, and what of it was looked for: `number`, `key`, `reference`, an identifier's name."""

    what: str
    document: Listed


@dataclass(frozen=True, kw_only=True, slots=True)
class FileHit:
    """A file of that name, as a flow took it in."""

    flow: str
    parcel: str
    name: str
    state: str
    seen_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The parcel a document came in."""

    id: str
    kind: str
    name: str
    state: str
    run: str
    seen_at: datetime


def exact(desk: Desk, asked: str, most: int = MOST) -> list[Hit]:
    """Documents of that key, number, identifier, reference or amount; each once, newest change first within its kind."""
    plain = no_nul(asked).strip()
    if not plain:
        return []
    found: dict[tuple[str, int], Hit] = {}
    looks = [
        _names(_ROW.key == plain, literal("key")),
        _words(_WORD.value == normal(plain)),
        _names(and_(_ROW.reference == plain, _ROW.reference != ""), literal("reference")),
    ]
    if (amount := amount_of(plain)) is not None:
        looks.append(_names(and_(_ROW.amount.in_(amount), _ROW.amount.is_not(None)), literal("amount")))
    with desk.database.look() as connection:
        for look in looks:
            for row in connection.execute(_documents_of(desk, look).limit(most)):
                document = shown(row)
                found.setdefault((document.key, document.version), Hit(row.what, document))
    return list(found.values())


def beginning(desk: Desk, asked: str, most: int = MOST) -> list[Hit]:
    """Documents of which a number or identifier begins with this, in the order of those; by the index."""
    start = normal(asked)
    if not start:
        return []
    look = _words(and_(_WORD.value >= start, _WORD.value < start + _LAST)).order_by(_WORD.value)
    found: dict[tuple[str, int], Hit] = {}
    with desk.database.look() as connection:
        for row in connection.execute(_documents_of(desk, look, most * 4, by_name=True)):
            document = shown(row)
            found.setdefault((document.key, document.version), Hit(row.what, document))
    return list(found.values())[:most]


def amount_of(written: str) -> list[str] | None:
    """How an amount may be written in the ledger: as given, and with the digits after the point that it lacks; None for no amount."""
    plain = written.replace(",", "")
    whole, point, rest = plain.removeprefix("-").partition(".")
    if not (whole.isascii() and whole.isdigit()) or (point and not (rest.isascii() and rest.isdigit())):
        return None
    sign, digits = "-" if plain.startswith("-") else "", rest.rstrip("0")
    ways = [f"{digits}{'0' * more}" for more in range(max(len(digits), len(rest), 4) - len(digits) + 1)]
    return [f"{sign}{whole}{'.' if way else ''}{way}" for way in ways]


def files(desk: Desk, asked: str, most: int = MOST) -> list[FileHit]:
    """Files that came under exactly this name, or one that begins with it; newest first."""
    start = no_nul(asked).strip()
    if not start:
        return []
    begins = _NAME.name.startswith(start, autoescape=True)
    wanted = (
        select(_PARCEL.flow, _PARCEL.id, _NAME.name, _PARCEL.state, _NAME.seen_at)
        .join_from(
            tables.parcel_name, tables.parcel,
            and_(_PARCEL.tenant == _NAME.tenant, _PARCEL.flow == _NAME.flow, _PARCEL.sha256 == _NAME.sha256),
        )
        .where(_NAME.tenant == desk.tenant, begins)
        .order_by(_NAME.seen_at.desc(), _NAME.name)
        .limit(most)
    )  # fmt: skip
    with desk.database.look() as connection:
        return [
            FileHit(flow=row.flow, parcel=row.id, name=row.name, state=row.state, seen_at=moment(row.seen_at))
            for row in connection.execute(wanted)
        ]


def origin(desk: Desk, flow: str, parcel: str) -> Origin | None:
    """The parcel of that id."""
    asked = select(tables.parcel).where(_PARCEL.tenant == desk.tenant, _PARCEL.flow == flow, _PARCEL.id == parcel)
    with desk.database.look() as connection:
        row = connection.execute(asked).one_or_none()
    if row is None:
        return None
    return Origin(id=row.id, kind=row.kind, name=row.name, state=row.state, run=row.run, seen_at=moment(row.seen_at))


def one(desk: Desk, key: str, version: int) -> Listed | None:
    """A document as a list shows it."""
    with desk.database.look() as connection:
        asked = _documents(desk).where(_ROW.key == key, _ROW.version == version)
        row = connection.execute(asked).one_or_none()
    return None if row is None else shown(row)


def versions(desk: Desk, key: str) -> list[Listed]:
    """Every version of a document, the first one first."""
    with desk.database.look() as connection:
        rows = connection.execute(_documents(desk).where(_ROW.key == key).order_by(_ROW.version).limit(MOST))
        return [shown(row) for row in rows]


def waiting_for(desk: Desk, flows: Sequence[str], name: str, number: str, most: int = MOST) -> list[Listed]:
    """Documents of these flows that wait for the one of that number of the flow `name`, by the reason they tell."""
    if not flows:
        return []
    said = f"waits for {name} {number}, "
    asked = _documents(desk).where(
        _ROW.flow.in_(flows), _ROW.state == State.WAITING.value, _ROW.reason.startswith(said, autoescape=True)
    )
    with desk.database.look() as connection:
        return [shown(row) for row in connection.execute(asked.order_by(_ROW.seq).limit(most))]


def _documents(desk: Desk) -> Select[Any]:
    return select(*shown_columns()).where(_ROW.tenant == desk.tenant)


def _names(where: ColumnElement[bool], what: ColumnElement[str]) -> Select[Any]:
    """Documents found by a column of their own."""
    columns = (_ROW.tenant, _ROW.key, _ROW.version, what.label("what"), literal("").label("place"))
    return select(*columns).where(where)


def _words(where: ColumnElement[bool]) -> Select[Any]:
    """Documents found by what they are called."""
    columns = (_WORD.tenant, _WORD.key, _WORD.version, _WORD.name.label("what"), _WORD.value.label("place"))
    return select(*columns).where(where)


def _documents_of(desk: Desk, look: Select[Any], most: int = _LOOKED, *, by_name: bool = False) -> Select[Any]:
    """What a look has found, `most` of it: a vendor may have a million documents."""
    tenant = look.selected_columns.tenant
    some = look.where(tenant == desk.tenant).limit(most).subquery()
    joined = and_(_ROW.tenant == some.c.tenant, _ROW.key == some.c.key, _ROW.version == some.c.version)
    found = select(*shown_columns(), some.c.what, some.c.place).join_from(some, tables.document, joined)
    return found.order_by(some.c.place if by_name else _ROW.updated_at.desc(), _ROW.seq)
