"""httpx over our own sockets: HTTP/1.1, TLS 1.2 or newer, never a proxy, never a redirect, never a silent second try."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import httpcore
import httpx

from engine.connections.deadline import time_left
from engine.connections.http_network import Network
from engine.connections.http_pool import Pool

_SAME: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
)


class Transport(httpx.BaseTransport):
    """One pool of at most `at_once` connections."""

    def __init__(self, *, at_once: int, network: Network, tls: ssl.SSLContext | None = None) -> None:
        self._pool = Pool(at_once=at_once, network=network, tls=tls or tls_context())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if time_left(None) == 0:
            raise httpx.PoolTimeout("the deadline of the call passed before anything was sent")
        url = request.url
        passed_on = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            answer, give_back = self._pool.send(passed_on)
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer.stream, give_back),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """An answer's bytes; closing it frees the connection, once."""

    def __init__(self, stream: Iterable[bytes], give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back = [give_back]

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        if self._give_back:
            give_back = self._give_back.pop()
            try:
                self._stream.close()  # type: ignore[attr-defined]  # httpcore's streams have it, its type does not say so
            finally:
                give_back()


@cache
def tls_context() -> ssl.SSLContext:
    """The one context all connections share: the system's and certifi's authorities; `SSL_CERT_FILE` adds an operator's own."""
    import certifi

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        for theirs, ours in _SAME:
            if isinstance(error, theirs):
                raise ours(str(error)) from error
        raise
