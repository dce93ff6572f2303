"""How a spec says where files are: an SFTP server or a folder of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.connections.sftp_settings import SftpSettings
from engine.errors import SetupError
from engine.redaction import exposed

Tree = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordLogin:
    """`password:` of an SFTP login."""

    password: Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyLogin:
    """`key:` of an SFTP login."""

    private_key: Tree
    passphrase: Tree | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SftpKind:
    """`sftp:` of a system file."""

    host: Tree
    username: Tree
    auth: PasswordLogin | KeyLogin
    host_key: Tree
    port: Tree | None = None
    connect_timeout: timedelta = timedelta(seconds=10)
    operation_timeout: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderKind:
    """`folder:` of a system file."""

    path: Tree


def sftp_settings(kind: SftpKind, settings: Mapping[str, Any], *, name: str, allow_loopback: bool) -> SftpSettings:
    """The login with its values filled in. Raises SetupError naming what is missing; `name` is the system's alias."""
    scope = {"need": settings}

    def text(tree: Tree | None, what: str, *, optional: bool = False) -> str | None:
        value = exposed(tree(scope)) if tree is not None else None
        if isinstance(value, dict | list):
            raise SetupError(f"the {what} of `{name}` is no single value: correct its system file")
        if value in {None, ""} and not optional:
            raise SetupError(f"`{name}` has no {what}: give it in the integration's `with:`")
        return None if value in {None, ""} else str(value)

    auth = kind.auth
    return SftpSettings(
        host=text(kind.host, "host") or "",
        port=int(text(kind.port, "port", optional=True) or 22),
        username=text(kind.username, "user name") or "",
        password=text(auth.password, "password") if isinstance(auth, PasswordLogin) else None,
        private_key=text(auth.private_key, "private key") if isinstance(auth, KeyLogin) else None,
        passphrase=text(auth.passphrase, "passphrase", optional=True) if isinstance(auth, KeyLogin) else None,
        host_key=text(kind.host_key, "host key") or "",
        connect_timeout=kind.connect_timeout.total_seconds(),
        operation_timeout=kind.operation_timeout.total_seconds(),
        allow_loopback=allow_loopback,
    )
