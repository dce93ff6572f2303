"""When a flow is due: a function of its schedule, of where it stands on it, and of now. Nothing here waits or remembers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from engine.run.model import Schedule
from engine.state.firings_rows import Due, Planned

LATE = timedelta(minutes=1)
"""A start this late counts as in time; what comes later was missed."""
_MOST_COUNTED = 1000
_BACK = (timedelta(days=1), timedelta(days=32), timedelta(days=366), timedelta(days=366 * 9))


def plan_text(schedule: Schedule | None) -> str:
    """The schedule in one line: `every 15m`, `0 2 * * SUN America/New_York, catch up none`; empty for none."""
    if schedule is None:
        return ""
    when = f"every {_length(schedule.every)}" if schedule.every else f"{schedule.cron} {schedule.timezone}"
    overlap = f", overlap {schedule.overlap}" if schedule.overlap != "skip" else ""
    return when + overlap + (f", catch up {schedule.catch_up}" if schedule.catch_up != "once" else "")


def first(schedule: Schedule | None, now: datetime, last_at: datetime | None = None) -> datetime | None:
    """When a flow that is planned now is due: `every` at once, or one length after its last start; `cron` at its next time."""
    if schedule is None:
        return None
    if schedule.every is None:
        return _next(schedule, now)
    return now if last_at is None else max(now, min(last_at, now) + schedule.every)


def due(schedule: Schedule, planned: Planned, now: datetime) -> Due:
    """What now means. Times up to now are one start, for the newest of them; the rest of them count as missed.

    A clock that was set back plans from where it is now: what was started for is known, and is not started again.
    """
    next_at = planned.next_at
    if next_at is None:
        return Due(next_at=first(schedule, now, planned.last_at), last_at=planned.last_at)
    if now < next_at:
        if planned.last_at is None or planned.last_at <= now:
            return Due(next_at=next_at, last_at=planned.last_at)
        return Due(next_at=_after(schedule, next_at, now), last_at=now)
    newest, count = _missed(schedule, next_at, now)
    turn = Due(at=newest, missed=count - 1, next_at=_after(schedule, next_at, now), overlap=schedule.overlap)
    if schedule.catch_up == "none" and now - newest > LATE:
        return Due(next_at=turn.next_at, last_at=newest, missed=count)
    return turn


def _missed(schedule: Schedule, next_at: datetime, now: datetime) -> tuple[datetime, int]:
    """The newest time from `next_at` to now, and how many there are; not counted on beyond a thousand."""
    if schedule.every is not None:
        passed = (now - next_at) // schedule.every
        return next_at + passed * schedule.every, passed + 1
    newest, count = next_at, 1
    for at in _times(schedule, next_at):
        if at > now:
            return newest, count
        newest, count = at, count + 1
        if count >= _MOST_COUNTED:
            break
    return _newest(schedule, next_at, now), count


def _newest(schedule: Schedule, since: datetime, now: datetime) -> datetime:
    """The newest of very many times, looked for from short before now."""
    for back in _BACK:
        found = since
        for at in _times(schedule, max(since, now - back)):
            if at > now:
                break
            found = at
        if found > since:
            return found
    return since


def _after(schedule: Schedule, known: datetime, now: datetime) -> datetime | None:
    """The first time after now; `known` is one of them, before or after it."""
    if schedule.every is None:
        return _next(schedule, now)
    return known + ((now - known) // schedule.every + 1) * schedule.every


def _next(schedule: Schedule, now: datetime) -> datetime | None:
    return next(_times(schedule, now), None)


def _times(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Every time of a cron line after that, in UTC. Inside the hour that comes twice cronsim may begin before it."""
    zone = ZoneInfo(schedule.timezone)
    yield from (at for each in CronSim(schedule.cron, after.astimezone(zone)) if (at := each.astimezone(UTC)) > after)


def _length(length: timedelta | None) -> str:
    seconds = round((length or timedelta(0)).total_seconds())
    unit, size = next((pair for pair in (("d", 86400), ("h", 3600), ("m", 60)) if seconds % pair[1] == 0), ("s", 1))
    return f"{seconds // size}{unit}"
