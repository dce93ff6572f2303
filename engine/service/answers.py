"""Answers that are no pages: short, plain, told to nobody else, and never more than their reader may know."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import Send


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, send: Send) -> None:
        """As ASGI sends it."""
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": self.body})


_HEADERS = {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def json_answer(status: int, plain: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Answer:
    """Plain data as JSON."""
    return Answer(status, json.dumps(plain).encode(), {**_HEADERS, **(headers or {})})


def error(status: int, said: str, headers: Mapping[str, str] | None = None) -> Answer:
    """`{"error": …}`, in words of ours."""
    return json_answer(status, {"error": said}, headers)
