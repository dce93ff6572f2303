"""A workspace with the service's web server in front of it, and what a sender of webhooks does."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import open_workspace
from engine.service.live import Live
from engine.service.parts import Parts
from engine.service.shelf import Shelf
from engine.service.web import WebServer, create_app
from engine.state.firings import Firings
from engine.state.inbox import Event, events_after

SPECS = Path(__file__).parents[3] / "specs"
SPEC = "epicor-kinetic--ramp"
SOURCE = f"{SPEC}/ramp"
FLOW = f"{SPEC}/bills"
SECRET = "a-webhook-secret-6a1f"
TOKEN = "a-metrics-token-77d0"
HEADER = "X-Ramp-Webhook-Signature"
TYPES = ["bills.created", "bills.approved", "bills.ready_to_sync", "vendors.updated"]
WANTED = "bills.approved"


@cache
def shelf() -> Shelf:
    """The specs as they are delivered, read once."""
    found = Shelf([SPECS / f"{SPEC}.yaml"])
    found.look()
    return found


class Edges:
    """Everything the service answers over HTTP but the console, on a port of its own."""

    def __init__(self, folder: Path, *, url: str | None = None, specs: Shelf | None = None, **more: Any) -> None:
        self._stack = ExitStack()
        self.folder = folder
        self.redactor = Redactor()
        environ = {
            "RAMP_SITE": "https://demo-api.ramp.com",
            "RAMP_TOKEN_URL": "https://demo-api.ramp.com/developer/v1/token",
            "RAMP_CLIENT_ID": "client-1",
            "RAMP_ENTITY": "entity-1",
            **({"MLCONNECTOR_DATABASE_URL": url} if url else {}),
            **more.pop("environ", {}),
        }
        self.seams = Seams(environ=environ, **more.pop("seams", {}))
        self.workspace = self._stack.enter_context(
            open_workspace(folder, seams=self.seams, redactor=self.redactor, actor="test")
        )
        self.workspace.vault.set("ramp.webhook_secret", SECRET)
        self.workspace.vault.set("ramp.client_secret", "a-client-secret")
        self.is_ready = True
        self.parts = Parts(
            workspace=self.workspace,
            seams=self.seams,
            shelf=specs or shelf(),
            firings=Firings(self.workspace.desk),
            live=Live(),
            address=more.pop("address", ""),
        )
        self.app = create_app(self.parts, console=False, ready=lambda: self.is_ready, **more)

    def serve(self) -> str:
        """The address, once it answers."""
        server = WebServer(self.app)
        self._stack.callback(server.stop)
        self.address = server.start("127.0.0.1", 0)
        self.client = self._stack.enter_context(httpx.Client(base_url=self.address, trust_env=False))
        return self.address

    def close(self) -> None:
        self._stack.close()

    @property
    def path(self) -> str:
        return f"/hooks/default/{FLOW}"

    def post(self, body: bytes, headers: dict[str, str] | None = None, path: str = "") -> httpx.Response:
        return self.client.post(path or self.path, content=body, headers=signed(body) if headers is None else headers)

    def events(self) -> list[Event]:
        """What is stored, oldest first."""
        return events_after(self.workspace.desk, SOURCE, TYPES, 0, 1_000_000)

    def starts(self, *states: str) -> list[str]:
        """The flows that were asked for."""
        return [each.flow for each in self.parts.firings.listed() if not states or each.state in states]


def message(event: str = "e-1", kind: str = WANTED, about: str = "b-1", **more: Any) -> bytes:
    return json.dumps({"id": event, "type": kind, "object": {"id": about}, **more}).encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {HEADER: hmac.digest(secret.encode(), body, hashlib.sha256).hex()}


def copied_specs(folder: Path) -> Path:
    """The integration of the stage, to be changed."""
    shutil.copytree(SPECS, folder / "specs")
    return folder / "specs" / f"{SPEC}.yaml"
