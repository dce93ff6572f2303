"""How a row says that what it held sealed was purged, and when."""

from __future__ import annotations

from datetime import datetime

from engine.state.codec import moment, stamp

PURGED = b"purged "
"""Begins what stands in the place of ciphertext; nothing sealed begins so."""


def purged_mark(now: datetime) -> bytes:
    """What is written in the place of a sealed value that is purged."""
    return PURGED + stamp(now).encode()


def purged_at(value: bytes | memoryview) -> datetime | None:
    """When the value was purged; None for one that is there."""
    value = bytes(value)
    return moment(value.removeprefix(PURGED).decode()) if value.startswith(PURGED) else None
