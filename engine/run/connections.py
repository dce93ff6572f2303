"""The systems of an integration, opened when first used and closed together, every exchange told to the trail."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.connections.auth import Hold
from engine.connections.exchange import Tree
from engine.connections.folder import Folder
from engine.connections.http import Http, HttpKind
from engine.connections.login_kinds import OAuth2, SessionLogin
from engine.connections.origin import parse_url
from engine.connections.places import sftp_settings
from engine.connections.sftp import Sftp
from engine.contracts import Call, Files
from engine.errors import SetupError
from engine.redaction import exposed
from engine.run.model import Integration, System
from engine.run.seams import Seams
from engine.run.watching import Watching
from engine.run.workspace import Workspace
from engine.state.locks import writer_lock
from engine.state.vault import Tokens

SESSION_WAIT = 30.0
"""Seconds to wait for a session that somebody else has; within the time a call usually has."""


@dataclass(frozen=True, slots=True)
class TokensOf:
    """One integration's part of the token store, so that two logins of the same alias never meet."""

    tokens: Tokens
    prefix: str

    def get(self, name: str) -> bytes | None:
        """As the store does."""
        return self.tokens.get(self.prefix + name)

    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        """As the store does."""
        self.tokens.put(self.prefix + name, value, expires)


class Connections:
    """Opens each system at most once. `read_only` refuses every write before a byte leaves (dry runs)."""

    def __init__(
        self,
        integration: Integration,
        settings: Mapping[str, Mapping[str, Any]],
        workspace: Workspace,
        seams: Seams,
        watching: Watching,
        *,
        read_only: bool = False,
    ) -> None:
        self._integration = integration
        self._settings = settings
        self._workspace = workspace
        self._seams = seams
        self._watching = watching
        self._read_only = read_only
        self._https: dict[str, Http] = {}
        self._files: dict[str, Files] = {}

    def settings(self, alias: str) -> Mapping[str, Any]:
        """The settings of a system, filled in."""
        return self._settings[alias]

    def http(self, system: System) -> Http:
        """The HTTP connection of a system."""
        if system.alias not in self._https:
            if system.kind.http is None:
                raise SetupError(f"`{system.alias}` ({system.name}) is not reached over HTTP")
            kind = system.kind.http
            for address in (kind.base, *kind.also, *_token_addresses(kind)):
                self._allow(system, str(exposed(address({"need": self._settings[system.alias]})) or ""))
            self._https[system.alias] = Http(
                kind,
                self._settings[system.alias],
                name=system.alias,
                watch=self._call,
                tokens=TokensOf(self._workspace.vault.tokens, f"{self._integration.name}/"),
                clock=self._seams.clock,
                sleep=self._seams.sleep,
                random=self._seams.random,
                transport=self._seams.transport(system.alias),
                read_only=self._read_only,
                allow_loopback=self._seams.allow_loopback,
                redactor=self._workspace.redactor,
                hold=self._hold(system, kind),
            )
        return self._https[system.alias]

    def _hold(self, system: System, kind: HttpKind) -> Hold:
        """A turn at a session of which a system has one only; other runs and other integrations wait for it too."""
        base = exposed(kind.base({"need": self._settings[system.alias]}))
        database, sleep = self._workspace.database, self._seams.sleep
        return lambda name: writer_lock(database, f"session {base} {name}", wait=SESSION_WAIT, sleep=sleep)

    def files(self, system: System) -> Files:
        """The files of a system: its SFTP server or folder."""
        if system.alias not in self._files:
            self._files[system.alias] = self._open_files(system)
        return self._files[system.alias]

    def _open_files(self, system: System) -> Files:
        kind, settings = system.kind, self._settings[system.alias]

        def watch(operation: str, path: str, outcome: str, size: int) -> None:
            self._watching.file(system.alias, operation, path, outcome, size)

        if kind.sftp is not None:
            login = sftp_settings(kind.sftp, settings, name=system.alias, allow_loopback=self._seams.allow_loopback)
            self._allow(system, f"https://{login.host}")
            return Sftp(login, watch=watch, clock=self._seams.clock, sleep=self._seams.sleep)
        if kind.folder is not None:
            root = Path(str(exposed(kind.folder.path({"need": settings}))))
            return Folder(root, watch=watch, clock=self._seams.clock)
        raise SetupError(f"`{system.alias}` ({system.name}) holds no files")

    def _allow(self, system: System, address: str) -> None:
        """Raises SetupError for a host outside the operator's list: a stranger's spec may name any host, and any secret."""
        allowed = self._seams.allowed_hosts
        if not allowed:
            return
        host = parse_url(address).host.lower()
        if host and not any(fnmatch.fnmatchcase(host, pattern.lower()) for pattern in allowed):
            raise SetupError(f"`{system.alias}` would reach `{host}`, which MLCONNECTOR_ALLOW_HOSTS does not allow")

    def _call(self, call: Call) -> None:
        self._watching.call(call)

    def close(self) -> None:
        """Ends every session; a failing logout stops nobody."""
        for http in self._https.values():
            http.close()
        for files in self._files.values():
            files.close()


def _token_addresses(kind: HttpKind) -> list[Tree]:
    """Where credentials go before any call: the token address, the login."""
    auth = kind.auth
    if isinstance(auth, OAuth2):
        return [auth.token_url]
    if isinstance(auth, SessionLogin) and not isinstance(auth.login.path, str):
        return [auth.login.path]
    return []
