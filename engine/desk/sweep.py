"""`sweep SPEC`: what the ledger counts as delivered, looked up again in the targets (the delivery protocol, section 9).

Read only. A difference is reported, noted in the trail and left to a person; nothing is reversed. A look that fails and
a target that can't be asked are said with their number, and neither is ever counted as fine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from engine.contracts import Document, Found, Guarantee, State
from engine.desk.sweep_report import Difference, Event, FlowSweep, Sweep
from engine.errors import MlconnectorError, RecordError, SetupError, TransientError
from engine.run.deliver import SECOND_LOOK
from engine.run.model import Flow, Integration
from engine.run.running import chosen
from engine.run.seams import Progress, Seams
from engine.run.session import Session, open_session
from engine.run.watching import about
from engine.run.workspace import Workspace
from engine.state import ledger_overview
from engine.targets.looks import differences
from engine.targets.steps import StepTarget

OVERDUE = timedelta(hours=24)
"""A document that is neither delivered nor given up after so long is told."""
UNFINISHED = tuple(state for state in State if state not in {State.POSTED, State.ADOPTED, State.CANCELLED})
EXAMPLES = 5
MOST_FAILURES = 3
"""Looks that fail in a row until the rest of a flow is not tried: the system is out of reach."""
AHEAD = 4
"""Looks handed out for each that runs."""
FLUSH = 500
"""Looks whose trail lines are kept in memory."""


def sweep(
    spec: Path | Integration, workspace: Workspace, seams: Seams, progress: Progress, *, flows: Iterable[str], days: int
) -> Sweep:
    """Looks at every document delivered in the last `days`. Raises UsageError for an unknown flow, SetupError."""
    calls: list[str] = []
    with open_session(spec, workspace, seams, progress, read_only=True) as session:
        wanted = list(chosen(session.integration, flows))
        session.watching.taps.append(lambda _system, step, _outcome: calls.append(step))
        since = seams.clock() - timedelta(days=days)
        swept = [_sweep_flow(session, flow, since) for flow in wanted]
    report = Sweep(integration=session.integration.name, days=days, flows=swept, calls=len(calls))
    workspace.trail.note("sweep", detail={"integration": report.integration, "result": report.last_line})
    workspace.trail.flush()
    return report


def _sweep_flow(session: Session, flow: Flow, since: datetime) -> FlowSweep:
    told = FlowSweep(flow=flow.name)
    session.watching.now_in(flow.id, "")
    _tell_overdue(session, flow, told)
    documents = ledger_overview.delivered(session.workspace.desk, flow.id, since)
    told.why_blind = _cannot_look(flow)
    if told.why_blind:
        told.delivered = told.blind = sum(1 for _ in documents)
        return told
    try:
        target = session.target(flow)
    except SetupError as error:
        told.delivered = sum(1 for _ in documents)
        told.fail(str(error), told.delivered)
        return told
    _FlowLook(session, flow, target, told).run(documents)
    return told


def _tell_overdue(session: Session, flow: Flow, told: FlowSweep) -> None:
    desk, before = session.workspace.desk, session.seams.clock() - OVERDUE
    told.overdue = ledger_overview.count(desk, UNFINISHED, flow=flow.id, before=before)
    oldest = ledger_overview.listed(desk, UNFINISHED, flow=flow.id, before=before, most=EXAMPLES)
    told.overdue_examples = [f"{each.number} {each.state.value} since {each.updated_at:%Y-%m-%d}" for each in oldest]


def _cannot_look(flow: Flow) -> str:
    """Why a flow's target can't be asked; empty where it can."""
    kind = flow.target.kind
    if flow.by_file:
        return f"{flow.target.address} takes files, and a folder does not tell what its consumer took"
    if kind.find is None or flow.ways.guarantee is Guarantee.BLIND:
        return f"{flow.target.address} can't be asked for a document"
    if not kind.find.lasting:
        return f"{flow.target.address} does not keep what it was told"
    return ""


@dataclass(frozen=True, slots=True)
class _FlowLook:
    """The looks of one flow."""

    session: Session
    flow: Flow
    target: StepTarget
    told: FlowSweep

    def run(self, documents: Iterator[Document]) -> None:
        """Every document once; those not to be seen a second time a moment later, for what a look reads may lag behind."""
        missing = []
        for document, result in self._looks(documents):
            self.told.delivered += 1
            if isinstance(result, Found) and result.matches == 0:
                missing.append(document)
            else:
                self._judge(document, result)
        if missing:
            self.session.seams.sleep(SECOND_LOOK.total_seconds())
            for document, result in self._looks(iter(missing)):
                self._judge(document, result)

    def _looks(self, documents: Iterator[Document]) -> Iterator[tuple[Document, Found | MlconnectorError]]:
        """Each with what the look gave, as they come; several at once, as many as the system's `at_once`."""
        http = self.flow.target.system.kind.http
        at_once = http.at_once if http is not None else 1
        failures = done = 0
        with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="sweep") as pool:
            waiting: dict[Future[Found | MlconnectorError], Document] = {}
            while failures < MOST_FAILURES:
                for document in islice(documents, at_once * AHEAD - len(waiting)):
                    waiting[pool.submit(self._look, document)] = document
                if not waiting:
                    break
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    failures = _failures(failures, result)
                    yield waiting.pop(future), result
                    done += 1
                    if done % FLUSH == 0:
                        self.session.workspace.trail.flush()
            for future in [future for future in waiting if not future.cancel()]:
                yield waiting.pop(future), future.result()
            for document in (*waiting.values(), *documents):
                yield document, TransientError("not tried, for the looks before it failed")

    def _look(self, document: Document) -> Found | MlconnectorError:
        if document.purged_at is not None:
            return RecordError(
                f"its payload was purged on {document.purged_at:%Y-%m-%d}: there is nothing to look it up by"
            )
        try:
            with about(document):
                return self.target.find(document)
        except (TransientError, SetupError, RecordError) as error:
            return error

    def _judge(self, document: Document, result: Found | MlconnectorError) -> None:
        if isinstance(result, MlconnectorError):
            self.told.fail(str(result))
        elif result.matches == 0:
            self._missing(document)
        elif result.matches > 1:
            self._differs(document, "duplicate_in_target", f"the target has {result.matches} documents of this key")
        elif not result.whole:
            self._differs(document, "differs_in_target", "it is there, and not whole any more")
        elif other := self._other(document, result):
            self._differs(document, "differs_in_target", "; ".join(other))
        else:
            self.told.agreed += 1

    def _missing(self, document: Document) -> None:
        """Delivered a moment ago it may only not be shown yet: that is no difference, and not fine either."""
        since = document.updated_at
        if since is not None and self.session.seams.clock() - since < self.target.settle:
            self.told.fail("not to be seen yet, and delivered less than the target's `settle` ago")
        else:
            self._differs(document, "missing_in_target", "it is not in the target")

    def _other(self, document: Document, found: Found) -> tuple[str, ...]:
        """What differs of the fields the flow compares; where it names none, of all that the look shows of ours."""
        if self.flow.kind.write.if_exists.compare:
            return found.differences
        payload = document.payload or {}
        return differences(found.shown, payload, [name for name in found.shown if name in payload])

    def _differs(self, document: Document, event: Event, said: str) -> None:
        reference = f" (delivered as {document.reference})" if document.reference else ""
        self.told.differences.append(
            Difference(
                number=document.number, party=document.party, amount=document.amount, reference=document.reference,
                key=document.key, event=event, said=f"{said}{reference}",
            )
        )  # fmt: skip
        detail = {"version": document.version, "reference": document.reference, "reason": said}
        self.session.workspace.trail.note(
            event, key=document.key, parcel=document.parcel_id, flow=document.flow, detail=detail
        )


def _failures(before: int, result: Found | MlconnectorError) -> int:
    """How many looks failed in a row; a connection that is wrong fails them all, a document that can't be judged none."""
    if isinstance(result, SetupError):
        return MOST_FAILURES
    return before + 1 if isinstance(result, TransientError) else 0
