"""An alert in plain words: what is wrong, where to look at it, when its flow runs next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from engine.run.model import Flow
from engine.service.alerts.eye import day_and_time
from engine.service.schedule import plan_text
from engine.spec.timetable import length_in_words
from engine.state.alerts import Alert
from engine.state.firings import Planned

_TITLES: dict[str, tuple[str, str]] = {
    "stopped": ("the flow does not run", "the flow does not run: {n} runs failed"),
    "unreachable": ("a system is out of reach", "a system is out of reach: {n} runs failed"),
    "not_started": ("the flow could not be started",) * 2,
    "no_success": ("no run has worked",) * 2,
    "stuck": ("a file is not taken in",) * 2,
    "not_put_away": ("a file can't be put away",) * 2,
    "held": ("a document is held", "{n} documents are held"),
    "conflict": ("a document differs from what was sent before", "{n} documents differ from what was sent before"),
    "quarantined": ("a document can't be used as it came", "{n} documents can't be used as they came"),
    "rejected": ("a document was rejected", "{n} documents were rejected"),
    "in_doubt": ("a document is in doubt", "{n} documents are in doubt"),
    "bad_file": ("a file can't be used",) * 2,
    "missing": ("what was due has not come",) * 2,
    "stale": ("nothing new has come",) * 2,
    "unanswered": ("a file of ours was not acknowledged", "{n} files of ours were not acknowledged"),
    "refused_file": ("the partner rejected a file of ours",) * 2,
    "broken_spec": ("the spec has mistakes",) * 2,
    "restored": ("an older state came back from a backup",) * 2,
}
_ABOUT_FILES = frozenset({"stuck", "not_put_away", "bad_file", "missing", "stale", "unanswered", "refused_file"})
_OURS = frozenset({"unanswered", "refused_file"})
_ABOUT_DOCUMENTS = frozenset({"held", "conflict", "quarantined", "rejected", "in_doubt"})


def headline(alert: Alert) -> str:
    """`invoices: 200 documents were rejected, 12,345.60 in all`."""
    one, many = _TITLES.get(alert.kind, (alert.kind, alert.kind))
    what = one if alert.times == 1 else many.format(n=f"{alert.times:,}")
    where = alert.flow.partition("/")[2] or alert.integration
    return f"{where}: {what}" + (f", {_grouped(alert.amount)} in all" if alert.amount else "")


def link(address: str, alert: Alert) -> str:
    """Where the console shows it; empty where there is no console."""
    if not address:
        return ""
    if alert.kind in _ABOUT_DOCUMENTS:
        asked = {"flow": alert.flow, "state": alert.kind} | ({"cause": alert.subject} if alert.subject else {})
        return _page(address, "queue", asked)
    if not alert.flow:
        return _page(address, "alerts", {})
    if alert.kind not in _ABOUT_FILES:
        return _page(address, "runs", {"flow": alert.flow})
    named = {"name": alert.subject} if alert.kind == "bad_file" else {"flow": alert.flow}
    return _page(address, "files", named | ({"side": "out"} if alert.kind in _OURS else {}))


def _page(address: str, page: str, asked: dict[str, str]) -> str:
    query = f"?{urlencode(asked, quote_via=quote)}" if asked else ""
    return f"{address.rstrip('/')}/{page}{query}"


def next_run(flow: Flow | None, planned: Planned | None, now: datetime) -> str:
    """`next run Sat 21 Nov 08:15 UTC, in 12 minutes (every 15m)`."""
    if flow is None:
        return ""
    plan = plan_text(flow.kind.schedule)
    if planned is None:
        return f"meant to run {plan}" if plan else "it runs when somebody starts it"
    if planned.paused:
        return (
            f"the flow is paused{f' by {planned.said_by}' if planned.said_by else ''}: nothing runs until it is resumed"
        )
    if planned.next_at is None:
        return "it runs when somebody starts it"
    away = planned.next_at - now
    soon = f"in {length_in_words(_rounded(away))}" if away >= timedelta(minutes=1) else "now"
    return f"next run {day_and_time(planned.next_at)}, {soon}" + (f" ({plan})" if plan else "")


def _rounded(length: timedelta) -> timedelta:
    unit = timedelta(hours=1) if length >= timedelta(days=2) else timedelta(minutes=1)
    return round(length / unit) * unit


def _grouped(amount: str) -> str:
    """An exact amount with its thousands apart."""
    sign, digits = ("-", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, dot, rest = digits.partition(".")
    return f"{sign}{int(whole):,}{dot}{rest}" if whole.isdigit() else amount


Runs = Callable[[str], str]
"""When a flow, by its id, runs next."""
