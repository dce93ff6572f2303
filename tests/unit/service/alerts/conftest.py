"""A partner's folder, a flow that reads it, and everything that is told of it: a real web server and a real mail server listen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.redaction import Redactor
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.workspace import open_workspace
from engine.service.alerts.desk import AlertDesk
from engine.service.live import Live
from engine.service.parts import Parts
from engine.service.shelf import Shelf
from engine.state import alerts, messages
from engine.state.firings import Firings
from tests.sinks import Sink

SYSTEM = """
mlconnector: 1
system: partner
title: Partner files
needs:
  path: {type: string, title: Folder}
books: [path]
folder: {path: {need: path}}
objects:
  invoices:
    title: Invoices
    key: [vendor, number]
    pickup: {folder: /in, match: "*.csv", settled: {apart: 0s}, stuck_after: 30m, after: {done: /done, bad: /bad}}
    csv: {}
    document:
      key: [vendor, number]
      header:
        vendor: {column: vendor, type: string}
        number: {column: number, type: string}
        total: {column: total, type: decimal}
  ledger:
    title: Ledger
    key: [number]
    fields: {vendor: string(20)!, number: string(20)!, total: "decimal(18,2)"}
    drop: {folder: /out, name: {text: "ledger_{{ batch }}.csv"}}
    csv: {newline: lf}
"""

SPEC = """
mlconnector: 1
integration: books
title: Books
systems:
  partner: {use: partner, with: {path: {env: PARTNER_PATH}}}
alerts:
  team: {to: {secret: alerts.team}}
flows:
  invoices:
    title: Invoices
    schedule: {every: 15m}
    read: {object: partner.invoices}
    key: [vendor, number]
    amount: total
    check:
      - {that: "total != `13`", say: Thirteen is unlucky, else: hold}
      - {that: "vendor != 'NOBODY'", say: Nobody is no vendor, else: hold}
    map: {vendor: vendor, number: number, total: total}
    write: {object: partner.ledger, pattern: append}
    on_error: {alert: team}
"""
START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **amount: float) -> None:
        self.now += timedelta(**amount)


class Place:
    """One workspace with its spec, its service parts and an alert desk that is ticked by hand."""

    def __init__(self, folder: Path, clock: Clock, stack: ExitStack, url: str | None = None) -> None:
        self.folder, self.clock, self._stack, self._url = folder, clock, stack, url
        environ = {"PARTNER_PATH": str(folder / "box"), "MLCONNECTOR_ACTOR": "tess"}
        if url is not None:
            environ["MLCONNECTOR_DATABASE_URL"] = url
        self.seams = Seams(clock=clock, sleep=lambda _seconds: None, environ=environ)
        self.redactor = Redactor()
        self.workspace = stack.enter_context(open_workspace(folder, seams=self.seams, redactor=self.redactor))
        self.shelf = Shelf([self.path], wall=lambda: 4e9)
        self.shelf.look()
        self.parts = Parts(
            workspace=self.workspace,
            seams=self.seams,
            shelf=self.shelf,
            firings=Firings(self.workspace.desk),
            live=Live(clock),
            address="https://console.acme.example",
        )
        self.desk = AlertDesk(self.parts, share=0)

    @property
    def path(self) -> Path:
        return self.folder / "books.yaml"

    def another(self) -> Place:
        """A second service on the same database."""
        return Place(self.folder, self.clock, self._stack, self._url)

    def say(self, old: str, new: str) -> None:
        """Changes the spec, and has it read again."""
        text = self.path.read_text(encoding="utf-8")
        assert old in text
        self.path.write_text(text.replace(old, new), encoding="utf-8")
        self.shelf.look()

    def tell(self, more: str) -> None:
        """Adds keys to the flow's `on_error` line or after it."""
        self.say("    on_error: {alert: team}\n", more)

    def put(self, name: str, *rows: str) -> None:
        (self.folder / "box" / "in" / name).write_text(
            "\n".join(["vendor,number,total", *rows]) + "\n", encoding="utf-8"
        )

    def run(self, **asked: Any) -> Any:
        integration = self.shelf.integrations["books"]
        return run_spec(integration, self.workspace, self.seams, Options(**asked), quiet)

    def tick(self, **later: float) -> None:
        self.clock.move(**later)
        self.desk.tick()

    def open(self) -> list[alerts.Alert]:
        return alerts.listed(self.workspace.desk)

    def kinds(self) -> list[str]:
        return [alert.kind for alert in self.open()]

    def messages(self) -> list[messages.Message]:
        return messages.listed(self.workspace.desk)

    def events(self) -> list[str]:
        return [entry.event for entry in self.workspace.trail.entries()]


@contextmanager
def opened_place(folder: Path, clock: Clock, url: str | None = None) -> Iterator[Place]:
    for name in ("in", "out", "done", "bad"):
        (folder / "box" / name).mkdir(parents=True)
    (folder / "systems").mkdir()
    (folder / "systems" / "partner.yaml").write_text(SYSTEM, encoding="utf-8")
    (folder / "books.yaml").write_text(SPEC, encoding="utf-8")
    with ExitStack() as stack:
        yield Place(folder, clock, stack, url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def place(tmp_path: Path, clock: Clock) -> Iterator[Place]:
    with opened_place(tmp_path, clock) as found:
        yield found


@pytest.fixture
def opened() -> Any:
    """Opens a place, on a database of choice."""
    return opened_place


@pytest.fixture
def sink(place: Place) -> Iterator[Sink]:
    """Where the team's messages go."""
    found = Sink()
    place.workspace.vault.set("alerts.team", found.address)
    try:
        yield found
    finally:
        found.close()
