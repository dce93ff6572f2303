"""Another turn for documents that failed: as they were sent, or mapped again with today's spec. Always through a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contracts import Document, State
from engine.desk.causes import members
from engine.desk.flow_names import chosen_flow
from engine.desk.people import pick
from engine.desk.two_people import NEEDS_TWO
from engine.errors import UsageError
from engine.run.model import Flow, Integration
from engine.run.prepare import UNREAD
from engine.run.seams import Seams, quiet
from engine.run.session import Session, open_session
from engine.run.show import in_form
from engine.run.workspace import Workspace
from engine.state import ledger_overview
from engine.state.approvals import needs_two
from engine.state.facts import LostClaim
from engine.state.transitions import CLAIMED, allowed

FAILED = (State.REJECTED, State.QUARANTINED)
SENT = (State.POSTED, State.ADOPTED)
UNDER_WAY = (State.PROBING, State.SENDING, State.IN_DOUBT)
GOES_ON = (State.READY, State.IN_DOUBT, State.WAITING)
AT_ONCE, PIECE = 16, 200
REPLAY = "replay"
SHORT_SHA = 8
"""Hex digits of a spec's hash that people are shown."""

Name = tuple[str, int]
"""A document's key and version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """What became of one document. `spec_now` is empty unless it was mapped again."""

    document: Document
    state: State
    said: str
    spec_now: str = ""

    @property
    def line(self) -> str:
        """For people."""
        was, now = self.document.spec_sha[:SHORT_SHA] or "none", self.spec_now[:SHORT_SHA]
        specs = f" [spec {was} -> {now}]" if now else ""
        return f"{self.document.number}: {self.said}{specs}"

    def plain(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "number": self.document.number,
            "flow": self.document.flow,
            "key": self.document.key,
            "version": self.document.version,
            "was": self.document.state.value,
            "state": self.state.value,
            "said": self.said,
            "spec_was": self.document.spec_sha,
            "spec_now": self.spec_now,
        }


def replay_documents(
    workspace: Workspace,
    seams: Seams,
    keys: Sequence[str],
    *,
    failed: bool,
    remap: Path | None,
    group: str | None = None,
    flow: str | None = None,
    form: str = "text",
) -> str:
    """What became of each. Raises UsageError, with nothing changed, for a posted document, one being sent, or nothing chosen."""
    names = _chosen(workspace, keys, failed=failed, group=group, flow=flow)
    turns = list(give_turns(workspace, seams, names, remap))
    return in_form(form, "\n".join(turn.line for turn in turns) or "Nothing has failed.", [t.plain() for t in turns])


def give_turns(
    workspace: Workspace, seams: Seams, names: Sequence[Name], spec: Path | Integration | None, *, reason: str = REPLAY
) -> Iterator[Turn]:
    """What becomes of each, as it happens; with a spec mapped again. Raises UsageError when the only one can't go on."""
    return _remapped(workspace, seams, names, spec, reason) if spec is not None else _again(workspace, names, reason)


def _chosen(
    workspace: Workspace, keys: Sequence[str], *, failed: bool, group: str | None, flow: str | None
) -> list[Name]:
    """Each document once; of `failed` and a group those that can have another turn, however many there are."""
    if not keys and not failed and group is None:
        raise UsageError("Say which: KEY…, --group CAUSE or --failed")
    if flow is not None and keys:
        raise UsageError("--flow goes with --failed or --group; a KEY names its document by itself")
    within = chosen_flow(workspace, flow)
    named = [pick(workspace, key) for key in keys]
    for document in named:
        refuse_done(document)
    found = [(document.key, document.version) for document in named]
    if group is not None:
        found += [(each.key, each.version) for each in members(workspace, group, within)]
    if failed:
        found += [(each.key, each.version) for each in ledger_overview.listed(workspace.desk, FAILED, flow=within)]
    return list(dict.fromkeys(found))


def refuse_done(document: Document) -> None:
    """Raises UsageError for one that can have no other turn."""
    if document.purged_at is not None:
        raise UsageError(
            f"{document.number} is {document.state.value}, and its payload was purged on {document.purged_at:%Y-%m-%d}: "
            "there is nothing left to send"
        )
    if document.state in SENT:
        raise UsageError(f"{document.number} is posted ({document.reference}); posting it again would double it")
    if document.state is State.CANCELLED:
        raise UsageError(f"{document.number} was rejected by a person: {document.reason}")
    if document.state in CLAIMED:
        raise UsageError(f"{document.number} is {document.state.value}: a run is at work on it; wait for its end")


def _documents(workspace: Workspace, names: Sequence[Name]) -> Iterator[Document]:
    for key, version in names:
        document = workspace.ledger.document(key, version)
        if document is not None:
            yield document


def _again(workspace: Workspace, names: Sequence[Name], reason: str) -> Iterator[Turn]:
    """With the stored payload; several at once, so that they share a commit. Raises UsageError when the only one can't go on."""

    def one(document: Document) -> Turn:
        try:
            return _one_again(workspace, document, reason)
        except UsageError as error:  # somebody was faster, or another version of it is on its way
            if len(names) == 1:
                raise
            return Turn(document=document, state=document.state, said=f"stays {document.state.value}: {error}")

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="replay") as pool:
        for start in range(0, len(names), PIECE):
            yield from pool.map(one, _documents(workspace, names[start : start + PIECE]))


def _one_again(workspace: Workspace, document: Document, reason: str) -> Turn:
    def stays(said: str) -> Turn:
        return Turn(document=document, state=document.state, said=said)

    if document.payload is None:
        return stays(f"not mapped yet ({document.reason}); use --remap SPEC")
    if document.state is State.QUARANTINED:
        return stays(f"stays quarantined ({document.reason}); use --remap SPEC")
    if document.state in GOES_ON:
        return stays(f"goes on by itself at the next run ({document.state.value})")
    to = State.IN_DOUBT if document.state is State.HELD else State.READY
    if to is State.READY and needs_two(workspace.desk, document):
        return stays(f"stays {document.state.value}: {NEEDS_TWO}")
    workspace.ledger.release(document.key, to, actor=workspace.actor, reason=reason, version=document.version)
    return Turn(document=document, state=to, said="goes on at the next run with its stored payload")


def _remapped(
    workspace: Workspace, seams: Seams, names: Sequence[Name], spec: Path | Integration, reason: str
) -> Iterator[Turn]:
    """Maps stored records with the spec as it is now; both spec hashes stay in the trail."""
    with open_session(spec, workspace, seams, quiet, read_only=True) as session:
        flows = {flow.id: flow for flow in session.integration.flows.values()}
        for document in _documents(workspace, names):
            yield _mapped_anew(session, flows, document, reason)


def _mapped_anew(session: Session, flows: Mapping[str, Flow], document: Document, reason: str) -> Turn:
    def stays(said: str) -> Turn:
        return Turn(document=document, state=document.state, said=said)

    flow = flows.get(document.flow)
    if flow is None:
        return stays(f"belongs to {document.flow}, which is not in {session.integration.path.name}")
    if document.step == UNREAD:
        return stays(f"could not be read ({document.reason}); correct the file and place it again")
    if document.state in UNDER_WAY:
        return stays(f"is {document.state.value} and may be in the target: it stays as it is")
    after = session.preparer(flow).finish([document])[0]
    was_mapped = document.payload is not None or document.tries > 0
    if after.state is State.READY and was_mapped and needs_two(session.workspace.desk, document):
        return stays(f"stays {document.state.value}: {NEEDS_TWO}")
    if not allowed(document.state, after.state):
        return stays(f"stays {document.state.value} ({after.reason})")
    try:
        changed = session.workspace.ledger.change(
            document, after.state, payload=after.payload, reason=after.reason, spec_sha=flow.spec_sha
        )
    except LostClaim:
        return stays("was changed by somebody else meanwhile: it stays as they left it")
    told = {"version": document.version, "by": "person", "spec_was": document.spec_sha, "spec_now": flow.spec_sha}
    told |= {"reason": reason} if reason != REPLAY else {}
    session.workspace.trail.note("mapped again", key=document.key, flow=document.flow, detail=told)
    said = changed.state.value + (f" ({changed.reason})" if changed.reason else "")
    return Turn(document=document, state=changed.state, said=said, spec_now=flow.spec_sha)
