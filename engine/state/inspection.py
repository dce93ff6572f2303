"""Looking at a state without changing it: nothing is made, upgraded, marked or locked for longer than a statement."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, select, text

from engine.errors import UsageError
from engine.state import schema
from engine.state.codec import moment
from engine.state.database import FOLDER, Database, reach_database
from engine.state.locks import owner_alive
from engine.state.tables import chain, run, trail

DURABLE = {"journal_mode": "wal", "synchronous": "2"}
_WHO = text("SELECT pg_backend_pid()")
_PROBE = 0x6D6C635F6C6F6F6B
"""A lock of ours alone: taken and given back to see whether two statements meet the same session."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockHeld:
    """A lock somebody holds, and who."""

    name: str
    owner: str
    since: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LastRun:
    """The run that started last; `outcome` is empty while it is at work, or when it was killed."""

    id: str
    flow: str
    started_at: datetime
    outcome: str
    ok: bool


@contextmanager
def inspected(url: str | None, workspace: Path) -> Iterator[Database]:
    """The database as it is. Raises UsageError where there is none, SetupError and TransientError where it can't be reached."""
    database = reach_database(url, workspace)
    if database is None:
        raise UsageError(f"There is no workspace in `{workspace}`")
    try:
        yield database
    finally:
        database.close()


def schema_version(database: Database) -> str | None:
    """The version of its tables; None when it has none of ours."""
    with database.look() as connection:
        return schema.version(connection)


def durability(database: Database) -> dict[str, tuple[str, str]]:
    """Each setting that decides whether a commit survives a power cut: as it is, and as it must be."""
    with database.look() as connection:
        if database.is_sqlite:
            return {n: (str(connection.exec_driver_sql(f"PRAGMA {n}").scalar()), want) for n, want in DURABLE.items()}
        names = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
        return {name: (str(connection.execute(text(f"SHOW {name}")).scalar()), want) for name, want in names.items()}


def session_lock_holds(database: Database) -> bool:
    """Whether a lock taken by one statement is still this session's in the next: not so behind a pooler of transactions.

    A pooler that has nothing else to do gives a session the same server process again, and every other session too.
    """
    connection = database.session()
    other = database.session()
    try:
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:key), pg_backend_pid()"), {"key": _PROBE}).one()
        if not taken[0]:
            return True  # another doctor is looking, and its lock holds
        apart = other.execute(_WHO).scalar_one() != taken[1]
        held = _held_by(connection)
        same = connection.execute(_WHO).scalar_one() == taken[1]
        given_back = connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _PROBE}).scalar_one()
        return bool(apart and held and same and given_back)
    finally:
        connection.close()
        other.close()


def _held_by(connection: Connection) -> bool:
    asked = (
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() "
        "AND ((classid::bigint << 32) | objid::bigint) = :key"
    )
    return connection.execute(text(asked), {"key": _PROBE}).first() is not None


def server_time(database: Database) -> datetime | None:
    """The database server's clock; None for the embedded kind, which has this machine's."""
    if database.is_sqlite:
        return None
    with database.look() as connection:
        found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return found.astimezone(UTC)


def locks_held(database: Database) -> list[LockHeld]:
    """Who holds which lock, told without taking any."""
    return list(_file_locks(database.folder) if database.folder is not None else _server_locks(database))


def _file_locks(folder: Path) -> Iterator[LockHeld]:
    """From the kernel's table of locks where there is one, else from what the holders wrote and whether they live."""
    table = Path("/proc/locks")
    rows = table.read_text(encoding="ascii").splitlines() if table.exists() else None
    for path in sorted((folder / "locks").glob("*.lock")):
        try:
            inode = path.stat().st_ino
            told = json.loads(path.read_bytes() or b"{}")
        except (OSError, ValueError):
            continue
        owner = str(told.get("owner", "")) if isinstance(told, dict) else ""
        held = owner_alive(owner) if rows is None else any(f":{inode} " in row for row in rows if "FLOCK" in row)
        if held:
            yield LockHeld(name=path.name.rpartition("-")[0], owner=owner, since=str(told.get("since", "")))


def _server_locks(database: Database) -> Iterator[LockHeld]:
    asked = (
        "SELECT DISTINCT a.application_name, a.backend_start FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
        "WHERE l.locktype = 'advisory' AND a.datname = current_database() AND a.pid <> pg_backend_pid()"
    )
    with database.look() as connection:
        rows = connection.execute(text(asked)).all()
    for row in rows:
        yield LockHeld(name="a flow or target", owner=row.application_name, since=row.backend_start.isoformat())


def last_run(database: Database, tenant: str) -> LastRun | None:
    """The latest run of any flow."""
    asked = select(run.c.id, run.c.flow, run.c.started_at, run.c.outcome, run.c.ok).where(run.c.tenant == tenant)
    with database.look() as connection:
        row = connection.execute(asked.order_by(run.c.started_at.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return LastRun(id=row.id, flow=row.flow, started_at=moment(row.started_at), outcome=row.outcome, ok=row.ok)


def trail_head(database: Database, tenant: str) -> tuple[int, bool]:
    """The number of the trail's last line, and whether that line is the one its head names."""
    with database.look() as connection:
        head = connection.execute(select(chain.c.n, chain.c.hash).where(chain.c.tenant == tenant)).one_or_none()
        asked = select(trail.c.n, trail.c.hash).where(trail.c.tenant == tenant)
        last = connection.execute(asked.order_by(trail.c.n.desc()).limit(1)).one_or_none()
    if head is None or last is None:
        return 0, head is None and last is None
    return head.n, (head.n, head.hash) == (last.n, last.hash)


def state_paths(workspace: Path) -> list[Path]:
    """The folder of an embedded state and everything in it that must be its owner's alone."""
    folder = workspace / FOLDER
    return [folder, *(path for path in sorted(folder.iterdir()) if not path.is_symlink())] if folder.is_dir() else []
