"""`sandbox SPEC`: stand-ins of a spec's systems on loopback, ready to be run against from another terminal."""

from __future__ import annotations

import shlex
import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from engine.redaction import Redactor
from engine.run.load import load
from engine.run.model import Integration
from engine.run.seams import Seams, utc_now
from engine.run.show import as_json
from engine.run.workspace import open_workspace
from engine.sandbox.demo_data import SPECS, STARTERS
from engine.sandbox.faults import parse
from engine.sandbox.operations import check_operation
from engine.sandbox.stands import stand_in
from engine.state.private import private_folder, write_private
from engine.trial.faults import place
from engine.trial.file import read_plain
from engine.trial.stand import Stand
from engine.trial.world import Supplied, supply

Say = Callable[[str], object]
HOME = Path(".mlconnector")


def until_stopped() -> None:
    """Returns at Ctrl-C or SIGTERM."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(
    spec: Path,
    faults: Sequence[str],
    seed: Path | None,
    say: Say,
    *,
    home: Path = HOME,
    wait: Callable[[], None] = until_stopped,
    form: str = "text",
) -> None:
    """Serves until `wait` returns; a workspace with the secrets and an env file lie below `home` meanwhile.

    Raises SpecError, and UsageError for a fault or a seed that means nothing. Nothing stays behind.
    """
    integration = load(spec)
    workspace, env_file = home / "sandbox", home / "sandbox.env"
    if env_file.exists():
        raise UsageError(f"Another sandbox is at work here, or was killed: stop it, or remove `{env_file}`")
    with ExitStack() as stack:
        stands = {
            alias: stack.enter_context(stand_in(system.name, utc_now)) for alias, system in integration.systems.items()
        }
        _seed(integration, stands, seed)
        _break(integration, stands, faults)
        supplied = supply(integration, {alias: stand.settings for alias, stand in stands.items()})
        stack.callback(_forget, workspace, env_file)
        _store(workspace, env_file, supplied)
        if form == "json":
            say(_facts(stands, faults, workspace, env_file))
            wait()
            return
        for alias, stand in stands.items():
            say(f"{alias}: {_address(stand.settings)}")
        for text in faults:
            say(f"will go wrong: {text}")
        say(_next_steps(spec, workspace, env_file))
        wait()
        for alias, stand in stands.items():
            say(f"{alias}: {stand.calls()} calls, {stand.commits()} documents or files taken in")


def _seed(integration: Integration, stands: Mapping[str, Stand], seed: Path | None) -> None:
    if seed is not None:
        held: Mapping[str, Any] = read_plain(seed).get("sandbox") or {}
        if unknown := set(held) - set(stands):
            raise UsageError(f"`{seed}` fills `{min(unknown)}`; the integration has {', '.join(stands)}")
        for alias, data in held.items():
            stands[alias].seed(data, seed.parent)
        return
    for alias, system in integration.systems.items():
        stands[alias].seed(STARTERS.get(system.name, {}), SPECS)


def _break(integration: Integration, stands: Mapping[str, Stand], faults: Sequence[str]) -> None:
    for text in faults:
        try:
            fault = parse(text)
        except ValueError as error:
            raise UsageError(str(error)) from error
        check_operation(fault.at, integration)
        for alias, at, nth in place(fault.at, fault.nth, integration, list(integration.flows)):
            stands[alias].fault(fault.kind, at, nth, fault.value)


def _store(workspace: Path, env_file: Path, supplied: Supplied) -> None:
    """A fresh workspace with the stand-ins' credentials, apart from that of the real systems, and the env file."""
    shutil.rmtree(workspace, ignore_errors=True)
    private_folder(env_file.parent)
    private_folder(workspace)
    with open_workspace(workspace, seams=Seams(environ={}), redactor=Redactor(), actor="sandbox") as opened:
        for name, value in supplied.secrets.items():
            opened.vault.set(name, value)
    lines = [f"{name}={value}" for name, value in supplied.environ.items()]
    write_private(env_file, "\n".join([*lines, "MLCONNECTOR_ALLOW_LOOPBACK=1", ""]).encode())


def _forget(workspace: Path, env_file: Path) -> None:
    shutil.rmtree(workspace, ignore_errors=True)
    env_file.unlink(missing_ok=True)


def _address(settings: Mapping[str, str]) -> str:
    if "site" in settings:
        return settings["site"]
    return f"sftp://{settings['username']}@{settings['host']}:{settings['port']}"


def _facts(stands: Mapping[str, Stand], faults: Sequence[str], workspace: Path, env_file: Path) -> str:
    """The same as JSON, once everything answers."""
    addresses = {alias: _address(stand.settings) for alias, stand in stands.items()}
    return as_json(
        {"systems": addresses, "faults": list(faults), "workspace": str(workspace), "env_file": str(env_file)}
    )


def _next_steps(spec: Path, workspace: Path, env_file: Path) -> str:
    there = f"--workspace {shlex.quote(str(workspace))} --env-file {shlex.quote(str(env_file))}"
    name = shlex.quote(str(spec))
    return "\n".join(
        [
            "",
            "In another terminal:",
            f"  mlconnector check {name} {there}",
            f"  mlconnector run {name} {there}",
            f"  mlconnector held list --all {there}",
            "",
            "Or as a service, with its console on port 8640 of this machine:",
            f"  mlconnector users add me --role admin {there}",
            f"  mlconnector serve {name} {there}",
            "",
            "Ctrl-C stops the stand-ins and forgets the workspace.",
        ]
    )
