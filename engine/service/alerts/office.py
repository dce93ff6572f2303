"""Looking, telling, sending, for one integration at a time: what the service does by itself and a command does once."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.errors import MlconnectorError, SetupError
from engine.run.model import Integration
from engine.run.seams import Seams
from engine.run.story import shown_head
from engine.run.telling import AlertKind
from engine.run.workspace import Workspace
from engine.service.alerts.addresses import addresses_of, open_address
from engine.service.alerts.conditions import look
from engine.service.alerts.digest import Writer
from engine.service.alerts.eye import Eye
from engine.service.alerts.sending import DEADLINE, Post, post
from engine.service.alerts.words import next_run
from engine.state import alerts, messages
from engine.state.alerts import Alert
from engine.state.firings import Firings, Planned

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Office:
    """Where alerts are kept and sent from. `address`: of the console, for links."""

    workspace: Workspace
    seams: Seams
    firings: Firings
    address: str = ""
    post: Post = post

    def look(
        self, integration: Integration, broken: Mapping[str, str], flows: Collection[str] | None = None
    ) -> tuple[int, int]:
        """Remembers what is wrong with an integration now, or with some of its flows; how much opened and closed."""
        eye = Eye(workspace=self.workspace, integration=integration, now=self.seams.clock())
        return look(eye, broken, flows)

    def tell(self, integration: Integration, *, at_once: bool = False) -> int:
        """Puts digests on their way for everybody whose time has come; how many. `at_once`: nothing is gathered first."""
        waiting: dict[str, list[Alert]] = {}
        for alert in alerts.to_tell(self.workspace.desk, integration.name):
            waiting.setdefault(alert.name, []).append(alert)
        now, told = self.seams.clock(), 0
        for name, chosen in waiting.items():
            kind = integration.alerts.get(name)
            if kind is not None and _is_time(kind, chosen, now, at_once=at_once):
                told += self._tell(integration, name, kind, chosen)
        return told

    def _tell(self, integration: Integration, name: str, kind: AlertKind, chosen: list[Alert]) -> int:
        desk = self.workspace.desk
        still = [
            alert for alert in alerts.listed(desk, integration.name) if alert.name == name and alert.told_at is not None
        ]
        planned = self.firings.planned()
        writer = Writer(
            integration=integration,
            redactor=self.workspace.redactor,
            now=self.seams.clock(),
            head=shown_head(self.workspace.trail.head()),
            address=self.address,
            runs=lambda flow: self._next_run(integration, flow, planned),
        )
        return int(
            alerts.tell(
                desk, chosen, lambda new, solved: writer.compose(new, solved, still), addresses=self._many(kind)
            )
        )

    def _next_run(self, integration: Integration, flow: str, planned: Mapping[str, Planned]) -> str:
        found = integration.flows.get(flow.partition("/")[2])
        return next_run(found, planned.get(flow), self.seams.clock())

    def _many(self, kind: AlertKind) -> int:
        """How many addresses there are; one where that is not known, so that the message waits for it to be mended."""
        try:
            return len(addresses_of(kind, self.workspace.vault, self.seams.environ))
        except SetupError:
            return 1

    def send(self, integration: Integration) -> tuple[int, int]:
        """Sends what is due; how many messages went and how many did not."""
        went = stayed = 0
        end = time.monotonic() + DEADLINE
        for message in messages.due(self.workspace.desk, integration.name):
            if time.monotonic() > end:  # the others have their turn at the next look
                break
            if not messages.take(self.workspace.desk, message):
                continue
            try:
                self.deliver(integration, message.name, message.address, message.subject, message.body)
            except MlconnectorError as error:
                stayed += 1
                given_up = messages.failed(self.workspace.desk, message, str(error))
                log.warning("alert to %s %s: %s", message.name, "given up" if given_up else "not sent yet", error)
            else:
                went += 1
                messages.sent(self.workspace.desk, message)
        return went, stayed

    def deliver(self, integration: Integration, name: str, number: int, subject: str, body: str) -> None:
        """Sends to one address of one of `alerts`. Raises SetupError, TransientError, which show nothing of the address."""
        kind = integration.alerts.get(name)
        if kind is None:
            raise SetupError(f"`{name}` is not among `alerts` any more")
        found = addresses_of(kind, self.workspace.vault, self.seams.environ)
        if number >= len(found):
            raise SetupError(f"`{name}` has no address {number + 1} any more")
        address = open_address(found[number], self.workspace.redactor, self.seams.allowed_hosts)
        self.post(address, subject, body, self.workspace.redactor)


def _is_time(kind: AlertKind, chosen: list[Alert], now: datetime, *, at_once: bool) -> bool:
    """The first of a quiet time waits until what follows it has been gathered, and all wait for quiet hours to end."""
    opened = [alert.opened_at for alert in chosen if alert.state == "open"]
    if not opened or (kind.quiet is not None and kind.quiet.holds(now)):
        return False
    return at_once or now - min(opened) >= kind.gather
