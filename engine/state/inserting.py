"""A row made once, whoever else makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def add(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Inserts a row unless one of the table's unique indexes has it already; whether it did."""
    new = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    asked = new.on_conflict_do_nothing().values(**values).returning(table.c.tenant)
    return connection.execute(asked).first() is not None
