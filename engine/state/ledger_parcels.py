"""Parcels, cursors, and when a file was first seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from engine.contracts import FileEntry, Parcel
from engine.state import tables
from engine.state.codec import decode_plain, encode_plain, moment, stamp
from engine.state.facts import Cursor, ParcelName, ParcelRow
from engine.state.ledger_desk import Desk, no_nul, now_text
from engine.state.trail import Work

_PARCEL, _NAME, _CURSOR, _SIGHTING = tables.parcel.c, tables.parcel_name.c, tables.cursor.c, tables.sighting.c
_SOME = 500


def parcel(desk: Desk, flow: str, sha256: str) -> ParcelRow | None:
    asked = select(tables.parcel).where(_PARCEL.tenant == desk.tenant, _PARCEL.flow == flow, _PARCEL.sha256 == sha256)
    with desk.database.look() as connection:
        row = connection.execute(asked.order_by(_PARCEL.seen_at.desc()).limit(1)).one_or_none()
    return None if row is None else _parcel_of(row)


def parcels(desk: Desk, flow: str, state: str | None, limit: int) -> list[ParcelRow]:
    asked = select(tables.parcel).where(_PARCEL.tenant == desk.tenant, _PARCEL.flow == flow)
    if state is not None:
        asked = asked.where(_PARCEL.state == state)
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_PARCEL.seen_at.desc(), _PARCEL.id).limit(limit)).all()
    return [_parcel_of(row) for row in rows]


def names(desk: Desk, flow: str, name: str | None, sha256: str | None) -> list[ParcelName]:
    asked = select(tables.parcel_name).where(_NAME.tenant == desk.tenant, _NAME.flow == flow)
    if name is not None:
        asked = asked.where(_NAME.name == name)
    if sha256 is not None:
        asked = asked.where(_NAME.sha256 == sha256)
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_NAME.seen_at, _NAME.name)).all()
    return [ParcelName(name=row.name, sha256=row.sha256, seen_at=moment(row.seen_at)) for row in rows]


def rename(desk: Desk, work: Work, flow: str, sha256: str, name: str) -> None:
    if put_name(desk, work.connection, flow, sha256, name):
        work.tell("renamed", flow=flow, detail={"name": name, "sha256": sha256})


def settle(desk: Desk, work: Work, flow: str, parcel_id: str) -> None:
    place = (_PARCEL.tenant == desk.tenant, _PARCEL.flow == flow, _PARCEL.id == parcel_id)
    change = update(tables.parcel).where(*place, _PARCEL.settled_at.is_(None)).values(settled_at=now_text(desk))
    if work.connection.execute(change).rowcount:
        work.connection.execute(
            update(tables.parcel).where(*place, _PARCEL.state == "ingested").values(state="settled")
        )
        work.tell("settled", parcel=parcel_id, flow=flow)


def put_away(desk: Desk, work: Work, flows: Collection[str], sha256: str) -> None:
    """Every parcel of that content: its file lies in the archive or the error folder now."""
    asked = select(_PARCEL.flow, _PARCEL.id).where(
        _PARCEL.tenant == desk.tenant,
        _PARCEL.sha256 == sha256,
        _PARCEL.flow.in_(set(flows)),
        _PARCEL.settled_at.is_(None),
    )
    for row in work.connection.execute(asked).all():
        settle(desk, work, row.flow, row.id)


def spoil(desk: Desk, work: Work, flow: str, bad: Parcel, reason: str, run_id: str) -> None:
    put_parcel(desk, work, flow, bad, "bad", desk.clean(reason), {}, run_id)
    if bad.kind == "file":
        put_name(desk, work.connection, flow, bad.sha256, bad.name)


def readers_done(desk: Desk, sha256: str, flows: Collection[str]) -> bool:
    wanted = set(flows)
    asked = select(func.count(func.distinct(_PARCEL.flow))).where(
        _PARCEL.tenant == desk.tenant, _PARCEL.sha256 == sha256, _PARCEL.flow.in_(wanted), _PARCEL.state != "partial"
    )
    with desk.database.look() as connection:
        return connection.execute(asked).scalar_one() == len(wanted)


def was_taken(desk: Desk, work: Work, flow: str, given: Parcel) -> bool:
    """Whether the whole file is in the ledger already. Taken in late, what is older in it would count as the newest change."""
    place = (_PARCEL.tenant == desk.tenant, _PARCEL.flow == flow, _PARCEL.id == given.id)
    asked = select(_PARCEL.id).where(*place, _PARCEL.kind == "file", _PARCEL.state.in_(("ingested", "settled")))
    return work.connection.execute(asked).first() is not None


def put_parcel(
    desk: Desk, work: Work, flow: str, given: Parcel, state: str, reason: str, counts: Mapping[str, int], run_id: str
) -> None:
    """Writes a parcel's row, whether it was seen before or not, and tells the trail."""
    place = {"tenant": desk.tenant, "flow": flow, "id": given.id}
    values = {
        "kind": given.kind,
        "name": no_nul(given.name),
        "sha256": given.sha256,
        "size": given.size,
        "state": state,
        "reason": reason,
        "counts": encode_plain(counts),
        "run": run_id,
        "seen_at": now_text(desk),
        "settled_at": None,
    }
    change = update(tables.parcel).where(*(_PARCEL[name] == value for name, value in place.items())).values(**values)
    if not work.connection.execute(change).rowcount:
        work.connection.execute(insert(tables.parcel).values(**place, **values))
    detail: dict[str, Any] = {"name": given.name, "sha256": given.sha256, **counts}
    if reason:
        detail["reason"] = reason
    event = "bad parcel" if state == "bad" else state
    work.tell(event, parcel=given.id, flow=flow, run=run_id, detail=detail)


def put_name(desk: Desk, connection: Connection, flow: str, sha256: str, name: str) -> bool:
    """Notes a name of some content; False when it was known."""
    place = {"tenant": desk.tenant, "flow": flow, "name": no_nul(name), "sha256": sha256}
    known = select(_NAME.name).where(*(_NAME[column] == value for column, value in place.items()))
    if connection.execute(known).first() is not None:
        return False
    connection.execute(insert(tables.parcel_name).values(**place, seen_at=now_text(desk)))
    return True


def sightings(desk: Desk, source: str, entries: Sequence[FileEntry]) -> dict[bytes, datetime]:
    here = (_SIGHTING.tenant == desk.tenant, _SIGHTING.source == source)
    now = desk.clock()
    seen = dict(_known_sightings(desk, source, entries))
    fresh = [entry for entry in entries if entry.name not in seen]
    if fresh:
        rows = [
            {"tenant": desk.tenant, "source": source, "name": entry.name, "size": entry.size,
             "modified": entry.modified, "first_seen": stamp(now)}
            for entry in fresh
        ]  # fmt: skip
        with desk.database.write() as connection:
            for start in range(0, len(fresh), _SOME):
                some = [entry.name for entry in fresh[start : start + _SOME]]
                connection.execute(delete(tables.sighting).where(*here, _SIGHTING.name.in_(some)))
            connection.execute(insert(tables.sighting), rows)
    return {entry.name: seen.get(entry.name, now) for entry in entries}


def known_file(desk: Desk, source: str, entry: FileEntry) -> str | None:
    asked = select(_SIGHTING.sha256).where(*_sighted(desk, source, entry), _SIGHTING.sha256 != "")
    with desk.database.look() as connection:
        found: str | None = connection.execute(asked).scalar_one_or_none()
    return found


def remember_file(desk: Desk, source: str, entry: FileEntry, sha256: str) -> None:
    with desk.database.write() as connection:
        connection.execute(update(tables.sighting).where(*_sighted(desk, source, entry)).values(sha256=sha256))


def _sighted(desk: Desk, source: str, entry: FileEntry) -> tuple[ColumnElement[bool], ...]:
    same = (_SIGHTING.name == entry.name, _SIGHTING.size == entry.size, _SIGHTING.modified == entry.modified)
    return (_SIGHTING.tenant == desk.tenant, _SIGHTING.source == source, *same)


def _known_sightings(desk: Desk, source: str, entries: Sequence[FileEntry]) -> list[tuple[bytes, datetime]]:
    found = []
    asked = select(tables.sighting).where(_SIGHTING.tenant == desk.tenant, _SIGHTING.source == source)
    with desk.database.look() as connection:
        for start in range(0, len(entries), _SOME):
            some = {entry.name: entry for entry in entries[start : start + _SOME]}
            for row in connection.execute(asked.where(_SIGHTING.name.in_(list(some)))):
                entry = some[bytes(row.name)]
                if (entry.size, entry.modified) == (row.size, row.modified):
                    found.append((entry.name, moment(row.first_seen)))
    return found


def forget_sightings(desk: Desk, source: str, names: Collection[bytes]) -> None:
    gone = list(names)
    here = (_SIGHTING.tenant == desk.tenant, _SIGHTING.source == source)
    with desk.database.write() as connection:
        for start in range(0, len(gone), _SOME):
            connection.execute(delete(tables.sighting).where(*here, _SIGHTING.name.in_(gone[start : start + _SOME])))


def cursor(desk: Desk, flow: str, source: str) -> Cursor | None:
    asked = select(_CURSOR.value, _CURSOR.cap, _CURSOR.pass_id).where(
        _CURSOR.tenant == desk.tenant, _CURSOR.flow == flow, _CURSOR.source == source
    )
    with desk.database.look() as connection:
        row = connection.execute(asked).one_or_none()
    return None if row is None else Cursor(value=row.value, cap=row.cap, pass_id=row.pass_id)


def set_cursor(desk: Desk, work: Work, flow: str, source: str, to: Cursor) -> None:
    place = {"tenant": desk.tenant, "flow": flow, "source": source}
    values = {"value": to.value, "cap": to.cap, "pass_id": to.pass_id, "updated_at": now_text(desk)}
    change = update(tables.cursor).where(*(_CURSOR[name] == value for name, value in place.items())).values(**values)
    if not work.connection.execute(change).rowcount:
        work.connection.execute(insert(tables.cursor).values(**place, **values))
    work.tell("cursor", flow=flow, detail={"source": source, "value": to.value, "cap": to.cap})


def _parcel_of(row: Row[Any]) -> ParcelRow:
    return ParcelRow(
        id=row.id, flow=row.flow, kind=row.kind, name=row.name, sha256=row.sha256, size=row.size, state=row.state,
        reason=row.reason, counts=decode_plain(row.counts), run=row.run, seen_at=moment(row.seen_at),
    )  # fmt: skip
