"""Durations as they are written in a spec."""

from __future__ import annotations

import re
from datetime import timedelta

DURATION_HINT = "write a duration such as 30s, 15m, 8h, 7d or 1h30m"

_DURATION = re.compile(
    r"(?:(?P<days>[0-9]{1,6})d)?(?:(?P<hours>[0-9]{1,6})h)?(?:(?P<minutes>[0-9]{1,6})m(?!s))?"
    r"(?:(?P<seconds>[0-9]{1,6})s)?(?:(?P<milliseconds>[0-9]{1,6})ms)?"
)


def parse_duration(text: str) -> timedelta | None:
    """`15m`, `8d`, `250ms`, `1h30m` as a timedelta; None where it is no duration (the schema has said so already)."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        return None
    return timedelta(**{unit: int(count) for unit, count in match.groupdict().items() if count is not None})


def format_duration(length: timedelta) -> str:
    """A timedelta as it would be written in a spec: `1h30m`, `0s`."""
    milliseconds = length // timedelta(milliseconds=1)
    parts: list[str] = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
