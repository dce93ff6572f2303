"""Files that can't be used, files that did not come, files whose receipt nobody confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from engine.run.model import Flow
from engine.run.show import span
from engine.run.telling import Expect
from engine.service.alerts.eye import Eye, command, day_and_time
from engine.state import alerts_looks
from engine.state.alerts import LAPSES, Finding

_RELATED = ("", ".acks", ".answers")
"""A flow's own files, and those that go between partners about them, which are remembered under names beside its own."""


def unusable(eye: Eye, flow: Flow) -> Iterator[Finding]:
    """Bad files, until one of the same name can be used."""
    names = [flow.id + ending for ending in _RELATED]
    for file in alerts_looks.bad_files(eye.desk, names, eye.now - LAPSES["bad_file"]):
        yield eye.find(
            flow,
            "bad_file",
            subject=file.name,
            since=file.seen_at,
            said=f"{file.name}: {file.reason}",
            next_step=f"{command('audit', '--file', file.name)}; have it mended and placed again",
        )


def expected(eye: Eye, flow: Flow) -> Iterator[Finding]:
    """Nothing new came in although it was due."""
    expect = flow.kind.expect
    first = alerts_looks.first_run(eye.desk, flow.id) if expect is not None else None
    if expect is None or first is None:
        return
    if expect.every is not None:
        yield from _stale(eye, flow, expect.every, first)
    elif expect.by and (due := expect.last_due(eye.now)) is not None and due > first:
        yield from _missing(eye, flow, expect, due)


def _stale(eye: Eye, flow: Flow, every: timedelta, first: datetime) -> Iterator[Finding]:
    if any(alerts_looks.arrivals(eye.desk, flow.id, eye.now - every, eye.now)) or eye.now - first <= every:
        return
    last = next(alerts_looks.arrivals(eye.desk, flow.id, first - timedelta(days=1), eye.now), None)
    known = f"the last came {day_and_time(last)}" if last is not None else "nothing ever came"
    yield eye.find(
        flow,
        "stale",
        since=(last or first) + every,
        said=f"Something new is expected every {span(every)}; {known}",
        next_step=f"Ask whoever sends it; mlconnector check {eye.spec} tells whether we can read",
        heals="this ends when something comes",
    )


def _missing(eye: Eye, flow: Flow, expect: Expect, due: datetime) -> Iterator[Finding]:
    """What came after the moment before, and does not stand for that one, was in time; what comes late ends it."""
    before = expect.last_due(due - timedelta(seconds=1)) or due - timedelta(days=7)
    came = list(alerts_looks.arrivals(eye.desk, flow.id, before, eye.now))
    if came and not _was_met(eye, flow, expect, before):
        late = [moment for moment in came if moment.astimezone(before.tzinfo).date() == before.date()]
        came = came[: -len(late)] if late else came
    if not came:
        yield eye.find(
            flow,
            "missing",
            since=due,
            said=f"It was due by {day_and_time(due)}, and nothing came since {day_and_time(before)}",
            next_step=f"Ask whoever sends it; mlconnector check {eye.spec} tells whether we can read",
            heals="this ends when it comes",
        )


def _was_met(eye: Eye, flow: Flow, expect: Expect, due: datetime) -> bool:
    """Whether something had come by then, so that what came later that day is not a late one."""
    before = expect.last_due(due - timedelta(seconds=1)) or due - timedelta(days=7)
    return any(True for _ in alerts_looks.arrivals(eye.desk, flow.id, before, due))


def answers(eye: Eye, flow: Flow) -> Iterator[Finding]:
    """Files of ours whose acknowledgement is overdue, or says no."""
    if late := alerts_looks.unanswered(eye.desk, flow.id):
        yield eye.find(
            flow,
            "unanswered",
            since=late[0].done_at,
            times=len(late),
            said=f"{late[0].place} was sent {day_and_time(late[0].done_at)} and never acknowledged",
            next_step="Ask the partner whether it arrived",
            heals="this ends when the acknowledgement comes",
        )
    for file in alerts_looks.refused(eye.desk, flow.id):
        yield eye.find(
            flow,
            "refused_file",
            subject=file.place,
            since=file.done_at,
            said=f"The partner rejected {file.place}; what was in it is held",
            next_step=command("held", "list", "--flow", flow.name),
        )
