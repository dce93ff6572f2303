"""Documents that wait, one alert for all that wait for the same reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from engine.contracts import State
from engine.desk.causes import FOR_A_PERSON, cause_id
from engine.run.model import Flow
from engine.run.show import span
from engine.service.alerts.eye import Eye, command, limits_of
from engine.state import ledger_overview
from engine.state.alerts import Finding
from engine.state.facts import Listed

_STATES = (*FOR_A_PERSON, State.REJECTED)
_MOST = 20_000
"""Documents looked at, the latest first; a flow with more of them has its causes told all the same."""


@dataclass(slots=True)
class _Group:
    """Documents of one cause; `example` is the latest one."""

    example: Listed
    first: datetime
    documents: int = 0
    amount: Decimal | None = None

    def add(self, document: Listed) -> None:
        self.documents += 1
        self.first = min(self.first, document.updated_at)
        if (amount := _amount(document.amount)) is not None:
            self.amount = (self.amount or Decimal()) + amount


def causes(eye: Eye, flow: Flow) -> Iterator[Finding]:
    """What was held, contradicted, unusable or refused."""
    groups: dict[str, _Group] = {}
    for document in ledger_overview.listed(eye.desk, _STATES, flow=flow.id, most=_MOST):
        key = cause_id(document)
        if key not in groups:
            groups[key] = _Group(document, document.updated_at)
        groups[key].add(document)
    more = _more(eye, flow) if sum(group.documents for group in groups.values()) == _MOST else ""
    for key, group in groups.items():
        yield eye.find(
            flow,
            group.example.state.value,
            subject=key,
            since=group.first,
            times=group.documents,
            amount="" if group.amount is None else format(group.amount, "f"),
            said=_said(group) + more,
            next_step=_next_step(key, group),
            heals="they are tried again by themselves" if group.example.state is State.REJECTED else "",
        )


def _more(eye: Eye, flow: Flow) -> str:
    count = ledger_overview.count(eye.desk, _STATES, flow=flow.id)
    return f" (of {count:,} that wait, the latest {_MOST:,} are counted here)" if count > _MOST else ""


def in_doubt(eye: Eye, flow: Flow) -> Iterator[Finding]:
    """Documents nobody knows whether they arrived, for longer than the spec allows."""
    if not ledger_overview.count(eye.desk, [State.IN_DOUBT], flow=flow.id):
        return
    since, limit = ledger_overview.standing(eye.desk, flow.id).doubt_since, limits_of(flow).in_doubt_for
    if since is None or eye.now - since <= limit:
        return
    found = list(ledger_overview.listed(eye.desk, [State.IN_DOUBT], flow=flow.id, most=_MOST))
    if not found:
        return
    group = _Group(found[0], found[0].updated_at)
    for document in found:
        group.add(document)
    yield eye.find(
        flow,
        State.IN_DOUBT.value,
        since=since,
        times=group.documents,
        amount="" if group.amount is None else format(group.amount, "f"),
        said=f"Longer than {span(limit)} in doubt; {_said(group)}",
        next_step=_next_step("", group),
        heals="every run looks whether they arrived; none is sent twice",
    )


def _said(group: _Group) -> str:
    one = group.example
    amount = f", {one.amount}" if one.amount else ""
    named = f"{one.number or one.key}{f' of {one.party}' if one.party else ''}{amount}"
    return f"{'for example ' if group.documents > 1 else ''}{named}: {one.reason}"


def _next_step(cause: str, group: _Group) -> str:
    if group.documents == 1 or not cause:
        return command("held", "show", group.example.key)
    return f"{command('held', 'list', '--by-cause')}, and once it is mended {command('replay', '--group', cause)}"


def _amount(text: str | None) -> Decimal | None:
    try:
        amount = Decimal(text or "NaN")
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
