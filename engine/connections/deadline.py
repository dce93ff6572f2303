"""A deadline for a whole call: a library's time-outs count each read, so a drip of bytes never ends (measured)."""

from __future__ import annotations

import time
from contextvars import ContextVar, Token
from typing import Self

_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class Deadline:
    """That many seconds from now, on the monotonic clock; while entered, every socket of this thread obeys it.

    Inside another one it ends no later than that.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ends = time.monotonic() + seconds
        self._tokens: list[Token[Deadline | None]] = []

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.ends - time.monotonic())

    def __enter__(self) -> Self:
        outer = _current.get()
        if outer is not None:
            self.ends = min(self.ends, outer.ends)
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._tokens.pop())


def time_left(otherwise: float | None) -> float | None:
    """Seconds the call in hand has left, at most `otherwise`."""
    deadline = _current.get()
    if deadline is None:
        return otherwise
    return deadline.left if otherwise is None else min(deadline.left, otherwise)
