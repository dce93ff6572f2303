"""What goes on right now in this process, for whoever watches: counted from what the runs tell, kept in memory only."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.contracts import Clock
from engine.redaction import one_line
from engine.run.seams import Progress, utc_now


@dataclass(frozen=True, kw_only=True, slots=True)
class Going:
    """A run at work. `counts`: records read and documents by state; `text`: its last step in plain words."""

    flow: str
    started_at: datetime
    run: str = ""
    text: str = "starting"
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Run:
    started_at: datetime
    run: str = ""
    text: str = "starting"
    counts: Counter[str] = field(default_factory=Counter)


class Live:
    """Told by every run of this process; asked by pages. Safe from every thread."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._news = threading.Condition()
        self._runs: dict[str, _Run] = {}
        self._number = 0

    def progress(self, flow_id: str) -> Progress:
        """A run of the flow begins: what to hand it. `ended` takes it off again."""
        with self._news:
            self._runs[flow_id] = _Run(self._clock())
            self._told()

        def tell(event: str, detail: Mapping[str, Any]) -> None:
            with self._news:
                found = self._runs.get(flow_id)
                if found is not None:
                    _note(found, event, detail)
                    self._told()

        return tell

    def began(self, flow_id: str, run: str) -> None:
        """The run's name, as the run itself tells it."""
        with self._news:
            if flow_id in self._runs:
                _note(self._runs[flow_id], "began", {"run": run})
                self._told()

    def ended(self, flow_id: str) -> None:
        """The run is over, however it ended."""
        with self._news:
            if self._runs.pop(flow_id, None) is not None:
                self._told()

    def now(self) -> list[Going]:
        """Every run at work, by flow."""
        with self._news:
            return [
                Going(flow=flow, started_at=run.started_at, run=run.run, text=run.text, counts=dict(run.counts))
                for flow, run in sorted(self._runs.items())
            ]

    def changed(self, after: int, wait: float) -> int:
        """The number of the newest change; waits up to `wait` seconds for one that is newer than `after`."""
        with self._news:
            self._news.wait_for(lambda: self._number > after, timeout=wait)
            return self._number

    def _told(self) -> None:
        self._number += 1
        self._news.notify_all()


def _note(run: _Run, event: str, detail: Mapping[str, Any]) -> None:
    if event == "began":
        run.run, run.text = str(detail.get("run", "")), "looking for something new"
    elif event == "parcel":
        run.text = f"reading {one_line(str(detail.get('name', '')))}"
    elif event == "ingested":
        run.counts["read"] += int(detail.get("read", 0))
        run.text = f"took in {one_line(str(detail.get('name', '')))}"
    elif event == "delivered":
        run.counts[str(detail.get("state", ""))] += 1
        run.text = f"{one_line(str(detail.get('number', '')))} is {detail.get('state', '')}"
    elif event == "dropped":
        run.text = f"placed {one_line(str(detail.get('name', '')))}"
    elif event == "recovered":
        run.text = "settling what an earlier run left open"
