"""The memory of a workspace, opened: database, vault, trail and ledger, all redacting through one sink."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.state.boot import boot_of
from engine.state.database import Database, open_database, state_file
from engine.state.ledger import Ledger
from engine.state.ledger_desk import Desk
from engine.state.trail import Trail
from engine.state.vault import Vault, open_vault

DATABASE_URL = "MLCONNECTOR_DATABASE_URL"


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """One tenant's memory, open."""

    folder: Path
    tenant: str
    database: Database
    vault: Vault
    trail: Trail
    ledger: Ledger
    desk: Desk
    redactor: Redactor
    actor: str


@contextmanager
def open_workspace(
    folder: Path, *, seams: Seams, redactor: Redactor, tenant: str = "default", actor: str | None = None
) -> Iterator[Workspace]:
    """Opens the state of `folder` (or of the database the environment names). Raises SetupError, UsageError."""
    environ: Mapping[str, str] = seams.environ
    who = actor or environ.get("MLCONNECTOR_ACTOR") or _login()
    database = open_database(environ.get(DATABASE_URL), folder)
    redactor.add(database.engine.url.password or "")
    try:
        vault = open_vault(database, tenant, folder, environment=environ, redactor=redactor, clock=seams.clock)
        trail = Trail(database, tenant, vault=vault, redactor=redactor, clock=seams.clock, actor=who)
        with Ledger(
            database, tenant, clock=seams.clock, vault=vault, trail=trail, actor=who, boot=seams.boot
        ) as ledger:
            yield Workspace(
                folder=folder,
                tenant=tenant,
                database=database,
                vault=vault,
                trail=trail,
                ledger=ledger,
                desk=Desk(database, tenant, seams.clock, seams.boot or boot_of(seams.clock), vault, trail, who),
                redactor=redactor,
                actor=who,
            )
    finally:
        database.close()


def is_workspace(folder: Path, environ: Mapping[str, str]) -> bool:
    """Whether there is a state to open; a shared database counts as there, its address is no folder to mistype."""
    file = state_file(environ.get(DATABASE_URL), folder)
    return file is None or file.exists()


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a passwd entry
        return "unknown"
