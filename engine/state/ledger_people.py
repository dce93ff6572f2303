"""What people decide, with their name and reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, update

from engine.contracts import Document, State
from engine.errors import UsageError
from engine.state import tables
from engine.state.codec import moment, stamp
from engine.state.ledger_desk import Desk, at, no_nul, now_text
from engine.state.trail import Work
from engine.state.transitions import BY_PEOPLE

_ROW, _ATTEMPT = tables.document.c, tables.attempt.c
GOES_ON = frozenset({State.READY, State.IN_DOUBT})
"""The engine takes it from here, with fresh turns."""
ANSWERED = frozenset({State.POSTED.value, State.READY.value, State.REJECTED.value})
"""Outcomes of an attempt after which nothing of it is under way."""
UNDER_WAY = (State.PROBING.value, State.SENDING.value, State.IN_DOUBT.value)


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
    _check(desk, document, decision)
    if decision.to in GOES_ON:
        _alone(desk, work, document)
    values: dict[str, Any] = {
        "state": decision.to.value,
        "epoch": document.epoch + 1,
        "owner": "",
        "reason": "" if decision.to is State.READY else desk.clean(decision.reason),
        "reference": no_nul(decision.reference) or document.reference,
        "not_before": None,
        "updated_at": now_text(desk),
    }
    if decision.to in GOES_ON:
        values |= {"forgiven": document.tries, "crashes": 0, "not_before": stamp(_lands_until(desk, work, document))}
    if decision.to is State.READY:
        values["batch"] = None
    work.connection.execute(update(tables.document).where(*at(desk, document.key, document.version)).values(**values))
    detail = {"version": document.version, "from": document.state.value, "by": "person", "reason": decision.reason}
    if decision.reference:
        detail["reference"] = decision.reference
    work.tell(
        decision.to.value, key=document.key, parcel=document.parcel_id, flow=document.flow, detail=detail,
        actor=decision.actor,
    )  # fmt: skip
    same = ("epoch", "reason", "reference", "forgiven", "crashes")
    new = {name: values[name] for name in same if name in values}
    times = {name: moment(values[name]) for name in ("not_before", "updated_at")}
    return replace(document, state=decision.to, **times, **new)


def _lands_until(desk: Desk, work: Work, document: Document) -> datetime | None:
    """When the last request for this key, of whatever version, can't land any more; None when that is past, or it had an answer.

    Until then a look that finds nothing proves nothing, whoever asks for it (the delivery protocol, fact 1).
    """
    asked = (
        select(_ATTEMPT.started_at, _ATTEMPT.deadline_at, _ATTEMPT.finished_at, _ATTEMPT.outcome, _ROW.updated_at)
        .where(_ATTEMPT.tenant == desk.tenant, _ATTEMPT.key == document.key)
        .join(tables.document, and_(_ROW.tenant == desk.tenant, _ROW.key == _ATTEMPT.key, _ROW.version == _ATTEMPT.version))
        .order_by(_ATTEMPT.n.desc())
        .limit(1)
    )  # fmt: skip
    last = work.connection.execute(asked).one_or_none()
    if last is None or last.outcome in ANSWERED:
        return None
    started, deadline = moment(last.started_at), moment(last.deadline_at)
    noticed = moment(last.finished_at or last.updated_at)
    if started is None or deadline is None or noticed is None:
        return None
    end = noticed + (deadline - started)
    return end if end > desk.clock() else None


def _latest(desk: Desk, work: Work, decision: Decision) -> Document:
    asked = select(tables.document).where(_ROW.tenant == desk.tenant, _ROW.key == decision.key)
    if decision.version is not None:
        asked = asked.where(_ROW.version == decision.version)
    row = work.connection.execute(asked.order_by(_ROW.version.desc()).limit(1).with_for_update()).one_or_none()
    if row is None:
        raise UsageError(f"There is no document `{decision.key}`: `mlconnector held list --all` shows what waits")
    return desk.read(row)


def _alone(desk: Desk, work: Work, document: Document) -> None:
    """Raises UsageError while another version of the key is on its way: the two could stand in the target side by side."""
    asked = select(_ROW.state).where(_ROW.tenant == desk.tenant, _ROW.key == document.key)
    asked = asked.where(_ROW.version != document.version, _ROW.state.in_(UNDER_WAY)).limit(1)
    state = work.connection.execute(asked).scalar_one_or_none()
    if state is not None:
        raise UsageError(
            f"Another version of `{document.number or document.key}` is `{state}`: let the next runs settle that one first"
        )


def _check(desk: Desk, document: Document, decision: Decision) -> None:
    to = decision.to
    if not desk.clean(decision.reason).strip() or not decision.actor.strip():
        raise UsageError("A decision needs a name and a reason: both are kept in the trail")
    if (document.state, to) not in BY_PEOPLE:
        raise UsageError(f"`{document.number or document.key}` is `{document.state}` and can't be made `{to}`")
    if to is State.READY and document.payload is None:
        raise UsageError(f"`{document.number or document.key}` was never mapped: replay it with the current spec first")
    if to is State.POSTED and not decision.reference.strip():
        raise UsageError("Attesting needs the target's own reference of the document")
