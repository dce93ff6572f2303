"""What is wrong, as long as it is: an alert opens once, is told once, is seen again silently, and closes when it is right again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from engine.state.codec import moment, stamp
from engine.state.firings_rows import new_id
from engine.state.inserting import add
from engine.state.ledger_desk import Desk
from engine.state.tables_service import alert as alerts
from engine.state.tables_service import message as messages
from engine.state.trail import Work

_A, _M = alerts.c, messages.c
_SEEN_EVERY = timedelta(minutes=10)
"""How old the note may be that an alert was seen again unchanged: a write each look would be one every ten seconds."""
LAPSES = {"bad_file": timedelta(days=14), "restored": timedelta(days=7)}
"""Kinds that need not come right ever; they close after that time, and nobody is told that they did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something that is wrong now. `subject` tells it from others of its kind and flow; `name` is who is told, if anybody.

    `said`: what and why, `next_step`: a command, `heals`: what happens by itself. `times`: documents, files or runs.
    """

    integration: str
    kind: str
    flow: str = ""
    subject: str = ""
    name: str = ""
    said: str = ""
    next_step: str = ""
    heals: str = ""
    times: int = 1
    amount: str = ""
    since: datetime

    @property
    def id(self) -> str:
        """The same for the same thing wrong, whenever and by whomever it is found."""
        named = (self.integration, self.flow, self.kind, self.subject, self.name)
        return hashlib.sha256("\n".join(named).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A finding as it is remembered. `state`: open, solved (and not told yet), closed."""

    id: str
    integration: str
    flow: str
    kind: str
    subject: str
    name: str
    state: str
    said: str
    next_step: str
    heals: str
    times: int
    amount: str
    since: datetime
    opened_at: datetime
    seen_at: datetime
    told_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """A message as it will be sent."""

    subject: str
    body: str


def settle(
    desk: Desk, integration: str, found: Iterable[Finding], keeps: Callable[[Alert], bool] = lambda _alert: False
) -> tuple[int, int]:
    """Makes what is remembered of an integration what was found; how many opened and closed.

    `keeps`: of what was not found, that nobody looked this time. Two processes may do this at the same time.
    """
    by_id = {each.id: each for each in found}
    known = {alert.id: alert for alert in _of(desk, integration, by_id)}
    now = desk.clock()
    fresh = [each for id_, each in by_id.items() if id_ not in known or known[id_].state != "open"]
    again = [(known[id_], each) for id_, each in by_id.items() if id_ in known and known[id_].state == "open"]
    again = [(alert, each) for alert, each in again if _differs(alert, each) or now - alert.seen_at >= _SEEN_EVERY]
    right = [a for a in known.values() if a.state == "open" and a.id not in by_id and not keeps(a)]
    if not (fresh or again or right):
        return 0, 0
    with desk.trail.writing() as work:
        opened = sum(_open(desk, work, each, known.get(each.id)) for each in fresh)
        for alert, each in again:
            _change(desk, work, alert, **_said(desk, each), seen_at=stamp(now))
        return opened, sum(_close(desk, work, alert, now) for alert in right)


def _of(desk: Desk, integration: str, ids: Collection[str]) -> list[Alert]:
    """What is open, and what of these was."""
    mine = (_A.tenant == desk.tenant, _A.integration == integration)
    with desk.database.look() as connection:
        rows = list(connection.execute(select(alerts).where(*mine, _A.state.in_(("open", "solved")))).all())
        missing = sorted(set(ids) - {row.id for row in rows})
        for start in range(0, len(missing), 400):
            some = missing[start : start + 400]
            rows += connection.execute(select(alerts).where(*mine, _A.id.in_(some))).all()
    return [_alert_of(row) for row in rows]


def _differs(alert: Alert, found: Finding) -> bool:
    return (alert.times, alert.amount, alert.said) != (found.times, found.amount, found.said)


def _said(desk: Desk, found: Finding) -> dict[str, Any]:
    return {
        "said": desk.clean(found.said), "next_step": desk.clean(found.next_step), "heals": desk.clean(found.heals),
        "times": found.times, "amount": found.amount,
    }  # fmt: skip


def _open(desk: Desk, work: Work, found: Finding, before: Alert | None) -> int:
    now = stamp(desk.clock())
    values = {**_said(desk, found), "since": stamp(found.since), "seen_at": now, "state": "open", "closed_at": None}
    if before is None:
        given = {
            "tenant": desk.tenant, "id": found.id, "integration": found.integration, "flow": found.flow,
            "kind": found.kind, "subject": found.subject, "name": found.name, "opened_at": now,
        }  # fmt: skip
        done = add(work.connection, alerts, given | values)
    elif before.state == "solved":  # it was right for a while, and nobody heard of that: nothing is new to anybody
        done = _change(desk, work, before, **values)
    else:
        done = _change(desk, work, before, **values, opened_at=now, told_at=None)
    if done:
        detail = {"kind": found.kind, "subject": found.subject, "to": found.name, "text": found.said}
        work.tell("alert opened", flow=found.flow, detail=detail)
    return int(done)


def _close(desk: Desk, work: Work, alert: Alert, now: datetime) -> int:
    lapse = LAPSES.get(alert.kind)
    lapsed = lapse is not None and now - alert.since >= lapse
    told = alert.told_at is not None and bool(alert.name) and not lapsed
    done = _change(desk, work, alert, state="solved" if told else "closed", closed_at=stamp(now))
    if done:
        work.tell("alert closed", flow=alert.flow, detail={"kind": alert.kind, "subject": alert.subject})
    return int(done)


def _change(desk: Desk, work: Work, alert: Alert, **values: Any) -> bool:
    """False when somebody else was first."""
    same = (_A.tenant == desk.tenant, _A.id == alert.id, _A.state == alert.state)
    return bool(work.connection.execute(update(alerts).where(*same).values(**values)).rowcount)


def listed(desk: Desk, integration: str | None = None, *, every: bool = False, most: int = 1000) -> list[Alert]:
    """What is wrong now, the oldest first; with `every` also what was, the newest first."""
    asked = select(alerts).where(_A.tenant == desk.tenant)
    if integration is not None:
        asked = asked.where(_A.integration == integration)
    asked = asked.order_by(_A.opened_at.desc()) if every else asked.where(_A.state == "open").order_by(_A.since)
    with desk.database.look() as connection:
        return [_alert_of(row) for row in connection.execute(asked.limit(most))]


def to_tell(desk: Desk, integration: str) -> list[Alert]:
    """What somebody is to hear of and has not: what opened, and what is solved since."""
    asked = select(alerts).where(
        _A.tenant == desk.tenant, _A.integration == integration, _A.name != "",
        (_A.state == "solved") | ((_A.state == "open") & _A.told_at.is_(None)),
    )  # fmt: skip
    with desk.database.look() as connection:
        return [_alert_of(row) for row in connection.execute(asked.order_by(_A.since))]


def tell(
    desk: Desk, chosen: Sequence[Alert], compose: Callable[[list[Alert], list[Alert]], Digest], *, addresses: int
) -> bool:
    """Puts one digest on its way to each address, in one step with marking its alerts as told: nothing is told twice.

    `compose` is given what nobody else has taken meanwhile: what is new, and what is solved.
    """
    now, id_ = stamp(desk.clock()), new_id(desk.clock())
    ids = [alert.id for alert in chosen]
    here = (_A.tenant == desk.tenant, _A.id.in_(ids))
    with desk.trail.writing() as work:
        new = update(alerts).where(*here, _A.state == "open", _A.told_at.is_(None)).values(told_at=now)
        fresh = _returned(work, new)
        if not fresh:
            return False
        solved = _returned(work, update(alerts).where(*here, _A.state == "solved").values(state="closed"))
        digest = compose(fresh, solved)
        first = fresh[0]
        for n in range(addresses):
            work.connection.execute(
                insert(messages).values(
                    tenant=desk.tenant, id=f"{id_}-{n}", integration=first.integration, name=first.name, address=n,
                    subject=digest.subject, body=digest.body, state="waiting", created_at=now, not_before=now,
                )
            )  # fmt: skip
        detail = {"to": first.name, "subject": digest.subject, "alerts": len(fresh), "solved": len(solved)}
        work.tell("alert told", detail=detail)
    return True


def _returned(work: Work, change: Any) -> list[Alert]:
    rows = work.connection.execute(change.returning(*alerts.c)).all()
    return sorted((_alert_of(row) for row in rows), key=lambda alert: (alert.since, alert.id))


def forget(desk: Desk, before: datetime) -> int:
    """Takes out what was closed and sent before then; the trail keeps that it was."""
    old = stamp(before)
    with desk.database.write() as connection:
        gone = delete(alerts).where(_A.tenant == desk.tenant, _A.state != "open", _A.closed_at < old)
        sent = delete(messages).where(_M.tenant == desk.tenant, _M.state != "waiting", _M.created_at < old)
        return connection.execute(gone).rowcount + connection.execute(sent).rowcount


def _alert_of(row: Row[Any]) -> Alert:
    return Alert(
        id=row.id, integration=row.integration, flow=row.flow, kind=row.kind, subject=row.subject, name=row.name,
        state=row.state, said=row.said, next_step=row.next_step, heals=row.heals, times=row.times, amount=row.amount,
        since=moment(row.since), opened_at=moment(row.opened_at), seen_at=moment(row.seen_at),
        told_at=moment(row.told_at), closed_at=moment(row.closed_at),
    )  # fmt: skip
