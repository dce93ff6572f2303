"""A small system on loopback, and kinds built from YAML the way the compiler builds them."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from engine.connections.exchange import ErrorRule, Fixed, Retry
from engine.connections.http import Http, HttpKind
from engine.mapping.expressions import Expression
from engine.run.build import Builder
from engine.spec.document import read_document
from engine.spec.problems import Problems


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What the system says; `lost` closes the connection without a word."""

    status: int = 200
    body: Any = None
    raw: bytes | None = None
    lost: bool = False
    headers: dict[str, str] = field(default_factory=dict)


Serve = Callable[[Asked], Reply]
LOST = Reply(lost=True)


@contextmanager
def serving(serve: Serve) -> Iterator[str]:
    """The base address of a server that answers by `serve`."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(data) if data else None
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            reply = serve(Asked(self.command, parts.path.removeprefix("/api/"), query, body))
            self.close_connection = True
            if reply.lost:
                return
            out = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
            self.send_response_only(reply.status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(out))}.items():
                self.send_header(name, value)
            self.send_header("Connection", "close")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(out)

        def log_message(self, *_: Any) -> None:
            pass

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._serve)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Tokens:
    def get(self, name: str) -> bytes | None:
        return None

    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        raise AssertionError


class Time:
    """A clock that moves only by waiting."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


ERRORS = (
    ErrorRule(status=404, body=Expression("gone"), means="absent"),
    ErrorRule(status=404, means="setup", say="no such service"),
    ErrorRule(status=409, means="duplicate", message=Expression("why")),
    ErrorRule(status=403, means="setup", message=Expression("why")),
    ErrorRule(status="4xx", means="refused", message=Expression("why"), reference=Expression("id")),
)
GONE = Reply(status=404, body={"gone": True})


@contextmanager
def connected(serve: Serve, need: Mapping[str, Any] | None = None, time: Time | None = None) -> Iterator[Http]:
    """A connection to a server that answers by `serve`."""
    time = time or Time()
    with serving(serve) as base:
        kind = HttpKind(base=Fixed(base), errors=ERRORS, retry=Retry(tries=2, cap=timedelta(seconds=1)))
        http = Http(
            kind, need or {}, name="erp", watch=lambda call: None, tokens=Tokens(), clock=time.clock,
            sleep=lambda seconds: None, random=lambda: 0.5, allow_loopback=True,
        )  # fmt: skip
        with http:
            yield http


def built(kind: type, text: str) -> Any:
    """The kind a block of YAML stands for."""
    problems = Problems()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "block.yaml"
        file.write_text(text)
        node = read_document(file, problems)
    value = Builder(problems, {}).build(kind, node) if node is not None else None
    assert not problems.found, [str(problem) for problem in problems.found]
    assert isinstance(value, kind)
    return value
