"""The tables of the queue that spreads work over machines: a schema of their own beside ours, made and upgraded from its package.

The queue knows ids of firings and nothing else. What it says is a hint: what is to be done is in `firing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from engine.errors import SetupError
from engine.state.database import NOTICE_THE_DEAD, Database

SCHEMA = "mlconnector_queue"
PACKAGE = "procrastinate"
_LOCK = 0x6D6C635F71756575
_ABANDONED = "10 minutes"


@dataclass(frozen=True, slots=True)
class Packaged:
    """What the installed queue brings: its version, its whole schema, and the steps from any earlier one, oldest first."""

    version: str
    schema: str
    steps: dict[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the queue's tables stand. `missing`: steps not applied; `unknown`: those of a newer version."""

    there: bool
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def is_installed() -> bool:
    """Whether this machine can work with others."""
    return find_spec(PACKAGE) is not None


@cache
def packaged() -> Packaged:
    """Read from the package's files, without importing it. Raises SetupError when it is not installed."""
    try:
        found = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise SetupError(f"Many machines need the package `{PACKAGE}`: `pip install 'mlconnector[scale]'`") from None
    folder = Path(str(found.locate_file(f"{PACKAGE}/sql")))
    steps = {path.name: path.read_text(encoding="utf-8") for path in sorted((folder / "migrations").glob("*.sql"))}
    return Packaged(found.version, (folder / "schema.sql").read_text(encoding="utf-8"), steps)


def standing(database: Database) -> Standing:
    """How the queue's tables stand against what is installed. Raises SetupError when nothing is."""
    with database.look() as connection:
        return _standing(connection)


def make_queue(database: Database, *, upgrading: bool = False) -> tuple[str, ...]:
    """Makes the queue's tables where there are none, brings them up to date when `upgrading`; returns the steps taken.

    Raises SetupError when they are behind and not to be upgraded, or made by a newer version.
    """
    found = standing(database)
    if found.unknown:
        raise SetupError(
            f"The queue's tables were made by a newer {PACKAGE} ({found.unknown[-1]}): install that version here too"
        )
    if not found.there or upgrading:
        return tuple(_steps(database))
    if found.missing:
        raise SetupError(f"The queue's tables are behind by {len(found.missing)}: run `mlconnector db upgrade` once")
    return ()


def _standing(connection: Connection) -> Standing:
    steps = packaged().steps
    asked = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = :schema AND tablename = 'applied'"
    if connection.execute(text(asked), {"schema": SCHEMA}).scalar() is None:  # by a query: `to_regclass` may be stale
        return Standing(there=False, missing=tuple(steps))
    applied = set(connection.execute(text(f"SELECT step FROM {SCHEMA}.applied")).scalars())  # noqa: S608 - a constant
    return Standing(
        there=True,
        missing=tuple(step for step in steps if step not in applied),
        unknown=tuple(sorted(applied - set(steps))),
    )


def _steps(database: Database) -> Iterator[str]:
    """Each in a transaction of its own with the note that it was taken: an upgrade that breaks off goes on where it stood."""
    while True:
        with database.write() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            found = _standing(connection)
            if not found.missing:
                return
            taken = found.missing if not found.there else found.missing[:1]
            if not found.there:
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                table = f"CREATE TABLE {SCHEMA}.applied (step text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
                connection.execute(text(table))
            with within_queue(connection) as driver:
                driver.execute(packaged().steps[taken[0]] if found.there else packaged().schema)
            told = text(f"INSERT INTO {SCHEMA}.applied (step) VALUES (:step)")  # noqa: S608 - a constant
            connection.execute(told, [{"step": step} for step in taken])
        yield from taken


@contextmanager
def within_queue(connection: Connection) -> Iterator[Any]:
    """The driver's own connection, inside the transaction in hand, with the queue's tables found first while inside.

    Its errors are the driver's: whatever fails undoes the transaction.
    """
    driver = connection.connection.driver_connection
    assert driver is not None
    before = connection.execute(text("SELECT current_setting('search_path')")).scalar_one()
    moved = text("SELECT set_config('search_path', :path, true)")
    connection.execute(moved, {"path": SCHEMA})
    yield driver
    connection.execute(moved, {"path": before})


def server_address(database: Database) -> dict[str, str]:
    """What the driver takes for the queue's own connections: the database's address, and the queue's tables found first."""
    _, given = database.engine.dialect.create_connect_args(database.engine.url)
    options = f"{given.get('options', '')} -c search_path={SCHEMA}".strip()
    known = {name: value for name, value in given.items() if isinstance(value, str | int)}
    return {name: str(value) for name, value in {**known, **NOTICE_THE_DEAD, "options": options}.items()}


def without_job(database: Database, firing_ids: Sequence[str]) -> list[str]:
    """Those of the firings that nothing in the queue stands for."""
    asked = f"SELECT DISTINCT args->>'firing' FROM {SCHEMA}.procrastinate_jobs WHERE status = 'todo'"  # noqa: S608 - a constant
    with database.look() as connection:
        there = set(connection.execute(text(asked)).scalars())
    return [each for each in firing_ids if each not in there]


def drop_abandoned(database: Database, tenant: str) -> int:
    """Forgets jobs that were fetched long ago and whose firing is not at work: their process died in between."""
    gone = text(
        f"DELETE FROM {SCHEMA}.procrastinate_jobs j WHERE j.status = 'doing' AND j.args->>'tenant' = :tenant "  # noqa: S608 - constants
        f"AND NOT EXISTS (SELECT 1 FROM {SCHEMA}.procrastinate_events e WHERE e.job_id = j.id "
        f"AND e.at > now() - interval '{_ABANDONED}') AND NOT (j.args->>'firing' = ANY(:running))"
    )
    at_work = text("SELECT id FROM firing WHERE tenant = :tenant AND state = 'running'")
    with database.write() as connection:
        running = list(connection.execute(at_work, {"tenant": tenant}).scalars())
        with within_queue(connection):
            return connection.execute(gone, {"tenant": tenant, "running": running}).rowcount
