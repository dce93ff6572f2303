"""Moving one document on: compare and swap, the attempt beside it, and a line in the trail, together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, update

from engine.contracts import Document, State
from engine.state import tables
from engine.state.bulk import insert_rows
from engine.state.codec import encode_plain, moment, stamp
from engine.state.facts import Changes, IllegalTransition, LostClaim
from engine.state.ledger_desk import Desk, identifier_rows, no_nul, now_text
from engine.state.prepared import Prepared
from engine.state.trail import Work
from engine.state.transitions import CLAIMED, allowed

LONGEST_RESPONSE = 4096
_ROW, _ATTEMPT = tables.document.c, tables.attempt.c
_MICROSECOND = timedelta(microseconds=1)
_CLOSE = Prepared(
    update(tables.attempt)
    .where(_ATTEMPT.tenant == bindparam("at_tenant"), _ATTEMPT.key == bindparam("at_key"))
    .where(_ATTEMPT.version == bindparam("at_version"), _ATTEMPT.epoch == bindparam("at_epoch"))
    .where(_ATTEMPT.number == bindparam("at_number"), _ATTEMPT.finished_at.is_(None))
    .values(outcome=bindparam("to_outcome"), status=bindparam("to_status"), finished_at=bindparam("to_time"))
    .returning(_ATTEMPT.n, _ATTEMPT.step)
)
_KEEP_ANSWER = Prepared(
    update(tables.attempt).where(_ATTEMPT.n == bindparam("at_n")).values(response_sealed=bindparam("to_response"))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """A commit step about to go on the wire."""

    step: str
    request: bytes
    deadline_at: datetime
    spec_sha: str
    answered: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What came back for it."""

    outcome: str
    status: int | None
    response: bytes


def change(desk: Desk, work: Work, document: Document, to: State, fields: Changes) -> Document:
    """Raises LostClaim, IllegalTransition."""
    if to is State.SENDING:
        raise IllegalTransition("a document becomes `sending` by `intend` or `outbox_build` only")
    return move(desk, work, document, to, fields, {})


def intend(desk: Desk, work: Work, document: Document, call: Sending) -> Document:
    """Raises LostClaim, IllegalTransition."""
    first = document.state is not State.SENDING
    fields: Changes = {"step": call.step, "tries": document.tries + first}
    sent = move(desk, work, document, State.SENDING, fields, {"step": call.step, "try": document.tries + first})
    if not first:  # the next step of an attempt goes out only when the one before succeeded
        _close_attempt(desk, work, sent, Answered(outcome="done", status=None, response=call.answered))
    now = desk.clock()
    identity = _attempt_identity(sent, call.step)
    attempt = {
        "tenant": desk.tenant,
        "key": sent.key,
        "version": sent.version,
        "step": call.step,
        "epoch": sent.epoch,
        "number": sent.tries,
        "spec_sha": call.spec_sha or sent.spec_sha,
        "request_sha": hashlib.sha256(call.request).hexdigest(),
        "request_sealed": desk.vault.seal(call.request, *identity, "request"),
        "started_at": stamp(now),
        "deadline_at": stamp(call.deadline_at),
    }
    insert_rows(work.connection, tables.attempt, [attempt])
    return sent


def receipt(desk: Desk, work: Work, document: Document, to: State, answer: Answered, fields: Changes) -> Document:
    """Raises LostClaim, IllegalTransition."""
    if to is State.SENDING:
        raise IllegalTransition("an answer can't leave a document `sending`")
    moved = move(desk, work, document, to, fields, {"outcome": answer.outcome, "status": answer.status})
    _close_attempt(desk, work, document, answer)
    return moved


def late_answer(desk: Desk, work: Work, document: Document, answer: Answered) -> None:
    """Keeps an answer that came after the claim was lost; the document itself is not touched."""
    _close_attempt(desk, work, document, answer)
    detail = {"version": document.version, "epoch": document.epoch, "outcome": answer.outcome, "status": answer.status}
    work.tell("late answer", key=document.key, parcel=document.parcel_id, flow=document.flow, detail=detail)


def move(desk: Desk, work: Work, document: Document, to: State, fields: Changes, told: Mapping[str, Any]) -> Document:
    """One step of the protocol. Nothing is written when it raises."""
    origin = document.state
    if not allowed(origin, to):
        raise IllegalTransition(f"`{document.key}` can't go from `{origin}` to `{to}`")
    values = _values(desk, document, to, fields)
    known = {
        "at_tenant": desk.tenant,
        "at_key": document.key,
        "at_version": document.version,
        "at_epoch": document.epoch,
        "at_state": origin.value,
    }
    swap = _swap(tuple(values), since=to is State.WAITING)
    swapped = swap.run(work.connection, known | {f"to_{name}": value for name, value in values.items()})
    if not swapped:
        raise _lost(desk, document, to)
    run = swapped[0].run
    if "identifiers" in fields:
        _identify(desk, work, document, fields["identifiers"])
    detail = {"version": document.version, "from": origin.value, **told}
    detail |= {name: values[name] for name in ("reference", "reason", "not_before") if values.get(name)}
    if origin is State.IN_DOUBT and to is State.POSTED:
        detail["resolved_by"] = "lookup"
    work.tell(to.value, key=document.key, parcel=document.parcel_id, flow=document.flow, run=run, detail=detail)
    return _changed(document, to, values, fields)


@cache
def _swap(columns: tuple[str, ...], *, since: bool) -> Prepared:
    """Compare and swap. With `since` a document that waits already keeps the time it began to."""
    values: dict[str, Any] = {name: bindparam(f"to_{name}") for name in columns}
    if since:
        values["waits_since"] = func.coalesce(_ROW.waits_since, values["waits_since"])
    return Prepared(
        update(tables.document)
        .where(_ROW.tenant == bindparam("at_tenant"), _ROW.key == bindparam("at_key"))
        .where(_ROW.version == bindparam("at_version"))
        .where(_ROW.epoch == bindparam("at_epoch"), _ROW.state == bindparam("at_state"))
        .values(values)
        .returning(_ROW.run)
    )


def _lost(desk: Desk, document: Document, to: State) -> LostClaim:
    detail = {"version": document.version, "epoch": document.epoch, "from": document.state.value, "to": to.value}
    desk.trail.note("lost claim", key=document.key, flow=document.flow, detail=detail)
    return LostClaim(f"`{document.key}` was changed by somebody else; nothing was written, it is looked at again")


def _values(desk: Desk, document: Document, to: State, fields: Changes) -> dict[str, Any]:
    now = now_text(desk)
    values: dict[str, Any] = {"state": to.value, "updated_at": now}
    if to not in CLAIMED:
        values["owner"] = ""
    if to is State.READY:
        values["batch"] = None
    if to is State.WAITING:
        values["waits_since"] = now
    elif to is not State.READY:
        values["waits_since"] = None
    if "not_before" in fields or to is not document.state:
        values["not_before"] = stamp(fields.get("not_before"))
    for name in ("step", "tries", "crashes", "spec_sha", "amount"):
        if name in fields:
            values[name] = fields[name]
    if "reference" in fields:
        values["reference"] = desk.clean(fields["reference"])
    if "reason" in fields or to not in {State.REJECTED, State.HELD, document.state}:
        values["reason"] = desk.clean(fields.get("reason", ""))
    if "payload" in fields:
        payload = fields["payload"]
        sealed = None if payload is None else desk.seal_record(payload, document.key, document.version, "payload")
        values["payload_sealed"] = sealed
    if "identifiers" in fields:
        values["identifiers"] = no_nul(encode_plain(fields["identifiers"]))
    if to is State.IN_DOUBT and ("settle" in fields or document.state is State.SENDING):
        values |= observation(desk, fields.get("settle", timedelta()))
        if fields.get("not_before") is not None:
            values["not_before"] = stamp(fields["not_before"])
    return values


def observation(desk: Desk, settle: timedelta) -> dict[str, Any]:
    """The columns of a settle that starts now: counted on the boot clock, shown on the wall clock."""
    boot = desk.boot()
    return {
        "not_before": stamp(desk.clock() + settle),
        "settle": settle // _MICROSECOND,
        "boot_host": boot.host,
        "boot_id": boot.id,
        "boot_due": boot.seconds + settle.total_seconds(),
    }


def _changed(document: Document, to: State, values: Mapping[str, Any], fields: Changes) -> Document:
    same = ("step", "tries", "crashes", "spec_sha", "amount", "reference", "reason")
    new: dict[str, Any] = {name: values[name] for name in same if name in values}
    new |= {name: fields[name] for name in ("payload", "identifiers") if name in fields}
    if "not_before" in values:
        new["not_before"] = moment(values["not_before"])
    return replace(document, state=to, updated_at=moment(values["updated_at"]), **new)


def _identify(desk: Desk, work: Work, document: Document, identifiers: Mapping[str, str]) -> None:
    columns = tables.identifier.c
    place = (columns.tenant == desk.tenant, columns.key == document.key, columns.version == document.version)
    work.connection.execute(delete(tables.identifier).where(*place))
    rows = identifier_rows(desk.tenant, document.key, document.version, identifiers)
    if rows:
        work.connection.execute(insert(tables.identifier), rows)


def _attempt_identity(document: Document, step: str) -> tuple[str, ...]:
    return attempt_identity(document.key, document.version, document.epoch, document.tries, step)


def attempt_identity(key: str, version: int, epoch: int, number: int, step: str) -> tuple[str, ...]:
    """What the sealed request and response of an attempt are bound to."""
    return "attempt", key, str(version), str(epoch), str(number), step


def _close_attempt(desk: Desk, work: Work, document: Document, answer: Answered) -> None:
    """Closes what is open of the attempt that this holder of the document made; others' attempts are not touched."""
    place = {
        "at_tenant": desk.tenant,
        "at_key": document.key,
        "at_version": document.version,
        "at_epoch": document.epoch,
        "at_number": document.tries,
    }
    ending = {"to_outcome": answer.outcome, "to_status": answer.status, "to_time": now_text(desk)}
    rows = _CLOSE.run(work.connection, place | ending)
    if not answer.response:
        return
    for n, step in rows:
        sealed = desk.vault.seal(answer.response[:LONGEST_RESPONSE], *_attempt_identity(document, step), "response")
        _KEEP_ANSWER.run(work.connection, {"at_n": n, "to_response": sealed})
