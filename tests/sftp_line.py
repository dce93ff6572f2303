"""A wire on loopback between a visitor and a server, which can be cut at a chosen moment or go silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

Moment = Callable[[], bool]


def never() -> bool:
    return False


class Line:
    """Visitors connect to `port`. What goes over it is encrypted, so that a moment is told by what can be seen outside.

    `before_answer` is asked with each piece that comes from the server, `before_request` with each that goes there. The
    first time one says yes, that piece is lost, the connection is cut, and from then on nobody is asked again.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.before_answer = self.before_request = never
        self.silent = threading.Event()
        self.cuts = 0
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(5)
        self._listener.close()
        _cut(*self._ends)
        for thread in self._threads[1:]:
            thread.join(5)
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                visitor, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:
                return
            self._ends += [visitor, server]
            for source, sink in ((visitor, server), (server, visitor)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._pump, args=(source, sink, sink is visitor))
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                if self._is_moment(answers=answers):
                    self.cuts += 1
                    break
                if not self.silent.is_set():
                    sink.sendall(piece)
        _cut(source, sink)

    def _is_moment(self, *, answers: bool) -> bool:
        if not (self.before_answer if answers else self.before_request)():
            return False
        self.before_answer = self.before_request = never
        return True


def _cut(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
