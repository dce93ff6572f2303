"""What the target shows of one document, asked now: the look a delivery begins with, and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from engine.contracts import Document, Found, Guarantee
from engine.errors import Refused, SetupError, TransientError, UsageError
from engine.run.model import Flow, Integration
from engine.run.prepare import UNREAD
from engine.run.seams import Seams, quiet
from engine.run.session import open_session
from engine.run.workspace import Workspace
from engine.targets.steps_compare import same

FILES = "it leaves in a file, and what the other side holds can't be asked"
BLIND = "this target can't be asked what it holds"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One field of the document beside what the target shows. `decides`: the flow compares it."""

    name: str
    there: Any
    here: Any
    same: bool
    decides: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What was found; `why` where it could not be told, which never means absent."""

    kind: Literal["absent", "there", "differs", "half_written", "several", "untold"]
    matches: int = 0
    reference: str = ""
    ours: bool = False
    sides: tuple[Side, ...] = ()
    why: str = ""


def look_at(workspace: Workspace, seams: Seams, integration: Integration, document: Document) -> Looked:
    """Asks the target; what was never mapped is compared as it would be mapped now. Raises UsageError where its flow is gone."""
    flow = integration.flows.get(document.flow.rpartition("/")[2])
    if flow is None:
        raise UsageError(f"`{document.flow}` is not in {integration.path.name} any more")
    if document.purged_at is not None or document.step == UNREAD:
        raise UsageError(f"Of {document.number} there is nothing to compare: it could not be read whole, or was purged")
    if flow.by_file:
        return Looked(kind="untold", why=FILES)
    if flow.ways.guarantee is Guarantee.BLIND:
        return Looked(kind="untold", why=BLIND)
    try:
        with open_session(integration, workspace, seams, quiet, read_only=True) as session:
            if document.payload is None:
                document = session.preparer(flow).finish([document])[0]
            if document.payload is None:
                return Looked(kind="untold", why=f"it can't be mapped ({document.reason})")
            found = session.target(flow).find(document)
    except (TransientError, SetupError, Refused) as error:
        return Looked(kind="untold", why=str(error))
    return _told(flow, document, found)


def _told(flow: Flow, document: Document, found: Found) -> Looked:
    if found.matches != 1:
        return Looked(kind="several" if found.matches else "absent", matches=found.matches)
    payload, decides = document.payload or {}, flow.ways.compare
    sides = tuple(
        Side(
            name=name, there=there, here=payload.get(name), same=same(there, payload.get(name)),
            decides=name in decides if decides is not None else payload.get(name) is not None,
        )
        for name, there in found.shown.items()
    )  # fmt: skip
    kind: Literal["half_written", "differs", "there"] = "differs" if found.differences else "there"
    return Looked(
        kind=kind if found.whole else "half_written", matches=1, reference=found.reference, ours=found.ours, sides=sides
    )
