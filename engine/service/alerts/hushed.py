"""The sending library's log: it names addresses and payloads, so none of it goes anywhere, but for why a message was not taken."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ITS_OWN = "apprise"
_BELOW = ("urllib3", "requests", "smtplib")
_CAUSES = ("Socket Exception:", "Response Details")
_MOST = 3


class Heard:
    """What was said of one message."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def add(self, text: Any) -> None:
        """Each text once, in one line."""
        self._said[" ".join(str(text).split())] = None

    def told(self) -> str:
        """The last of it, still with everything in it."""
        return "; ".join(list(self._said)[-_MOST:])


_LISTENING: dict[int, Heard] = {}


class _Keep(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        heard = _LISTENING.get(record.thread or 0)
        if heard is not None:
            text = record.getMessage()
            if record.levelno >= logging.WARNING or text.startswith(_CAUSES):
                heard.add(text)
        return False


_KEEP = _Keep()


def hush() -> None:
    """From now on these libraries log nothing; may be called again."""
    for name in _BELOW:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
    logger = logging.getLogger(_ITS_OWN)
    logger.addFilter(_KEEP)
    logger.setLevel(logging.DEBUG)  # so that causes are heard; the filter lets nothing through


@contextmanager
def listening(heard: Heard) -> Iterator[None]:
    """What the library says in this thread meanwhile."""
    me = threading.get_ident()
    _LISTENING[me] = heard
    try:
        yield
    finally:
        _LISTENING.pop(me, None)
