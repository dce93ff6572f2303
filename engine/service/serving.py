"""`serve`: one process that starts flows when they are due, does them, answers, alerts and keeps house, until it is told to leave."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal

from engine.errors import MlconnectorError, SetupError, UsageError
from engine.run.restoring import find_restored
from engine.run.seams import Seams
from engine.run.workspace import Workspace
from engine.service.alerts.desk import AlertDesk
from engine.service.console.exposure import check_exposure
from engine.service.counting import Counting
from engine.service.keeping_house import HouseKeeping
from engine.service.live import Live
from engine.service.local import AT_ONCE, Hands, Pool
from engine.service.parts import Parts
from engine.service.rounds import Round
from engine.service.scheduler import Scheduler
from engine.service.shelf import Shelf, counted
from engine.service.traces import open_traces
from engine.state.firings import Announce, Firings
from engine.state.locks import serve_lock

if TYPE_CHECKING:
    from engine.service.web import WebServer

log = logging.getLogger(__name__)

TICK, WORK, SPECS, COUNT, ALERTS, HOUSE = 0.5, 0.3, 2.0, 3.0, 10.0, 60.0
"""Seconds between two rounds of each kind."""
PLANNED_ANEW = 15
"""Every so many looks at the specs the schedule is compared with them, changed or not."""
STUCK = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What `serve` was asked for. `web`: whether it listens at all; a `worker` only starts and does flows."""

    kind: Literal["serve", "worker"] = "serve"
    host: str = "127.0.0.1"
    port: int = 8640
    at_once: int = AT_ONCE
    web: bool = True
    address: str = ""
    hosts: tuple[str, ...] = ()


def shelf_of(paths: Sequence[Path]) -> Shelf:
    """The specs, read. Raises UsageError when there is none, and with all problems when none of them can be run."""
    shelf = Shelf(paths)
    news = shelf.look()
    if shelf.integrations:
        for line in news:
            log.log(logging.WARNING if "has errors" in line else logging.INFO, "%s", line)
        return shelf
    if shelf.broken:
        raise NoSpec("\n".join(shelf.broken.values()))
    raise UsageError(
        f"There is no integration in {', '.join(map(str, paths))}: name spec files, or folders that hold some"
    )


class NoSpec(MlconnectorError):
    """Every spec has errors: there is nothing to serve."""

    exit_code = 1


class Service:
    """A process at work. `start` returns when it answers; `stop` when everything in hand is done."""

    def __init__(self, parts: Parts, asked: Asked) -> None:
        self.parts = parts
        self._asked = asked
        self._leaving = False
        self._looks = 0
        self._scheduler = Scheduler(parts)
        self._tick = Round("the scheduler", TICK, self._scheduler.tick)
        self._work = Round("the work", WORK, self._fill)
        self.hands = self._make_hands()
        self._others = [
            Round("the specs", SPECS, self._look),
            *self._more(),
        ]
        self._web = self._web_server()

    def start(self) -> str:
        """Takes up what was left, and begins; the address it answers at, empty without one."""
        if restored := find_restored(self.parts.workspace, self.parts.seams):
            log.warning("%s", restored)
        self.hands.start()
        self._scheduler.plan()
        address = self._web.start(self._asked.host, self._asked.port) if self._web is not None else ""
        for each in (*self._others, self._tick, self._work):
            each.start()
        return address

    def is_ready(self) -> bool:
        """Whether what starts flows is at work."""
        return not self._leaving and self._tick.is_well(STUCK) and self._work.is_well(STUCK)

    def stop(self) -> None:
        """Nothing new begins, every run finishes what it has in hand; then the rest ends."""
        self._leaving = True
        self.hands.stop()
        for each in (self._tick, self._work):
            each.stop()
        for each in (self._tick, self._work):
            each.join()
        self.hands.wait()
        for each in self._others:
            each.stop()
        if self._web is not None:
            self._web.stop()
        for each in self._others:
            each.join()

    def _look(self) -> None:
        news = self.parts.shelf.look()
        for line in news:
            log.log(logging.WARNING if "has errors" in line else logging.INFO, "%s", line)
        self._looks += 1
        if news or self._looks % PLANNED_ANEW == 0:
            self._scheduler.plan()

    def _fill(self) -> None:
        self.hands.fill()

    def _make_hands(self) -> Hands:
        """Threads of its own; with a shared database it is one of the fleet."""
        workspace, at_once = self.parts.workspace, self._asked.at_once
        if workspace.database.is_sqlite:
            return Pool(self.parts, at_once, kind=self._asked.kind, ended=self._work.wake)
        from engine.service.fleet import Fleet

        return Fleet(self.parts, at_once, kind=self._asked.kind)

    def _more(self) -> Iterator[Round]:
        """What one process or a few do for all."""
        if self._asked.kind != "serve":
            return
        yield Round("the counting", COUNT, Counting(self.parts).tick)
        yield Round("the alerts", ALERTS, AlertDesk(self.parts).tick)
        yield Round("the house", HOUSE, HouseKeeping(self.parts).tick)

    def _web_server(self) -> WebServer | None:
        if not self._asked.web:
            return None
        try:
            from engine.service.web import WebServer, create_app
        except ModuleNotFoundError as error:
            raise SetupError(
                f"The web server needs its packages ({error.name} is missing): `pip install 'mlconnector[service]'`, "
                "or leave it out with --no-web"
            ) from error
        return WebServer(create_app(self.parts, ready=self.is_ready, hosts=self._asked.hosts))


def serve(
    workspace: Workspace, seams: Seams, shelf: Shelf, asked: Asked, *, until: Callable[[], object] | None = None
) -> None:
    """Until a signal, or as long as `until` waits. Raises AlreadyRunning where another process serves the same embedded database.

    Raises UsageError where the console would be reached over a network in the clear.
    """
    if asked.web:
        check_exposure(asked.host, asked.address)
    one = serve_lock(workspace.database, workspace.tenant) if workspace.database.is_sqlite else nullcontext()
    with ExitStack() as stack:
        stack.enter_context(one)
        stop = stack.enter_context(_signals())
        address = asked.address or (f"http://{asked.host}:{asked.port}" if asked.web else "")
        parts = Parts(
            workspace=workspace,
            seams=seams,
            shelf=shelf,
            firings=Firings(workspace.desk, *_announcers(workspace)),
            live=Live(seams.clock),
            address=address,
            traces=stack.enter_context(open_traces(seams.environ, workspace.redactor)),
        )
        service = Service(parts, asked)
        try:
            listening = service.start()
            flows = counted(sum(1 for _ in shelf.flows()), "flow")
            log.info("serving %s%s", flows, f" at {listening}" if listening else "")
            (until or partial(_wait_for, stop))()
            log.info("leaving: what is in hand is finished first")
        finally:
            service.stop()
        log.info("left")


def _wait_for(stop: threading.Event) -> None:
    """A signal may be given to any thread of the process; only this one acts on it, and must be awake to."""
    while not stop.wait(0.5):
        pass


def _announcers(workspace: Workspace) -> tuple[Announce, ...]:
    """With a shared database what waits is told to the whole fleet."""
    if workspace.database.is_sqlite:
        return ()
    from engine.service.fleet_queue import announcer

    return (announcer(workspace.tenant),)


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """Set by the first SIGTERM or SIGINT; a second one ends the process at once, which loses nothing."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def asked(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
