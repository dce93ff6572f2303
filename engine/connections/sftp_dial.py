"""Reaching an SSH server: socket, algorithms, key exchange. Nothing secret is sent here."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from contextlib import suppress

import paramiko
from paramiko.ssh_exception import IncompatiblePeer, SSHException

from engine.connections.addresses import resolve
from engine.connections.sftp_packets import LostError, Reader
from engine.errors import MlconnectorError, SetupError, TransientError

# GCM is fastest (measured 543 against 255 MB/s) and last in the library's own order; CBC, 3DES and MD5 are left out.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr", "aes192-ctr", "aes128-ctr")
_DIGESTS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
)
_MODERN = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_WINDOW = 4 * 1024 * 1024
_KEXINIT = 20

# The library writes its debug traffic and tracebacks to its logger; unasked they would end up on stderr.
_log = logging.getLogger("paramiko")
_log.addHandler(logging.NullHandler())
_log.setLevel(logging.CRITICAL)


def dial(
    host: str,
    port: int,
    *,
    timeout: float,
    key_types: frozenset[str] = frozenset(),
    allow_loopback: bool = True,
) -> paramiko.Transport:
    """A transport whose host key is known but neither checked nor logged in. `key_types` empty = any modern one.

    Raises SetupError when the two sides have no algorithm in common, TransientError when nobody answers.
    """
    transport = paramiko.Transport(
        _connect(host, port, timeout, allow_loopback=allow_loopback), default_window_size=_WINDOW
    )
    try:
        transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = timeout
        transport.channel_timeout = timeout
        options = transport.get_security_options()
        options.ciphers = _wanted(_CIPHERS, options.ciphers)
        options.digests = _wanted(_DIGESTS, options.digests)
        options.key_types = _algorithms(key_types, options.key_types)
        transport.start_client(timeout=timeout)
        transport.get_remote_server_key()
    except (SSHException, EOFError, OSError, ValueError) as error:
        close(transport)
        raise _meaning(error, host, port, timeout, key_types) from error
    except BaseException:
        close(transport)
        raise
    return transport


def close(transport: paramiko.Transport) -> None:
    """Ends a transport with its thread and its socket, in whatever state it is."""
    # The library's thread looks up only every 0.1 s; the end of the socket wakes it at once.
    with suppress(OSError):
        transport.sock.shutdown(socket.SHUT_RDWR)
    transport.close()
    transport.sock.close()
    if transport.is_alive():
        transport.join(5)


def _connect(host: str, port: int, timeout: float, *, allow_loopback: bool = True) -> socket.socket:
    reason = "it has no address"
    for address in resolve(host, port, allow_loopback=allow_loopback):
        try:
            sock = socket.create_connection((address, port), timeout=timeout)
        except OSError as error:
            reason = "no answer" if isinstance(error, TimeoutError) else str(error.strerror or error).lower()
            continue
        return _tuned(sock)
    raise TransientError(f"`{host}` port {port} can't be reached: {reason}")


def _tuned(sock: socket.socket) -> socket.socket:
    # Without it small requests wait for acknowledgements: 20 to 70 times slower (measured).
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)
    return sock


def _wanted(wanted: Sequence[str], available: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in wanted if name in available)


def _algorithms(key_types: frozenset[str], available: Sequence[str]) -> tuple[str, ...]:
    """Host key algorithms to offer. SHA-1 `ssh-rsa` only for a pinned RSA key, last, and where the library has it."""
    wanted = [name for name in _MODERN if not key_types or name in key_types]
    if "ssh-rsa" in key_types:
        wanted += ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]
    offered = _wanted(wanted, available)
    if not offered:
        kinds = ", ".join(f"`{name}`" for name in sorted(key_types))
        raise SetupError(f"host keys of type {kinds} are not supported; pin the server's ed25519, ECDSA or RSA key")
    return offered


def _meaning(error: Exception, host: str, port: int, timeout: float, key_types: frozenset[str]) -> MlconnectorError:
    if not isinstance(error, IncompatiblePeer):
        reason = str(error) or "the server ended the handshake"
        if "No existing session" in reason:
            reason = f"the handshake took longer than {timeout:g} seconds"
        return TransientError(f"`{host}` port {port} did not finish the SSH handshake: {reason}")
    if "host key" not in str(error):
        return SetupError(f"`{host}` port {port} offers no encryption we accept ({error}); its owner must update it")
    offered = offered_key_types(host, port, timeout=timeout)
    shown = ", ".join(f"`{name}`" for name in offered) or "none"
    if set(offered) <= {"ssh-rsa", "ssh-dss"}:
        return SetupError(
            f"`{host}` port {port} only offers {shown} host keys, which rely on SHA-1 and are no longer accepted;"
            " its owner must update the server, or install `paramiko<5` and pin its ssh-rsa key until then"
        )
    kinds = ", ".join(f"`{name}`" for name in sorted(key_types))
    return SetupError(
        f"`{host}` port {port} has no host key of the pinned type {kinds} (it offers {shown});"
        " if its owner confirms the change, set `host_key` to the new key"
    )


def offered_key_types(host: str, port: int, *, timeout: float) -> tuple[str, ...]:
    """The host key algorithms a server announces (RFC 4253, 7.1), read without taking part; empty when unreadable."""
    try:
        with _connect(host, port, timeout) as sock, sock.makefile("rb") as stream:
            sock.sendall(b"SSH-2.0-mlconnector\r\n")
            for _ in range(100):
                if stream.readline(1024).startswith(b"SSH-"):
                    break
            size = int.from_bytes(stream.read(4), "big")
            packet = Reader(stream.read(min(size, 65536)))
    except (OSError, TransientError, SetupError):
        return ()
    try:
        packet.byte()
        if packet.byte() != _KEXINIT:
            return ()
        packet.take(16)
        packet.text()
        return tuple(packet.text().decode("ascii", "replace").split(","))
    except LostError:
        return ()
