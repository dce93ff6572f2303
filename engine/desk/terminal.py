"""Progress on stderr: a live line per flow on a terminal, plain lines otherwise."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.redaction import one_line
from engine.run.seams import Progress
from engine.run.seams import quiet as say_nothing

_PLAIN = {
    "flow": "{flow}: started",
    "parcel": "{flow}: reading {name}",
    "ingested": "{flow}: {name}: {read} records",
    "dropped": "{flow}: placed {name} with {documents} records",
    "ended": "{flow}: {outcome}",
    "restored": "{text}",
}
_TOLD = {"held", "conflict", "quarantined", "rejected", "in_doubt"}


@contextmanager
def display(*, dry: bool, plain: bool, quiet: bool = False) -> Iterator[Progress]:
    """A progress callback; live when stderr is a terminal and nothing asks for calm (NO_COLOR, TERM=dumb, JSON)."""
    if quiet:
        yield say_nothing
        return
    calm = plain or not sys.stderr.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    if calm:
        yield say_plainly
        return
    with _live(dry=dry) as progress:
        yield progress


def say_plainly(event: str, detail: Mapping[str, Any]) -> None:
    """One line a step; delivered documents only where they need a person."""
    if event == "delivered":
        if detail["state"] in _TOLD:
            _line(f"{_name(detail)}: {detail['number']} {detail['state']}: {detail['reason']}")
        return
    pattern = _PLAIN.get(event)
    if pattern is not None:
        _line(pattern.format_map({"read": 0, **detail, "flow": _name(detail)}))


def _name(detail: Mapping[str, Any]) -> str:
    """A flow by its short name, whether the event tells that or its whole id."""
    return str(detail["flow"]).rpartition("/")[2]


def _line(text: str) -> None:
    """Names and numbers come from files: none of them is a command to the terminal, or a second line."""
    sys.stderr.write(one_line(text) + "\n")


@contextmanager
def _live(*, dry: bool) -> Iterator[Progress]:
    from rich.console import Console
    from rich.markup import escape
    from rich.status import Status

    console = Console(stderr=True)
    done: Counter[str] = Counter()
    with Status("starting", console=console) as status:

        def progress(event: str, detail: Mapping[str, Any]) -> None:
            if event == "flow":
                done.clear()
                status.update(f"[bold]{detail['flow']}[/] {'rehearsing' if dry else 'looking for something new'}")
            elif event == "parcel":
                status.update(f"[bold]{detail['flow']}[/] reading {escape(one_line(detail['name']))}")
            elif event == "delivered":
                done[detail["state"]] += 1
                counts = ", ".join(f"{count} {state}" for state, count in done.items())
                status.update(f"[bold]{_name(detail)}[/] {counts}")

        yield progress
