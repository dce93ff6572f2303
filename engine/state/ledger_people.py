"""What people decide, with their name and reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update

from engine.contracts import Document, State
from engine.errors import UsageError
from engine.state import tables
from engine.state.codec import moment
from engine.state.ledger_desk import Desk, at, no_nul, now_text
from engine.state.trail import Work
from engine.state.transitions import BY_PEOPLE

_ROW = tables.document.c


@dataclass(frozen=True, slots=True)
class Decision:
    """Who wants which document where, and why. Without a version its latest one is meant."""

    key: str
    version: int | None
    to: State
    actor: str
    reason: str
    reference: str


def decide(desk: Desk, work: Work, decision: Decision) -> Document:
    """Raises UsageError when the document is unknown or its state does not allow it; whoever held it loses it."""
    document = _latest(desk, work, decision)
    _check(document, decision)
    values: dict[str, Any] = {
        "state": decision.to.value,
        "epoch": document.epoch + 1,
        "owner": "",
        "reason": "" if decision.to is State.READY else desk.clean(decision.reason),
        "reference": no_nul(decision.reference) or document.reference,
        "not_before": None,
        "updated_at": now_text(desk),
    }
    if decision.to is State.READY:
        values |= {"tries": 0, "crashes": 0, "batch": None}
    work.connection.execute(update(tables.document).where(*at(desk, document.key, document.version)).values(**values))
    detail = {"version": document.version, "from": document.state.value, "by": "person", "reason": decision.reason}
    if decision.reference:
        detail["reference"] = decision.reference
    work.tell(
        decision.to.value, key=document.key, parcel=document.parcel_id, flow=document.flow, detail=detail,
        actor=decision.actor,
    )  # fmt: skip
    same = ("epoch", "reason", "reference", "tries", "crashes")
    new = {name: values[name] for name in same if name in values}
    return replace(document, state=decision.to, not_before=None, updated_at=moment(values["updated_at"]), **new)


def _latest(desk: Desk, work: Work, decision: Decision) -> Document:
    asked = select(tables.document).where(_ROW.tenant == desk.tenant, _ROW.key == decision.key)
    if decision.version is not None:
        asked = asked.where(_ROW.version == decision.version)
    row = work.connection.execute(asked.order_by(_ROW.version.desc()).limit(1).with_for_update()).one_or_none()
    if row is None:
        raise UsageError(f"There is no document `{decision.key}`: `mlconnector held list --all` shows what waits")
    return desk.read(row)


def _check(document: Document, decision: Decision) -> None:
    to = decision.to
    if not decision.reason.strip() or not decision.actor.strip():
        raise UsageError("A decision needs a name and a reason: both are kept in the trail")
    if (document.state, to) not in BY_PEOPLE:
        raise UsageError(f"`{document.number or document.key}` is `{document.state}` and can't be made `{to}`")
    if to is State.READY and document.payload is None:
        raise UsageError(f"`{document.number or document.key}` was never mapped: replay it with the current spec first")
    if to is State.POSTED and not decision.reference.strip():
        raise UsageError("Attesting needs the target's own reference of the document")
