"""Statements that run for every document, compiled once: to build one in Core costs several times the statement itself."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.exc import DBAPIError


class Prepared:
    """One Core statement. Values go to the driver as they are, so types that Core would convert have no place in it."""

    __slots__ = ("_compiled", "_row", "_statement")

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._compiled: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}
        self._row: Any = None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Runs it with these values for its named parameters; the rows it answers with, their columns by name."""
        text, order, fixed = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        given = {**fixed, **values}
        if connection.dialect.name != "sqlite":
            result = connection.exec_driver_sql(text, tuple(map(given.__getitem__, order)) if order else given)
            return list(result.all()) if result.returns_rows else []
        found, names = run_sqlite(connection, text, tuple(map(given.__getitem__, order)), many=False)
        if not found:
            return []
        if self._row is None:
            self._row = namedtuple("Found", names)  # type: ignore[misc]  # noqa: PYI024 - columns known only now
        return list(map(self._row._make, found))

    def _compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        compiled: Any = self._statement.compile(dialect=dialect)
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._compiled[dialect.name] = made = (str(compiled), tuple(compiled.positiontup or ()), fixed)
        return made


def run_sqlite(
    connection: Connection, text: str, values: Sequence[Any], *, many: bool
) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Rows and their columns' names. Core's execution costs several times what SQLite takes; its errors are kept."""
    cursor = connection.connection.cursor()
    try:
        (cursor.executemany if many else cursor.execute)(text, values)
        names = [column[0] for column in cursor.description or ()]
        return (list(cursor.fetchall()) if names else []), names
    except connection.dialect.loaded_dbapi.Error as error:
        dbapi: Any = connection.dialect.loaded_dbapi
        raise DBAPIError.instance(
            text, None, error, dbapi.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()
