"""A database older than what was done with it: found out before anything moves, and told.

Documents the target has already are adopted by the delivery protocol's own look. What a target can't tell is held for a
person in the first run of its flow: whether it was delivered after the backup was made, only a person can find out.
"""

from __future__ import annotations

import logging

from engine.contracts import Guarantee, State
from engine.errors import MlconnectorError
from engine.run.model import Flow
from engine.run.seams import Seams
from engine.run.workspace import Workspace
from engine.state.heads import Behind, behind, heads_file, note_head
from engine.state.ledger import Ledger
from engine.state.restored import last_restored, note_restored

log = logging.getLogger(__name__)

THEN = "Documents already in the target will be adopted, not posted; look at `mlconnector sweep`"
ACTOR = "restored backup"
_ADOPTED = "were in the target already: a backup was restored, and they had been delivered after it was made"
_HELD = "a backup was restored, and this may have been delivered after it was made: look in the target before you release it"
_PAGE = 500


def find_restored(workspace: Workspace, seams: Seams) -> str:
    """What to tell people when the database is older than what this machine did with it; empty when it is not.

    It is told once: noted in the trail, and from then on the state is the one that counts.
    """
    try:
        found = behind(heads_file(workspace.folder, seams.environ), workspace.database, workspace.tenant)
    except MlconnectorError as error:  # a file nobody can read stops no run
        log.warning("%s", error)
        return ""
    if found is None:
        return ""
    note_restored(workspace.desk, found)
    keep_head(workspace, seams)
    return told(found)


def told(found: Behind) -> str:
    """In one line, with what happens next."""
    return f"{found}. {THEN}"


def keep_head(workspace: Workspace, seams: Seams) -> None:
    """Notes the head outside the database, after a run; that it could not be is no reason to fail."""
    try:
        path = heads_file(workspace.folder, seams.environ)
        note_head(path, workspace.database, workspace.tenant, seams.clock())
    except MlconnectorError as error:
        log.warning("%s", error)


def first_since_restored(workspace: Workspace, flow: str) -> bool:
    """Whether the flow has not run to its end since an older state was restored."""
    restored = last_restored(workspace.desk)
    if restored is None:
        return False
    last = workspace.ledger.last_run(flow, mode="run")
    return last is None or last.started_at < restored.noticed_at


def can_be_asked(flow: Flow) -> bool:
    """Whether a look at the target tells if a document is there: not for blind writes, nor for amounts that left in files.

    A file without amounts is master data, which may come twice; what has an amount may be paid twice.
    """
    if flow.by_file:
        return flow.kind.amount is None
    return flow.ways.guarantee is not Guarantee.BLIND


def hold_untold(ledger: Ledger, flow: Flow) -> int:
    """Holds what is ready to go where nobody can tell whether it went before; how many documents these were."""
    held = 0
    while ready := ledger.find_documents(flow=flow.id, states=[State.READY], limit=_PAGE):
        for document in ready:
            ledger.hold(document.key, version=document.version, actor=ACTOR, reason=_HELD)
            held += 1
    return held


def adopted_line(many: int) -> str:
    """For the run's summary."""
    return f"{many} of the documents {_ADOPTED}" if many else ""
