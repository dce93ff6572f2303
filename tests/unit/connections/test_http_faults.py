"""Every way a call can end, over real sockets: servers that drip, cut, lie, redirect, bloat and talk nonsense."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.connections.exchange import ErrorRule, Exchange, Fixed, Retry
from engine.connections.http import Http, HttpKind
from engine.contracts import Call
from engine.errors import InDoubt, MlconnectorError, Refused, SetupError, TransientError

Serve = Callable[[socket.socket], None]
NOW = datetime(2026, 11, 21, tzinfo=UTC)
SAY: Any = lambda body: body.get("say") if isinstance(body, dict) else None  # noqa: E731


class Peer:
    """A server that reads one request per connection, does with the socket what it is told, and closes it."""

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.requests: list[bytes] = []
        self._stopped = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._threads = [threading.Thread(target=self._run)]
        self._threads[0].start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            conn, _ = self._listening.accept()
            if self._stopped.is_set():
                conn.close()
                return
            thread = threading.Thread(target=self._one, args=(conn,))
            self._threads.append(thread)
            thread.start()

    def _one(self, conn: socket.socket) -> None:
        with conn:
            try:
                self.requests.append(one_request(conn))
                self.serve(conn)
            except OSError:
                return

    def close(self) -> None:
        self._stopped.set()
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join(5)
        self._listening.close()


def one_request(conn: socket.socket) -> bytes:
    """The request as far as 64 KiB, so that nothing of a small one is left unread: closing would then reset."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += conn.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < min(length, 65536):
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def peer() -> Iterator[Callable[[Serve], Peer]]:
    made: list[Peer] = []

    def make(serve: Serve) -> Peer:
        made.append(Peer(serve))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Store:
    def get(self, name: str) -> bytes | None:
        return None

    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        raise AssertionError


def connect(port: int, calls: list[Call] | None = None, **changes: Any) -> Http:
    waits = changes.pop("waits", [])
    loopback = changes.pop("allow_loopback", True)
    changes.setdefault("retry", Retry(tries=1))
    kind = HttpKind(base=Fixed(f"http://127.0.0.1:{port}/api/"), **changes)
    return Http(
        kind,
        {},
        name="erp",
        watch=(calls if calls is not None else []).append,
        tokens=Store(),
        clock=lambda: NOW,
        sleep=waits.append,
        random=lambda: 0.5,
        allow_loopback=loopback,
    )


def answer(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> Serve:
    head = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body) if length is None else length}", "Connection: close"]
    raw = "\r\n".join([*head, *headers]).encode() + b"\r\n\r\n" + body
    return lambda conn: conn.sendall(raw)


def reset(conn: socket.socket) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


HTML = b"<html><body>Sign in</body></html>"
ERROR = json.dumps({"say": "Invalid Vendor ID.", "id": "c-1"}).encode()
POST = Exchange(post="Save", send=Fixed({"a": 1}))
GET = Exchange(get="Vendors")


def ends(port: int, call: str, **changes: Any) -> object:
    """What `read` or `write` gives: the answer's body, or the type of the error."""
    with closing(connect(port, **changes)) as http:
        try:
            got = http.write(POST, {}, step="save") if call == "write" else http.read(GET, {}, step="list")
        except MlconnectorError as error:
            return type(error)
        return got.body


WRITES: list[tuple[str, Serve, object]] = [
    ("2xx with a parsed body", answer(200, b'{"ok": true}'), {"ok": True}),
    ("created", answer(201, b'{"id": 7}'), {"id": 7}),
    ("no content", answer(204), None),
    ("429 twice", answer(429), TransientError),
    ("401", answer(401, ERROR), SetupError),
    ("401 from a proxy", answer(401, HTML), SetupError),
    ("403", answer(403, ERROR), SetupError),
    *((f"{code} with an API error", answer(code, ERROR), Refused) for code in (400, 404, 405, 409, 422)),
    *((f"{code} without an API error", answer(code, HTML), InDoubt) for code in (400, 404, 405, 409, 422)),
    ("400 empty", answer(400), InDoubt),
    ("408 even with an API error", answer(408, ERROR), InDoubt),
    ("500", answer(500, ERROR), InDoubt),
    ("503", answer(503, b""), InDoubt),
    ("302", answer(302, b"", "Location: http://127.0.0.1:1/x"), InDoubt),
    ("HTML with 200", answer(200, HTML), InDoubt),
    ("empty 200", answer(200), InDoubt),
    ("a body cut off where a length was promised", answer(200, b'{"ok": tr', length=50), InDoubt),
    ("a body cut off where none was", lambda conn: conn.sendall(b'HTTP/1.1 200 x\r\n\r\n{"ok": tr'), InDoubt),
    ("closed without an answer", lambda conn: None, InDoubt),
    ("half a status line", lambda conn: conn.sendall(b"HTTP/1.1 2"), InDoubt),
    ("reset", reset, InDoubt),
    ("not HTTP", lambda conn: conn.sendall(b"220 mail ready\r\n"), InDoubt),
    ("NaN", answer(200, b'{"total": NaN}'), InDoubt),
    ("a repeated name", answer(200, b'{"ok": true, "ok": false}'), InDoubt),
    ("nested too deep", answer(200, b"[" * 2000 + b"]" * 2000), InDoubt),
    ("damaged gzip", answer(200, gzip.compress(b'{"ok": true}' * 99)[:-20], "Content-Encoding: gzip"), InDoubt),
    ("not gzip at all", answer(200, b'{"ok": true}', "Content-Encoding: gzip"), InDoubt),
    ("an encoding nobody asked for", answer(200, b"x", "Content-Encoding: br"), InDoubt),
    (
        "good gzip",
        answer(200, gzip.compress(b'{"ok":') + gzip.compress(b" true}"), "Content-Encoding: gzip"),
        {"ok": True},
    ),
    ("good deflate", answer(200, zlib.compress(b'{"ok": true}'), "Content-Encoding: deflate"), {"ok": True}),
]


@pytest.mark.parametrize(("serve", "expected"), [row[1:] for row in WRITES], ids=[row[0] for row in WRITES])
def test_a_write_ends_as_the_table_says_and_is_sent_once(
    peer: Callable[[Serve], Peer], serve: Serve, expected: object, request: pytest.FixtureRequest
) -> None:
    server = peer(serve)
    assert ends(server.port, "write") == expected
    assert len(server.requests) == (2 if "429 twice" in request.node.name else 1)


READS: list[tuple[str, Serve, object]] = [
    ("a list", answer(200, b'{"value": []}'), {"value": []}),
    ("HTML with 200", answer(200, HTML), TransientError),
    ("empty 200", answer(200), TransientError),
    ("500", answer(500, ERROR), TransientError),
    ("404 without a rule is no `no records`", answer(404, ERROR), SetupError),
    ("404 as HTML", answer(404, HTML), SetupError),
    ("400 with an API error", answer(400, ERROR), Refused),
    ("400 as HTML", answer(400, HTML), SetupError),
    ("408", answer(408), TransientError),
    ("302", answer(302, b"", "Location: /login"), SetupError),
    ("reset", reset, TransientError),
    ("401", answer(401), SetupError),
    ("too many headers", answer(200, b"{}", *(f"X-{n}: {'y' * 900}" for n in range(80))), SetupError),
    ("headers without end", answer(200, b"{}", *(f"X-{n}: {'y' * 9000}" for n in range(80))), TransientError),
]


@pytest.mark.parametrize(("serve", "expected"), [row[1:] for row in READS], ids=[row[0] for row in READS])
def test_a_read_ends_as_the_table_says(peer: Callable[[Serve], Peer], serve: Serve, expected: object) -> None:
    assert ends(peer(serve).port, "read") == expected


def test_nothing_listening_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert ends(port, "write") is TransientError


def drip(conn: socket.socket) -> None:
    conn.sendall(b"HTTP/1.1 200 x\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        conn.sendall(b" ")
        time.sleep(0.02)


def drip_headers(conn: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 x\r\nX-Long: " + b"y" * 100:
        conn.sendall(bytes([byte]))
        time.sleep(0.02)


def silence(conn: socket.socket) -> None:
    conn.settimeout(1)
    conn.recv(1)


@pytest.mark.parametrize("serve", [drip, drip_headers, silence])
def test_the_deadline_ends_a_drip(peer: Callable[[Serve], Peer], serve: Serve) -> None:
    server = peer(serve)
    started = time.monotonic()
    assert ends(server.port, "write", deadline=timedelta(seconds=0.4)) is InDoubt
    assert 0.39 < time.monotonic() - started < 0.4 * 1.3


def test_the_deadline_ends_an_upload_that_nobody_takes(peer: Callable[[Serve], Peer]) -> None:
    server = peer(lambda conn: time.sleep(0.8))
    big = Exchange(post="Save", send=Fixed({"a": "x" * 30_000_000}))
    with closing(connect(server.port, deadline=timedelta(seconds=0.5))) as http:
        started = time.monotonic()
        with pytest.raises(InDoubt):
            http.write(big, {}, step="save")
        assert time.monotonic() - started < 0.5 * 1.3


def test_a_gzip_bomb_stops_at_the_cap(peer: Callable[[Serve], Peer]) -> None:
    bomb = gzip.compress(b"[" + b" " * 60 * 1024 * 1024 + b"]", 1)
    server = peer(answer(200, bomb, "Content-Encoding: gzip"))
    with closing(connect(server.port)) as http, pytest.raises(SetupError, match="larger than 50 MiB"):
        http.read(GET, {}, step="list")


def test_this_machine_is_refused_unless_allowed(peer: Callable[[Serve], Peer]) -> None:
    server = peer(answer(200, b"{}"))
    assert ends(server.port, "write", allow_loopback=False) is SetupError
    assert not server.requests


def test_a_redirect_is_not_followed(peer: Callable[[Serve], Peer]) -> None:
    other = peer(answer(200, b"{}"))
    first = peer(answer(307, b"", f"Location: http://127.0.0.1:{other.port}/x"))
    assert ends(first.port, "write") is InDoubt
    assert not other.requests


def test_every_attempt_is_watched(peer: Callable[[Serve], Peer]) -> None:
    calls: list[Call] = []
    waits: list[float] = []
    server = peer(answer(503, b"", "Retry-After: 7"))
    with (
        closing(connect(server.port, calls, retry=Retry(tries=3), waits=waits)) as http,
        pytest.raises(TransientError) as caught,
    ):
        http.read(GET, {}, step="list")
    assert caught.value.after == 7
    assert waits == [7, 7]
    assert [(c.system, c.step, c.method, c.status, c.outcome) for c in calls] == [
        ("erp", "list", "GET", 503, "uncertain")
    ] * 3
    assert calls[0].address == f"http://127.0.0.1:{server.port}/api/Vendors"


def test_what_goes_out(peer: Callable[[Serve], Peer]) -> None:
    server = peer(answer(200, b"{}"))
    with closing(connect(server.port, headers={"x-key": Fixed("k"), "x-none": Fixed(None)})) as http:
        http.write(Exchange(put="A/B", query={"$top": Fixed(1)}, headers={"X-Key": Fixed("own")}), {}, step="save")
    head = server.requests[0].decode().lower()
    assert head.startswith("put /api/a/b?$top=1 http/1.1\r\n")
    assert "x-key: own" in head
    assert "x-none" not in head
    assert "content-length: 0" in head


def test_a_rule_turns_prose_into_an_outcome(peer: Callable[[Serve], Peer]) -> None:
    rules = (
        ErrorRule(status=400, says="(?i)already exists", means="duplicate", message=SAY),
        ErrorRule(status="4xx", means="refused", message=SAY, reference=lambda body: body["id"]),
    )
    exists = peer(answer(400, b'{"say": "Invoice Already Exists."}'))
    with (
        closing(connect(exists.port, errors=rules)) as http,
        pytest.raises(InDoubt, match=r"Already Exists. \(HTTP 400\)") as caught,
    ):
        http.write(POST, {}, step="save")
    assert caught.value.duplicate
    refuses = peer(answer(400, ERROR))
    said = "`erp` step `save`: Invalid Vendor ID"
    with closing(connect(refuses.port, errors=rules)) as http, pytest.raises(Refused, match=said) as refused:
        http.write(POST, {}, step="save")
    assert (refused.value.reference, refused.value.status) == ("c-1", 400)
