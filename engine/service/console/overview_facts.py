"""What the overview says of each integration and flow, gathered in a handful of looks at the state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from cronsim import CronSim

from engine.contracts import State
from engine.run.model import Schedule
from engine.service.console.overview_chart import Chart, chart
from engine.service.console.render import length_of_time
from engine.state import overview_figures, tally
from engine.state.overview_figures import Standing

if TYPE_CHECKING:
    from engine.service.live import Going
    from engine.service.parts import Parts
    from engine.state.facts import Run
    from engine.state.firings import Firing, Planned
    from engine.state.tally import Figure

DAYS = 14
_STARTS = 300
"""So many of the newest starts are looked at."""
FOR_A_PERSON = (State.HELD, State.CONFLICT, State.QUARANTINED)
FAILED = (State.REJECTED, State.IN_DOUBT)
_ORDER = (*FOR_A_PERSON, *FAILED, State.WAITING)
_ARRIVED = frozenset({State.POSTED.value, State.ADOPTED.value})


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """So many documents, of so much together."""

    documents: int = 0
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowFacts:
    """A flow's line. `lag`: how long the oldest document on its way has been so; `fresh`: when it last ran without trouble.

    `stands` are its stopped documents by state, `known` whether a spec in force has it; `failed`: why its newest start came to no run.
    """

    id: str
    title: str
    schedule: str
    planned: Planned | None
    last: Run | None
    fresh: datetime | None
    stands: Sequence[Standing]
    on_the_way: int
    lag: timedelta | None
    last_day: Sum
    last_days: Sum
    known: bool = True
    failed: str = ""

    @property
    def name(self) -> str:
        """Without its integration."""
        return self.id.partition("/")[2]

    @property
    def headline(self) -> str:
        """What its last run came to."""
        if self.last is None:
            return ""
        if self.last.ended_at is None:
            return "has not ended"
        return str(self.last.summary.get("headline", self.last.outcome))

    @property
    def outcome(self) -> str:
        """Its last run's badge."""
        if self.last is None or self.last.ended_at is None:
            return "running" if self.last else "never ran"
        return {"done": "done", "empty": "nothing new", "partial": "partial", "stopped": "failed"}.get(
            self.last.outcome, self.last.outcome
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegrationFacts:
    """An integration's part of the page."""

    name: str
    title: str
    flows: Sequence[FlowFacts]
    chart: Chart


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One run at work, here or on another machine; `going` where it is here."""

    flow: str
    since: datetime | None
    owner: str
    going: Going | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The page. `wanted`: stopped documents over all flows, but those that only wait; the states that need a person first."""

    wanted: Sequence[Standing]
    integrations: Sequence[IntegrationFacts]
    broken: Mapping[str, str]
    uncounted: int


def overview(parts: Parts) -> Overview:
    """Everything the page shows, as of now."""
    desk, now = parts.workspace.desk, parts.seams.clock()
    stands = overview_figures.stopped(desk)
    planned = parts.firings.planned()
    known = {flow.id: flow for each in parts.shelf.integrations.values() for flow in each.flows.values()}
    ids = set(known) | {each.flow for each in stands}
    on_the_way, last = overview_figures.going(desk, ids), overview_figures.last_runs(desk, ids)
    fresh = overview_figures.last_successes(desk, ids)
    days, hours = tally.by_day(desk, (now - timedelta(days=DAYS - 1)).date()), tally.lately(desk, 24)
    starts = _newest(parts.firings.listed(limit=_STARTS))
    flows: dict[str, list[FlowFacts]] = defaultdict(list)
    for id_ in [*known, *sorted(ids - set(known))]:
        mine, way = [s for s in stands if s.flow == id_], [s for s in on_the_way if s.flow == id_]
        oldest = min((s.since for s in way if s.since is not None), default=None)
        flow = known.get(id_)
        flows[id_.partition("/")[0]].append(
            FlowFacts(
                id=id_, title=(flow.kind.title if flow else "") or id_.partition("/")[2], known=flow is not None,
                schedule=in_words(flow.kind.schedule) if flow else "", planned=planned.get(id_), last=last.get(id_),
                fresh=fresh.get(id_), stands=sorted(mine, key=lambda s: _ORDER.index(s.state)),
                on_the_way=sum(s.documents for s in way), lag=None if oldest is None else now - oldest,
                last_day=_arrived(hours, id_), last_days=_arrived(days, id_),
                failed=_failed(starts.get(id_), last.get(id_)),
            )
        )  # fmt: skip
    return Overview(
        wanted=sorted(
            (s for s in stands if s.state is not State.WAITING), key=lambda s: (_ORDER.index(s.state), s.flow)
        ),
        integrations=[_integration(parts, name, some, days, now) for name, some in flows.items()],
        broken=parts.shelf.broken,
        uncounted=tally.behind(desk),
    )


def at_work(parts: Parts) -> list[Work]:
    """Every run at work, by flow."""
    here = {going.flow: going for going in parts.live.now()}
    rows: dict[str, Firing] = {each.flow: each for each in parts.firings.running()}
    return [
        Work(
            flow=flow, going=here.get(flow), owner=rows[flow].owner if flow in rows else "",
            since=here[flow].started_at if flow in here else rows[flow].started_at,
        )
        for flow in sorted({*here, *rows})
    ]  # fmt: skip


def in_words(schedule: Schedule | None) -> str:
    """A schedule as a person says it; empty for none."""
    if schedule is None:
        return ""
    if schedule.every is not None:
        return f"every {length_of_time(schedule.every)}"
    from datetime import UTC

    told = CronSim(schedule.cron, datetime(2026, 1, 1, tzinfo=UTC)).explain()
    return f"{told[:1].lower()}{told[1:]} ({schedule.timezone})"


def _integration(
    parts: Parts, name: str, flows: Sequence[FlowFacts], days: Iterable[Figure], now: datetime
) -> IntegrationFacts:
    known = parts.shelf.integrations.get(name)
    mine = [each for each in days if each.flow.partition("/")[0] == name]
    return IntegrationFacts(
        name=name, title=known.title if known else name, flows=flows, chart=chart(mine, now.date(), DAYS)
    )


def _newest(firings: Iterable[Firing]) -> dict[str, Firing]:
    """The newest start of each flow that has ended; they come newest first."""
    found: dict[str, Firing] = {}
    for each in firings:
        if each.ended_at is not None and each.state in {"done", "failed"}:
            found.setdefault(each.flow, each)
    return found


def _failed(newest: Firing | None, last: Run | None) -> str:
    if newest is None or newest.state != "failed" or newest.ended_at is None:
        return ""
    told_by_run = last is not None and (newest.run == last.id or last.started_at > newest.ended_at)
    return "" if told_by_run else newest.reason or "it did not start"


def _arrived(figures: Iterable[Figure], flow: str) -> Sum:
    mine = [each for each in figures if each.flow == flow and each.state in _ARRIVED]
    return Sum(documents=sum(each.documents for each in mine), amount=tally.add_up(each.amount for each in mine))
