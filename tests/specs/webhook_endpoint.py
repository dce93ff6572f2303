"""An endpoint for webhooks on loopback, as the service will have one: it takes deliveries in and does no work."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from engine.run.receiving import Taken, receive
from engine.run.seams import quiet
from engine.run.session import open_session


class Endpoint:
    """Between `with` and its end it takes what is sent to `url`. `cut`: so many deliveries are stored and never answered."""

    def __init__(self, world: Any, alias: str = "ramp") -> None:
        self.world = world
        self.alias = alias
        self.taken: list[Taken] = []
        self.cut = 0
        self._stack = ExitStack()

    def take(self, headers: dict[str, str], body: bytes) -> Taken | None:
        """The answer of one delivery; None where the process dies between storing and answering."""
        taken = receive(self._session, self.alias, headers, body)
        self.taken.append(taken)
        if self.cut:
            self.cut -= 1
            return None
        return taken

    def __enter__(self) -> Self:
        workspace = self._stack.enter_context(self.world.workspace())
        self._session = self._stack.enter_context(
            open_session(Path(self.world.spec), workspace, self.world.seams(), quiet)
        )
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self._stack.callback(server.server_close)
        self._stack.callback(thread.join)
        self._stack.callback(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_address[1]}/webhooks/{self.alias}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()


def _handler(endpoint: Endpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            taken = endpoint.take(dict(self.headers.items()), body)
            self.close_connection = True
            if taken is not None:
                self.send_response(taken.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Nothing is printed."""

    return Handler
