"""The service's alerts: a look every few seconds at what moved, at everything now and then, and messages sent as they are due."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from engine.errors import MlconnectorError
from engine.run.model import Integration
from engine.service.alerts.office import Office
from engine.service.alerts.sending import Post, post
from engine.service.parts import Parts
from engine.state import alerts, alerts_looks

log = logging.getLogger(__name__)

ALL_EVERY = timedelta(minutes=1)
"""What goes wrong by time alone is looked for so often."""
SHARE = 20
"""After a look there is a pause of so many times its length, where that is longer: looking takes a twentieth of one core at most."""
KEPT = timedelta(days=90)


class AlertDesk:
    """For one thread: `tick` looks, tells and sends."""

    def __init__(self, parts: Parts, post: Post = post, *, share: int = SHARE) -> None:
        self._parts = parts
        self._office = Office(
            workspace=parts.workspace, seams=parts.seams, firings=parts.firings, address=parts.address, post=post
        )
        self._share = share
        self._line: int | None = None
        self._moved: set[str] = set()
        self._all_at = self._look_at = self._tidy_at = datetime.min.replace(tzinfo=parts.seams.clock().tzinfo)

    def tick(self) -> None:
        """Raises nothing of ours: what fails for one integration is logged, and the others have their turn."""
        try:
            self._look()
        except MlconnectorError as error:
            log.warning("alerts: %s", error)
        for integration in self._integrations():
            try:
                self._office.tell(integration)
                self._office.send(integration)
            except MlconnectorError as error:
                log.warning("alerts of %s: %s", integration.name, error)

    def _integrations(self) -> list[Integration]:
        return list(self._parts.shelf.integrations.values())

    def _look(self) -> None:
        """Flows something happened to, since the trail has a line of it; or all, when it is time for that."""
        now, desk = self._parts.seams.clock(), self._parts.workspace.desk
        seen = self._line if self._line is not None else self._parts.workspace.trail.head().n
        self._line, moved = alerts_looks.moved(desk, seen)
        self._moved |= {_of(flow) for flow in moved}
        whole = now >= self._all_at
        if now < self._look_at or not (whole or self._moved):
            return
        flows, self._moved = None if whole else self._moved, set()
        started = time.perf_counter()
        for integration in self._integrations():
            if flows is None or any(flow.id in flows for flow in integration.flows.values()):
                self._office.look(integration, self._parts.shelf.broken, flows)
        pause = timedelta(seconds=self._share * (time.perf_counter() - started))
        self._look_at = now + pause
        if whole:
            self._all_at = now + max(ALL_EVERY, pause)
            self._tidy(now)

    def _tidy(self, now: datetime) -> None:
        if now >= self._tidy_at:
            self._tidy_at = now + timedelta(hours=1)
            alerts.forget(self._parts.workspace.desk, now - KEPT)


def _of(flow: str) -> str:
    """The flow a name beside its own belongs to (`books/invoices.acks`)."""
    integration, slash, name = flow.partition("/")
    return integration + slash + name.partition(".")[0]
