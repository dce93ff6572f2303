"""Many rows into one table. Core's own way costs twice as much a row as the insert itself, measured on 20,000 rows."""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

from engine.state.prepared import run_sqlite


def insert_rows(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Inserts rows that all name the same columns, at least two of them; values must be what the driver takes as they are."""
    if not rows:
        return
    columns = tuple(rows[0])
    statement, positional = _statement(connection.dialect, table, columns)
    if connection.dialect.name == "sqlite":
        run_sqlite(connection, statement, list(map(itemgetter(*positional), rows)), many=True)
    elif positional:
        connection.exec_driver_sql(statement, list(map(itemgetter(*positional), rows)))
    else:
        connection.exec_driver_sql(statement, rows)


@cache
def _statement(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    compiled = insert(table).compile(dialect=dialect, column_keys=columns)
    return str(compiled), tuple(compiled.positiontup or ())
