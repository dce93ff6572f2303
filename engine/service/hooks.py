"""`POST /hooks/{tenant}/{integration}/{flow}`: taken in, checked, made durable, answered; then the flow runs at once.

Nothing is told to whoever can't sign: not even what is there.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engine.connections.webhooks import LARGEST
from engine.errors import MlconnectorError, SetupError, TransientError
from engine.run.model import Flow
from engine.run.receiving import Door, Heard, hear
from engine.service.answers import Answer, error, json_answer
from engine.service.hooks_doors import Doors
from engine.service.hooks_inlet import Inlet
from engine.service.hooks_throttle import Forgeries
from engine.service.parts import Parts

log = logging.getLogger(__name__)

STORE_SECONDS = 5.0
"""For a delivery to be durable: senders give up after 10 and take it for lost; 503 makes them send it again."""

TAKEN = Answer(200)
_DRAINED = 4 * 1024 * 1024
"""A body that is announced as larger than this is not waited for before the connection ends."""

_TOLD_EVERY = 60.0


class _Refused(Exception):
    """Answered before anything was looked at."""

    def __init__(self, answer: Answer, result: str) -> None:
        super().__init__(result)
        self.answer = answer
        self.result = result


@dataclass(frozen=True, slots=True)
class _Path:
    tenant: str
    integration: str
    flow: str


class Hooks:
    """The endpoint. `counts`: deliveries by what became of them."""

    def __init__(self, parts: Parts, *, store_seconds: float = STORE_SECONDS) -> None:
        self._parts = parts
        self._doors = Doors(parts)
        self._inlet = Inlet(parts, store_seconds)
        self._forgeries = Forgeries()
        self._told: dict[str, float] = {}
        self.counts: Counter[str] = Counter()

    @property
    def routes(self) -> list[Route]:
        """For the application."""
        return [Route("/hooks/{tenant}/{integration}/{flow}", self)]

    def close(self) -> None:
        """Stores what is waiting."""
        self._inlet.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer, result = await self._answered(scope, receive)
        except _Refused as refused:
            answer, result = refused.answer, refused.result
        except (SetupError, TransientError) as problem:
            self._tell(scope["path"], f"a webhook delivery can't be taken now: {problem}")
            answer, result = error(503, "not available now, send it again", {"Retry-After": "10"}), "unavailable"
        self.counts[result] += 1
        await answer.send(send)

    async def _answered(self, scope: Scope, receive: Receive) -> tuple[Answer, str]:
        if scope["method"] != "POST":
            raise _Refused(error(405, "use POST", {"Allow": "POST"}), "method")
        flow, door = await self._door(_Path(**scope["path_params"]))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _body(headers, receive)
        heard = hear(door, headers, body)
        if heard.status != 200:
            return self._refusal(scope, heard)
        if heard.announced is None:
            return self._challenge(door, heard)
        return await self._stored(flow, heard)

    async def _door(self, path: _Path) -> tuple[Flow, Door]:
        if path.tenant == self._parts.workspace.tenant:
            flow = self._doors.flow(path.integration, path.flow)
            if flow is not None:
                door = self._doors.at(flow) or await run_in_threadpool(self._doors.open, flow)
                if door is not None:
                    return flow, door
        raise _Refused(error(404, "not found"), "unknown")

    def _refusal(self, scope: Scope, heard: Heard) -> tuple[Answer, str]:
        if heard.status != 401:
            return error(heard.status, "too large" if heard.status == 413 else "no message"), "unreadable"
        address = scope["client"][0] if scope.get("client") else ""
        self._tell(scope["path"], f"a delivery from {address} is not signed with the webhook's secret: it was refused")
        if not self._forgeries.another(address):
            return error(429, "too many that are not genuine", {"Retry-After": "60"}), "throttled"
        return error(401, "not genuine"), "forged"

    def _challenge(self, door: Door, heard: Heard) -> tuple[Answer, str]:
        """A new endpoint answers with what it was sent; some systems want a person to confirm it, who finds it in the trail."""
        if not heard.challenge:
            return TAKEN, "nothing"
        detail = {"source": door.source, "challenge": heard.challenge}
        self._parts.workspace.trail.note("webhook challenged", detail=detail)
        return json_answer(200, {"challenge": heard.challenge}), "challenge"

    async def _stored(self, flow: Flow, heard: Heard) -> tuple[Answer, str]:
        announced = heard.announced
        assert announced is not None
        hinted = flow.source.kind.hinted
        wanted = hinted is None or announced.type in hinted.types
        try:
            new = await self._inlet.put(announced, flow.id if wanted else "")
        except MlconnectorError:
            raise
        except Exception:  # noqa: BLE001 - told in the log where it happened
            return error(500, "it could not be stored"), "failed"
        return TAKEN, "stored" if new else "known"

    def _tell(self, path: str, said: str) -> None:
        """In the log, once a minute for each path that is ours: whoever sends a thousand of them fills nothing."""
        now = time.monotonic()
        if now - self._told.get(path, -_TOLD_EVERY) >= _TOLD_EVERY:
            self._told[path] = now
            log.warning("%s: %s", path, self._parts.workspace.redactor.text(said))


async def _body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """The raw bytes, at most LARGEST of them: whatever its head says of its length, it is counted as it comes."""
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise _Refused(error(415, "send it uncompressed"), "encoded")
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST:
        raise _Refused(_too_large(leave=int(declared) > _DRAINED), "too_large")
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(error(400, "it ended early"), "cut")
        body += message.get("body", b"")
        if len(body) > LARGEST:
            raise _Refused(_too_large(leave=True), "too_large")
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(*, leave: bool) -> Answer:
    return error(413, f"more than {LARGEST // 1024} KiB", {"Connection": "close"} if leave else {})
