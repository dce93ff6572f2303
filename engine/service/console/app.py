"""The console's pages joined, under the headers that keep strangers' pages, scripts and frames out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Message, Receive, Scope, Send

from engine.service.console import (
    alerts,
    causes,
    connections,
    crosswalks,
    document,
    files,
    login,
    overview,
    people,
    queue,
    runs,
    search,
    static,
)
from engine.service.console.frame import page
from engine.service.console.sessions import current
from engine.service.console.throttle import Entrance

if TYPE_CHECKING:
    from engine.service.parts import Parts

PAGES = (login, overview, people, queue, document, search, causes, files, runs, connections, crosswalks, alerts)
"""Each has its `ROUTES`."""

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}
"""On every answer that does not say otherwise itself."""


def console_routes(parts: Parts) -> list[BaseRoute]:
    """Everything below `/` that no other route of the process answers: append it last."""
    return [Mount("/", app=Console(parts, pages()))]


def pages() -> list[BaseRoute]:
    """The routes of every page."""
    return [Route("/static/{digest}/{name}", static.serve), *(route for module in PAGES for route in module.ROUTES)]


class Console:
    """The pages as one application; each request knows the parts, each answer has the headers."""

    def __init__(
        self, parts: Parts, routes: Sequence[BaseRoute], *, sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    ) -> None:
        self._parts = parts
        self.entrance = Entrance(parts.seams.clock, sleep)
        self._app = ExceptionMiddleware(Router(routes), handlers={HTTPException: _not_there})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {**scope.get("state", {}), "parts": self._parts, "entrance": self.entrance}
        secure = self._parts.address.startswith("https://")

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if secure:
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        await self._app(scope, receive, sent)


async def _not_there(request: Request, error: Exception) -> Response:
    """404 and 405 as a page for those who are in, as a line for the rest."""
    assert isinstance(error, HTTPException)
    request.state.session = await run_in_threadpool(current, request, poll=True)
    if request.state.session is None or error.status_code != 404:
        return PlainTextResponse(error.detail, status_code=error.status_code, headers=error.headers)
    return await run_in_threadpool(
        page, request, "refused.html", status=404, title="There is no such page",
        reason="It was moved, or the address is not complete.",
    )  # fmt: skip
