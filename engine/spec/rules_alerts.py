"""Rules for who is told: zones, hours and days are ones that exist, and what is expected is expected by somebody."""

from __future__ import annotations

from datetime import date

from engine.spec.nodes import Node
from engine.spec.problems import Problems
from engine.spec.rules_flows import check_zone
from engine.spec.tree import SpecTree
from engine.spec.walk import text_of


def check_alerts(tree: SpecTree, problems: Problems) -> None:
    """The quiet hours of every alert, and what every flow expects."""
    alerts, flows = tree.integration.get("alerts"), tree.integration.get("flows")
    for alert in (node for _, node in alerts.items()) if alerts else ():
        _quiet(alert.get("quiet"), problems)
    for flow in (node for _, node in flows.items()) if flows else ():
        _expected(flow, problems)


def _quiet(quiet: Node | None, problems: Problems) -> None:
    check_zone(text_of(quiet, "timezone"), problems)
    start, end = text_of(quiet, "from"), text_of(quiet, "until")
    if start is not None and end is not None and start.value == end.value:
        message = "these quiet hours begin and end at the same time: they would never end"
        problems.add("E308", end, message, suggestion="write another time")


def _expected(flow: Node, problems: Problems) -> None:
    expect = flow.get("expect")
    if expect is None or expect.kind != "map":
        return
    check_zone(text_of(expect, "timezone"), problems)
    days = expect.get("except")
    for day in days.children() if days is not None else ():
        if day.kind == "text" and not _is_date(day.value):
            problems.add("E308", day, f"`{day.value}` is no day of the calendar", suggestion="correct it, or remove it")
    mark, path = flow.key_mark("expect"), expect.path
    if flow.get("on_error") is None:
        message = "nobody would be told that it has not come: `on_error` is missing"
        problems.add("E312", mark, message, suggestion="add `on_error: {alert: ...}`", path=path)
    if text_of(flow, "read", "outcomes") is not None:
        message = "`outcomes` come from flows of ours: expect what those read"
        problems.add("E311", mark, message, suggestion="move `expect` to that flow", path=path)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
