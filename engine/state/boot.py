"""A clock that nobody can set: seconds since this machine started, sleep included."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.contracts import Clock


@dataclass(frozen=True, slots=True)
class Boot:
    """Which machine, which of its starts, and seconds since then."""

    host: str
    id: str
    seconds: float


BootClock = Callable[[], Boot]


def system_boot() -> Boot:
    """The machine's own; where it tells no boot id, only the running process is trusted with an earlier reading."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Boot(platform.node(), _boot_id(), time.clock_gettime(clock))


def boot_of(clock: Clock) -> BootClock:
    """A boot clock that follows the given wall clock."""
    return lambda: Boot("clock", "clock", clock().timestamp())


_PROCESS_START = f"process-{time.time_ns()}"


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _PROCESS_START
