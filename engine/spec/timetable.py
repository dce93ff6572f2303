"""A flow's `schedule` in plain words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from engine.spec.nodes import Node
from engine.spec.scalars import parse_duration
from engine.spec.walk import text_of

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def length_in_words(length: timedelta) -> str:
    """`1 hour 30 minutes`, `15 minutes`, `8 days`."""
    left, parts = round(length.total_seconds()), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}" + ("s" if count > 1 else ""))
    return " ".join(parts) or "0 seconds"


def duration_in_words(text: str) -> str:
    """A duration as a spec writes it, in words; itself where it is none."""
    length = parse_duration(text)
    return text if length is None else length_in_words(length)


def schedule_in_words(schedule: Node | None) -> str:
    """When the flow runs by itself: `every 15 minutes`, `at 02:00 on Sunday (America/New_York)`."""
    every, cron, zone = (text_of(schedule, key) for key in ("every", "cron", "timezone"))
    if every is not None:
        words = duration_in_words(str(every.value))
        return f"every {words.removeprefix('1 ') if words.count(' ') == 1 else words}"
    if cron is None:
        return "only when somebody starts it"
    return f"{_cron_in_words(str(cron.value))} ({zone.value if zone is not None else 'UTC'})"


def _cron_in_words(line: str) -> str:
    try:
        told = CronSim(line, datetime(2026, 1, 1, tzinfo=UTC)).explain()
    except CronSimError:
        return f"by the cron line {line}"
    return told[:1].lower() + told[1:]
