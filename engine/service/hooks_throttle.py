"""How many forgeries an address may send before it is told to wait. What is genuine is always taken, whoever sends from there."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

BURST = 20
EVERY = 3.0
"""Seconds after which one more forgery is looked at as such."""

_MOST = 10_000


class Forgeries:
    """Counted per address (of IPv6 per network), the longest quiet ones forgotten first."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def another(self, address: str) -> bool:
        """One came from there; False when there were too many of late."""
        place, now = _network(address), self._now()
        left, at = self._left.pop(place, (BURST, now))
        left = min(BURST, left + (now - at) / EVERY)
        self._left[place] = (max(left - 1, 0.0), now)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
        return left >= 1


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
