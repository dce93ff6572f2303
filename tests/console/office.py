"""The console on a real server over a workspace that was filled by real runs, and people who visit it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from html import unescape
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from engine.redaction import Redactor
from engine.run.seams import Seams
from engine.run.workspace import Workspace, open_workspace
from engine.sandbox.faults import Fault
from engine.service.console.app import Console, pages
from engine.service.console.passwords import hash_password
from engine.service.console.sessions import hashed as digest
from engine.service.live import Live
from engine.service.parts import Parts
from engine.service.shelf import Shelf
from engine.service.web import WebServer, create_app
from engine.state import people
from engine.state.firings import Firings

from ..specs.world import FakeClock, World, invoice, line  # noqa: TID252 - the tests are no package

PASSWORD = "correct horse battery"
_HASHED: list[str] = []


def hashed() -> str:
    """Everybody's password here, hashed once: that is slow on purpose."""
    if not _HASHED:
        _HASHED.append(hash_password(PASSWORD))
    return _HASHED[0]


class Bare:
    """A workspace and a clock, and nothing they could connect to: enough for who may come in and how pages look."""

    spec = None

    def __init__(self, folder: Path) -> None:
        self.home = folder / "workspace"
        self.home.mkdir()
        self.clock = FakeClock()
        self.redactor = Redactor()

    def seams(self) -> Seams:
        return Seams(clock=self.clock, sleep=self.clock.sleep, environ={})

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        with open_workspace(self.home, seams=self.seams(), redactor=self.redactor, actor="test") as workspace:
            yield workspace


class Visitor:
    """Somebody's browser, without scripts: keeps cookies, follows redirects, sends a form as the page has it."""

    def __init__(self, base: str) -> None:
        self.client = httpx.Client(base_url=base, follow_redirects=True, timeout=30, trust_env=False)
        self.base = base
        self.page = httpx.Response(200)

    @property
    def text(self) -> str:
        """The last page as it came."""
        return self.page.text

    @property
    def seen(self) -> str:
        """The last page as a person reads it: no tags, one blank."""
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", self.page.text))).strip()

    def get(self, path: str, **headers: str) -> httpx.Response:
        self.page = self.client.get(path, headers=headers)
        return self.page

    def post(self, path: str, *, token: bool = True, same_origin: bool = True, **form: Any) -> httpx.Response:
        """Sends a form. Its token is that of the last page that had one."""
        if token and (found := re.search(r'name="csrf_token" value="([^"]+)"', self.page.text)):
            form = {"csrf_token": found[1], **form}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if same_origin:
            headers |= {"Origin": self.base, "Sec-Fetch-Site": "same-origin"}
        self.page = self.client.post(path, content=urlencode(form, doseq=True), headers=headers)
        return self.page

    def login(self, name: str, password: str = PASSWORD) -> httpx.Response:
        self.get("/login")
        return self.post("/login", name=name, password=password)


class Office:
    """A console and the world behind it: `visit("olga")` is somebody who is in. `ada` is admin, `olga` operator, `vic` viewer."""

    def __init__(self, stack: ExitStack, world: World | Bare, *, address: str = "", with_people: bool = True) -> None:
        self.world = world
        self._stack = stack
        self.workspace: Workspace = stack.enter_context(world.workspace())
        self.parts = parts_for(self.workspace, world.seams(), [world.spec] if world.spec else [], address=address)
        self.slept: list[float] = []
        self.base = stack.enter_context(served(self._app()))
        if with_people:
            for name, role in (("ada", "admin"), ("olga", "operator"), ("vic", "viewer")):
                people.add(self.workspace.desk, name, role, hashed())

    def _app(self) -> Starlette:
        """What `serve` answers with; a refused login waits in no test."""

        async def noted(seconds: float) -> None:
            self.slept.append(seconds)

        app = create_app(self.parts, console=False, ready=lambda: True)
        console = Console(self.parts, pages(), sleep=noted)
        self.entrance = console.entrance
        app.router.routes.append(Mount("/", app=console))
        return app

    def visit(self, name: str = "") -> Visitor:
        """A browser; with a name somebody who is in already (their password was compared elsewhere: that is slow on purpose)."""
        visitor = Visitor(self.base)
        self._stack.callback(visitor.client.close)
        if name:
            token = token_urlsafe()
            people.enter(
                self.workspace.desk,
                name,
                session=digest(token),
                form_token=token_urlsafe(),
                rehashed=None,
                where="test",
            )
            visitor.client.cookies.set(
                "__Host-mlc" if self.parts.address.startswith("https") else "mlc", token, domain="127.0.0.1"
            )
            visitor.get("/help")
        return visitor


def parts_for(workspace: Workspace, seams: Any, specs: list[Path], *, address: str = "") -> Parts:
    """What `serve` puts together, without its loops."""
    shelf = Shelf(specs)
    shelf.look()
    return Parts(
        workspace=workspace, seams=seams, shelf=shelf, firings=Firings(workspace.desk), live=Live(seams.clock),
        address=address,
    )  # fmt: skip


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The application on a port of loopback, as long as the block lasts; its address."""
    server = WebServer(app)
    try:
        yield server.start("127.0.0.1", 0)
    finally:
        server.stop()


def fill(world: World) -> None:
    """Two mornings of work: a document in every state a person may meet.

    INV-1001 and INV-1002 posted, a newer INV-1001 in conflict, H-1 held for its sum, G-1 held for an unknown code, W-1 waiting
    for its vendor, B-1 quarantined for its date, R-1 rejected for a closed period, D-1 in doubt after a lost answer.
    """
    world.masters_are_fresh()
    world.offer(
        "invoices_0301.csv", invoice("INV-1001"), invoice("INV-1002", line(1, "1234567.80")),
        invoice("H-1", invoice_total="10.31"), invoice("G-1", line(1, "5.00", "MYSTERY")),
        invoice("W-1", vendor_id="NEWCO", vendor_name="Newco"), invoice("B-1", invoice_date="20.02.2026"),
    )  # fmt: skip
    world.run("invoices")
    world.epicor.close_periods(date(2026, 2, 28))
    world.epicor.faults.add(Fault(kind="lost_answer", at="*APInvoiceSvc/UpdateMaster", nth=2))
    world.offer(
        "invoices_0302.csv", invoice("INV-1001", line(1, "99.00")), invoice("R-1"),
        invoice("D-1", gl_posting_date="2026-03-02"),
    )  # fmt: skip
    world.run("invoices")


__all__ = ["PASSWORD", "Bare", "Office", "Visitor", "fill", "hashed", "invoice", "parts_for", "served"]
