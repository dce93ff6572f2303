"""The process's one address: webhooks, health, figures and the console behind it, for the hosts it answers to."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import SetupError
from engine.service.answers import error
from engine.service.health import health_routes
from engine.service.hooks import Hooks
from engine.service.hosts import host_name
from engine.service.metrics import Metrics
from engine.service.parts import Parts

if TYPE_CHECKING:
    import uvicorn

    from engine.service.web_protocol import Patient

log = logging.getLogger(__name__)

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LEAVING = 5
"""Seconds that requests under way get when the process stops."""

MOST_AT_ONCE = 600
_UNGUARDED = frozenset({"/live", "/ready"})  # a probe asks by the machine's address, whatever that is


def create_app(
    parts: Parts, *, console: bool = True, ready: Callable[[], bool], hosts: Iterable[str] = ()
) -> Starlette:
    """Everything the process answers. `hosts`: names it is reached by, besides this machine's and the public address's."""
    allowed = {*LOOPBACK, *map(host_name, hosts)}
    if parts.address:
        allowed.add(urlsplit(parts.address).hostname or "")
    hooks = Hooks(parts)
    metrics = Metrics(parts, hooks.counts)
    routes: list[BaseRoute] = [*hooks.routes, *health_routes(parts, ready), *metrics.routes]
    if console:
        from engine.service.console.app import console_routes

        routes += console_routes(parts)

    @asynccontextmanager
    async def open_for_work(_app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(hooks.close)

    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, parts=parts, allowed=allowed)],
        exception_handlers={HTTPException: _said},
        lifespan=open_for_work,
    )
    app.router.redirect_slashes = False
    app.state.hosts = allowed
    app.state.deliveries = hooks.counts
    return app


class Guard:
    """Around everything: only for hosts that are ours, and no error shows what is inside."""

    def __init__(self, app: ASGIApp, *, parts: Parts, allowed: set[str]) -> None:
        self._app = app
        self._parts = parts
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not self._is_ours(scope):
            await error(421, "this host is not served here: name it with --allow-host").send(send)
            return
        answered = False

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as problem:  # noqa: BLE001 - the last resort: nothing of it is told outside
            name = self._noted(scope, problem)
            if answered:
                raise _Cut from None  # the connection ends: half an answer must not look whole
            await error(500, f"something went wrong here; the log has it as {name}").send(send)

    def _is_ours(self, scope: Scope) -> bool:
        """By name, or by the very address it came in at, which no name of somebody else's can be."""
        if scope["path"] in _UNGUARDED:
            return True
        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1:
            return False
        name = host_name(given[0].decode("latin-1"))
        server = scope.get("server")
        return name in self._allowed or (server is not None and name == server[0])

    def _noted(self, scope: Scope, problem: Exception) -> str:
        name = secrets.token_hex(4)
        told = "".join(traceback.format_exception(problem))
        text = self._parts.workspace.redactor.text(told)
        log.error("%s %s failed (%s): %s", scope["method"], scope["path"], name, text)
        return name


class _Cut(Exception):
    """An answer that can't be ended."""


class WebServer:
    """The application on an address, in a thread of its own."""

    def __init__(self, app: Starlette, *, protocol: type[Patient] | None = None) -> None:
        self._app = app
        self._protocol = protocol
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, host: str, port: int) -> str:
        """Answers when it returns; the address it is reached at. Port 0: any that is free. Raises SetupError."""
        import uvicorn

        from engine.service.web_protocol import Patient

        self._app.state.hosts.add(host_name(host))
        listening = _listen(host, port)
        config = uvicorn.Config(
            self._app,
            http=self._protocol or Patient,
            ws="none",
            lifespan="on",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=LEAVING,
            backlog=2048,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), name="web", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                listening.close()
                raise SetupError(f"The web server on {host} could not start: the log says why")
            self._thread.join(0.01)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{listening.getsockname()[1]}"

    def stop(self) -> None:
        """Takes no more, gives what is under way some seconds, and ends; may be called again."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.should_exit = True
            thread.join()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except OSError as problem:
        raise SetupError(f"`{host}` is no address of this machine: {problem}") from problem
    # named by its protocol, or asyncio leaves Nagle on: each answer would wait 40 ms for the other side's acknowledgement
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as problem:
        listening.close()
        raise SetupError(f"{host}:{port} can't be listened on ({problem.strerror}): choose another --port") from problem
    return listening


async def _said(_request: Request, problem: Exception) -> Response:
    """Where no page answers: the status in one word of ours."""
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    words = {404: "not found", 405: "not by this method"}
    return JSONResponse({"error": words.get(status, "refused")}, status_code=status)
