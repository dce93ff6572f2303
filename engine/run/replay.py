"""Another turn for documents that failed: as they were sent, or mapped again with today's spec. Always through a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.contracts import Document, State
from engine.errors import UsageError
from engine.run.model import Flow
from engine.run.people import MOST, pick
from engine.run.prepare import UNREAD
from engine.run.seams import Seams, quiet
from engine.run.session import Session, open_session
from engine.run.workspace import Workspace
from engine.state.transitions import allowed

FAILED = (State.REJECTED, State.QUARANTINED)
SENT = (State.POSTED, State.ADOPTED)
UNDER_WAY = (State.PROBING, State.SENDING, State.IN_DOUBT)


def replay_documents(
    workspace: Workspace, seams: Seams, keys: Sequence[str], *, failed: bool, remap: Path | None
) -> str:
    """What was given another turn, one line each. Raises UsageError for a posted document or nothing chosen."""
    if not keys and not failed:
        raise UsageError("Say which: KEY… or --failed")
    chosen = [pick(workspace, key) for key in keys]
    if failed:
        chosen += workspace.ledger.find_documents(states=FAILED, limit=MOST)
    for document in chosen:
        _refuse_sent(document)
    lines = _remap(workspace, seams, chosen, remap) if remap else [_again(workspace, each) for each in chosen]
    return "\n".join(lines) or "Nothing has failed."


def _refuse_sent(document: Document) -> None:
    if document.state in SENT:
        raise UsageError(f"{document.number} is posted ({document.reference}); posting it again would double it")
    if document.state is State.CANCELLED:
        raise UsageError(f"{document.number} was rejected by a person: {document.reason}")


def _again(workspace: Workspace, document: Document) -> str:
    if document.payload is None:
        return f"{document.number}: not mapped yet ({document.reason}); use --remap SPEC"
    if document.state in {State.READY, State.IN_DOUBT, State.WAITING}:
        return f"{document.number}: goes on by itself at the next run ({document.state.value})"
    to = State.IN_DOUBT if document.state is State.HELD else State.READY
    workspace.ledger.release(document.key, to, actor=workspace.actor, reason="replay", version=document.version)
    return f"{document.number}: goes on at the next run with its stored payload"


def _remap(workspace: Workspace, seams: Seams, documents: Sequence[Document], spec: Path) -> list[str]:
    """Maps stored records with the spec as it is now; both spec hashes stay in the trail."""
    with open_session(spec, workspace, seams, quiet, read_only=True) as session:
        flows = {flow.id: flow for flow in session.integration.flows.values()}
        return [f"{document.number}: {_mapped_anew(session, flows, document)}" for document in documents]


def _mapped_anew(session: Session, flows: Mapping[str, Flow], document: Document) -> str:
    """What became of one document."""
    flow = flows.get(document.flow)
    if flow is None:
        return f"belongs to {document.flow}, which is not in {session.integration.path.name}"
    if document.step == UNREAD:
        return f"could not be read ({document.reason}); correct the file and place it again"
    if document.state in UNDER_WAY:
        return f"is {document.state.value} and may be in the target: it stays as it is"
    after = session.preparer(flow).finish([document])[0]
    if not allowed(document.state, after.state):
        return f"stays {document.state.value} ({after.reason})"
    changed = session.workspace.ledger.change(
        document, after.state, payload=after.payload, reason=after.reason, spec_sha=flow.spec_sha
    )
    return changed.state.value + (f" ({changed.reason})" if changed.reason else "")
