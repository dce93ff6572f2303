"""The database: SQLite beside the workspace by default, PostgreSQL by address; safe settings, checked by reading them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from engine.errors import SetupError, TransientError, UsageError
from engine.state import schema
from engine.state.private import private_file, private_folder

FOLDER = ".mlconnector"
BUSY_SECONDS = 60
_LOOKS = "mlconnector_looks"


class Database:
    """One database of either kind. `folder` holds lock files; with PostgreSQL there is none."""

    def __init__(self, engine: Engine, folder: Path | None) -> None:
        self.engine = engine
        self.folder = folder

    @property
    def is_sqlite(self) -> bool:
        """Whether it is the embedded kind: one machine, one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; durable when it ends without an error. Raises TransientError when locked out."""
        with _told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A transaction that only reads, and waits for nobody."""
        with _told(), self.engine.connect().execution_options(**{_LOOKS: True}) as connection:
            yield connection

    def close(self) -> None:
        """Closes every connection that is not in use."""
        self.engine.dispose()


def open_database(url: str | None, workspace: Path, *, upgrading: bool = False) -> Database:
    """Opens, checks and where needed makes the database; upgrades an embedded one, and with `upgrading` a shared one.

    Raises SetupError when it can't be made safe, TransientError when it can't be reached, UsageError when a newer
    mlconnector made it.
    """
    folder = None if url and not url.startswith("sqlite") else private_folder(workspace / FOLDER)
    engine = _sqlite(_sqlite_file(url, folder)) if folder else _postgres(url or "")
    database = Database(engine, folder)
    try:
        with database.look() as connection:
            _check_durable(connection)
        schema.bring_up_to_date(database, upgrading=upgrading)
    except DatabaseError as error:
        database.close()
        where = f"`{folder}`" if folder else "The state database"
        raise SetupError(
            f"{where} holds no state mlconnector can read ({error.orig}): restore it from a backup"
        ) from error
    except BaseException:
        database.close()
        raise
    return database


def _sqlite_file(url: str | None, folder: Path) -> Path:
    if url is None:
        return folder / "state.db"
    name = make_url(url).database
    if not name or name == ":memory:":
        raise UsageError("The state can't live in memory: leave the database address out, or name a file")
    return Path(name)


def _sqlite(path: Path) -> Engine:
    private_file(path)
    engine = create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        hide_parameters=True,  # an error's text would show the documents in hand
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver's guess
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={BUSY_SECONDS * 1000}",
            "cache_size=-8000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        looks = connection.get_execution_options().get(_LOOKS)
        connection.exec_driver_sql("BEGIN" if looks else "BEGIN IMMEDIATE")

    return engine


def _postgres(url: str) -> Engine:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise UsageError("The database address can't be read: `postgresql://user@host/name` is its form") from error
    if address.drivername in {"postgresql", "postgres"}:
        address = address.set(drivername="postgresql+psycopg")
    if address.drivername != "postgresql+psycopg":
        raise UsageError(f"The database `{address.drivername}` is not supported: use SQLite or PostgreSQL")
    keep_alive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "connect_timeout": 10}
    try:
        engine = create_engine(address, pool_pre_ping=True, connect_args=keep_alive, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise SetupError("PostgreSQL needs its driver: `pip install 'mlconnector[postgres]'`") from error

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.execute("SET synchronous_commit TO on")
        connection.commit()

    return engine


def _check_durable(connection: Connection) -> None:
    """A state that a power cut can take back would post invoices twice: refuse it at the start."""
    if connection.dialect.name == "sqlite":
        wanted = {"journal_mode": "wal", "synchronous": "2", "busy_timeout": str(BUSY_SECONDS * 1000)}
        found = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in wanted}
    else:
        wanted = {"synchronous_commit": "on"}
        found = {name: str(connection.execute(text(f"SHOW {name}")).scalar()) for name in wanted}
    wrong = [f"{name} is {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name]]
    if wrong:
        raise SetupError(f"The state database can't be made durable ({'; '.join(wrong)}): is it on a network share?")


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong with the database as errors of ours. Raises SetupError, TransientError."""
    try:
        yield
    except OperationalError as error:
        raise _unavailable(error) from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # its subclasses are about a statement, it alone about the file
            raise
        raise SetupError(
            f"The state database holds no state mlconnector can read ({error.orig}): restore it from a backup"
        ) from error


def _unavailable(error: OperationalError) -> SetupError | TransientError:
    reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
    if any(
        word in reason.lower()
        for word in ("authentication failed", "does not exist", "unable to open", "not a database")
    ):
        return SetupError(f"The state database can't be opened: {reason}")
    return TransientError(f"The state database is not available: {reason}")
