"""The workspace of a schedule: emptied for each, and put back to yesterday where a schedule wants that."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event

from engine.state.database import open_database


class House:
    """A workspace that is empty again for every schedule. Its engine stays, for compiling every statement anew takes longest."""

    def __init__(self, empty: Path, place: Path) -> None:
        self.place = place
        self.file = place / ".mlconnector" / "state.db"
        self.on_commit: Callable[[Any], None] | None = None
        self._first_day = empty / ".mlconnector" / "state.db"
        self._backup = place / "yesterday.db"
        shutil.copytree(empty, place)
        self.database = open_database(None, place)
        event.listen(self.database.engine, "commit", lambda connection: self.on_commit and self.on_commit(connection))

    def clear(self) -> None:
        """As on the first day."""
        self._put(self._first_day)

    def back_up(self) -> None:
        """A copy of the whole database, nobody at work."""
        self.database.close()
        shutil.copy(self.file, self._backup)

    def restore(self) -> None:
        """The copy takes the place of the database."""
        self._put(self._backup)

    def _put(self, database: Path) -> None:
        self.on_commit = None
        self.database.close()
        for name in ("state.db", "state.db-wal", "state.db-shm"):
            (self.file.parent / name).unlink(missing_ok=True)
        shutil.copy(database, self.file)

    def close(self) -> None:
        self.database.close()
