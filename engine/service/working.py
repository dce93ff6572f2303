"""One firing done: its flow run in a workspace of its own, and what became of it written into its row."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.errors import AlreadyRunning, MlconnectorError, TransientError
from engine.run.model import Flow, Integration
from engine.run.running import Options, run_spec
from engine.run.seams import Progress
from engine.run.summary import FlowSummary, Summary
from engine.run.workspace import open_workspace
from engine.service.logs import about
from engine.service.parts import Parts
from engine.state.firings import Firing

log = logging.getLogger(__name__)

SOON = timedelta(seconds=5)
"""Until a flow that could not start is tried again: a person runs it by hand, its seats are taken."""
ASKED_AGAIN = timedelta(hours=1)
"""A flow that others need is not asked for more often than this; in between they say what they lack."""
MOST_TRIES = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)
_TRIED_AGAIN = frozenset({"webhook", "person", "again"})
"""Causes whose start has nothing that brings it back; a schedule has its next time."""
_BUG = 70


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outcome:
    """What a run came to. `again`: in this form it waits once more."""

    run: str = ""
    exit_code: int = 0
    reason: str = ""
    passing: bool = False
    again: timedelta | None = None


class Stopping:
    """Asked by a run between two documents; remembers whether it ever said yes, for then the run may not be whole."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        self.said_so = False

    def __call__(self) -> bool:
        self.said_so = self.said_so or self._stopping()
        return self.said_so


def perform(parts: Parts, firing: Firing, *, stopping: Callable[[], bool]) -> str:
    """Does a firing that was taken; returns its state afterwards, empty when somebody else has it by now. Raises nothing."""
    with about(tenant=parts.workspace.tenant, flow=firing.flow):
        try:
            return _written_down(parts, firing, _done(parts, firing, stopping))
        except MlconnectorError:
            log.exception("what became of the run can't be noted; it is done again")
            return ""


def _done(parts: Parts, firing: Firing, stopping: Callable[[], bool]) -> _Outcome:
    integration, flow = _spec_of(parts, firing)
    if integration is None or flow is None:
        return _Outcome(exit_code=2, reason="the flow is no longer in its spec")
    if wait := _what_it_waits_for(parts, firing, flow):
        return _Outcome(again=SOON, reason=wait)
    return _run(parts, firing, integration, flow, stopping)


def _spec_of(parts: Parts, firing: Firing) -> tuple[Integration | None, Flow | None]:
    return parts.shelf.integrations.get(firing.flow.partition("/")[0]), parts.shelf.flow(firing.flow)


def _what_it_waits_for(parts: Parts, firing: Firing, flow: Flow) -> str:
    """A flow it needs that has not succeeded lately and is about to run: both were due at once, or it is asked for now."""
    if not flow.kind.needs or firing.cause == "person":
        return ""
    now, firings = parts.seams.clock(), parts.firings
    stopped = {each.flow for each in firings.planned().values() if each.paused}
    going = {each.flow for each in (*firings.queued(), *firings.running())}
    for name, need in flow.kind.needs.items():
        other = f"{flow.integration}/{name}"
        last = parts.workspace.ledger.last_run(other)
        fresh = last is not None and last.ended_at is not None and now - last.ended_at <= need.within
        if fresh or other in stopped or parts.shelf.flow(other) is None:
            continue
        if other not in going and all(now - each.queued_at > ASKED_AGAIN for each in firings.listed(other, limit=1)):
            firings.ask(other, cause="again", by=firing.by)
            going.add(other)
        if other in going:
            return f"`{name}`, which it needs, runs first"
    return ""


def _run(parts: Parts, firing: Firing, integration: Integration, flow: Flow, stopping: Callable[[], bool]) -> _Outcome:
    """The run itself, on connections of its own; every way it can end."""
    stop, place = Stopping(stopping), parts.workspace
    progress = _noting(parts, firing, parts.live.progress(firing.flow))
    full, since = bool(firing.options.get("full")), firing.options.get("since")
    options = Options(flows=(flow.name,), full=full, since=since, put_back=True)
    log.info("started: %s", _why(firing))
    try:
        with (
            open_workspace(
                place.folder,
                seams=parts.seams,
                redactor=place.redactor,
                tenant=place.tenant,
                actor=firing.by or place.actor,
            ) as workspace,
            parts.traces.run(firing.flow, firing.cause, progress, parts.seams) as (tell, seams),
        ):
            result = run_spec(integration, workspace, seams, options, tell, stopping=stop)
    except AlreadyRunning as error:
        return _Outcome(again=SOON, reason=str(error), exit_code=error.exit_code)
    except MlconnectorError as error:
        passing = isinstance(error, TransientError)
        return _Outcome(exit_code=error.exit_code, reason=str(error), passing=passing)
    except Exception as error:
        log.exception("a bug in `%s`", firing.flow)
        return _Outcome(exit_code=_BUG, reason=f"an unexpected error: {type(error).__name__}: {error}")
    finally:
        parts.live.ended(firing.flow)
    summary = result.flows[0] if isinstance(result, Summary) and result.flows else None
    return _of(summary, stop)


def _noting(parts: Parts, firing: Firing, tell: Progress) -> Progress:
    """Told onwards; the run's name stands in the firing's row as soon as it has one."""

    def told(event: str, detail: Mapping[str, Any]) -> None:
        if event == "began":
            with suppress(TransientError):  # it is written again at the end
                parts.firings.begin(firing, str(detail["run"]))
        tell(event, detail)

    return told


def _of(summary: FlowSummary | None, stop: Stopping) -> _Outcome:
    if summary is None:
        return _Outcome(again=timedelta(0), reason=_STOPPED)
    if summary.exit_code == AlreadyRunning.exit_code:
        return _Outcome(again=SOON, reason=summary.error)
    if stop.said_so:
        return _Outcome(run=summary.run_id, again=timedelta(0), reason=_STOPPED)
    return _Outcome(run=summary.run_id, exit_code=summary.exit_code, reason=summary.headline, passing=summary.passing)


def _written_down(parts: Parts, firing: Firing, outcome: _Outcome) -> str:
    """The database may be away for a moment: what was done is not forgotten because of that."""
    for wait in (1.0, 2.0, 5.0, 10.0, 30.0, None):
        try:
            return _write_down(parts, firing, outcome)
        except TransientError as error:
            log.warning("what became of the run can't be noted: %s", error)
            if wait is not None:
                parts.seams.sleep(wait)
    return ""


def _write_down(parts: Parts, firing: Firing, outcome: _Outcome) -> str:
    firings, now = parts.firings, parts.seams.clock()
    if outcome.again is not None:
        later = now + outcome.again * (0.75 + parts.seams.random() / 2) if outcome.again else None
        state = firings.put_back(firing, later, outcome.reason)
        log.info("put back: %s", outcome.reason)
        return state
    if outcome.passing and firing.cause in _TRIED_AGAIN and firing.tries < MOST_TRIES:
        wait = min(FIRST_WAIT * 2**firing.tries, LONGEST_WAIT) * (0.75 + parts.seams.random() / 2)
        firings.ask(
            firing.flow,
            cause="again",
            by=firing.by,
            options=firing.options,
            not_before=now + wait,
            tries=firing.tries + 1,
        )
    mine = firings.end(firing, outcome.run, outcome.exit_code, outcome.reason)
    level = logging.INFO if outcome.exit_code in {0, 3} else logging.WARNING
    with about(run=outcome.run):
        log.log(level, "ended (%d): %s", outcome.exit_code, outcome.reason)
    if not mine:
        log.warning("the run ended after it had been given up for dead: its outcome stands in the ledger")
        return ""
    return "done" if outcome.exit_code in {0, 3} else "failed"


def _why(firing: Firing) -> str:
    by = f" by {firing.by}" if firing.by else ""
    return f"{firing.cause}{by}" + (f", attempt {firing.attempt + 1}" if firing.attempt else "")


_STOPPED = "stopped: it goes on at the next start"
