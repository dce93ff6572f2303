"""How long to wait before trying again."""

from __future__ import annotations

from engine.contracts import Random

LONGEST_ASKED = 3600.0
"""Seconds; a server that asks for more is not taken at its word."""

_FIRST = 1.0
_DOUBLINGS = 20


def delay(tried: int, *, cap: float, random: Random, asked: float | None = None) -> float:
    """Seconds to wait after `tried` tries: full jitter below 1, 2, 4 … and `cap`, at least what the server asked within `cap`.

    Full jitter spreads many clients best (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """
    ceiling = min(cap, _FIRST * 2.0 ** min(max(tried - 1, 0), _DOUBLINGS))
    return min(cap, max(random() * ceiling, asked or 0.0))
