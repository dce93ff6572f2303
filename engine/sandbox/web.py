"""A small loopback web server for stand-ins: real sockets, keep-alive, one write per answer, faults on demand."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from engine.sandbox.faults import HTTP_KINDS, Faults
from engine.sandbox.history import History
from engine.sandbox.web_faults import plan
from engine.sandbox.web_messages import (
    Answer,
    Delivery,
    Refuse,
    Request,
    Response,
    by_method,
    operation_path,
    refuse_plainly,
)

__all__ = ["Request", "Response", "Web"]

MAX_BODY = 64 * 1024 * 1024


class Web:
    """Serves `answer` on 127.0.0.1 until stopped; `refuse` shapes the errors that faults ask for.

    `also` gives an operation a second name that faults know it by, for servers with one path for several operations;
    by itself that is the method and the last part of the path, `PUT Bill`.
    `forget_logins` kills the tokens given out so far, `later(seconds, work)` schedules work whose answer was lost,
    `sleep(seconds)` makes the waits of slow answers; without them real time passes, cut short by `stop`.
    """

    def __init__(
        self,
        answer: Answer,
        *,
        history: History,
        faults: Faults,
        refuse: Refuse = refuse_plainly,
        forget_logins: Callable[[], None] = lambda: None,
        also: Callable[[Request], str] = by_method,
        later: Callable[[float, Callable[[], None]], None] | None = None,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        port: int = 0,
    ) -> None:
        self.history = history
        self.faults = faults
        self.refuse = refuse
        self.forget_logins = forget_logins
        self.crashes: list[str] = []
        self.clock = clock
        self._answer = answer
        self._also = also
        self._later = later or self._start_timer
        self._stopping = threading.Event()
        self.sleep = sleep or self._stopping.wait
        self._port = port
        self._timers: list[threading.Timer] = []
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The origin, such as `http://127.0.0.1:40123`; RuntimeError before the start."""
        if self._server is None:
            raise RuntimeError("the stand-in is not running; use it in a `with` statement or call `start` first")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        self._stopping.clear()
        self._server = _Server(("127.0.0.1", self._port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="sandbox", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection, and wait until all threads are gone; work not yet landed never does."""
        if self._server is None or self._thread is None:
            return
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        for timer in self._timers:
            timer.cancel()
            timer.join()
        self._timers.clear()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def serve(self, request: Request) -> Delivery:
        """Do the work of one request, with the fault that is due now, and say how the answer leaves."""
        fault = self.faults.take(operation_path(request.path), HTTP_KINDS, also=self._also(request))
        delivery = plan(fault, request, self) if fault else Delivery(response=self.work(request))
        status = delivery.response.status if delivery.response else None
        self.history.call(request.method, request.path, status, query=request.query)
        return delivery

    def work(self, request: Request) -> Response:
        """The stand-in's own answer; a mistake in the stand-in becomes a 500 and an entry in `crashes`."""
        try:
            return self._answer(request)
        except Exception:  # noqa: BLE001  # a stand-in must not hang its client because of its own mistake
            self.crashes.append(traceback.format_exc())
            return self.refuse(request, 500, "The stand-in itself failed; see its `crashes`.")

    def land_later(self, seconds: float, request: Request) -> None:
        """Do the work of a request whose client has long given up."""
        self._later(seconds, lambda: _forget(self.work(request)))

    def _start_timer(self, seconds: float, work: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, work)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()


def _forget(response: Response) -> None:
    """Nobody waits for this answer."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], web: Web) -> None:
        self.web = web
        self.resets: set[socket.socket] = set()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="sandbox-connection", daemon=True
        )
        with self._guard:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            reset = request in self.resets
            self.resets.discard(request)
            self._open.pop(request, None)
        # A shutdown would send FIN first and hide the reset from the client.
        if reset:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.web.crashes.append(traceback.format_exc())

    def hang_up(self) -> None:
        with self._guard:
            pending = dict(self._open)
        for connection, thread in pending.items():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def answer_one(self) -> None:
        try:
            request = self._read()
            delivery = self.server.web.serve(request) if request else None
            if delivery is None:
                self.close_connection = True
            else:
                self._send(delivery)
        except OSError:  # the client went away: that is its right
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer_one

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is inherited
        """Stay quiet: the history has it."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def _read(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > MAX_BODY:
            self.send_error(411, "Send the body with a Content-Length of at most 64 MiB")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return None
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(method=self.command, path=path, query=query, headers=headers, body=body)

    def _send(self, delivery: Delivery) -> None:
        self.close_connection = self.close_connection or delivery.closes
        if delivery.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.server.resets.add(self.connection)
        if delivery.response is None:
            return
        wire = self._bytes(delivery)
        if not delivery.drip:
            self.connection.sendall(wire)
            return
        for position in range(len(wire)):
            self.connection.sendall(wire[position : position + 1])
            self.server.web.sleep(delivery.drip)

    def _bytes(self, delivery: Delivery) -> bytes:
        response = delivery.response or Response()
        headers = {"Date": format_datetime(self.server.web.clock().astimezone(UTC), usegmt=True)}
        if response.body:
            headers["Content-Type"] = response.content_type
        if response.status not in {204, 304} and delivery.announced:
            headers["Content-Length"] = str(len(response.body))
        headers |= dict(response.headers)
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}", *(f"{k}: {v}" for k, v in headers.items())]
        lines += [f"Set-Cookie: {cookie}" for cookie in response.cookies]
        body = b"" if self.command == "HEAD" else response.body
        body = body[: len(body) // 2] if delivery.cut else body
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
