"""What surrounds a run against stand-ins: a clock that jumps instead of waiting, settings, and no network but loopback."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from engine.connections.http_network import Network
from engine.connections.http_transport import Transport
from engine.errors import UsageError
from engine.run.model import Integration

AT_ONCE = 16


class SteppedClock:
    """Time that passes only when somebody sleeps or moves it forward. Safe for threads."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """The moment it stands at."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Passes at once."""
        self.forward(timedelta(seconds=max(seconds, 0.0)))

    def forward(self, span: timedelta) -> None:
        """Moves on."""
        with self._lock:
            self._now += span


@contextmanager
def quiet_log() -> Iterator[None]:
    """Alerts and warnings of runs against stand-ins are no news to anybody: only mistakes of ours still reach the log."""
    logger, bugs = logging.getLogger("engine"), _Bugs()
    logger.addHandler(bugs)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(bugs)


class _Bugs(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            logging.getLogger().handle(record)


def loopback_only(_alias: str) -> httpx.BaseTransport:
    """The network as it is, but for names: only those of this machine are known."""
    return Transport(at_once=AT_ONCE, network=Network(allow_loopback=True, resolve=_this_machine))


def _this_machine(host: str, port: int) -> Iterable[str]:
    if host in {"127.0.0.1", "localhost"}:
        return ("127.0.0.1",)
    raise OSError("a test reaches only stand-ins on this machine; take this address from the environment in `with`")


@dataclass(frozen=True, kw_only=True, slots=True)
class Supplied:
    """What an integration is started with: environment variables and secrets, by name."""

    environ: Mapping[str, str]
    secrets: Mapping[str, str]


def supply(integration: Integration, given: Mapping[str, Mapping[str, str]]) -> Supplied:
    """Fills the names an integration's `with` blocks use from each system's settings. Raises UsageError for a gap."""
    environ: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for alias, system in integration.systems.items():
        for name, setting in system.settings.items():
            if not (setting.env or setting.secret):
                continue
            if name not in given[alias]:
                raise UsageError(f"The stand-in for `{system.name}` has no value for the setting `{name}` of `{alias}`")
            if setting.env:
                environ[setting.env] = given[alias][name]
            else:
                secrets[setting.secret] = given[alias][name]
    return Supplied(environ=environ, secrets=secrets)
