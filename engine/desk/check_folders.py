"""The folders of a file system that `check` looks at: those files are taken from, and those they are put into."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.contracts import Files
from engine.desk.check_steps import SystemCheck
from engine.errors import SetupError
from engine.redaction import exposed
from engine.run.model import System
from engine.run.session import Session

FOLDER = "make the folder, correct its path in the system file, or ask the server's owner for the right to use it"


def check_folders(told: SystemCheck, session: Session | None, system: System) -> None:
    """Lists each folder once. Whether a server's folder may be written to is only told by writing, and stays untold here."""
    for folder, written in folders_of(system).items():

        def look(folder: str = folder, written: bool = written) -> str:
            assert session is not None
            return _look(session.connections.files(system), session, system, folder, written=written)

        told.attempt(f"folder {folder}", look, advice=FOLDER, needed=False)


def folders_of(system: System) -> Mapping[str, bool]:
    """Every folder the system's objects name, each once, and whether files are put into it or moved out of it."""
    named: dict[str, bool] = {}
    for kind in system.objects.values():
        answers = kind.acknowledged.pickup if kind.acknowledged is not None else None
        for pickup in filter(None, (kind.pickup, answers)):
            named[pickup.folder] = named.get(pickup.folder, False) or pickup.after is not None
            if pickup.after is not None:
                named |= dict.fromkeys(filter(None, (pickup.after.done, pickup.after.bad)), True)
        named |= {put.folder: True for put in (kind.drop, kind.acknowledge) if put is not None}
    return named


def _look(files: Files, session: Session, system: System, folder: str, *, written: bool) -> str:
    listing = files.scan(folder)
    said = f"listed, {len(listing.entries)} files" + (
        f", {len(listing.skipped)} passed over" if listing.skipped else ""
    )
    if not written:
        return said
    if system.kind.folder is None:
        return f"{said}; whether it may be written to is not tried"
    root = Path(str(exposed(system.kind.folder.path({"need": session.connections.settings(system.alias)}))))
    if not os.access(root / folder.lstrip("/"), os.W_OK | os.X_OK):
        raise SetupError(f"`{folder}` may be listed, and this user may not write there")
    return f"{said}; it may be written to"
