"""Whether the database fits this mlconnector, and how it gets there.

Alembic takes most of a second to import, so that happens only when there is something to do.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Dialect, inspect, text
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from engine.errors import SetupError, UsageError
from engine.state.tables_service import metadata


class Upgradable(Protocol):
    """A database as far as its schema is concerned."""

    @property
    def is_sqlite(self) -> bool:
        """Whether it is the embedded kind, which upgrades by itself."""

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that may write."""

    def look(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads."""


VERSIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every version there was, oldest first; the last is what this mlconnector needs."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x6D6C635F736368


def bring_up_to_date(database: Upgradable, *, upgrading: bool = False) -> None:
    """Makes an empty database's tables and upgrades an embedded one, any one when asked. Raises SetupError, UsageError otherwise."""
    with database.look() as connection:
        found = version(connection)
    if found == VERSIONS[-1]:
        return
    if found is None:
        found = _create(database)
    if found not in VERSIONS:
        raise UsageError(
            f"The state database was made by a newer mlconnector (version {found}, this one knows {VERSIONS[-1]}): "
            "upgrade mlconnector; nothing was changed"
        )
    if found != VERSIONS[-1]:
        if not (database.is_sqlite or upgrading):
            raise SetupError(f"The state database is at version {found}: run `mlconnector db upgrade` once")
        upgrade(database)


def version(connection: Connection) -> str | None:
    """The database's version; None when it has no tables of ours."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def upgrade(database: Upgradable) -> str:
    """Runs the migrations that are missing, in one transaction; returns the version reached."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with database.write() as connection:
        _one_at_a_time(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return version(connection) or ""


def _create(database: Upgradable) -> str:
    with database.write() as connection:
        _one_at_a_time(connection)
        found = version(connection)
        if found is not None:
            return found
        for statement in _tables(connection.dialect):
            connection.exec_driver_sql(statement)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": VERSIONS[-1]})
    return VERSIONS[-1]


@cache
def _tables(dialect: Dialect) -> tuple[str, ...]:
    """What makes the tables; to render it takes several times what the database needs to run it."""
    tables = metadata.sorted_tables
    indexes = sorted((index for table in tables for index in table.indexes), key=lambda index: str(index.name))
    statements: list[ExecutableDDLElement] = [*map(CreateTable, tables), *map(CreateIndex, indexes)]
    return tuple(str(statement.compile(dialect=dialect)) for statement in statements)


def _one_at_a_time(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
