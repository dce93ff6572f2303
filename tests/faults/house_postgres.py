"""A house whose database is a PostgreSQL server's, for the same plays and the same judges."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event

from engine.redaction import Redactor
from engine.run.model import Flow
from engine.state.database import open_database
from engine.state.tables_service import metadata
from engine.state.vault import open_vault

from .cast import WHOLE, Cast
from .checker import Kept
from .schedule import Outcome, Play
from .stage import START

TERMINATE = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
Rows = dict[str, tuple[list[str], list[tuple[Any, ...]]]]


def plain(url: str) -> str:
    """The address as the driver itself reads it."""
    return url.replace("postgresql+psycopg", "postgresql")


class ServerHouse:
    """A workspace whose documents are on a server; emptied for every schedule, but for the mark that its key fits."""

    def __init__(self, empty: Path, place: Path, url: str) -> None:
        self.place = place
        self.on_commit: Callable[[Any], None] | None = None
        shutil.copytree(empty, place)
        self.database = open_database(url, place)
        open_vault(self.database, "default", place, environment={}, redactor=Redactor(), clock=lambda: START)
        event.listen(self.database.engine, "commit", lambda connection: self.on_commit and self.on_commit(connection))
        self._outside = psycopg.connect(plain(url), autocommit=True)

        self._first_day, self._yesterday = self._rows(), self._rows()

    def clear(self) -> None:
        """As on the first day."""
        self._put(self._first_day)

    def back_up(self) -> None:
        """A copy of every row, nobody at work."""
        self._yesterday = self._rows()

    def restore(self) -> None:
        """The copy takes the place of what is there."""
        self._put(self._yesterday)

    def _rows(self) -> Rows:
        found = {name: self._outside.execute(f"SELECT * FROM {name}") for name in metadata.tables}
        return {name: ([column.name for column in rows.description], rows.fetchall()) for name, rows in found.items()}

    def _put(self, copied: Rows) -> None:
        """Deleting is ten times as fast as truncating where there is little."""
        self.on_commit = None
        with self._outside.transaction(), self._outside.cursor() as cursor:
            for name, (columns, rows) in copied.items():
                cursor.execute(f"DELETE FROM {name}")
                if rows:
                    places = ", ".join(["%s"] * len(columns))
                    names = ", ".join(f'"{column}"' for column in columns)
                    cursor.executemany(f"INSERT INTO {name} ({names}) VALUES ({places})", rows)

    def kept(self) -> list[Kept]:
        """The ledger's documents, by a connection the engine knows nothing of."""
        asked = "SELECT number, version, state, reason, reference, amount, owner FROM document ORDER BY number, version"
        return [Kept(*("" if value is None else value for value in row)) for row in self._outside.execute(asked)]

    def cut(self, connection: Any) -> None:
        """The server process behind that connection of the engine's is ended, and is gone when this returns."""
        pid = connection.connection.dbapi_connection.info.backend_pid
        self._outside.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    def cut_all(self) -> None:
        """The same for every connection of this database but this one."""
        self._outside.execute(TERMINATE)

    def close(self) -> None:
        self._outside.close()
        self.database.close()


class ServerPlay(Play):
    """A schedule judged by what the server has. `cuts`: the chance that a connection ends just before its commit."""

    cuts = 0.0

    def _commit(self, connection: Any) -> None:
        super()._commit(connection)
        if self.cuts and self.stage.often(self.cuts):
            self.stage.note("the server ends the connection")
            self.house.cut(connection)

    def _kept(self) -> list[Any]:
        return self.house.kept()


def play_on_server(
    flow: Flow, house: ServerHouse, klass: str, seed: int, cast: Cast = WHOLE, *, cuts: float = 0.0
) -> Outcome:
    """Runs one schedule in the emptied house."""
    house.clear()
    play = ServerPlay(flow, house, klass, seed, cast)
    play.cuts = cuts
    return play.play()
