"""A shop on raw sockets: it stores what is posted to it, and each answer leaves, or does not, exactly as a test says."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Document = dict[str, Any]
HTML = b"<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>"


@dataclass
class Asked:
    """One request as it came in, and the connection to answer on; `body` None: it was not read to its end."""

    shop: Shop
    conn: socket.socket
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any = None

    def store(self) -> Document:
        """Does what was asked: the document is in the shop from now on."""
        kept = {**(self.body or {}), "id": self.shop.next_id()}
        with self.shop.lock:
            self.shop.stored.append(kept)
        return kept

    def answer(self, status: int, body: bytes | Any = b"", *headers: str, length: int | bool | None = True) -> None:
        """One answer, whole; `length` None leaves Content-Length out, a number lies about it."""
        self.conn.sendall(message(status, body, *headers, length=length))

    def reset(self) -> None:
        """The connection ends with a reset and not with an orderly close."""
        self.conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def linger(self) -> None:
        """Says nothing until the other side gives up."""
        self.conn.settimeout(10)
        while self.conn.recv(65536):
            pass


def message(status: int, body: bytes | Any = b"", *headers: str, length: int | bool | None = True) -> bytes:
    """An answer's bytes; a body that is no bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} x", "Connection: close", *headers]
    if length is not None:
        head.append(f"Content-Length: {len(raw) if length is True else length}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + raw


Ending = Callable[[Asked], None]
"""What becomes of one request that would store a document."""


@dataclass
class Shop:
    """`endings` are for the next posts, in turn; then every post is stored and answered with its id.

    `unread`: only the head of a post is read, so that its sender is cut off, or left waiting, in the middle.
    """

    stored: list[Document] = field(default_factory=list)
    endings: deque[Ending] = field(default_factory=deque)
    posts: int = 0
    looks: int = 0
    tokens: int = 0
    unread: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    _ids: int = 0

    def next_id(self) -> int:
        with self.lock:
            self._ids += 1
            return self._ids

    def start(self) -> Self:
        self._stopped = threading.Event()
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(32)
        self.port = self._listening.getsockname()[1]
        self._open: dict[threading.Thread, socket.socket] = {}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopped.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listening.close()
        for thread, conn in list(self._open.items()):
            with suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
            thread.join(5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        while True:
            conn, _ = self._listening.accept()
            if self._stopped.is_set():
                conn.close()
                return
            thread = threading.Thread(target=self._one, args=(conn,))
            self._open[thread] = conn
            thread.start()

    def _one(self, conn: socket.socket) -> None:
        with conn, suppress(OSError, ValueError):
            asked = self._read(conn)
            if asked is not None:
                self._serve(asked)
        self._open.pop(threading.current_thread(), None)

    def _read(self, conn: socket.socket) -> Asked | None:
        got = b""
        while b"\r\n\r\n" not in got:
            piece = conn.recv(65536)
            if not piece:
                return None
            got += piece
            if got[:1] == b"\x16":  # a TLS greeting
                conn.sendall(message(400, b"plain HTTP is spoken here"))
                return None
        head, _, body = got.partition(b"\r\n\r\n")
        line, *rest = head.decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        parts = urlsplit(target)
        asked = Asked(self, conn, method, parts.path, parse_qs(parts.query), headers)
        if not (self.unread and self._stores(asked)):
            while len(body) < int(headers.get("content-length", "0")):
                body += conn.recv(65536)
            is_json = headers.get("content-type", "").startswith("application/json")
            asked.body = json.loads(body) if body and is_json else None
        return asked

    @staticmethod
    def _stores(asked: Asked) -> bool:
        return (asked.method, asked.path) == ("POST", "/api/bills")

    def _serve(self, asked: Asked) -> None:
        if asked.path == "/token":
            self.tokens += 1
            asked.answer(200, {"access_token": f"token-number-{self.tokens:04}", "expires_in": 3600})
        elif self._stores(asked):
            self.posts += 1
            ending = self.endings.popleft() if self.endings else accept
            ending(asked)
        else:
            self.looks += 1
            with self.lock:
                found = [each for each in self.stored if [each["number"]] == asked.query.get("number")]
            asked.answer(200, {"items": found})


def accept(asked: Asked) -> None:
    """As it should be."""
    asked.answer(201, {"id": asked.store()["id"]})
