"""What a person decides about one document. Each says what happened; one that was changed meanwhile is left as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.contracts import Document, State
from engine.desk.people import reject, release
from engine.desk.replay import REPLAY, Turn, give_turns, refuse_done
from engine.desk.two_people import decline_sending, send_by_two
from engine.errors import UsageError
from engine.run.workspace import Workspace
from engine.service.parts import Parts
from engine.state.approvals import needs_two


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Who decides about what, and why. `workspace` bears their name."""

    parts: Parts
    workspace: Workspace
    document: Document
    reason: str
    reference: str

    @property
    def name(self) -> str:
        """The document as the desk's functions are told of it."""
        return f"{self.document.key}#{self.document.version}"


def decide(act: str, asked: Asked) -> str:
    """What happened. Raises UsageError when nothing was changed, for an unknown act too."""
    found = ACTS.get(act)
    if found is None:
        raise UsageError(f"The console knows no action `{act}`")
    said = found(asked)
    asked.workspace.trail.flush()
    return said


def run_now(parts: Parts, flow: str, by: str) -> str:
    """Asks for a start of the flow at once; what that means for whoever reads it."""
    if parts.shelf.flow(flow) is None:
        return f"`{flow}` is not served here: it goes on when that flow is run."
    parts.firings.ask(flow, cause="person", by=by)
    return "The flow was asked to run now."


def _reason(asked: Asked) -> str:
    if not asked.reason:
        raise UsageError("Say why: it is kept in the trail")
    return asked.reason


def _look(asked: Asked) -> str:
    if asked.document.state is not State.HELD:
        raise UsageError(f"{asked.document.number} is {asked.document.state.value}: only what is held is looked up so")
    return release(asked.workspace, asked.name, reason=asked.reason or "look again", posted_as=None, send=False)


def _send(asked: Asked) -> str:
    if needs_two(asked.workspace.desk, asked.document):
        return send_by_two(asked.workspace, asked.document, _reason(asked), only="ask")
    return release(asked.workspace, asked.name, reason=_reason(asked), posted_as=None, send=True)


def _confirm(asked: Asked) -> str:
    return send_by_two(asked.workspace, asked.document, asked.reason or "confirmed", only="confirm")


def _decline(asked: Asked) -> str:
    return decline_sending(asked.workspace, asked.document, asked.reason or "declined")


def _posted(asked: Asked) -> str:
    if not asked.reference:
        raise UsageError("Say under which reference it is in the target")
    reason = asked.reason or f"it is there as {asked.reference}"
    return release(asked.workspace, asked.name, reason=reason, posted_as=asked.reference, send=False)


def _reject(asked: Asked) -> str:
    return reject(asked.workspace, asked.name, reason=_reason(asked))


def _replay(asked: Asked) -> str:
    refuse_done(asked.document)
    names = [(asked.document.key, asked.document.version)]
    return _said(list(give_turns(asked.workspace, asked.parts.seams, names, None, reason=asked.reason or REPLAY)))


def _remap(asked: Asked) -> str:
    refuse_done(asked.document)
    integration = asked.parts.shelf.integrations.get(asked.document.flow.partition("/")[0])
    if integration is None:
        raise UsageError(f"`{asked.document.flow}` is not served here, so its spec is not known")
    names = [(asked.document.key, asked.document.version)]
    return _said(
        list(give_turns(asked.workspace, asked.parts.seams, names, integration, reason=asked.reason or REPLAY))
    )


def _said(turns: list[Turn]) -> str:
    return "; ".join(turn.line for turn in turns) or "There was nothing to do."


ACTS: Mapping[str, Callable[[Asked], str]] = {
    "look": _look,
    "send": _send,
    "go-on": _send,
    "confirm": _confirm,
    "decline": _decline,
    "posted": _posted,
    "reject": _reject,
    "replay": _replay,
    "remap": _remap,
}
GO_ON = frozenset({State.READY, State.IN_DOUBT})
"""After a decision the flow is asked to run when the document is in one of these."""
