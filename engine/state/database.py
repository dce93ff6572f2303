"""The database: SQLite beside the workspace by default, PostgreSQL by address; safe settings, checked by reading them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.util import LRUCache

from engine.errors import SetupError, TransientError, UsageError
from engine.state import schema
from engine.state.private import private_file, private_folder

FOLDER = ".mlconnector"
BUSY_SECONDS = 60
_LOOKS = "mlconnector_looks"
_AT_ONCE = "mlconnector_at_once"
NOTICE_THE_DEAD = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds; keep-alives don't run while something sent is not acknowledged
}
_FREE_THE_DEAD = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
"""The server's side of it: without these a machine that lost its power keeps its locks for two hours."""
_COMPILED: dict[tuple[Any, ...], tuple[Dialect, LRUCache[Any, Any]]] = {}


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
        with told(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A transaction that only reads, and waits for nobody."""
        with told(), self.engine.connect().execution_options(**{_LOOKS: True}) as connection:
            yield connection

    def session(self) -> Connection:
        """A connection of its own, for session locks and upkeep: every statement counts at once, and it goes back to no pool."""
        with told():
            connection = self.engine.execution_options(isolation_level="AUTOCOMMIT", **{_AT_ONCE: True}).connect()
            connection.detach()
        return connection

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
        _share_compiled(engine)
        schema.bring_up_to_date(database, upgrading=upgrading)
    except DatabaseError as error:
        database.close()
        if folder is None:  # a right that is missing, an option of the address nobody knows
            raise SetupError(f"The state database can't be used: {_reason(error)}") from error
        raise SetupError(
            f"`{folder}` holds no state mlconnector can read ({error.orig}): restore it from a backup"
        ) from error
    except BaseException:
        database.close()
        raise
    return database


def reach_database(url: str | None, workspace: Path) -> Database | None:
    """The database as it is: nothing made, checked or upgraded; None where there is no file of it. Raises UsageError, SetupError."""
    file = state_file(url, workspace)
    if file is None:
        return Database(_postgres(url or ""), None)
    return Database(_sqlite(file), workspace / FOLDER) if file.exists() else None


def state_file(url: str | None, workspace: Path) -> Path | None:
    """The file of an embedded database; None for a shared one. Raises UsageError for an address in memory."""
    return _sqlite_file(url, workspace / FOLDER) if not url or url.startswith("sqlite") else None


def _sqlite_file(url: str | None, folder: Path) -> Path:
    if not url:
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
        options = connection.get_execution_options()
        if not options.get(_AT_ONCE):
            connection.exec_driver_sql("BEGIN" if options.get(_LOOKS) else "BEGIN IMMEDIATE")

    return engine


def _postgres(url: str) -> Engine:
    address = _address(url)
    if address.drivername in {"postgresql", "postgres"}:
        address = address.set(drivername="postgresql+psycopg")
    if address.drivername != "postgresql+psycopg":
        raise UsageError(f"The database `{address.drivername}` is not supported: use SQLite or PostgreSQL")
    try:
        engine = create_engine(address, pool_pre_ping=True, connect_args=NOTICE_THE_DEAD, hide_parameters=True)
        engine.dialect.create_connect_args(address)
    except ArgumentError as error:
        raise UsageError(f"The database address can't be used: {error}") from None
    except ModuleNotFoundError as error:
        raise SetupError("PostgreSQL needs its driver: `pip install 'mlconnector[postgres]'`") from error

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.execute("SET synchronous_commit TO on")
        for name, value in _FREE_THE_DEAD.items():
            connection.execute(f"SET {name} TO {value}")
        connection.commit()

    return engine


def _share_compiled(engine: Engine) -> None:
    """One process opens many databases of a kind: what was compiled for the first serves all, a fifth of a short run's time."""
    dialect = engine.dialect
    kind = (dialect.name, dialect.server_version_info, dialect.default_schema_name)
    shared, compiled = _COMPILED.setdefault(kind, (dialect, LRUCache(500)))
    engine.dialect = shared  # statements are remembered by dialect
    engine.update_execution_options(compiled_cache=compiled)


def _address(url: str) -> URL:
    """The address as parts. Raises UsageError, which shows none of them: a piece of the password may stand anywhere."""
    try:
        address = make_url(url)
        if address.get_backend_name() in {"postgresql", "postgres"} and url.partition("?")[0].count("@") > 1:
            raise UsageError("The database address has more than one `@`: in a user's name or password write `%40`")
    except (ArgumentError, ValueError):
        raise UsageError(
            "The database address can't be read: `postgresql://user@host:5432/name` is its form, and `%40`, `%2F` and "
            "`%3A` are what `@`, `/` and `:` become in a password"
        ) from None
    return address


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
def told() -> Iterator[None]:
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
    reason = _reason(error)
    if any(
        word in reason.lower()
        for word in ("authentication failed", "does not exist", "unable to open", "not a database")
    ):
        return SetupError(f"The state database can't be opened: {reason}")
    return TransientError(f"The state database is not available: {reason}")


def _reason(error: DatabaseError) -> str:
    return next(iter(str(error.orig).strip().splitlines()), "no reason given")
