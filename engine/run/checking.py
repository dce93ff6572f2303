"""`check SPEC`: every system reached step by step, so that what is wrong has a name before the first record moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.connections.places import sftp_settings
from engine.connections.sftp import scan_host_key
from engine.errors import MlconnectorError
from engine.run.model import Integration, System
from engine.run.seams import Seams, quiet
from engine.run.session import Session, open_session
from engine.run.workspace import Workspace


def check_systems(
    spec: Path | Integration, workspace: Workspace, seams: Seams, *, show_host_key: bool
) -> tuple[str, int]:
    """A line a step and system, and the exit code: 0 when all answered, 4 when one did not. Raises SpecError, SetupError."""
    lines: list[str] = []
    code = 0
    with open_session(spec, workspace, seams, quiet, read_only=True) as session:
        for system in session.integration.systems.values():
            try:
                steps = _host_key(session, system) if show_host_key else _steps(session, system)
                lines += [f"ok    {system.alias}: {step}" for step in steps]
            except MlconnectorError as error:
                lines.append(f"fails {system.alias}: {error}")
                code = 4
    return "\n".join(lines), code


def _steps(session: Session, system: System) -> Iterator[str]:
    """What was reached, in order. Raises MlconnectorError at the first thing that does not work."""
    if system.kind.http is not None:
        http = session.connections.http(system)
        probe = system.kind.http.check
        if probe is None:
            yield f"{http.origin}: nothing to ask (`http.check` is not declared)"
            return
        answer = http.read(probe, {}, step="check")
        yield f"{http.origin}: logged in and read (status {answer.status})"
        return
    files = session.connections.files(system)
    for folder in _folders(system):
        listing = files.scan(folder)
        yield f"{folder}: {len(listing.entries)} files" + (
            f", {len(listing.skipped)} passed over" if listing.skipped else ""
        )


def _folders(system: System) -> list[str]:
    """Every folder the system's objects name, each once."""
    named: dict[str, None] = {}
    for kind in system.objects.values():
        if kind.pickup is not None:
            named[kind.pickup.folder] = None
            if kind.pickup.after is not None:
                named |= dict.fromkeys(filter(None, (kind.pickup.after.done, kind.pickup.after.bad)))
        if kind.drop is not None:
            named[kind.drop.folder] = None
    return list(named)


def _host_key(session: Session, system: System) -> Iterator[str]:
    if system.kind.sftp is None:
        return
    loopback = session.seams.allow_loopback
    settings = session.connections.settings(system.alias)
    login = sftp_settings(system.kind.sftp, settings, name=system.alias, allow_loopback=loopback)
    kind, key, fingerprint = scan_host_key(login.host, login.port, allow_loopback=loopback)
    yield f"{login.place} shows {kind} {key}\n      {fingerprint}: compare it with what the server's operator tells you, then pin it"
