"""What `doctor` finds about the workspace: its files, its key, its database, who is at work, the trail."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.desk.doctor_fleet import fleet_findings
from engine.desk.doctor_machine import Finding
from engine.errors import MlconnectorError
from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import DATABASE_URL
from engine.state import inspection
from engine.state.database import Database, state_file
from engine.state.keyring import KEY_FILE, load_keyring
from engine.state.schema import VERSIONS
from engine.state.trail import Trail
from engine.state.vault import Vault

FAST, SLOW = 2.0, 30.0
"""Seconds two clocks may differ without and with a warning; beyond, waits before a second look are wrong."""
AGES = 24 * 3600
"""Seconds after which a run that never ended was killed, or hangs."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined."""

    workspace: Path
    tenant: str
    seams: Seams
    redactor: Redactor
    full: bool = False

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment it is examined in."""
        return self.seams.environ

    @property
    def url(self) -> str | None:
        """The database's address, where one is named."""
        return self.environ.get(DATABASE_URL) or None


def state_findings(patient: Patient) -> Iterator[Finding]:
    """Everything about the workspace; where there is none, that alone. Raises MlconnectorError when its state can't be read."""
    file = state_file(patient.url, patient.workspace)
    if file is not None and not file.exists():
        detail, advice = (
            f"there is none in `{patient.workspace}`",
            "`run` or `secrets set` makes one; or name the right folder",
        )
        yield Finding(name="workspace", state="warn", detail=detail, advice=advice)
        return
    yield from _files(patient)
    with inspection.inspected(patient.url, patient.workspace) as database:
        yield from _database(patient, database)
        yield from _key(patient, database)
        yield from _clocks(patient, database)
        yield from _locks(database)
        if inspection.schema_version(database) == VERSIONS[-1]:
            yield from fleet_findings(database, patient.tenant, patient.seams.clock())
        yield from _last_run(patient, database)
        yield from _trail(patient, database)


def _files(patient: Patient) -> Iterator[Finding]:
    """Whether anybody but their owner may read the state and the key, and whether we are the owner."""
    paths = inspection.state_paths(patient.workspace)
    key = patient.workspace / KEY_FILE
    wrong = [said for path in (*paths, *([key] if key.exists() else [])) if (said := _open_to_others(path))]
    if wrong:
        advice = "close them: `chmod -R go-rwx` for files of this user, `chown` for those of another"
        yield Finding(name="workspace", state="fail", detail="; ".join(wrong), advice=advice)
    else:
        yield Finding(
            name="workspace",
            state="ok",
            detail=f"{patient.workspace.absolute()}, {len(paths)} files and folders, its owner's alone",
        )


def _open_to_others(path: Path) -> str:
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        return f"`{path.name}` is open to others (mode {mode:04o})"
    return "" if found.st_uid == os.geteuid() else f"`{path.name}` belongs to another user"


def _database(patient: Patient, database: Database) -> Iterator[Finding]:
    version = inspection.schema_version(database)
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    if version == VERSIONS[-1]:
        yield Finding(name="database", state="ok", detail=f"{kind}, tables of version {version}")
    elif version is None:
        yield Finding(
            name="database", state="warn", detail=f"{kind}, without tables yet", advice="the first run makes them"
        )
    elif version in VERSIONS:
        advice = "the next command upgrades it" if database.is_sqlite else "run `mlconnector db upgrade` once"
        yield Finding(
            name="database",
            state="warn",
            detail=f"{kind}, at version {version}, this one needs {VERSIONS[-1]}",
            advice=advice,
        )
    else:
        detail = f"{kind}, at version {version}, made by a newer mlconnector"
        yield Finding(name="database", state="fail", detail=detail, advice="upgrade mlconnector")
    settings = inspection.durability(database)
    wrong = [f"{name} is {found}, not {wanted}" for name, (found, wanted) in settings.items() if found != wanted]
    said = "; ".join(wrong) or ", ".join(f"{name}={found}" for name, (found, _) in settings.items())
    advice = "a power cut could take commits back: keep SQLite on a local disk, set PostgreSQL's defaults again"
    yield Finding(name="durability", state="fail" if wrong else "ok", detail=said, advice=advice if wrong else "")
    if not database.is_sqlite:
        yield _sessions(database)


def _sessions(database: Database) -> Finding:
    if inspection.session_lock_holds(database):
        return Finding(name="session locks", state="ok", detail="a lock lasts from one statement to the next")
    detail = "a lock is lost between two statements: the address goes through a pooler that shares sessions"
    return Finding(
        name="session locks",
        state="fail",
        detail=detail,
        advice="give the server's own address, or a pooler in session mode",
    )


def _key(patient: Patient, database: Database) -> Iterator[Finding]:
    """Where the key comes from, by its id; never the key."""
    environ = patient.environ
    named = environ.get("MLCONNECTOR_KEY_FILE", "")
    source = f"the file `{named or patient.workspace / KEY_FILE}`"
    if environ.get("MLCONNECTOR_KEY", "").strip():
        source = "MLCONNECTOR_KEY"
    try:
        keyring = load_keyring(patient.workspace, environ, make=False)
        vault = Vault(database, patient.tenant, keyring, redactor=patient.redactor, clock=patient.seams.clock)
        known = inspection.schema_version(database) is not None and vault.fetch("check", "key") is not None
    except MlconnectorError as error:
        yield Finding(
            name="key",
            state="fail",
            detail=str(error),
            advice=f"the key is looked for in {source}: put the right one back",
        )
        return
    retired = f", {len(keyring.keys) - 1} being retired" if len(keyring.keys) > 1 else ""
    fits = "opens this state" if known else f"nothing of tenant `{patient.tenant}` is sealed with it yet"
    yield Finding(name="key", state="ok", detail=f"{keyring.current.id} from {source}, {fits}{retired}")


def _clocks(patient: Patient, database: Database) -> Iterator[Finding]:
    there = inspection.server_time(database)
    if there is None:
        return
    apart = abs((there - patient.seams.clock()).total_seconds())
    said = f"{apart:.1f} seconds apart from this machine's"
    if apart <= FAST:
        yield Finding(name="database clock", state="ok", detail=said)
    else:
        yield Finding(
            name="database clock",
            state="warn" if apart <= SLOW else "fail",
            detail=said,
            advice="keep both machines' clocks by NTP",
        )


def _locks(database: Database) -> Iterator[Finding]:
    held = inspection.locks_held(database)
    said = "; ".join(f"{lock.name} by {_owner(lock.owner)} since {lock.since}" for lock in held)
    yield Finding(name="locks", state="ok", detail=said or "nobody is at work")


def _owner(owner: str) -> str:
    host, pid, *_ = (*owner.split(":"), "", "")
    return f"process {pid} on {host}" if pid else owner or "a process that has just started"


def _last_run(patient: Patient, database: Database) -> Iterator[Finding]:
    if inspection.schema_version(database) is None:
        return
    last = inspection.last_run(database, patient.tenant)
    if last is None:
        yield Finding(name="last run", state="ok", detail=f"tenant `{patient.tenant}` has had none")
        return
    age = (patient.seams.clock() - last.started_at).total_seconds()
    said = f"{last.flow}, {last.started_at:%Y-%m-%d %H:%M:%S} UTC: {last.outcome or 'not ended'}"
    if age < -FAST:
        advice = "this machine's clock went back, or another machine's is ahead: mend it before the next run"
        yield Finding(name="last run", state="fail", detail=f"{said}, which is in the future", advice=advice)
    elif not last.outcome and age > AGES:
        yield Finding(
            name="last run",
            state="warn",
            detail=said,
            advice="it was killed or hangs: the next run picks up what it left",
        )
    elif last.outcome == "stopped":
        yield Finding(
            name="last run", state="warn", detail=said, advice=f"`mlconnector audit --run {last.id}` tells why"
        )
    else:
        yield Finding(name="last run", state="ok", detail=said)


def _trail(patient: Patient, database: Database) -> Iterator[Finding]:
    if inspection.schema_version(database) is None:
        return
    advice = "`mlconnector audit verify` tells where; restore the database from a backup"
    number, whole = inspection.trail_head(database, patient.tenant)
    if not whole:
        yield Finding(name="trail", state="fail", detail="its last line is not the one its head names", advice=advice)
    elif not patient.full:
        yield Finding(name="trail", state="ok", detail=f"ends at line {number} as it should (--full checks every line)")
    else:
        keyring = load_keyring(patient.workspace, patient.environ, make=False)
        clock, redactor = patient.seams.clock, patient.redactor
        vault = Vault(database, patient.tenant, keyring, redactor=redactor, clock=clock)
        found = Trail(database, patient.tenant, vault=vault, redactor=redactor, clock=clock, actor="doctor").verify()
        if found.breaks:
            detail = "; ".join(f"{broken.problem}" for broken in found.breaks[:5])
            yield Finding(name="trail", state="fail", detail=detail, advice=advice)
        else:
            yield Finding(name="trail", state="ok", detail=f"all {found.lines} lines are whole")
