"""Servers that take messages, for tests of whoever sends them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sink:
    """A web server that takes messages, or answers with another status."""

    def __init__(self) -> None:
        self.status = 200
        self.answer = ""
        self.got: list[dict[str, Any]] = []
        self.paths: list[str] = []
        sink = self

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.paths.append(self.path)
                if sink.status == 200:
                    sink.got.append(json.loads(body))
                self.send_response(sink.status)
                if sink.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(sink.answer)))
                self.end_headers()
                self.wfile.write(sink.answer.encode())

            def log_message(self, *_words: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def address(self) -> str:
        return f"json://teller:s3cret-of-the-sink@127.0.0.1:{self.port}/hooks/T0KEN-1234567890abc"

    @property
    def bodies(self) -> list[str]:
        return [each["message"] for each in self.got]

    @property
    def subjects(self) -> list[str]:
        return [each["title"] for each in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
