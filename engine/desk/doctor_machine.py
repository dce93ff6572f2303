"""What `doctor` finds about the machine: versions, clock, time zones, room on the disk, the kind of file system."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.run.seams import Seams

PACKAGE = "mlconnector"
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
"""Before this day mlconnector was not written: a clock that says so is wrong."""
TIGHT, FULL = 1024**3, 100 * 1024**2
"""Bytes free below which there is a warning, and below which a run may fail in its middle."""
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Tokyo")
SHARED = {"nfs", "nfs4", "cifs", "smb", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs", "ceph", "afs"}
_WANTED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*)(?:;(.*))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    advice: str = ""

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {"name": self.name, "state": self.state, "detail": self.detail, "advice": self.advice}


def python() -> Iterator[Finding]:
    """Whether this Python is new enough."""
    floor = _numbers(metadata.metadata(PACKAGE)["Requires-Python"].removeprefix(">="))
    here = tuple(sys.version_info[:3])
    said = f"{'.'.join(map(str, here))} ({sys.executable})"
    if here >= floor:
        yield Finding(name="python", state="ok", detail=said)
    else:
        needed = ".".join(map(str, floor))
        yield Finding(name="python", state="fail", detail=said, advice=f"install Python {needed} or newer")


def packages(required: list[str] | None = None) -> Iterator[Finding]:
    """Every package mlconnector needs, with the version that is here against the one it asks for."""
    wanted = metadata.requires(PACKAGE) or [] if required is None else required
    wrong: list[str] = []
    found: list[str] = []
    for text in wanted:
        match = _WANTED.fullmatch(text.strip())
        if match is None or (match[3] and "extra" in match[3]):
            continue
        name, limits = match[1], match[2].strip()
        try:
            here = metadata.version(name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing (needs {limits or 'any'})")
            continue
        found.append(f"{name} {here}")
        if not _fits(_numbers(here), limits):
            wrong.append(f"{name} is {here}, needs {limits}")
    if wrong:
        yield Finding(
            name="packages", state="fail", detail="; ".join(wrong), advice="set mlconnector up anew: `python3 go.py`"
        )
    else:
        yield Finding(name="packages", state="ok", detail=", ".join(found))


def _fits(here: tuple[int, ...], limits: str) -> bool:
    """Whether a version keeps to limits like `<3,>=8.2,!=8.3.0`."""
    for limit in filter(None, (part.strip() for part in limits.strip("()").split(","))):
        sign, bound = re.match(r"([<>=!~]*)\s*(.*)", limit).groups()  # type: ignore[union-attr]  # it fits every text
        other = _numbers(bound)
        size = max(len(here), len(other))
        one, two = (numbers + (0,) * (size - len(numbers)) for numbers in (here, other))
        if not {">=": one >= two, "<=": one <= two, "<": one < two, ">": one > two, "!=": one != two}.get(sign, True):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:4])


def clock(seams: Seams) -> Iterator[Finding]:
    """Whether the clock can be right, and whether time that only goes forward does."""
    now = seams.clock()
    first = time.monotonic()
    forward = time.monotonic() >= first and (seams.boot is None or seams.boot().seconds > 0)
    if now.tzinfo is None or now < FIRST:
        detail = f"{now.isoformat()} can't be right"
        yield Finding(name="clock", state="fail", detail=detail, advice="set the machine's clock, and keep it by NTP")
    elif not forward:
        yield Finding(
            name="clock", state="fail", detail="its time since start does not go forward", advice="restart the machine"
        )
    else:
        yield Finding(name="clock", state="ok", detail=f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")


def time_zones() -> Iterator[Finding]:
    """Whether schedules can name their time zone."""
    try:
        for name in ZONES:
            ZoneInfo(name)
    except ZoneInfoNotFoundError:
        advice = "install the package `tzdata`, of Python or of the system"
        yield Finding(name="time zones", state="fail", detail="the data is missing", advice=advice)
    else:
        yield Finding(name="time zones", state="ok", detail=f"{', '.join(ZONES)} are known")


def room(workspace: Path) -> Iterator[Finding]:
    """Space on the workspace's disk."""
    free = shutil.disk_usage(_existing(workspace)).free
    said = f"{free / 1024**3:.1f} GiB free"
    if free < FULL:
        yield Finding(name="disk", state="fail", detail=said, advice="make room before the next run")
    elif free < TIGHT:
        yield Finding(name="disk", state="warn", detail=said, advice="make room soon")
    else:
        yield Finding(name="disk", state="ok", detail=said)


def mounts(workspace: Path, environ: Mapping[str, str], table: Path = Path("/proc/self/mounts")) -> Iterator[Finding]:
    """Whether the workspace is on a disk of this machine: SQLite's locks and its log are not safe on a network share."""
    kind = _mounted(_existing(workspace).resolve(), table)
    if kind is None:
        yield Finding(
            name="file system",
            state="warn",
            detail="its kind can't be told here",
            advice="keep the workspace on a local disk",
        )
    elif kind not in SHARED:
        yield Finding(name="file system", state="ok", detail=f"{kind}, local")
    elif environ.get("MLCONNECTOR_DATABASE_URL", "").startswith("postgres"):
        yield Finding(
            name="file system",
            state="warn",
            detail=f"{kind}, a network share",
            advice="spool files are safer on a local disk",
        )
    else:
        advice = "move the workspace to a local disk, or use PostgreSQL (MLCONNECTOR_DATABASE_URL)"
        yield Finding(
            name="file system", state="fail", detail=f"{kind}, a network share: SQLite is not safe there", advice=advice
        )


def _mounted(place: Path, table: Path) -> str | None:
    """The kind of file system a path is on: that of the longest mount point above it."""
    try:
        rows = [line.split() for line in table.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return None
    above = [(row[1], row[2]) for row in rows if len(row) > 2 and place.is_relative_to(row[1])]
    return max(above, key=lambda pair: len(pair[0]), default=("", None))[1]


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    path = path.absolute()
    return next(place for place in (path, *path.parents) if place.exists())
