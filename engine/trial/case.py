"""One case of a test file: a fresh workspace, fresh stand-ins, the runs one after another, and what differs at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from engine.contracts import Document
from engine.errors import MlconnectorError
from engine.redaction import Redactor
from engine.run.model import Integration
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.summary import FlowSummary, Summary
from engine.run.workspace import Workspace, open_workspace
from engine.trial.expect import compare_outcomes, compare_stands
from engine.trial.faults import place
from engine.trial.file import Case, Stage
from engine.trial.stand import Stand, StandIn
from engine.trial.world import SteppedClock, loopback_only, quiet_log, supply

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When every case begins: a Monday."""

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault handed to a stand-in: it has struck once that many calls of the operation have come."""

    stand: Stand
    at: str
    calls: int

    @property
    def struck(self) -> bool:
        """Whether the call it waits for was made."""
        return self.stand.calls(self.at) >= self.calls


@dataclass(slots=True)
class Course:
    """What happened so far in a case: how each flow's latest run ended, and the records that were passed by."""

    latest: dict[str, FlowSummary] = field(default_factory=dict)
    passed_by: Counter[str] = field(default_factory=Counter)
    stops: dict[str, str] = field(default_factory=dict)
    upsets: list[tuple[str, list[Strike]]] = field(default_factory=list)

    def add(self, flow: FlowSummary) -> None:
        """Takes in one run."""
        self.latest[flow.flow] = flow
        self.stops[flow.flow] = flow.error
        for name in ("seen", "passed_over", "ignored"):
            self.passed_by[name] += flow.counts[name]


def run_case(case: Case, integration: Integration, stand_in: StandIn, *, base: Path) -> list[str]:
    """What came out otherwise than expected; empty when all is as it should be. Raises UsageError for a bad case."""
    clock = SteppedClock(START)
    with quiet_log(), ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="mlconnector-test-")))
        stands = {
            alias: stack.enter_context(stand_in(system.name, clock)) for alias, system in integration.systems.items()
        }
        supplied = supply(integration, {alias: stand.settings for alias, stand in stands.items()})
        seams = Seams(
            clock=clock,
            sleep=clock.sleep,
            random=Random(1).random,  # noqa: S311  # jitter, the same in every run of the case
            environ=supplied.environ,
            transport=loopback_only,
            allow_loopback=True,
        )
        with open_workspace(folder, seams=seams, redactor=Redactor(), actor="test") as workspace:
            for name, value in supplied.secrets.items():
                workspace.vault.set(name, value)
            return _play(case, integration, workspace, seams, stands, clock, base)


def _play(
    case: Case,
    integration: Integration,
    workspace: Workspace,
    seams: Seams,
    stands: Mapping[str, Stand],
    clock: SteppedClock,
    base: Path,
) -> list[str]:
    course = Course()
    _freshen(case, integration, workspace)
    for number, stage in enumerate(case.stages):
        if number:
            clock.forward(case.between)
        _prepare(stage, integration, stands, base, course)
        for turn, flow in enumerate(stage.run):
            if turn:
                clock.forward(case.between)
            _run_once(flow, integration, workspace, seams, course)
    documents = _documents(integration, workspace, course)
    differences = [
        *compare_outcomes(case.expect.get("outcomes"), documents, course.passed_by),
        *compare_stands(case.expect, stands),
        *(f"`{flow}` stopped: {error}" for flow, error in course.stops.items() if error),
        *(f"{upset} never struck" for upset, marks in course.upsets if not any(mark.struck for mark in marks)),
        *(f"{alias} complains: {text}" for alias, stand in stands.items() for text in stand.complaints()),
    ]
    return [*differences, *_reasons(documents)] if differences else []


def _freshen(case: Case, integration: Integration, workspace: Workspace) -> None:
    """A case starts in a world whose masters were synchronised a moment ago, so that `needs` holds no flow up."""
    run = {flow for stage in case.stages for flow in stage.run if flow in integration.flows}
    for needed in sorted({need for flow in run for need in integration.flows[flow].kind.needs}):
        run_id = workspace.ledger.start_run(f"{integration.name}/{needed}", "run", integration.sha)
        workspace.ledger.end_run(run_id, "done", {}, ok=True)


def _prepare(stage: Stage, integration: Integration, stands: Mapping[str, Stand], base: Path, course: Course) -> None:
    for alias, data in stage.sandbox.items():
        stands[alias].seed(data, base)
    for upset in stage.faults:
        for hit in range(upset.nth, upset.nth + upset.times) if upset.nth else (0,):
            marks = []
            for alias, at, nth in place(upset.at, hit, integration, stage.run):
                marks.append(Strike(stands[alias], at, stands[alias].calls(at) + max(nth, 1)))
                stands[alias].fault(upset.kind, at, nth, upset.value)
            course.upsets.append((f"{upset.kind} at `{upset.at}`", marks))


def _run_once(flow: str, integration: Integration, workspace: Workspace, seams: Seams, course: Course) -> None:
    try:
        result = run_spec(integration.path, workspace, seams, Options(flows=(flow,)), quiet)
    except MlconnectorError as error:
        course.stops[flow] = str(error)
        return
    assert isinstance(result, Summary)  # not a dry run
    for summary in result.flows:
        course.add(summary)


def _documents(integration: Integration, workspace: Workspace, course: Course) -> list[Document]:
    return [
        document
        for flow in course.stops
        for document in workspace.ledger.find_documents(flow=f"{integration.name}/{flow}", limit=MOST)
    ]


def _reasons(documents: list[Document]) -> Iterator[str]:
    """What the engine says about documents that did not simply go through: mostly why a case failed."""
    for document in documents:
        if document.reason:
            yield f"{document.number} is {document.state.value}: {document.reason}"
