"""`GET /metrics` in Prometheus' text format: to this machine, or to whoever brings the token of MLCONNECTOR_METRICS_TOKEN."""

from __future__ import annotations

import hmac
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from engine.errors import MlconnectorError
from engine.service.hosts import host_name
from engine.service.parts import Parts
from engine.state.gauges import Gauges, gauges
from engine.state.gauges_counted import Attempts, Starts

TOKEN = "MLCONNECTOR_METRICS_TOKEN"  # noqa: S105 - the name of a variable
KEPT = 5.0
"""Seconds for which an answer is given again: however many ask, the database is asked once."""

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The figures of one tenant. `hooks`: webhook deliveries by what became of them."""

    def __init__(self, parts: Parts, hooks: Mapping[str, int], now: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._hooks = hooks
        self._now = now
        self._lock = threading.Lock()
        self._kept: tuple[float, bytes] | None = None
        self._registry = CollectorRegistry()
        self._attempts = Attempts(parts.workspace.desk)
        self._starts = Starts(parts.workspace.desk)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        token = parts.seams.environ.get(TOKEN, "")
        self._token = token.encode()
        parts.workspace.redactor.add(token)

    @property
    def routes(self) -> list[Route]:
        """For the application."""
        return [Route("/metrics", self._endpoint, methods=["GET"])]

    async def _endpoint(self, request: Request) -> Response:
        if not self._may(request):
            said = f"only from this machine, or with the token of {TOKEN}\n"
            return PlainTextResponse(said, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        try:
            text = await run_in_threadpool(self.text)
        except MlconnectorError:
            return PlainTextResponse("the database can't be reached\n", status_code=503)
        return Response(text, media_type=_TYPE, headers={"Cache-Control": "no-store"})

    def _may(self, request: Request) -> bool:
        """What comes through a proxy of this machine does not come from this machine; not every proxy says that it is one."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if self._token and scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(), self._token)
        local = request.client is not None and _is_loopback(request.client.host)
        asked_for = _is_loopback(host_name(request.headers.get("host", "")))
        behind_proxy = not _is_loopback(urlsplit(self._parts.address or "http://localhost").hostname or "")
        return local and asked_for and not behind_proxy and not any(name in request.headers for name in _FORWARDED)

    def text(self) -> bytes:
        """The figures, at most KEPT seconds old. Raises TransientError, SetupError."""
        with self._lock:
            if self._kept is None or self._now() - self._kept[0] >= KEPT:
                self._kept = (self._now(), generate_latest(self._registry))
            return self._kept[1]

    def describe(self) -> list[Metric]:
        """Nothing is asked of the database when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Called by the registry."""
        desk = self._parts.workspace.desk
        found, now = gauges(desk), desk.clock()
        yield from _documents(found)
        yield from _ages(found, now)
        yield from _work(found)
        yield _counter(
            "attempts", "Commit steps sent to a target, by how they ended", ("outcome",), self._attempts.counts()
        )
        yield _counter("firings", "Starts of flows that ended, by result", ("result",), self._starts.counts())
        yield _counter(
            "webhook_deliveries", "Webhook deliveries, by what became of them", ("result",), dict(self._hooks)
        )
        yield _gauge(
            "specs_broken", "Spec files that do not hold together now", (), {(): len(self._parts.shelf.broken)}
        )


def _documents(found: Gauges) -> Iterator[Metric]:
    yield _gauge(
        "documents_open", "Documents that are not at their end, by flow and state", ("flow", "state"), found.open
    )
    yield _counter("documents", "Documents that came to a state, by flow and state", ("flow", "state"), found.ended)


def _ages(found: Gauges, now: datetime) -> Iterator[Metric]:
    def since(moments: Mapping[str, datetime]) -> dict[str, float]:
        return {name: max((now - at).total_seconds(), 0.0) for name, at in moments.items()}

    success, document = since(found.last_success), since(found.last_document)
    doubt, file = since(found.in_doubt_since), since(found.file_waits_since)
    ends = {name: (at - now).total_seconds() for name, at in found.token_ends.items()}
    yield _gauge("flow_last_success_age_seconds", "Time since the last good run of a flow ended", ("flow",), success)
    yield _gauge(
        "flow_last_document_age_seconds", "Time since the newest document of a flow came in", ("flow",), document
    )
    yield _gauge("in_doubt_oldest_age_seconds", "Time since the oldest document in doubt was sent", ("flow",), doubt)
    yield _gauge(
        "file_waiting_oldest_age_seconds", "Time the oldest file has waited to be read or placed", ("flow",), file
    )
    yield _gauge("token_expires_in_seconds", "Time until a login's token ends", ("login",), ends)


def _work(found: Gauges) -> Iterator[Metric]:
    queue = {str(priority): many for priority, many in found.queue.items()}
    yield _gauge("queue_depth", "Starts of flows that wait, by priority", ("priority",), queue)
    yield _gauge("runs_going", "Starts of flows at work, on every machine", (), {(): found.running})
    yield _gauge("alerts_open", "What people are told of and is not right yet, by kind", ("kind",), found.alerts)


_Values = Mapping[str, float] | Mapping[str, int] | Mapping[tuple[str, str], int] | Mapping[tuple[()], int]


def _gauge(name: str, told: str, labels: tuple[str, ...], values: _Values) -> Metric:
    return _filled(GaugeMetricFamily(f"mlconnector_{name}", told, labels=labels), values)


def _counter(name: str, told: str, labels: tuple[str, ...], values: _Values) -> Metric:
    return _filled(CounterMetricFamily(f"mlconnector_{name}", told, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: _Values) -> Metric:
    for place, value in sorted(values.items()):
        family.add_metric([place] if isinstance(place, str) else list(place), value)
    return family


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
