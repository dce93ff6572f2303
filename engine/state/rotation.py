"""Changing the master key: the new one first in line, every row sealed anew, the old one laid aside.

May be cut anywhere and started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, RowMapping, Table, Update, and_, insert, select, tuple_, update

from engine.contracts import Clock, Sleep
from engine.state import tables
from engine.state.codec import stamp
from engine.state.database import Database
from engine.state.keyring import LOOK_EVERY, Keyring, new_key
from engine.state.ledger_delivery import attempt_identity
from engine.state.private import write_private
from engine.state.purged import purged_at
from engine.state.vault import HEAD, MAGIC, seal, unseal

_PIECE = 200
_ATTEMPT = ("key", "version", "epoch", "number", "step")


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotation:
    """What a rotation did. `retired` are ids of keys nothing is sealed with any more."""

    key_id: str
    sealed: int
    retired: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A column of ciphertext, and what each of its values is bound to."""

    table: Table
    column: Column[Any]
    identity: Callable[[RowMapping], tuple[str, ...]]


def _of_document(field: str) -> Callable[[RowMapping], tuple[str, ...]]:
    return lambda row: ("document", row["key"], str(row["version"]), field)


def _of_attempt(field: str) -> Callable[[RowMapping], tuple[str, ...]]:
    return lambda row: (*attempt_identity(*(row[name] for name in _ATTEMPT)), field)


_SEALED = (
    _Sealed(tables.secret, tables.secret.c.sealed, lambda row: (row["kind"], row["name"])),
    _Sealed(tables.document, tables.document.c.source_sealed, _of_document("source")),
    _Sealed(tables.document, tables.document.c.payload_sealed, _of_document("payload")),
    _Sealed(tables.attempt, tables.attempt.c.request_sealed, _of_attempt("request")),
    _Sealed(tables.attempt, tables.attempt.c.response_sealed, _of_attempt("response")),
)
"""Every sealed column there is; a test compares this with the tables."""


def rotate(
    database: Database,
    keyring: Keyring,
    *,
    clock: Clock,
    progress: Callable[[int], None] = lambda _: None,
    sleep: Sleep = time.sleep,
) -> Rotation:
    """Seals everything with a new key, or finishes a rotation that was cut.

    Keys in a file: makes the new one, and lays the old ones aside in `<file>.retired` for you to destroy. Keys in the
    environment: put the new one first in MLCONNECTOR_KEY and keep the old one behind it until this has returned.
    """
    if keyring.file is not None and len(keyring.keys) == 1:
        keyring.replace([new_key(), *keyring.keys])
    _keep_audit_keys(database, keyring, clock)
    sealed = _seal_all(database, keyring, progress)
    sleep(2 * LOOK_EVERY)  # by now every other process has seen the new key
    while found := _seal_all(database, keyring, progress):
        sealed += found  # again, until nothing is left: others may have written with the old key meanwhile
    old = keyring.keys[1:]
    if keyring.file is not None and old:
        aside = keyring.file.with_name(f"{keyring.file.name}.retired")
        write_private(aside, "".join(f"{key.text()}\n" for key in old).encode())
        keyring.replace([keyring.current])
    return Rotation(key_id=keyring.current.id, sealed=sealed, retired=tuple(key.id for key in old))


def _seal_all(database: Database, keyring: Keyring, progress: Callable[[int], None]) -> int:
    return sum(_seal_anew(database, keyring, place, progress) for place in _SEALED)


def _keep_audit_keys(database: Database, keyring: Keyring, clock: Clock) -> None:
    """Lines chained with an old key must stay checkable when that key is gone."""
    columns = tables.secret.c
    for key in keyring.keys[1:]:
        with database.write() as connection:
            known = select(columns.tenant).where(columns.kind == "audit", columns.name == key.id)
            asked = select(tables.chain.c.tenant).where(tables.chain.c.tenant.not_in(known))
            for tenant in connection.execute(asked).scalars().all():
                sealed = seal(keyring.current, key.audit, tenant, "audit", key.id)
                row = {"tenant": tenant, "kind": "audit", "name": key.id, "sealed": sealed}
                connection.execute(insert(tables.secret).values(**row, updated_at=stamp(clock())))


def _seal_anew(database: Database, keyring: Keyring, place: _Sealed, progress: Callable[[int], None]) -> int:
    current = MAGIC + bytes.fromhex(keyring.current.id)
    done = 0
    for rows in _pieces(database, place):
        old = [row for row in rows if bytes(row[place.column])[:HEAD] != current and not purged_at(row[place.column])]
        if not old:
            continue
        with database.write() as connection:
            for row in old:
                done += connection.execute(_swap(keyring, place, row)).rowcount
        progress(len(old))
    return done


def _swap(keyring: Keyring, place: _Sealed, row: RowMapping) -> Update:
    """Replaces exactly the value that was read: a value written meanwhile stays, and is seen in the next round."""
    before = row[place.column]
    identity = place.identity(row)
    after = seal(keyring.current, unseal(keyring, before, row["tenant"], *identity), row["tenant"], *identity)
    here = and_(*(column == row[column] for column in place.table.primary_key))
    return update(place.table).where(here, place.column == before).values({place.column: after})


def _pieces(database: Database, place: _Sealed) -> Iterator[list[RowMapping]]:
    order = list(place.table.primary_key)
    asked = select(place.table).where(place.column.is_not(None)).order_by(*order).limit(_PIECE)
    rows: list[RowMapping] = []
    while True:
        last = tuple(rows[-1][column] for column in order) if rows else None
        further = asked if last is None else asked.where(tuple_(*order) > tuple_(*last))
        with database.look() as connection:
            rows = list(connection.execute(further).mappings().all())
        yield rows
        if len(rows) < _PIECE:
            return
