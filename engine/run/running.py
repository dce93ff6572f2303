"""`run SPEC`: the chosen flows in the order their needs ask for, each under its lock; or their rehearsal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Protocol

from engine.errors import AlreadyRunning, LostLock, SetupError, TransientError, UsageError
from engine.run.flow import run_flow
from engine.run.ingest import Part
from engine.run.model import Flow, Integration
from engine.run.rehearse import Asked, rehearse_flows
from engine.run.restoring import find_restored, first_since_restored, keep_head
from engine.run.seams import Progress, Seams
from engine.run.seats import SEAT_WAIT, Seats
from engine.run.session import Session, open_session
from engine.run.stopping import stopper
from engine.run.story import shown_head
from engine.run.summary import FlowSummary, Summary
from engine.run.workspace import Workspace
from engine.sources.listing import check_since
from engine.spec.problems import did_you_mean
from engine.state.locks import flow_lock


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What `run` was asked for. `put_back`: a service starts a flow again that can't start now, so nothing is waited for or noted."""

    flows: tuple[str, ...] = ()
    dry_run: bool = False
    limit: int | None = None
    since: str | None = None
    full: bool = False
    only: str | None = None
    max_calls: int | None = None
    put_back: bool = False

    @property
    def part(self) -> Part:
        """How much of each parcel is taken."""
        return Part(limit=self.limit, only=self.only)


class Result(Protocol):
    """What `run` prints and ends with."""

    @property
    def exit_code(self) -> int:
        """The command's exit code."""

    def render(self, form: str) -> str:
        """`text` or `json`."""


def run_spec(
    spec: Path | Integration,
    workspace: Workspace,
    seams: Seams,
    options: Options,
    progress: Progress,
    *,
    stopping: Callable[[], bool] | None = None,
) -> Result:
    """Runs or rehearses an integration. Raises SpecError, UsageError, SetupError before anything moves."""
    with (
        Seats(workspace.database, seams.sleep) as seats,
        open_session(spec, workspace, seams, progress, read_only=options.dry_run) as session,
        stopper(stopping) as stop,
    ):
        flows = list(chosen(session.integration, options.flows))
        _check_since(flows, options.since)
        if options.dry_run:
            return rehearse_flows(session, flows, _asked(options), progress)
        restored = find_restored(workspace, seams)
        if restored:
            progress("restored", {"flow": "", "text": restored})
        summaries = []
        for flow in flows:
            if stop():
                break
            progress("flow", {"flow": flow.name})
            summaries.append(_run_one(session, seats, flow, options, stop))
            progress("ended", {"flow": flow.name, "outcome": summaries[-1].outcome})
        workspace.trail.flush()
        keep_head(workspace, seams)
        if options.only is not None:
            summaries = [each for each in summaries if each.exit_code != UsageError.exit_code] or summaries
        return Summary(
            integration=session.integration.name,
            flows=summaries,
            trail_head=shown_head(workspace.trail.head()),
            stopped=stop.code,
            restored=restored,
        )


def _run_one(session: Session, seats: Seats, flow: Flow, options: Options, stop: Callable[[], bool]) -> FlowSummary:
    """One flow; what stops it before it starts is told in its summary, and the other flows go on."""
    workspace = session.workspace
    try:
        with flow_lock(workspace.database, workspace.tenant, flow.id) as lock:
            seats.take(session.integration, flow, session.settings, wait=0.0 if options.put_back else SEAT_WAIT)
            work = session.work(flow, full=options.full, since=options.since, still_ours=lock.check)
            restored = first_since_restored(workspace, flow.id)
            return run_flow(replace(work, stopping=stop, restored=restored), options.part)
    except (SetupError, TransientError, AlreadyRunning) as error:
        summary = FlowSummary(flow=flow.name, title=flow.kind.title, error=str(error), exit_code=error.exit_code)
        summary.passing = isinstance(error, TransientError | LostLock)
        if not (options.put_back and isinstance(error, AlreadyRunning)):
            workspace.trail.note("run refused", flow=flow.id, detail={"reason": str(error)})
        return summary


def chosen(integration: Integration, names: Iterable[str]) -> Iterator[Flow]:
    """The named flows (all, when none is named), master data before what needs it. Raises UsageError for an unknown name."""
    wanted = set(names)
    if unknown := sorted(wanted - set(integration.flows)):
        known = ", ".join(sorted(integration.flows))
        meant = did_you_mean(unknown[0], integration.flows)
        raise UsageError(
            f"`{integration.name}` has no flow `{unknown[0]}`; it has {known}" + (f": {meant}" if meant else "")
        )
    order: TopologicalSorter[str] = TopologicalSorter()
    for name, flow in integration.flows.items():
        before = [*flow.kind.needs, *([flow.kind.after.flow] if flow.kind.after else []), flow.kind.read.outcomes]
        order.add(name, *(other for other in before if other in integration.flows))
    for name in order.static_order():
        if not wanted or name in wanted:
            yield integration.flows[name]


def _asked(options: Options) -> Asked:
    return Asked(part=options.part, since=options.since, full=options.full, max_calls=options.max_calls)


def _check_since(flows: Iterable[Flow], since: str | None) -> None:
    """Before anything moves: an operator's `--since` means something to every list that is read. Raises UsageError."""
    if since is None:
        return
    lists = {flow.source.address: flow.source.kind.list for flow in flows if flow.source.kind.list is not None}
    if not lists:
        raise UsageError("--since: none of the chosen flows reads a list of changes")
    for name, kind in lists.items():
        check_since(kind, since, name)
