"""Controls 16, 17, 20: real sockets that speak an old TLS, show a certificate nobody knows, or never stop sending headers."""

from __future__ import annotations

import socket
import ssl
import threading
import warnings
from contextlib import contextmanager, suppress

import pytest

from engine.connections.exchange import Exchange, Fixed
from engine.connections.http import Http, HttpKind
from engine.connections.http_network import Network
from engine.connections.http_transport import Transport, tls_context
from engine.errors import InDoubt, SetupError, TransientError
from tests.unit.connections.test_http_network import NOW, Nothing, self_signed

HELLO = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"id": 1}'


@contextmanager
def served(context=None, answer=HELLO):
    """A server for one connection; what reached it in the clear (after TLS, where there is any)."""
    got = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)

        def serve():
            with suppress(OSError):
                conn, _ = listening.accept()
                with conn:
                    conn.settimeout(5)
                    talk = context.wrap_socket(conn, server_side=True) if context else conn
                    got.append(talk.recv(65536))
                    talk.sendall(answer)
                    talk.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], got
        with suppress(OSError):  # nobody came
            socket.create_connection(listening.getsockname(), 1).close()
        thread.join(10)


def http_at(port, tls=None):
    return Http(
        HttpKind(base=Fixed(f"https://127.0.0.1:{port}/" if tls is not False else f"http://127.0.0.1:{port}/")), {},
        name="erp", watch=lambda call: None, tokens=Nothing(), clock=lambda: NOW, sleep=lambda seconds: None,
        random=lambda: 0.0, allow_loopback=True,
        transport=Transport(at_once=1, network=Network(allow_loopback=True), tls=tls) if tls else None,
    )  # fmt: skip


def server_side(folder, *, newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(folder))
    if newest:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the very thing
            context.minimum_version = context.maximum_version = newest
    return context


def trusting(folder):
    """Our own context, where an operator's file vouches for the server."""
    context = ssl.create_default_context(cafile=str(folder / "server.pem"))
    context.check_hostname = False
    context.minimum_version = tls_context().minimum_version
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_17_an_older_tls_is_refused_and_nothing_is_sent(tmp_path, version):
    context = server_side(tmp_path, newest=version)
    with (
        served(context) as (port, got),
        http_at(port, trusting(tmp_path)) as http,
        pytest.raises((SetupError, TransientError)),
    ):
        http.write(Exchange(post="Save"), {}, step="save")
    assert got == []


def test_17_tls_1_2_with_a_known_certificate_works(tmp_path):
    """The refusals above are about the version, not about the test."""
    context = server_side(tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with served(context) as (port, got), http_at(port, trusting(tmp_path)) as http:
        assert http.write(Exchange(post="Save"), {}, step="save").body == {"id": 1}
    assert got[0].startswith(b"POST /Save")


def test_17_the_context_every_connection_has_verifies():
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("wrong", ["self-signed", "another host's name"])
def test_17_a_certificate_that_is_not_the_hosts_gets_no_request(tmp_path, wrong):
    """Not even the headers, in which the login is."""
    context = server_side(tmp_path)
    tls = None
    if wrong != "self-signed":
        tls = trusting(tmp_path)
        tls.check_hostname = True
    with served(context) as (port, got), http_at(port, tls) as http, pytest.raises(SetupError, match="certificate"):
        http.write(Exchange(post="Save"), {}, step="save")
    assert got == []


def test_17_plain_http_on_a_tls_port_is_no_answer(tmp_path):
    with (
        served(None, b"HTTP/1.1 400 Bad Request\r\n\r\n") as (port, got),
        http_at(port) as http,
        pytest.raises((SetupError, TransientError)),
    ):
        http.write(Exchange(post="Save"), {}, step="save")
    assert not [asked for asked in got if b"POST" in asked]


@pytest.mark.parametrize(
    "headers",
    [b"X-A: " + b"x" * 70_000 + b"\r\n", b"".join(b"X-%d: y\r\n" % n for n in range(9_000)), b"X-A: " + b"x" * 5_000_000 + b"\r\n"],
    ids=["one of 70 kB", "nine thousand", "one of 5 MB"],
)  # fmt: skip
def test_20_headers_beyond_64_kib_are_no_success(headers):
    answer = b"HTTP/1.1 200 OK\r\n" + headers + b'Content-Length: 9\r\n\r\n{"id": 1}'
    with served(None, answer) as (port, _got), http_at(port, False) as http, pytest.raises(InDoubt):
        http.write(Exchange(post="Save"), {}, step="save")


@pytest.mark.parametrize("depth", [65, 1_000])
def test_20_json_deeper_than_64_levels_is_no_success(depth):
    body = b'{"a":' * depth + b"1" + b"}" * depth
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with served(None, answer) as (port, _got), http_at(port, False) as http, pytest.raises(InDoubt):
        http.write(Exchange(post="Save"), {}, step="save")


def test_20_json_of_60_levels_is_read():
    body = b'{"a":' * 60 + b"1" + b"}" * 60
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with served(None, answer) as (port, _got), http_at(port, False) as http:
        assert http.write(Exchange(post="Save"), {}, step="save").status == 200
