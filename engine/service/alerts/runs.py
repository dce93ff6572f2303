"""Runs that fail, runs that do not come, files that runs leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import Any

from engine.errors import UsageError
from engine.run.filing import NOT_PUT_AWAY, STUCK
from engine.run.model import Flow
from engine.run.show import span
from engine.service.alerts.eye import Eye, command, day_and_time, limits_of
from engine.state import alerts_looks
from engine.state.alerts import Finding
from engine.state.facts import Run

_LOOK_BACK = 60
"""Runs looked at for the first one of a row of failures: as many as `failed_runs` may ask for, and some."""


def stopped(eye: Eye, flow: Flow) -> Iterator[Finding]:
    """The last run did not work. What may pass by itself is told after some such runs in a row, all else at once."""
    ended = [run for run in eye.workspace.ledger.runs(flow.id, _LOOK_BACK) if _counts(run)]
    row = list(takewhile(_failed, ended))
    if not row:
        return
    told = row[0].summary
    passing, limit = bool(told.get("passing")), limits_of(flow).failed_runs
    if passing and len(row) < limit:
        return
    yield eye.find(
        flow,
        "unreachable" if passing else "stopped",
        since=row[-1].started_at,
        said=str(told.get("error") or _left(told)),
        times=len(row),
        next_step=f"mlconnector check {eye.spec}",
        heals="every run tries again" if passing else "",
    )


def _counts(run: Run) -> bool:
    """A run that ended, and not because a person asked for something it could not do."""
    return run.ended_at is not None and run.mode == "run" and run.summary.get("exit_code") != UsageError.exit_code


def _failed(run: Run) -> bool:
    return not run.ok or (run.summary.get("exit_code") == 4 and bool(run.summary.get("passing")))


def _left(told: Any) -> str:
    notes = [str(note) for note in told.get("notes", ())]
    return next((note for note in notes if note.startswith("not delivered yet")), "documents could not be delivered")


def no_success(eye: Eye, flow: Flow) -> Iterator[Finding]:
    """No run worked for longer than the spec allows."""
    limit = limits_of(flow).no_success_for
    if limit is None:
        return
    last = eye.workspace.ledger.last_run(flow.id)
    since = last.ended_at if last is not None else alerts_looks.first_run(eye.desk, flow.id)
    if since is not None and eye.now - since > limit:
        known = f"the last one ended {day_and_time(since)}" if last is not None else "none ever did"
        yield eye.find(
            flow,
            "no_success",
            since=since + limit,
            said=f"No run worked within {span(limit)}: {known}",
            next_step=f"mlconnector run {eye.spec} --flow {flow.name}",
        )


def left_behind(eye: Eye, flow: Flow) -> Iterator[Finding]:
    """Files the last good run saw and could not take in, or not put away."""
    last = eye.workspace.ledger.last_run(flow.id)
    if last is None:
        return
    for note in last.summary.get("notes", ()):
        event, _, rest = str(note).partition(": ")
        if event in {STUCK, NOT_PUT_AWAY}:
            yield _file(eye, flow, event, rest, last.ended_at or eye.now)


def _file(eye: Eye, flow: Flow, event: str, rest: str, since: datetime) -> Finding:
    name, _, reason = rest.partition(": ")
    return eye.find(
        flow,
        "stuck" if event == STUCK else "not_put_away",
        subject=name,
        since=since,
        said=f"{name}: {reason}",
        next_step=command("audit", "--file", name) if event == NOT_PUT_AWAY else f"mlconnector check {eye.spec}",
        heals="every run looks at it again",
    )
