"""One message of all there is to tell somebody: plain text, no payload but number, party and amount, no secret."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.redaction import Redactor, harmless, one_line
from engine.run.model import Integration
from engine.service.alerts.eye import day_and_time
from engine.service.alerts.words import Runs, headline, link
from engine.state.alerts import Alert, Digest

MOST = 20
"""Things told in full; the rest is counted: a message nobody reads to its end helps nobody."""
_LONGEST_LINE = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Writer:
    """Writes the digests of one integration. `head`: the trail's last line; `runs` says when a flow runs next."""

    integration: Integration
    redactor: Redactor
    now: datetime
    head: str
    address: str
    runs: Runs

    def compose(self, new: Sequence[Alert], solved: Sequence[Alert], still: Sequence[Alert]) -> Digest:
        """`still`: what was told before and is wrong yet."""
        count = len(new)
        things = "1 thing needs" if count == 1 else f"{count} things need"
        lines = [f"{things} you in {self.integration.title} ({self.integration.name}).", ""]
        for n, alert in enumerate(new[:MOST], 1):
            lines += [*self._told(n, alert), ""]
        if count > MOST:
            lines += [f"And {count - MOST} more: mlconnector alerts list", ""]
        lines += self._short("Solved since:", solved)
        lines += self._short("Told before, and still so:", still)
        lines += [f"trail head {self.head}"]
        subject = f"mlconnector: {things} you ({self.integration.name})"
        return Digest(subject=self._clean(subject), body="\n".join(map(self._clean, lines)))

    def _told(self, n: int, alert: Alert) -> Iterator[str]:
        yield f"{n}. {headline(alert)}"
        yield f"   Since: {day_and_time(alert.since)}"
        yield f"   Why: {_cut(alert.said)}"
        yield f"   Next step: {alert.next_step}"
        if page := link(self.address, alert):
            yield f"   In the console: {page}"
        by_itself = "; ".join(filter(None, [alert.heals, self.runs(alert.flow) if alert.flow else ""]))
        if by_itself:
            yield f"   By itself: {by_itself}"

    def _short(self, title: str, alerts: Sequence[Alert]) -> list[str]:
        if not alerts:
            return []
        told = [f"- {headline(alert)} (since {day_and_time(alert.since)})" for alert in alerts[:MOST]]
        more = [f"- and {len(alerts) - MOST} more"] if len(alerts) > MOST else []
        return [title, *told, *more, ""]

    def _clean(self, text: str) -> str:
        return one_line(harmless(self.redactor.text(text)))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_LINE else text[: _LONGEST_LINE - 1] + "…"
