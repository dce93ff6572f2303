"""Connections that are used again: at most so many at once, the one used last first.

httpcore's own pool looks at every connection for every request (measured: half of a call's processor time at 32 at once); one that is
handed out to one caller at a time needs no such look.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

import httpcore

from engine.connections.deadline import time_left
from engine.connections.http_network import Network

_IDLE = 5.0
"""Seconds an idle connection is kept: long enough for a chain of steps, shorter than servers and firewalls keep theirs."""


class Pool:
    """Safe to use from several threads. Who waits for a connection waits no longer than the call in hand has left."""

    def __init__(self, *, at_once: int, network: Network, tls: ssl.SSLContext) -> None:
        self._network = network
        self._tls = tls
        self._at_once = at_once
        self._turns = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._in_use = 0
        self._idle: list[httpcore.HTTPConnection] = []
        self._closed = False

    def send(self, request: httpcore.Request) -> tuple[httpcore.Response, Callable[[], None]]:
        """The answer, its body still to be read, and what must be called once it is: both as httpcore raises them."""
        if not self._turns.acquire(timeout=time_left(request.extensions.get("timeout", {}).get("pool"))):
            raise httpcore.PoolTimeout("every connection was in use until the deadline of the call")
        try:
            connection = self._take(request.url.origin)
        except BaseException:
            self._turns.release()
            raise
        try:
            answer = connection.handle_request(request)
        except BaseException:
            self._give_back(connection)
            raise
        return answer, lambda: self._give_back(connection)

    def close(self) -> None:
        """Closes what is idle now, and the rest as it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        """One that is open still, else a new one; what is dead, or one too many, is closed."""
        stale: list[httpcore.HTTPConnection] = []
        found: httpcore.HTTPConnection | None = None
        with self._lock:
            self._in_use += 1
            for at in range(len(self._idle) - 1, -1, -1):
                if self._idle[at].can_handle_request(origin):
                    candidate = self._idle.pop(at)
                    if not candidate.has_expired():
                        found = candidate
                        break
                    stale.append(candidate)
            while self._idle and self._in_use + len(self._idle) > self._at_once:
                stale.append(self._idle.pop(0))
        for connection in stale:
            connection.close()
        return found or httpcore.HTTPConnection(
            origin, ssl_context=self._tls, keepalive_expiry=_IDLE, network_backend=self._network
        )

    def _give_back(self, connection: httpcore.HTTPConnection) -> None:
        with self._lock:
            self._in_use -= 1
            kept = connection.is_idle() and not connection.is_closed() and not self._closed
            if kept:
                self._idle.append(connection)
        if not kept:
            connection.close()
        self._turns.release()
