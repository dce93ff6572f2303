"""A real PgBouncer in front of a test's PostgreSQL, where one is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url

NOBODY = 65534
PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"


@contextmanager
def pooled(url: str, mode: str) -> Iterator[str]:
    """The same database by way of a pooler in that mode. The program refuses to run as root, so it runs as nobody."""
    address = make_url(url)
    home = Path(tempfile.mkdtemp(prefix="mlc-bouncer-"))
    home.chmod(0o777)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    host = address.query.get("host") or address.host
    place = f"host={host} port={address.port or 5432} dbname={address.database} user={address.username}"
    place += f" password={address.password}" if address.password else ""
    (home / "bouncer.ini").write_text(
        f"[databases]\n{address.database} = {place}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = 10\nunix_socket_dir =\nlogfile = {home}/log\n"
    )
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    with subprocess.Popen([PROGRAM, "-q", home / "bouncer.ini"], cwd=home, **who) as process:
        try:
            _wait(port)
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/{address.database}"
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(home, ignore_errors=True)


def _wait(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("PgBouncer did not start in 10 s")
