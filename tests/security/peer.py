"""An HTTP server on loopback that does what a test tells it to."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """A request as the peer got it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


Answer = tuple[int, Mapping[str, str], bytes]


class Peer:
    """An HTTP server on loopback that answers what it is told to; a well-behaved shop until then."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.bills: list[dict[str, Any]] = []
        self.answer: Callable[[Asked], Answer | None] = lambda _asked: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Connection,), {"peer": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def posts(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "POST"]

    def as_shop(self, asked: Asked) -> Answer:
        """A shop that keeps bills and finds them by number."""
        if asked.method == "POST":
            bill = json.loads(asked.body)
            self.bills.append(bill)
            return 200, {}, json.dumps({"id": len(self.bills)}).encode()
        wanted = dict(urllib.parse.parse_qsl(asked.query)).get("number")
        return 200, {}, json.dumps({"items": [bill for bill in self.bills if bill["number"] == wanted]}).encode()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    peer: Peer

    def answer_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        asked = Asked(self.command, path, query, {k.lower(): v for k, v in self.headers.items()}, body)
        self.peer.asked.append(asked)
        status, headers, content = self.peer.answer(asked) or self.peer.as_shop(asked)
        if status == 0:  # the answer is lost
            return
        lines = [f"HTTP/1.0 {status} X", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        with suppress(OSError):
            self.wfile.write("\r\n".join(lines).encode("latin-1", "replace") + content)

    do_GET = do_POST = answer_one  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay quiet."""
