"""One run of a flow, one writer of a target: locks that end with the process that holds them, and with nothing else."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError

from engine.contracts import Sleep
from engine.errors import AlreadyRunning, LostLock, SetupError
from engine.state.database import Database, told
from engine.state.private import private_file, private_folder

_POLL = 0.2
_WHO = text("SELECT pg_backend_pid()")
_HOLDER = """
    SELECT a.application_name, a.backend_start, a.pid = pg_backend_pid() AS ours
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
    AND l.classid::bigint = :high AND l.objid::bigint = :low AND l.objsubid = 1
"""


class Lock(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """Call before each send. Raises SetupError when the lock was lost: somebody else may be at work, so the flow stops."""


@contextmanager
def flow_lock(
    database: Database, tenant: str, flow: str, *, wait: float = 0.0, sleep: Sleep = time.sleep
) -> Iterator[Lock]:
    """Held by the one run of a flow. Raises AlreadyRunning, naming the holder, after `wait` seconds."""
    with _held(database, [flow_lock_name(tenant, flow)], f"The flow `{flow}`", wait, sleep) as lock:
        yield lock


@contextmanager
def worker_lock(database: Database, owner: str) -> Iterator[Lock]:
    """Held by a process that works with others as long as it lives, so that they can tell. Raises AlreadyRunning."""
    with _held(database, [worker_lock_name(owner)], f"The worker `{owner}`", 0.0, time.sleep) as lock:
        yield lock


def flow_lock_name(tenant: str, flow: str) -> str:
    """What the one run of a flow holds."""
    return f"flow {tenant} {flow}"


def worker_lock_name(owner: str) -> str:
    """What a worker holds."""
    return f"worker {owner}"


@contextmanager
def writer_lock(database: Database, name: str, *, wait: float = 0.0, sleep: Sleep = time.sleep) -> Iterator[Lock]:
    """Held by whoever writes to a target that takes one writer at a time; `name` is the target, company and session."""
    with _held(database, [f"writer {name}"], f"The target `{name}`", wait, sleep) as lock:
        yield lock


@contextmanager
def serve_lock(database: Database, tenant: str) -> Iterator[Lock]:
    """Held by the one process that serves a tenant of an embedded database. Raises AlreadyRunning, naming the holder."""
    with _held(database, [f"serve {tenant}"], f"`serve` for the tenant `{tenant}`", 0.0, time.sleep) as lock:
        yield lock


@contextmanager
def seat_lock(
    database: Database, name: str, most: int, *, shown: str, wait: float = 0.0, sleep: Sleep = time.sleep
) -> Iterator[Lock]:
    """One of the `most` seats of that name, whatever machine the others are taken from. Raises AlreadyRunning, naming all holders."""
    seats = [f"seat {name} {number}" for number in range(most)]
    with _held(database, seats, shown, wait, sleep) as lock:
        yield lock


def owner_id() -> str:
    """The running process: host, number, and when it started, so that a reused number is not taken for it."""
    return f"{platform.node()}:{os.getpid()}:{_started(os.getpid())}"


def owner_alive(owner: str) -> bool:
    """Whether that process still runs. A process of another host counts as alive: only its lock can tell."""
    host, pid, started = (*owner.split(":"), "", "")[:3]
    if host != platform.node() or not pid.isdigit():
        return True
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """The kernel's start time of a process; empty when it is gone, or dead and only not yet collected."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _started_elsewhere(pid)
    except ProcessLookupError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _started_elsewhere(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "other"
    return "running"


@contextmanager
def _held(database: Database, names: Sequence[str], shown: str, wait: float, sleep: Sleep) -> Iterator[Lock]:
    """The first of the named locks that is free."""
    with _opened(database, names) as locks:
        waited = 0.0
        while (taken := next((lock for lock in locks if lock.take()), None)) is None:
            if waited >= wait:
                raise AlreadyRunning(f"{shown} is at work already: {', '.join(lock.holder() for lock in locks)}")
            sleep(_POLL)
            waited += _POLL
        yield taken


@contextmanager
def _opened(database: Database, names: Sequence[str]) -> Iterator[Sequence[_FileLock | _ServerLock]]:
    with ExitStack() as stack:
        if database.folder is None:
            line = _Line(database)
            stack.callback(line.close)
            yield [_ServerLock(line, name) for name in names]
            return
        locks = []
        for name in names:
            locks.append(_FileLock(database.folder, name))
            stack.callback(locks[-1].close)
        yield locks


class _FileLock:
    """`flock` on a file of its own: the kernel frees it when the process dies, and not when it is merely stopped."""

    def __init__(self, folder: Path, name: str) -> None:
        digest = hashlib.blake2b(name.encode(), digest_size=6).hexdigest()
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:80]
        self._path = private_folder(folder / "locks") / f"{readable}-{digest}.lock"
        private_file(self._path)
        self._file = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)

    def take(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        holder = {"owner": owner_id(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(holder).encode(), 0)
        return True

    def holder(self) -> str:
        try:
            found = json.loads(os.pread(self._file, 1000, 0))
            return f"process {found['owner'].split(':')[1]} since {found['since']}"
        except (ValueError, LookupError, AttributeError):
            return "by a process that has just started"

    def check(self) -> None:
        try:
            there = self._path.stat().st_ino == os.fstat(self._file).st_ino
        except FileNotFoundError:
            there = False
        if not there:
            raise SetupError(f"The lock file `{self._path.name}` was removed: this run stops before it sends more")

    def close(self) -> None:
        os.close(self._file)


class _ServerLock:
    """A session's advisory lock on a connection of its own: the server frees it when the connection ends.

    Not through a pooler in transaction mode, where a session is nobody's; `take` finds that out.
    """

    def __init__(self, line: _Line, name: str) -> None:
        self._key = lock_key(name)
        self._line = line
        self._ask = line.ask

    def take(self) -> bool:
        with told():
            taken = self._ask("SELECT pg_try_advisory_lock(:key)", key=self._key)
            if taken is None or not taken[0]:
                return False
            if not self._is_ours() or self._line.is_shared():
                raise SetupError(
                    "The database address goes through a pooler that shares sessions: locks need a direct address"
                )
        return True

    def holder(self) -> str:
        with told():
            row = self._ask(_HOLDER, **self._halves())
        if row is None:
            return "by a process that has just ended; try again"
        host, _, rest = row.application_name.partition(":")
        return f"process {rest.partition(':')[0]} on `{host}` since {row.backend_start:%Y-%m-%dT%H:%M:%S%z}"

    def check(self) -> None:
        try:
            ours = self._is_ours()
        except SQLAlchemyError as error:  # the driver's, or on asking again SQLAlchemy's own
            raise LostLock(
                "The connection that held the lock is gone: this run stops before it sends more, the next one goes on"
            ) from error
        if not ours:
            raise LostLock("The lock is no longer held: this run stops before it sends more")

    def _is_ours(self) -> bool:
        row = self._ask(_HOLDER, **self._halves())
        return row is not None and bool(row.ours)

    def _halves(self) -> dict[str, int]:
        whole = self._key & 0xFFFFFFFFFFFFFFFF
        return {"high": whole >> 32, "low": whole & 0xFFFFFFFF}


def lock_key(name: str) -> int:
    """The number a named lock has on a server."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


class _Line:
    """The connection that locks are held on, by the name of its process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.session()
        self._one_at_a_time = threading.Lock()  # every thread that delivers checks it
        self._named = False

    def ask(self, statement: str, **values: object) -> Row[Any] | None:
        with self._one_at_a_time:
            if not self._named:
                name = {"name": owner_id()[:60]}
                self._connection.execute(text("SELECT set_config('application_name', :name, false)"), name)
                self._named = True
            return self._connection.execute(text(statement), values).first()

    def is_shared(self) -> bool:
        """Whether another connection is the same process of the server: a pooler that has nothing else to do hands it to every one."""
        with self._one_at_a_time, self._database.look() as other:
            return bool(self._connection.execute(_WHO).scalar_one() == other.execute(_WHO).scalar_one())

    def close(self) -> None:
        with suppress(SQLAlchemyError):  # the server may be gone, and the lock with it
            self._connection.close()
