"""`run --dry-run`: the same reading, mapping and looking, and no write: not to a target, a source or the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.contracts import Document, ParcelOutcome, State
from engine.errors import MlconnectorError, ParcelError
from engine.redaction import one_line
from engine.run.ingest import Part, rehearse
from engine.run.model import Flow
from engine.run.session import Session
from engine.run.show import as_json, in_a_line
from engine.targets.captured import CapturedTarget

MOST_SHOWN = 1000


@dataclass(slots=True)
class FlowRehearsal:
    """What one flow would do."""

    flow: str
    counts: Counter[str] = field(default_factory=Counter)
    documents: list[dict[str, Any]] = field(default_factory=list)
    bad_files: list[str] = field(default_factory=list)
    error: str = ""
    exit_code: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rehearsal:
    """What `run --dry-run` prints."""

    integration: str
    flows: Sequence[FlowRehearsal]

    @property
    def exit_code(self) -> int:
        """4 when a flow could not be rehearsed, 3 when a record or file would need a person, else 0."""
        return max((flow.exit_code for flow in self.flows), default=0)

    def render(self, form: str) -> str:
        """`text` or `json`."""
        if form == "json":
            return as_json(
                {"integration": self.integration, "dry_run": True, "flows": [_plain(flow) for flow in self.flows]}
            )
        return "\n\n".join(_text(flow) for flow in self.flows) + "\n\nDry run: nothing was written anywhere."


def rehearse_flow(session: Session, flow: Flow, part: Part, *, since: str | None, full: bool) -> FlowRehearsal:
    """Reads, maps and looks as a run would; every document it would send is shown with what the target says."""
    told = FlowRehearsal(flow=flow.name)
    try:
        captured = _captured(session, flow)
        source = session.source(flow, [], full=full, since=since, rehearsal=True)
        for parcel in source.parcels():
            try:
                documents = rehearse(
                    flow, parcel, ledger=session.workspace.ledger, preparer=session.preparer(flow), part=part
                )
                for document in documents:
                    _show(told, document, captured)
                source.settle(parcel, ParcelOutcome(ok=True))  # lets the local copy go; a rehearsal moves nothing
            except ParcelError as error:
                told.bad_files.append(f"{parcel.name}: {error}")
                source.settle(parcel, ParcelOutcome(ok=False, reason=str(error)))
    except MlconnectorError as error:
        told.error, told.exit_code = str(error), error.exit_code
    problems = any(told.counts[state.value] for state in (State.HELD, State.CONFLICT, State.QUARANTINED))
    told.exit_code = told.exit_code or (3 if problems or told.bad_files else 0)
    return told


def _captured(session: Session, flow: Flow) -> CapturedTarget | None:
    """The flow's target with its writes kept here; None for files, which are not previewed one by one."""
    if flow.target.kind.create is None:
        return None
    target = session.target(flow)
    return CapturedTarget(target, target.requests)


def _would(document: Document, captured: CapturedTarget) -> str:
    """What a run would do with a document now, as far as looking tells."""
    found = captured.find(document)
    if not found.matches:
        captured.send(document, lambda _step: None)
    said = captured.captured[-1]
    steps = ", ".join(request.step for request in said.requests)
    return "; ".join(filter(None, [f"would be sent ({steps})" if said.sent else "", said.note]))


def _show(told: FlowRehearsal, document: Document, captured: CapturedTarget | None) -> None:
    told.counts[document.state.value] += 1
    if len(told.documents) >= MOST_SHOWN:
        return
    shown: dict[str, Any] = {"number": document.number, "from": document.place, "state": document.state.value}
    if document.state is State.READY:
        shown["would"] = _would(document, captured) if captured is not None else "would be written to the next file"
        shown["document"] = document.payload
    else:
        shown["reason"] = document.reason
    told.documents.append(shown)


def _plain(flow: FlowRehearsal) -> dict[str, Any]:
    return {
        "flow": flow.flow,
        "counts": dict(flow.counts),
        "documents": flow.documents,
        "bad_files": flow.bad_files,
        "error": flow.error,
    }


def _text(flow: FlowRehearsal) -> str:
    counts = ", ".join(f"{count} {state}" for state, count in flow.counts.items()) or "nothing new"
    lines = [f"{flow.flow}: {flow.error or counts}", *(f"  bad file {bad}" for bad in flow.bad_files)]
    for shown in flow.documents:
        lines.append(f"  {shown['number']} ({shown['from']}): {shown.get('reason') or shown.get('would')}")
        lines += [f"      {name}: {in_a_line(value)}" for name, value in (shown.get("document") or {}).items()]
    return "\n".join(map(one_line, lines))
