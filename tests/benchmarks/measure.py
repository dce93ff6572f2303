"""Both sides of a comparison in turn, each in a process of its own, and the table of what was found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


def size(name: str, default: int) -> int:
    """A size a person may set: `MLCONNECTOR_BENCH_` and the name."""
    return int(os.environ.get(f"MLCONNECTOR_BENCH_{name}", default))


@dataclass
class Table:
    """What the benchmarks found, printed when all have ended."""

    rows: list[tuple[str, str, str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, ours: str, hand: str, ratio: str, target: str, memory: str = "") -> None:
        """One line."""
        self.rows.append((what, ours, hand, ratio, target, memory))

    def lines(self) -> Iterator[str]:
        """The table as text."""
        head = ("benchmark", "mlconnector", "hand-written", "ratio", "target", "peak memory")
        widths = [max(len(row[at]) for row in (head, *self.rows)) for at in range(len(head))]
        for row in (head, *self.rows):
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


TABLE = Table()


def child(script: str, *words: str) -> dict[str, Any]:
    """Runs a script of this folder and reads the JSON it prints. Raises AssertionError with its errors when it fails."""
    command = [sys.executable, str(HERE / script), *words]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=HERE)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def side(name: str, **given: Any) -> dict[str, Any]:
    """One side of `sides.py`."""
    return child_of("sides.py", name, **given)


def child_of(script: str, name: str, **given: Any) -> dict[str, Any]:
    """One side of a script of sides."""
    return child(script, name, json.dumps(given, default=str))


@contextmanager
def system() -> Iterator[str]:
    """The address of a system on loopback that answers from a process of its own."""
    command = [sys.executable, str(HERE / "server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()
            process.wait()


@dataclass(frozen=True)
class Pair:
    """Medians of both sides; `ratio` of processor time and `wall` of the clock are medians of each turn's own ratio."""

    ours: dict[str, Any]
    hand: dict[str, Any]
    ratio: float
    wall: float

    @property
    def memory(self) -> str:
        """Both peaks."""
        return f"{self.ours['memory']:.0f} MB (by hand {self.hand['memory']:.0f} MB)"


def in_turn(turns: int, ours: Callable[[int], dict[str, Any]], hand: Callable[[int], dict[str, Any]]) -> Pair:
    """Both sides again and again, one after the other, so that a busy machine is unfair to neither."""
    pairs = [(hand(turn), ours(turn)) for turn in range(turns)]
    assert all(mine["made"] == theirs["made"] for theirs, mine in pairs), "both sides must make the same"
    return Pair(
        ours=_middle([mine for _, mine in pairs]),
        hand=_middle([theirs for theirs, _ in pairs]),
        ratio=median(mine["cpu"] / theirs["cpu"] for theirs, mine in pairs),
        wall=median(mine["seconds"] / theirs["seconds"] for theirs, mine in pairs),
    )


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    names = [name for name in ("seconds", "cpu", "memory", "child") if name in runs[0]]
    return {name: median(run[name] for run in runs) for name in names}
