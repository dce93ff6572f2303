"""The service's own endpoint for webhooks on loopback, over a world: nothing runs but what takes deliveries in."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp, Receive, Scope, Send

from engine.run.workspace import Workspace
from engine.service.live import Live
from engine.service.parts import Parts
from engine.service.shelf import Shelf
from engine.service.web import WebServer, create_app
from engine.state.firings import Firings

from .loading import loaded


def parts_of(world: Any, workspace: Workspace) -> Parts:
    """What the service would share."""
    shelf = Shelf([])
    integration = loaded(Path(world.spec))
    shelf._integrations = {integration.name: integration}  # as `look` would, and read once for all tests
    return Parts(workspace=workspace, seams=world.seams(), shelf=shelf, firings=Firings(workspace.desk), live=Live())


class Endpoint:
    """Between `with` and its end it takes what is sent to `url`. `cut`: so many deliveries are stored and never answered."""

    def __init__(self, world: Any, flow: str = "bills") -> None:
        self.world = world
        self.flow = flow
        self.cut = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        workspace = self._stack.enter_context(self.world.workspace())
        self.parts = parts_of(self.world, workspace)
        app = create_app(self.parts, console=False, ready=lambda: True)
        self.deliveries: Counter[str] = app.state.deliveries
        app.add_middleware(_Cutting, endpoint=self)
        server = WebServer(app)
        self.address = server.start("127.0.0.1", 0)
        self._stack.callback(server.stop)
        self.url = f"{self.address}/hooks/{workspace.tenant}/{Path(self.world.spec).stem}/{self.flow}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def asked(self) -> list[str]:
        """The flows that wait to be run."""
        return [firing.flow.partition("/")[2] for firing in self.parts.firings.listed()]


class _Cutting:
    """Where the process dies between storing and answering."""

    def __init__(self, app: ASGIApp, endpoint: Endpoint) -> None:
        self._app = app
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._endpoint.cut:
            await self._app(scope, receive, send)
            return
        self._endpoint.cut -= 1

        async def lost(_message: Any) -> None:
            """Nobody hears it."""

        await self._app(scope, receive, lost)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b""})
