"""A workspace opened for one command: the environment read, secrets masked, errors told in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from engine.desk.reporting import told
from engine.errors import UsageError
from engine.redaction import Redactor, harmless, one_line
from engine.run.environment import read_environment
from engine.run.seams import Seams
from engine.run.workspace import DATABASE_URL, Workspace, is_workspace, open_workspace
from engine.state import queue
from engine.state.boot import system_boot
from engine.state.database import open_database, state_file
from engine.state.schema import VERSIONS

if TYPE_CHECKING:
    from engine.run.model import Integration

LOOPBACK = "MLCONNECTOR_ALLOW_LOOPBACK"
"""Set to 1 where systems may be on this machine: stand-ins, tests."""
HOSTS = "MLCONNECTOR_ALLOW_HOSTS"
"""The hosts specs may reach, as patterns (`*.acme.com sftp.partner.example`): the operator's word against a stranger's spec."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works with."""

    seams: Seams
    workspace: Workspace

    def say(self, text: str, *, aside: bool = False) -> None:
        """A result on stdout (`aside`: stderr): documents as they are, but for known secrets and what would command a terminal."""
        (sys.stderr if aside else sys.stdout).write(harmless(self.workspace.redactor.values(text)) + "\n")


Missing = Literal["refuse", "make", "borrow"]
"""What to do where there is no workspace: most commands refuse, `run` makes one, a look borrows one that is gone afterwards."""


@contextmanager
def open_place(
    workspace: Path, tenant: str, env_file: Path | None, *, debug: bool, missing: Missing = "refuse"
) -> Iterator[Opened]:
    """Opens it for the length of a command. An error ends the command with one line on stderr and its exit code."""
    redactor = Redactor()
    with told(redactor, debug=debug), _open(workspace, tenant, env_file, redactor, missing) as opened:
        opened.workspace.vault.mask_stored()
        yield opened


@contextmanager
def open_spec(
    spec: Path, workspace: Path, tenant: str, env_file: Path | None, *, debug: bool, missing: Missing = "make"
) -> Iterator[tuple[Opened, Integration]]:
    """The same with an integration, compiled first: a spec with mistakes leaves no trace."""
    from engine.run.load import load

    redactor = Redactor()
    with told(redactor, debug=debug):
        integration = load(spec)
        with _open(workspace, tenant, env_file, redactor, missing) as opened:
            yield opened, integration


def upgrade_database(workspace: Path, env_file: Path | None) -> str:
    """The version the database's tables have now. Raises SetupError, UsageError."""
    environ = read_environment(env_file)
    if not is_workspace(workspace, environ):
        raise UsageError(_none_in(workspace))
    database = open_database(environ.get(DATABASE_URL), workspace, upgrading=True)
    try:
        if not database.is_sqlite and queue.is_installed():
            queue.make_queue(database, upgrading=True)
    finally:
        database.close()
    return VERSIONS[-1]


def check_shared(env_file: Path | None) -> None:
    """Raises UsageError where the database is one machine's own."""
    if state_file(read_environment(env_file).get(DATABASE_URL), Path()) is not None:
        raise UsageError(
            f"Many machines need one PostgreSQL database: name it in {DATABASE_URL}, or use `mlconnector serve` on one"
        )


@contextmanager
def _open(
    workspace: Path, tenant: str, env_file: Path | None, redactor: Redactor, missing: Missing
) -> Iterator[Opened]:
    environ = read_environment(env_file)
    hosts = tuple(environ.get(HOSTS, "").replace(",", " ").split())
    seams = Seams(environ=environ, allow_loopback=environ.get(LOOPBACK) == "1", boot=system_boot, allowed_hosts=hosts)
    with (
        _found(workspace, seams, missing) as (folder, seams),
        open_workspace(folder, seams=seams, redactor=redactor, tenant=tenant) as found,
    ):
        yield Opened(seams, found)


@contextmanager
def _found(workspace: Path, seams: Seams, missing: Missing) -> Iterator[tuple[Path, Seams]]:
    """The workspace's folder, or what stands for one that is not there. Raises UsageError: a mistyped name is no new workspace."""
    if is_workspace(workspace, seams.environ):
        yield workspace, seams
    elif missing == "refuse":
        raise UsageError(_none_in(workspace))
    elif missing == "make":
        _tell(f"There was no workspace in `{workspace}`: a new one is made there")
        yield workspace, seams
    else:
        _tell(f"There is no workspace in `{workspace}`: this looks without one, and makes none")
        with TemporaryDirectory(prefix="mlconnector-look-") as folder:
            elsewhere = {name: value for name, value in seams.environ.items() if name != DATABASE_URL}
            yield Path(folder), replace(seams, environ=elsewhere)


def _none_in(workspace: Path) -> str:
    return f"There is no workspace in `{workspace}`: name the right one, or let `run` or `secrets set` make it"


def _tell(text: str) -> None:
    sys.stderr.write(one_line(text) + "\n")
