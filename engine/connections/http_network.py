"""Sockets that obey the deadline of the call in hand, to addresses that are allowed."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import httpcore

from engine.connections.deadline import time_left
from engine.connections.origin import why_forbidden
from engine.errors import SetupError

Resolve = Callable[[str, int], Iterable[str]]
"""Host and port to IP addresses. Raises OSError."""

_PIECE = 64 * 1024


class Stream(httpcore.NetworkStream):
    """A socket whose every wait is at most what the call in hand has left. A request's head and body leave together."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner
        self._held: list[bytes] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # What a server that hung up still has to say is read, as httpcore does after a write that failed.
        with suppress(httpcore.WriteError):
            self._flush(timeout)
        left = time_left(timeout)
        if left == 0:
            raise httpcore.ReadTimeout("the deadline of the call has passed")
        return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # httpcore writes head, body and (nothing, as a rule) for the end: the end sends it all, and so does reading the answer.
        if buffer:
            self._held.append(buffer)
        if not buffer or len(buffer) >= _PIECE:
            self._flush(timeout)

    def _flush(self, timeout: float | None) -> None:
        if not self._held:
            return
        held, self._held = self._held, []
        # `send` takes what fits: looked at after each piece, a peer that reads one byte at a time can't hold the call.
        sock = self._inner.get_extra_info("socket")
        view = memoryview(held[0] if len(held) == 1 else b"".join(held))
        try:
            while view:
                left = time_left(timeout)
                if left == 0:
                    raise httpcore.WriteTimeout("the deadline of the call has passed")
                sock.settimeout(left)
                view = view[sock.send(view[:_PIECE]) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = time_left(timeout)
        if left == 0:
            raise httpcore.ConnectTimeout("the deadline of the call has passed")
        return Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class Network(httpcore.NetworkBackend):
    """Dials the addresses a name stands for, each checked first: a name that points to a metadata service is refused."""

    def __init__(self, *, allow_loopback: bool, resolve: Resolve | None = None) -> None:
        self._allow_loopback = allow_loopback
        self._resolve = resolve or _resolve
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port)
        failed: Exception = httpcore.ConnectError(f"`{host}` has no address")
        for number, address in enumerate(addresses):
            left = time_left(timeout)
            if left == 0:
                raise httpcore.ConnectTimeout("the deadline of the call has passed")
            share = None if left is None else left / (len(addresses) - number)
            try:
                return Stream(self._inner.connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(dict.fromkeys(self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name `{host}` was not found: {error}") from error
        for address in addresses:
            why = why_forbidden(ipaddress.ip_address(address.partition("%")[0]), allow_loopback=self._allow_loopback)
            if why:
                raise SetupError(
                    f"`{host}` {why}: nothing is sent there. Correct the address in the settings, or the name server"
                )
        return addresses


def _resolve(host: str, port: int) -> Iterable[str]:
    return (str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
