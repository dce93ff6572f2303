"""What a run takes from outside as arguments: time, chance, the network, the environment."""

from __future__ import annotations

import os
import random as chance
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from engine.contracts import Clock, Random, Sleep
from engine.state.boot import BootClock


def utc_now() -> datetime:
    """Now, aware, UTC."""
    return datetime.now(UTC)


Progress = Callable[[str, Mapping[str, Any]], None]
"""Told what happens as it happens: an event's name and its figures. Never a secret, never a payload."""


def quiet(event: str, detail: Mapping[str, Any]) -> None:
    """Shows nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seams:
    """The real world by default; tests, the demo and spec tests pass their own.

    `boot` measures settle times on a clock nobody can set; without it `clock` does. `allowed_hosts` are patterns of the
    hosts a spec may reach; none means all. `watch` is told of every `call` and every operation on a `file`, by figures only.
    """

    clock: Clock = utc_now
    sleep: Sleep = time.sleep
    random: Random = chance.random
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    transport: Callable[[str], httpx.BaseTransport | None] = lambda _alias: None
    allow_loopback: bool = False
    boot: BootClock | None = None
    allowed_hosts: tuple[str, ...] = ()
    watch: Progress = quiet
