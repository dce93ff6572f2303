"""`run --dry-run`: the same reading, mapping and looking, and no write: not to a target, a source or the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.contracts import Document, ParcelOutcome, State
from engine.errors import MlconnectorError, ParcelError
from engine.run.ingest import Part, rehearse
from engine.run.model import Flow
from engine.run.rehearsal import FlowRehearsal, Rehearsal
from engine.run.seams import Progress
from engine.run.session import Session
from engine.targets.captured import UNTOLD, Captured, CapturedTarget, Change

MOST_SHOWN = 1000
"""Documents of one flow that are looked up and shown; the rest is counted, and told to be so."""

FILE = "it would be written to the next file, and what the other side holds is not known"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a dry run was asked for. `max_calls`: how often a flow may look at its target."""

    part: Part = field(default_factory=Part)
    since: str | None = None
    full: bool = False
    max_calls: int | None = None


def rehearse_flows(session: Session, flows: Sequence[Flow], asked: Asked, progress: Progress) -> Rehearsal:
    """Every flow in turn, each with what it cost the systems."""
    told = []
    for flow in flows:
        progress("flow", {"flow": flow.name})
        told.append(rehearse_flow(session, flow, asked))
        progress("ended", {"flow": flow.name, "outcome": told[-1].outcome})
    return Rehearsal(integration=session.integration.name, flows=told)


def rehearse_flow(session: Session, flow: Flow, asked: Asked) -> FlowRehearsal:
    """Reads, maps and looks as a run would; every document it would send is shown with what the target says."""
    told = FlowRehearsal(flow=flow.name)
    with _counting(session, told.calls):
        try:
            captured = _captured(session, flow, asked)
            source = session.source(flow, [], full=asked.full, since=asked.since, rehearsal=True)
            for parcel in source.parcels():
                try:
                    documents = rehearse(
                        flow,
                        parcel,
                        ledger=session.workspace.ledger,
                        preparer=session.preparer(flow),
                        part=asked.part,
                        reception=session.filing.reception(flow),
                    )
                    for document in documents:
                        _show(told, document, captured, flow)
                    source.settle(parcel, ParcelOutcome(ok=True))  # lets the local copy go; a rehearsal moves nothing
                except ParcelError as error:
                    told.bad_files.append(f"{parcel.name}: {error}")
                    source.settle(parcel, ParcelOutcome(ok=False, reason=str(error)))
        except MlconnectorError as error:
            told.error, told.exit_code = str(error), error.exit_code
    problems = any(told.counts[state.value] for state in (State.HELD, State.CONFLICT, State.QUARANTINED))
    told.exit_code = told.exit_code or (3 if problems or told.bad_files else 0)
    return told


@contextmanager
def _counting(session: Session, calls: Counter[str]) -> Iterator[None]:
    """Counts the calls and file operations of each system inside."""

    def heard(system: str, _step: str, _outcome: str) -> None:
        calls[system] += 1

    session.watching.taps.append(heard)
    try:
        yield
    finally:
        session.watching.taps.remove(heard)


def _captured(session: Session, flow: Flow, asked: Asked) -> CapturedTarget | None:
    """The flow's target with its writes kept here; None for files, which are not previewed one by one."""
    if flow.by_file:
        return None
    target = session.target(flow)
    return CapturedTarget(target, target.requests, most=asked.max_calls)


def _previewed(document: Document, captured: CapturedTarget, flow: Flow) -> Captured:
    """What a run would do with a document now, as far as looking tells."""
    found, ways = captured.find(document), flow.ways
    if not found.matches and ways.create is not None:
        captured.send(document, lambda _step: None)
    elif found.matches == 1 and found.differences and ways.update is not None:
        captured.amend(document, found, lambda _step: None)
    return captured.seen(document)


def _would(said: Captured) -> str:
    steps, verb = ", ".join(request.step for request in said.requests), "brought up to date" if said.note else "sent"
    return "; ".join(filter(None, [f"would be {verb} ({steps})" if said.sent else "", said.note]))


def _show(told: FlowRehearsal, document: Document, captured: CapturedTarget | None, flow: Flow) -> None:
    told.counts[document.state.value] += 1
    if len(told.documents) >= MOST_SHOWN:
        return
    shown: dict[str, Any] = {"number": document.number, "from": document.place, "state": document.state.value}
    if document.state is not State.READY:
        shown["reason"] = document.reason
    else:
        if captured is None:
            change, shown["would"] = Change(kind="untold", why=FILE), f"would be written to the next file; {UNTOLD}"
        else:
            said = _previewed(document, captured, flow)
            change, shown["would"] = said.change, _would(said)
        told.changes[change.kind] += 1
        shown["change"] = _plain_change(change)
        shown["document"] = document.payload
    told.documents.append(shown)


def _plain_change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "reference": change.reference,
        "why": change.why,
        "fields": [{"field": f.name, "there": f.there, "here": f.here, "decides": f.decides} for f in change.fields],
    }
