"""Logging in: the host key is checked against the pins before any credential leaves this machine."""

from __future__ import annotations

import base64
from collections.abc import Callable

import paramiko
from paramiko.ssh_exception import AuthenticationException, BadAuthenticationType, SSHException

from engine.connections.host_keys import Pins, fingerprint, key_type, parse_pins
from engine.connections.sftp_dial import close, dial
from engine.connections.sftp_password import give_password
from engine.connections.sftp_settings import SftpSettings
from engine.connections.ssh_keys import load_private_key
from engine.errors import SetupError, TransientError

__all__ = ["SftpSettings", "log_in", "probe_login", "scan_host_key"]

_FAMILIES = (
    frozenset({"ssh-ed25519"}),
    frozenset({"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}),
    frozenset({"rsa-sha2-512", "rsa-sha2-256"}),
)


def scan_host_key(
    host: str, port: int = 22, *, timeout: float = 10.0, allow_loopback: bool = True
) -> tuple[str, str, str]:
    """(type, base64, fingerprint) of the key a server shows now; for a person to compare, never to trust by itself."""
    transport = dial(host, port, timeout=timeout, allow_loopback=allow_loopback)
    try:
        blob = transport.get_remote_server_key().asbytes()
    finally:
        close(transport)
    return key_type(blob), base64.b64encode(blob).decode(), fingerprint(blob)


def log_in(settings: SftpSettings) -> paramiko.Transport:
    """A transport to the pinned server, logged in. Raises SetupError, TransientError."""
    pins = parse_pins(settings.host_key, settings.host, settings.port)
    key = _key(settings)
    transport = _verified(settings, pins)
    try:
        _authenticate(transport, settings, key)
    except BaseException:
        close(transport)
        raise
    return transport


def probe_login(settings: SftpSettings, met: Callable[[str], None]) -> None:
    """The same for a person who asks what works: `met` is told the pinned key's fingerprint before anything is sent."""
    transport = _verified(settings, parse_pins(settings.host_key, settings.host, settings.port))
    try:
        met(fingerprint(transport.get_remote_server_key().asbytes()))
        _authenticate(transport, settings, _key(settings))
    finally:
        close(transport)


def _key(settings: SftpSettings) -> paramiko.PKey | None:
    """The private key, where one is set. Raises SetupError when there is nothing to log in with."""
    key = load_private_key(settings.private_key, settings.passphrase) if settings.private_key else None
    if key is None and not settings.password:
        raise SetupError(f"no `password` and no `private_key` is set for `{settings.username}` on `{settings.place}`")
    return key


def _verified(settings: SftpSettings, pins: Pins) -> paramiko.Transport:
    transport = _dial(settings, pins.types)
    shown = transport.get_remote_server_key().asbytes()
    if pins.accept(shown):
        return transport
    close(transport)
    # A fingerprint does not tell its type: the server may have shown another of its keys than the pinned one.
    for family in _FAMILIES if pins.fingerprints else ():
        if key_type(shown) in family or (key_type(shown) == "ssh-rsa" and "rsa-sha2-512" in family):
            continue
        try:
            transport = _dial(settings, family)
        except SetupError:
            continue
        if pins.accept(transport.get_remote_server_key().asbytes()):
            return transport
        close(transport)
    state = "a revoked host key" if shown in pins.revoked else "another host key than the pinned one"
    raise SetupError(
        f"`{settings.place}` shows {state}: {key_type(shown)} {fingerprint(shown)}. Nothing was sent."
        " Ask the server's owner whether the key was changed; only then set `host_key` to the new one"
    )


def _dial(settings: SftpSettings, key_types: frozenset[str]) -> paramiko.Transport:
    return dial(
        settings.host,
        settings.port,
        timeout=settings.connect_timeout,
        key_types=key_types,
        allow_loopback=settings.allow_loopback,
    )


def _authenticate(transport: paramiko.Transport, settings: SftpSettings, key: paramiko.PKey | None) -> None:
    who = f"`{settings.place}` refused the login of `{settings.username}`"
    used, unanswered = "private key", list[str]()
    try:
        if key is not None:
            transport.auth_publickey(settings.username, key)
        # Either there is no key, or the server wants a second factor after it.
        if not transport.is_authenticated() and settings.password:
            used = "password"
            give_password(transport, settings.username, settings.password, first=key is None, unanswered=unanswered)
    except BadAuthenticationType as error:
        raise SetupError(f"{who}{_accepted(error.allowed_types)}") from error
    except (AuthenticationException, SSHException, EOFError, OSError) as error:
        # The library raises the same class for a refusal, a lost connection and a time-out.
        if isinstance(error, AuthenticationException) and transport.is_active() and "timeout" not in str(error):
            raise SetupError(f"{who}{_wrong(used, unanswered)}") from error
        raise TransientError(f"`{settings.place}` ended the connection during login: {error}") from error
    if not transport.is_authenticated():
        missing = "a password, and none is set" if used != "password" else "a further step, which a run can't take"
        raise SetupError(f"{who}: after the {used} it also asks for {missing}")


def _wrong(used: str, unanswered: list[str]) -> str:
    if unanswered:
        return f": it also asks `{unanswered[0]}`, and nobody is there to answer; ask its owner for a login by key"
    return f": check the user name and the {used}"


def _accepted(ways: list[str]) -> str:
    allowed = ", ".join(f"`{way}`" for way in ways if way)
    if not allowed:
        return " and lets nobody log in under that name; ask its owner about the account"
    return f": it accepts only {allowed}; set the matching credential"
