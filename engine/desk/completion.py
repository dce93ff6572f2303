"""What a shell may offer for a half-typed word: read cheaply, made of nothing, and silent when it can't be told."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

MOST = 50
WAIT = 0.1
"""Seconds a database that is busy is waited for: a person is at the keyboard."""

_SPEC = (".yaml", ".yml")
_MEMBER = re.compile(r"  ([A-Za-z0-9_][A-Za-z0-9_.-]*):")
_SECRETS = "SELECT name FROM secret WHERE tenant = ? AND kind = 'secret' AND name LIKE ? ESCAPE '\\' ORDER BY name"
_NUMBERS = (
    "SELECT DISTINCT number FROM document WHERE tenant = ? AND number LIKE ? ESCAPE '\\' "
    "AND state NOT IN ('posted', 'adopted', 'cancelled') ORDER BY number"
)


def spec_paths(typed: str, *, here: Path = Path()) -> list[str]:
    """Spec files and folders that begin so; a bare name is looked for in `specs/` too."""
    folder, _, name = typed.rpartition("/")
    shown = f"{folder}/" if folder or typed.startswith("/") else ""
    found = list(_beginning(here / (shown or "."), shown, name))
    if not shown:
        found += _beginning(here / "specs", "specs/", name, folders=False)
    return found[:MOST]


def _beginning(folder: Path, shown: str, name: str, *, folders: bool = True) -> Iterator[str]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if not entry.name.startswith(name) or entry.name.startswith((".", "_")):
            continue
        if entry.name.endswith(_SPEC):
            yield shown + entry.name
        elif folders and entry.is_dir():
            yield f"{shown}{entry.name}/"


def members(spec: Path | str | None, block: str, typed: str) -> list[str]:
    """The names under a top-level block (`flows`, `systems`) of a spec, by their indent: nothing is compiled."""
    if spec is None:
        return []
    try:
        lines = Path(spec).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    inside, found = False, []
    for line in lines:
        if line[:1] not in {"", " ", "#"}:
            inside = line.startswith(f"{block}:")
        elif inside and (match := _MEMBER.match(line)) and match[1].startswith(typed):
            found.append(match[1])
    return found[:MOST]


def secret_names(workspace: Path, tenant: str, environ: Mapping[str, str], typed: str) -> list[str]:
    """Names of stored secrets; none where the state is shared or can't be read at once."""
    return _asked(_SECRETS, workspace, tenant, environ, typed)


def open_numbers(workspace: Path, tenant: str, environ: Mapping[str, str], typed: str) -> list[str]:
    """Numbers of documents that are not finished; none where the state is shared or can't be read at once."""
    return _asked(_NUMBERS, workspace, tenant, environ, typed)


def _asked(statement: str, workspace: Path, tenant: str, environ: Mapping[str, str], typed: str) -> list[str]:
    if environ.get("MLCONNECTOR_DATABASE_URL"):
        return []
    file = workspace / ".mlconnector" / "state.db"
    begins = typed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    try:
        if not file.is_file():
            return []
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=WAIT)) as database:
            rows = database.execute(f"{statement} LIMIT {MOST}", (tenant, begins)).fetchall()
    except (sqlite3.Error, OSError):
        return []
    return [str(row[0]) for row in rows if str(row[0]).isprintable()]
