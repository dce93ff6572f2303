"""What is known of each system without reaching it: where it is, how it is logged in to, what is kept, who uses it now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.connections.host_keys import fingerprint, parse_pins
from engine.connections.login_kinds import ApiKey, Basic, OAuth2, SessionLogin
from engine.connections.origin import parse_url
from engine.connections.places import PasswordLogin
from engine.errors import MlconnectorError
from engine.redaction import exposed
from engine.run.model import Integration, System
from engine.run.seats import systems_of
from engine.run.settings import fill
from engine.service.parts import Parts
from engine.state.tokens_kept import TokenKept, tokens_kept

_LOGINS: Sequence[tuple[type, str]] = (
    (Basic, "user and password with every call"),
    (ApiKey, "a key with every call"),
    (OAuth2, "OAuth2"),
    (SessionLogin, "a session of its own login"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A system of an integration. `missing`: why its settings can't be filled in; `pinned`: the host keys it may show.

    `at_work`: flows that use it now; `most`: what it allows at once, as text.
    """

    integration: str
    alias: str
    uses: str
    kind: str
    host: str
    login: str
    flows: tuple[str, ...]
    missing: str = ""
    tokens: tuple[TokenKept, ...] = ()
    pinned: tuple[str, ...] = ()
    last_success: datetime | None = None
    at_work: tuple[str, ...] = ()
    most: str = ""


def standings(parts: Parts) -> list[Standing]:
    """Every system of every integration."""
    tokens = tokens_kept(parts.workspace.desk)
    at_work = {each.flow for each in parts.firings.running()} | {each.flow for each in parts.live.now()}
    return [
        _standing(parts, integration, system, tokens, at_work)
        for integration in parts.shelf.integrations.values()
        for system in integration.systems.values()
    ]


def _standing(
    parts: Parts, integration: Integration, system: System, tokens: Sequence[TokenKept], at_work: set[str]
) -> Standing:
    flows = [flow for flow in integration.flows.values() if system in systems_of(integration, flow)]
    prefix = f"{integration.name}/{system.alias}/"
    facts: dict[str, Any] = {"host": "", "pinned": (), "most": "", "missing": ""}
    try:
        facts |= _reached(parts, integration, system)
    except MlconnectorError as error:
        facts["missing"] = str(error)
    ended = [run.ended_at for flow in flows if (run := parts.workspace.ledger.last_run(flow.id)) is not None]
    return Standing(
        integration=integration.name,
        alias=system.alias,
        uses=system.name,
        kind=_kind(system),
        login=_login(system),
        flows=tuple(flow.id for flow in flows),
        tokens=tuple(
            replace(each, name=each.name.removeprefix(prefix)) for each in tokens if each.name.startswith(prefix)
        ),
        last_success=max((at for at in ended if at is not None), default=None),
        at_work=tuple(sorted(flow.id for flow in flows if flow.id in at_work)),
        **facts,
    )


def _kind(system: System) -> str:
    return "HTTP" if system.kind.http is not None else "SFTP" if system.kind.sftp is not None else "folder"


def _login(system: System) -> str:
    if system.kind.http is not None:
        auth = system.kind.http.auth
        said = next((words for kind, words in _LOGINS if isinstance(auth, kind)), "none")
        return f"{said}, {auth.grant.replace('_', ' ')}" if isinstance(auth, OAuth2) else said
    if system.kind.sftp is not None:
        return "user and password" if isinstance(system.kind.sftp.auth, PasswordLogin) else "user and private key"
    return "none"


def _reached(parts: Parts, integration: Integration, system: System) -> dict[str, Any]:
    """Host, pins and limits, which the settings tell. Raises SetupError where one is missing."""
    alone = replace(integration, systems={system.alias: system})
    scope = {"need": fill(alone, parts.workspace.vault, parts.seams.environ)[system.alias]}
    http, sftp, folder = system.kind.http, system.kind.sftp, system.kind.folder
    if http is not None:
        sessions = http.sessions.most(scope) if http.sessions is not None else None
        limit = f"{http.at_once} calls at once" + (f", {sessions} sessions over all machines" if sessions else "")
        return {"host": _host(str(exposed(http.base(scope)) or "")), "most": limit}
    if sftp is not None:
        host, port = str(exposed(sftp.host(scope))), _port(sftp.port(scope) if sftp.port is not None else None)
        return {"host": f"{host}:{port}", "pinned": _pins(str(exposed(sftp.host_key(scope)) or ""), host, port)}
    return {"host": str(exposed(folder.path(scope))) if folder is not None else ""}


def _host(address: str) -> str:
    """Scheme, host and port: what stands behind them may hold more than an address."""
    url = parse_url(address)
    return f"{url.scheme}://{url.netloc.decode() if isinstance(url.netloc, bytes) else url.netloc}"


def _port(value: object) -> int:
    text = str(exposed(value) or "")
    return int(text) if text.isdigit() else 22


def _pins(text: str, host: str, port: int) -> tuple[str, ...]:
    pins = parse_pins(text, host, port)
    return tuple(sorted({*pins.fingerprints, *map(fingerprint, pins.keys)}))


def ping_key(standing: Standing) -> str:
    """How a form names it."""
    return f"{standing.integration}/{standing.alias}"


def chosen(parts: Parts, key: str) -> tuple[Integration, str] | None:
    """The integration and the alias a form names; None for what there is not."""
    name, _, alias = key.rpartition("/")
    integrations: Mapping[str, Integration] = parts.shelf.integrations
    found = integrations.get(name)
    return (found, alias) if found is not None and alias in found.systems else None
