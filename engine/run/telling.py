"""Who is told what went wrong, when, and what is missed when it does not come: the keys of `alerts`, `on_error` and `expect`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_LOOK_BACK = 400
"""Days gone back at most to find a moment on which something was due."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Where a value is kept: the vault or the environment."""

    secret: str = ""
    env: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quiet:
    """Hours of the day in which messages wait; `until` may be of the next morning."""

    from_: str
    until: str
    timezone: str = "UTC"

    def holds(self, now: datetime) -> bool:
        """Whether it is quiet now."""
        here = now.astimezone(ZoneInfo(self.timezone)).time().replace(tzinfo=None)
        start, end = time_of(self.from_), time_of(self.until)
        return start <= here < end if start < end else here >= start or here < end


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertKind:
    """One of `alerts`: where messages go, how long a burst is gathered into one, and when they wait."""

    to: Kept
    gather: timedelta = timedelta(minutes=15)
    quiet: Quiet | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OnError:
    """Who is told of what goes wrong with a flow, and from when on it counts as wrong."""

    alert: str
    in_doubt_for: timedelta = timedelta(hours=1)
    no_success_for: timedelta | None = None
    failed_runs: int = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Expect:
    """What must come in: something new by a time of certain days, or at least every so often."""

    by: str = ""
    timezone: str = "UTC"
    on: str = "MON-SUN"
    except_: tuple[str, ...] = ()
    every: timedelta | None = None

    def last_due(self, now: datetime) -> datetime | None:
        """The newest moment up to now by which something had to be there, in the expected zone."""
        zone, days = ZoneInfo(self.timezone), days_of(self.on)
        day = now.astimezone(zone).date()
        for _ in range(_LOOK_BACK):
            moment = datetime.combine(day, time_of(self.by), zone)
            if moment <= now and day.weekday() in days and day.isoformat() not in self.except_:
                return moment
            day -= timedelta(days=1)
        return None


def time_of(text: str) -> time:
    """`09:00`. Raises ValueError."""
    return time.fromisoformat(text)


def days_of(text: str) -> frozenset[int]:
    """`MON-FRI` or `MON,WED,SAT-SUN` as numbers from 0, Monday. Raises ValueError for any other word."""
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return frozenset(found)
