"""`check SPEC`: every system reached step by step, so that what is wrong has a name before the first record moves.

Only reads are made. A step that could not be tried is told as skipped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from engine.connections.addresses import resolve
from engine.connections.login_kinds import ApiKey, Basic
from engine.connections.origin import origin_of, parse_url
from engine.connections.places import sftp_settings
from engine.connections.sftp import scan_host_key
from engine.connections.sftp_login import probe_login
from engine.connections.sftp_settings import SftpSettings
from engine.desk.check_folders import check_folders
from engine.desk.check_steps import SystemCheck, render
from engine.desk.probing import knock, shake
from engine.errors import MlconnectorError, SetupError, UsageError
from engine.run.load import load
from engine.run.model import Integration, System
from engine.run.seams import Seams, quiet
from engine.run.session import Session, open_session
from engine.run.workspace import Workspace
from engine.spec.problems import did_you_mean

NAME = "correct the address in the settings, or ask whoever runs the name server"
PORT = "check host and port in the settings, that the system is running, and that a firewall lets this machine through"
TLS = "check that the address and port are those of https; for a private authority, name its file in SSL_CERT_FILE"
HOST_KEY = "ask the server's owner which key is right; `mlconnector check --show-host-key` shows what it offers now"
SERVES = "correct what the settings name"
READ = "check the address below the host: version, instance, company; then the user's rights"


def check_systems(
    spec: Path | Integration,
    workspace: Workspace,
    seams: Seams,
    *,
    show_host_key: bool = False,
    systems: Sequence[str] = (),
    form: str = "text",
) -> tuple[str, int]:
    """What to print and the exit code: 0 when nothing failed, 4 otherwise. Raises SpecError, and UsageError for an unknown system."""
    integration = spec if isinstance(spec, Integration) else load(spec)
    if unknown := sorted(set(systems) - set(integration.systems)):
        known = ", ".join(integration.systems)
        meant = did_you_mean(unknown[0], integration.systems)
        raise UsageError(
            f"`{integration.name}` has no system `{unknown[0]}`; it has {known}" + (f": {meant}" if meant else "")
        )
    checks = [
        _check(integration, system, workspace, seams, show_host_key=show_host_key)
        for alias, system in integration.systems.items()
        if not systems or alias in systems
    ]
    workspace.trail.flush()
    return render(integration.name, checks, form), 0 if all(check.ok for check in checks) else 4


def _check(
    integration: Integration, system: System, workspace: Workspace, seams: Seams, *, show_host_key: bool
) -> SystemCheck:
    """One system, opened apart from the others: what is missing for one holds up no other."""
    told = SystemCheck(system.alias, system.name)
    system = _asked_once(system)
    alone = replace(integration, systems={system.alias: system})
    with ExitStack() as stack:
        sessions: list[Session] = []

        def settle() -> str:
            sessions.append(stack.enter_context(open_session(alone, workspace, seams, quiet, read_only=True)))
            return f"{len(system.settings)} filled in"

        told.attempt("settings", settle, advice="supply what is missing, in the environment or an --env-file")
        session = sessions[0] if sessions else None
        if system.kind.http is not None:
            _check_http(told, session, system)
        elif system.kind.sftp is not None:
            _check_sftp(told, session, system, show_host_key=show_host_key)
        if system.kind.http is None and not show_host_key:
            check_folders(told, session, system)
    return told


def _asked_once(system: System) -> System:
    """The system without patience: a person waits for the answer."""
    http = system.kind.http
    if http is None:
        return system
    return replace(system, kind=replace(system.kind, http=replace(http, retry=replace(http.retry, tries=1))))


def _reach(told: SystemCheck, host: str, port: int, *, allow_loopback: bool, tls: bool | None) -> None:
    """Name, port and, unless `tls` is None, its encryption."""
    addresses: list[str] = []

    def name() -> str:
        addresses.extend(resolve(host, port, allow_loopback=allow_loopback))
        return f"{host} is {', '.join(addresses)}"

    def opens() -> str:
        knock(addresses, port).close()
        return f"{port} is open"

    told.attempt("name", name, advice=NAME)
    told.attempt("port", opens, advice=PORT)
    if tls is False:
        told.skip("tls", "the address is plain http: what is sent can be read on its way")
    elif tls:
        told.attempt("tls", lambda: shake(knock(addresses, port), host), advice=TLS)


def _check_http(told: SystemCheck, session: Session | None, system: System) -> None:
    host, port, secure = "", 0, True

    def address() -> str:
        nonlocal host, port, secure
        assert session is not None
        origin = origin_of(parse_url(session.connections.http(system).origin))
        host, port, secure = origin.host, origin.port, origin.scheme == "https"
        return str(origin)

    told.attempt("address", address, advice="correct it in the settings")
    loopback = session is not None and session.seams.allow_loopback
    _reach(told, host, port, allow_loopback=loopback, tls=secure)
    kind = system.kind.http
    assert kind is not None
    if told.broken or session is None or kind.check is None:
        for step in ("login", "read"):
            told.skip(
                step, f"`{told.broken}` failed" if told.broken else "`http.check` says nothing that could be read"
            )
        return
    _log_in_and_read(told, session, system)


def _log_in_and_read(told: SystemCheck, session: Session, system: System) -> None:
    """The declared calls. Whether the login or the first of them failed is told from the calls it took."""
    kind = system.kind.http
    assert kind is not None
    calls: list[tuple[str, str, Callable[[], str]]] = [("read", READ, lambda: _tried(session, system))]
    if kind.serves is not None:
        calls.insert(0, ("serves", SERVES, lambda: _served(session, system)))
    heard: list[tuple[str, str]] = []
    session.watching.taps.append(lambda _system, step, outcome: heard.append((step, outcome)))
    for number, (name, advice, call) in enumerate(calls):
        if told.broken:
            told.skip(name, f"`{told.broken}` failed")
            continue
        started = time.perf_counter()
        said, failed = "", False
        try:
            said = call()
        except MlconnectorError as error:
            said, failed = str(error), True
        ms = round((time.perf_counter() - started) * 1000)
        if number == 0:
            _tell_login(told, system, heard, said, failed=failed, ms=ms)
        if not told.broken:
            told.add(name, "failed" if failed else "ok", said, advice=advice if failed else "", ms=ms)
            told.broken = name if failed else ""
        elif number == 0:
            told.skip(name, f"`{told.broken}` failed")


def _served(session: Session, system: System) -> str:
    """Raises SetupError where the server has not what the settings name."""
    missing = session.connections.http(system).unserved()
    if missing:
        raise SetupError(f"`{system.alias}`: {missing}")
    return "what the settings name is there"


def _tried(session: Session, system: System) -> str:
    kind = system.kind.http
    assert kind is not None
    assert kind.check is not None
    answer = session.connections.http(system).read(kind.check, {}, step="check")
    return f"status {answer.status}" + (", nothing there" if answer.absent else "")


def _tell_login(
    told: SystemCheck, system: System, heard: Sequence[tuple[str, str]], said: str, *, failed: bool, ms: int
) -> None:
    """How the login went, by the first call that needed it."""
    kind = system.kind.http
    assert kind is not None
    reads = [outcome for step, outcome in heard if step in {"check", "serves"}]
    logins = [outcome for step, outcome in heard if step not in {"check", "serves"}]
    if failed and (not reads or reads[-1] == "reauthenticate"):
        told.add("login", "failed", said, advice=_credentials(system), ms=ms)
        told.broken = "login"
        return
    if kind.auth is None:
        told.skip("login", "the system needs none")
    elif logins:
        told.add("login", "ok", "logged in", ms=0)
    elif isinstance(kind.auth, Basic | ApiKey) and failed:
        told.skip("login", "it goes with every call, and the read got no good answer")
    else:
        fixed = isinstance(kind.auth, Basic | ApiKey)
        told.add("login", "ok", "taken with the read" if fixed else "the login of an earlier run is still good")


def _credentials(system: System) -> str:
    """What to look at when a login is refused: the secrets and variables the settings name."""
    secrets = [f"`mlconnector secrets set {s.secret}`" for s in system.settings.values() if s.secret]
    names = [s.env for s in system.settings.values() if s.env]
    return "check what the login uses: " + ", ".join([*secrets, *names] or ["the settings in the spec"])


def _check_sftp(told: SystemCheck, session: Session | None, system: System, *, show_host_key: bool) -> None:
    login: list[SftpSettings] = []

    def address() -> str:
        assert session is not None
        assert system.kind.sftp is not None
        session.connections.files(system)  # refuses a host the operator does not allow
        settings, loopback = session.connections.settings(system.alias), session.seams.allow_loopback
        login.append(sftp_settings(system.kind.sftp, settings, name=system.alias, allow_loopback=loopback))
        return f"sftp://{login[0].username}@{login[0].place}"

    told.attempt("address", address, advice="correct it in the settings")
    host, port = (login[0].host, login[0].port) if login else ("", 0)
    loopback = session is not None and session.seams.allow_loopback
    _reach(told, host, port, allow_loopback=loopback, tls=None)
    if show_host_key:
        told.attempt("host key", lambda: _shown_key(login[0]), advice=PORT)
        return
    _meet(told, login, system)


def _meet(told: SystemCheck, login: Sequence[SftpSettings], system: System) -> None:
    """The host key, then the login: one connection, two steps."""
    prints: list[str] = []
    refused: list[MlconnectorError] = []

    def meet() -> str:
        try:
            probe_login(login[0], prints.append)
        except MlconnectorError as error:
            if not prints:
                raise
            refused.append(error)
        return f"{prints[0]} is the pinned one"

    def enter() -> str:
        if refused:
            raise refused[0]
        return f"logged in as `{login[0].username}`"

    told.attempt("host key", meet, advice=HOST_KEY)
    told.attempt("login", enter, advice=_credentials(system))


def _shown_key(login: SftpSettings) -> str:
    kind, key, fingerprint = scan_host_key(login.host, login.port, allow_loopback=login.allow_loopback)
    return f"{login.place} shows {kind} {key} {fingerprint}: compare it with what the server's operator tells you, then pin it"
