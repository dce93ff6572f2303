"""The whole service at work, for a browser to look at."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import httpx

from engine.service.alerts.office import Office
from engine.service.console.links import document_address
from engine.service.console.sessions import hashed as digest
from engine.service.serving import Asked, Service
from engine.state import people

from ..console.office import Visitor, fill, hashed, invoice, parts_for  # noqa: TID252 - the tests are no package
from ..sinks import Sink  # noqa: TID252
from ..specs.world import World  # noqa: TID252

EVIL = (
    """"'><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>{{7*7}}${7*7}javascript:alert(4)"""
)
"""What a hostile partner writes wherever a text may stand."""
EVIL_FILE = "invoices_<img src=x onerror=alert(5)>'\"{{7*7}}.csv"


class House:
    """A world that was filled by real runs, its clock the world's, and the service over it. `ada`, `olga` and `vic` may come in."""

    def __init__(self, stack: ExitStack, folder: Path, *, hostile: bool = False) -> None:
        self.sink = Sink()
        stack.callback(self.sink.close)
        self.world = World(stack, folder)
        self.world.secrets["alerts.ap_team"] = self.sink.address
        self.world.store_secrets()
        fill(self.world)
        if hostile:
            self._offer_hostile()
        self.workspace = stack.enter_context(self.world.workspace())
        for name, role in (("ada", "admin"), ("olga", "operator"), ("vic", "viewer")):
            people.add(self.workspace.desk, name, role, hashed())
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        seams = self.world.seams(sleep=self._sleep)
        self.parts = parts_for(self.workspace, seams, [self.world.spec], address=self.base)
        self.service = Service(self.parts, Asked(port=port))
        self.service.start()
        stack.callback(self.service.stop)
        self._stack = stack

    def _sleep(self, seconds: float) -> None:
        """Flows wait for one another here: time passes at once, but not for nothing."""
        time.sleep(min(seconds, 0.02))
        self.world.clock.forward(seconds=seconds)

    def _offer_hostile(self) -> None:
        """Every text of an invoice, and the file's own name."""
        picture, drawing = "<img src=x onerror=alert(1)>", "<svg onload=alert(3)>"
        coded = {
            "line_number": 1, "line_description": EVIL, "line_amount": "7.00", "gl_account": EVIL, "cost_center": "",
        }  # fmt: skip
        self.world.offer(EVIL_FILE, invoice("E-9", invoice_date=EVIL))
        self.world.offer(
            "invoices_0303.csv",
            invoice(f"E-1{picture}", vendor_name=EVIL, gl_posting_date="2026-03-02"),
            invoice("E-2", vendor_id=drawing, vendor_name=EVIL),
            invoice("E-3", coded),
            invoice(f"E-5{drawing}", invoice_total="7.77"),
        )
        self.world.run("invoices")

    # What people are told

    def tell(self) -> str:
        """The message people get, sent now."""
        (integration,) = self.parts.shelf.integrations.values()
        office = Office(
            workspace=self.workspace, seams=self.world.seams(), firings=self.parts.firings, address=self.base
        )
        office.look(integration, {})
        office.tell(integration, at_once=True)
        office.send(integration)
        return "\n\n".join(self.sink.bodies)

    def link_of(self, number: str) -> str:
        """The address the message gives for that document's cause."""
        (told,) = (part for part in self.tell().split("\n\n") if f"Why: {number} " in part)
        found = re.search(r"In the console: (\S+)", told)
        assert found, told
        return found[1]

    # Who comes

    def session(self, name: str) -> str:
        """The cookie of somebody who logged in elsewhere: comparing a password is slow on purpose."""
        token = token_urlsafe()
        people.enter(
            self.workspace.desk, name, session=digest(token), form_token=token_urlsafe(), rehashed=None, where="test"
        )
        return token

    def visit(self, name: str) -> Visitor:
        """The same without a browser."""
        visitor = Visitor(self.base)
        self._stack.callback(visitor.client.close)
        visitor.client.cookies.set("mlc", self.session(name), domain="127.0.0.1")
        visitor.get("/help")
        return visitor

    def first_link(self, page: str, start: str) -> str:
        """The first link of a page that begins so."""
        found = re.search(rf'href="({re.escape(start)}[^"?]+)"', self.visit("olga").get(page).text)
        assert found, f"{page} has no link to {start}"
        return found[1]

    def replay_all(self, number: str) -> str:
        """Everything that stopped for that document's reason has had another turn; the page that tells it."""
        found = self.world.document(number)
        visitor = self.visit("olga")
        cause = re.search(r"cause=(\w+)", visitor.get(document_address(found.key, found.version)).text)
        assert cause, f"{number} stopped for no reason"
        visitor.get(f"/causes/{cause[1]}")
        done: httpx.Response = visitor.post(f"/causes/{cause[1]}", act="remap", reason="mended")
        return done.url.path


def free_port() -> int:
    """A port nobody listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


__all__: list[Any] = ["EVIL", "EVIL_FILE", "House", "free_port"]
