"""The trail's newest head, noted outside the database: how a database that is older than what was done is found out.

A file of lines, appended after every run. Each machine keeps its own; it must not lie in what is backed up with the database.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from sqlalchemy import select

from engine.errors import SetupError
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.database import Database
from engine.state.private import private_file

HEADS = "MLCONNECTOR_HEADS"
"""Names the file, where it is not to lie beside the workspace's folder."""
HEADS_FILE = ".mlconnector.heads.jsonl"
MOST, KEPT = 2000, 1000
"""Lines the file may have, and how many are kept when it has more."""
_TRAIL, _CHAIN = tables.trail.c, tables.chain.c
_SHOWN = 16
"""Characters of a hash that are noted: enough to tell two lines apart, of no use to forge one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """A head as it was noted. `first` is the trail's first line: what tells one database from another."""

    tenant: str
    first: str
    n: int
    hash: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Behind:
    """A database older than what was done with it: when its state is of, and how many lines of its trail are missing.

    `noted_at`: when the newest line known outside was written. `state_of` is None for a database with nothing in it.
    """

    state_of: datetime | None
    missing: int
    noted_at: datetime

    def __str__(self) -> str:
        if self.state_of is None:
            return (
                f"This database is empty, and {self.missing:,} lines were written to another until "
                f"{self.noted_at:%Y-%m-%d %H:%M} UTC: it was lost, or the address is wrong"
            )
        return (
            f"This state is of {self.state_of:%Y-%m-%d %H:%M} UTC; {self.missing:,} lines written later, until "
            f"{self.noted_at:%Y-%m-%d %H:%M}, are missing: a backup was restored"
        )


def heads_file(folder: Path, environ: Mapping[str, str]) -> Path:
    """Where heads are noted: beside the workspace's `.mlconnector`, never in it."""
    return Path(environ.get(HEADS) or folder / HEADS_FILE)


def note_head(path: Path, database: Database, tenant: str, now: datetime) -> None:
    """Adds the head as it is now. Raises SetupError when the file can't be written or is open to others."""
    with database.look() as connection:
        head = connection.execute(select(_CHAIN.n, _CHAIN.hash).where(_CHAIN.tenant == tenant)).one_or_none()
    if head is None or not head.n:
        return
    noted = {
        "tenant": tenant,
        "first": (_hash_at(database, tenant, 1) or "")[:_SHOWN],
        "n": head.n,
        "hash": head.hash[:_SHOWN],
        "at": stamp(now),
    }
    line = json.dumps(noted, separators=(",", ":")).encode() + b"\n"
    try:
        with private_file(path).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _append(file, line)
    except OSError as error:
        raise SetupError(f"`{path}` can't be written ({error.strerror}): name another file in {HEADS}") from error


def _append(file: IO[bytes], line: bytes) -> None:
    lines = file.read().splitlines(keepends=True)
    if len(lines) >= MOST:
        file.seek(0)
        file.truncate()
        file.write(b"".join(lines[-KEPT:]))
    elif lines and not lines[-1].endswith(b"\n"):  # cut off by a crash
        file.write(b"\n")
    file.write(line)
    file.flush()
    os.fsync(file.fileno())


def noted_heads(path: Path, tenant: str) -> Sequence[Noted]:
    """The tenant's heads, oldest first; lines that are no heads are passed over. Raises SetupError when it can't be read."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return [noted for line in file if (noted := _noted(line)) is not None and noted.tenant == tenant]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SetupError(f"`{path}` can't be read ({error.strerror}): name another file in {HEADS}") from error


def _noted(line: bytes) -> Noted | None:
    try:
        found = json.loads(line)
        at = moment(found["at"])
        return Noted(tenant=found["tenant"], first=found["first"], n=int(found["n"]), hash=found["hash"], at=at)
    except (ValueError, KeyError, TypeError):
        return None


def behind(path: Path, database: Database, tenant: str) -> Behind | None:
    """What the database lacks of what was noted; None when it has it all, or nothing was noted of it. Raises SetupError."""
    noted = noted_heads(path, tenant)
    if not noted:
        return None
    first = (_hash_at(database, tenant, 1) or "")[:_SHOWN]
    if not first:
        return Behind(state_of=None, missing=noted[-1].n, noted_at=noted[-1].at)
    ours = [each for each in noted if each.first == first]
    if not ours or _holds(database, ours[-1]):
        return None
    last = _last(database, tenant)
    shared = min(last, ours[-1].n) if last < ours[-1].n else _shared(database, ours)
    return Behind(state_of=_at(database, tenant, shared), missing=ours[-1].n - shared, noted_at=ours[-1].at)


def _shared(database: Database, noted: Sequence[Noted]) -> int:
    """The newest noted line that is in the database; 1, which is, where no other is."""
    return next((each.n for each in reversed(noted) if _holds(database, each)), 1)


def _holds(database: Database, noted: Noted) -> bool:
    return (_hash_at(database, noted.tenant, noted.n) or "").startswith(noted.hash)


def _hash_at(database: Database, tenant: str, n: int) -> str | None:
    asked = select(_TRAIL.hash).where(_TRAIL.tenant == tenant, _TRAIL.n == n)
    with database.look() as connection:
        found: str | None = connection.execute(asked).scalar_one_or_none()
    return found


def _last(database: Database, tenant: str) -> int:
    asked = select(_TRAIL.n).where(_TRAIL.tenant == tenant).order_by(_TRAIL.n.desc()).limit(1)
    with database.look() as connection:
        return int(connection.execute(asked).scalar_one_or_none() or 0)


def _at(database: Database, tenant: str, n: int) -> datetime | None:
    asked = select(_TRAIL.at).where(_TRAIL.tenant == tenant, _TRAIL.n == n)
    with database.look() as connection:
        return moment(connection.execute(asked).scalar_one_or_none())
