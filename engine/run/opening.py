"""A workspace opened for one command: the environment read, secrets masked, errors told in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.redaction import Redactor, harmless
from engine.run.environment import read_environment
from engine.run.reporting import told
from engine.run.seams import Seams
from engine.run.workspace import DATABASE_URL, Workspace, open_workspace
from engine.state.boot import system_boot
from engine.state.database import open_database
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

    def say(self, text: str) -> None:
        """A result on stdout: documents as they are, but for known secrets and what would command a terminal."""
        sys.stdout.write(harmless(self.workspace.redactor.values(text)) + "\n")


@contextmanager
def open_place(workspace: Path, tenant: str, env_file: Path | None, *, debug: bool) -> Iterator[Opened]:
    """Opens it for the length of a command. An error ends the command with one line on stderr and its exit code."""
    redactor = Redactor()
    with told(redactor, debug=debug), _open(workspace, tenant, env_file, redactor) as opened:
        yield opened


@contextmanager
def open_spec(
    spec: Path, workspace: Path, tenant: str, env_file: Path | None, *, debug: bool
) -> Iterator[tuple[Opened, Integration]]:
    """The same with an integration, compiled first: a spec with mistakes leaves no trace."""
    from engine.run.load import load

    redactor = Redactor()
    with told(redactor, debug=debug):
        integration = load(spec)
        with _open(workspace, tenant, env_file, redactor) as opened:
            yield opened, integration


def upgrade_database(workspace: Path, env_file: Path | None) -> str:
    """What to print once the database has this version's tables. Raises SetupError, UsageError."""
    environ = read_environment(env_file)
    open_database(environ.get(DATABASE_URL), workspace, upgrading=True).close()
    return f"The database has the tables of version {VERSIONS[-1]}."


@contextmanager
def _open(workspace: Path, tenant: str, env_file: Path | None, redactor: Redactor) -> Iterator[Opened]:
    environ = read_environment(env_file)
    hosts = tuple(environ.get(HOSTS, "").replace(",", " ").split())
    seams = Seams(environ=environ, allow_loopback=environ.get(LOOPBACK) == "1", boot=system_boot, allowed_hosts=hosts)
    with open_workspace(workspace, seams=seams, redactor=redactor, tenant=tenant) as found:
        yield Opened(seams, found)
