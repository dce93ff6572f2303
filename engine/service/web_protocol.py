"""HTTP/1.1 with an end to patience: whoever is too slow to send a request, or to take an answer, makes room for others."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
"""For a whole request, head and body, from the connection or the answer before."""

ANSWER_SECONDS = 30.0
"""For what can't be sent because the other side takes nothing."""

_EVERY = 2.0
_COMING = frozenset({h11.IDLE, h11.SEND_BODY})


class Patient(H11Protocol):
    """Uvicorn's own, which waits for a request as long as some byte of it comes now and then, and for ever for a reader."""

    request_seconds = REQUEST_SECONDS
    answer_seconds = ANSWER_SECONDS
    every = _EVERY

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A request is due from now on."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._stuck_since: float | None = None
        self._looks = self.loop.call_later(self.every, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._looks.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next one is."""
        self._since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """More is to be sent than the other side takes."""
        self._stuck_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It took some."""
        self._stuck_since = None
        super().resume_writing()

    def _look(self) -> None:
        now, state = self.loop.time(), _state(self.conn)
        stuck = self._stuck_since is not None and now - self._stuck_since > self.answer_seconds
        if stuck or (state in _COMING and now - self._since > self.request_seconds):
            self.transport.abort()
        else:
            self._looks = self.loop.call_later(self.every, self._look)


def _state(connection: Any) -> Any:
    return connection.their_state
