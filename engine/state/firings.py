"""What is due, what was started and what became of it: the one place where a start of a flow is decided and recorded.

A firing is queued, then running, then done, failed, skipped or superseded. Of one flow at most one waits. Whoever takes
a firing writes to it only as long as it is theirs: every change names its attempt and its owner.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from engine.errors import UsageError
from engine.state.codec import stamp
from engine.state.firings_rows import (
    PRIORITY,
    Cause,
    Due,
    Firing,
    Planned,
    firing_of,
    new_id,
    planned_of,
    priority_of,
    queue_again,
    waiting_of,
)
from engine.state.inserting import add
from engine.state.ledger_desk import Desk
from engine.state.tables_service import firing as firings
from engine.state.tables_service import schedule

__all__ = ["PRIORITY", "Announce", "Cause", "Due", "Firing", "Firings", "Planned"]

MOST_CRASHES = 3
"""So often may a start end with its process before it is given up."""
_SEEN = 200
_AT_ONE_TICK = 100
"""More than that wait for the next tick: nobody else writes while they are queued."""
_F, _S = firings.c, schedule.c

Announce = Callable[[Connection, Firing], None]
"""Told of a firing that waits now, inside the transaction that makes it so: a queue's job is deferred with it, or not at all."""


def _nobody(_connection: Connection, _firing: Firing) -> None:
    """On one machine the pool looks by itself."""


class Firings:
    """One tenant's schedule and firings."""

    def __init__(self, desk: Desk, announce: Announce = _nobody) -> None:
        self._desk = desk
        self._database = desk.database
        self._tenant = desk.tenant
        self._announce = announce

    # -- the schedule ------------------------------------------------------------------------------------------------

    def plan(self, flow: str, plan: str, next_at: datetime | None) -> None:
        """A flow's schedule as its spec says it, and when it is due first; nothing changes when it is planned so already."""
        self.plan_all([(flow, plan, next_at)])

    def plan_all(self, wanted: Iterable[tuple[str, str, datetime | None]]) -> None:
        """The same for many flows, in one transaction."""
        known = self.planned()
        changed = [each for each in wanted if each[0] not in known or known[each[0]].plan != each[1]]
        if not changed:
            return
        with self._database.write() as connection:
            for flow, plan, next_at in changed:
                values = {"plan": plan, "next_at": stamp(next_at), "updated_at": self._now()}
                mine = (_S.tenant == self._tenant, _S.flow == flow)
                if connection.execute(update(schedule).where(*mine, _S.plan != plan).values(**values)).rowcount == 0:
                    add(connection, schedule, {"tenant": self._tenant, "flow": flow, **values})

    def forget(self, kept: Collection[str], *, of: Collection[str] | None = None) -> None:
        """Takes every flow that is not `kept` off the schedule; with `of` those of these integrations only."""
        gone = [f for f in self.planned() if f not in kept and (of is None or f.partition("/")[0] in of)]
        if gone:
            with self._database.write() as connection:
                connection.execute(delete(schedule).where(_S.tenant == self._tenant, _S.flow.in_(gone)))

    def planned(self) -> dict[str, Planned]:
        """Every flow on the schedule."""
        with self._database.look() as connection:
            rows = connection.execute(select(schedule).where(_S.tenant == self._tenant)).all()
        return {row.flow: planned_of(row) for row in rows}

    def pause(self, flow: str, paused: bool, by: str) -> None:
        """Stops or resumes what a flow does by itself or by webhook; people can still start it. Raises UsageError for an unknown one."""
        with self._desk.trail.writing() as work:
            change = update(schedule).where(_S.tenant == self._tenant, _S.flow == flow)
            values = {"paused": paused, "said_by": by, "updated_at": self._now()}
            if work.connection.execute(change.values(**values)).rowcount == 0:
                raise UsageError(f"There is no flow `{flow}` to {'pause' if paused else 'resume'}")
            work.tell("flow paused" if paused else "flow resumed", flow=flow, detail={"by": by}, actor=by)

    def tick(self, due: Callable[[Planned, datetime], Due | None]) -> list[Firing]:
        """Queues what is due now, each time of each flow once whoever else ticks; returns what waits because of it.

        `due` says what a flow's schedule makes of now; None where this process knows nothing of the flow.
        """
        now = self._desk.clock()
        asked = select(schedule).where(
            _S.tenant == self._tenant, _S.paused.is_(False), (_S.next_at <= stamp(now)) | (_S.last_at > stamp(now))
        )
        with self._database.look() as connection:
            rows = connection.execute(asked).all()
        flows = [row.flow for row in rows if due(planned_of(row), now)][:_AT_ONE_TICK]
        if not flows:
            return []
        asked = asked.where(_S.flow.in_(flows))
        with self._database.write() as connection:
            rows = connection.execute(asked.order_by(_S.next_at, _S.flow).with_for_update(skip_locked=True)).all()
            queued = [self._turn(connection, planned_of(row), due, now, n) for n, row in enumerate(rows)]
        return [each for each in queued if each is not None]

    def _turn(
        self, connection: Connection, planned: Planned, due: Callable[[Planned, datetime], Due | None],
        now: datetime, order: int,
    ) -> Firing | None:  # fmt: skip
        turn = due(planned, now)
        if turn is None:
            return None
        change = update(schedule).where(_S.tenant == self._tenant, _S.flow == planned.flow)
        last_at = turn.at or turn.last_at
        values = {"next_at": stamp(turn.next_at), "last_at": stamp(last_at), "updated_at": self._now()}
        connection.execute(change.values(**values))
        if turn.at is None:
            return None
        made = Firing(
            id=new_id(now), flow=planned.flow, at=turn.at, cause="schedule", state="queued",
            priority=PRIORITY["schedule"], queued_at=now + timedelta(microseconds=order), reason=turn.reason,
        )  # fmt: skip
        if why := self._busy(connection, planned.flow, turn.overlap):
            self._add(connection, replace(made, state="skipped", reason=why, ended_at=now))
            return None
        if not self._add(connection, made):  # fired for already, or a webhook came in between
            self._add(connection, replace(made, state="skipped", reason=_WAITS, ended_at=now))
            return None
        self._announce(connection, made)
        return made

    def _busy(self, connection: Connection, flow: str, overlap: str) -> str:
        asked = select(_F.state).where(_F.tenant == self._tenant, _F.flow == flow, _F.state.in_(("queued", "running")))
        states = set(connection.execute(asked).scalars())
        if "queued" in states:
            return _WAITS
        return "the run before had not ended" if "running" in states and overlap == "skip" else ""

    # -- asking ------------------------------------------------------------------------------------------------------

    def ask(
        self, flow: str, *, cause: Cause, by: str = "", options: Mapping[str, Any] | None = None,
        not_before: datetime | None = None, tries: int = 0,
    ) -> tuple[Firing, bool]:  # fmt: skip
        """A start as soon as may be; False when it joined the one that waits already. A person's is told in the trail."""
        given = dict(options or {})
        with self._database.look() as connection:
            waiting = waiting_of(connection, self._tenant, flow)
        if waiting is not None and not given and waiting.priority >= PRIORITY[cause] and cause != "person":
            return waiting, False
        with self._desk.trail.writing() as work:
            if cause == "person":
                work.tell("flow asked for", flow=flow, detail={"by": by, **given}, actor=by)
            return self._ask(work.connection, flow, cause, by, given, not_before, tries)

    def _ask(
        self, connection: Connection, flow: str, cause: Cause, by: str, options: dict[str, Any],
        not_before: datetime | None, tries: int,
    ) -> tuple[Firing, bool]:  # fmt: skip
        now = self._desk.clock()
        made = Firing(
            id=new_id(now), flow=flow, at=now, cause=cause, state="queued", priority=priority_of(cause, options),
            by=by, options=options, queued_at=now, not_before=not_before, tries=tries,
        )  # fmt: skip
        for _ in range(1000):
            if self._add(connection, made):
                self._announce(connection, made)
                return made, True
            waiting = waiting_of(connection, self._tenant, flow)
            if waiting is not None:
                return self._join(connection, waiting, made), False
            made = replace(made, at=made.at + timedelta(microseconds=1))  # two within one tick of the clock
        raise AssertionError(
            f"no moment free for `{flow}`"
        )  # a thousand starts of one flow in a thousandth of a second

    def _join(self, connection: Connection, waiting: Firing, asked: Firing) -> Firing:
        """The one that waits takes over what was asked for: options, urgency, and of a person also the impatience."""
        options = {**waiting.options, **asked.options}
        priority = priority_of(asked.cause, options) if options else max(waiting.priority, asked.priority)
        joined = replace(waiting, options=options, priority=priority)
        if asked.cause == "person":
            joined = replace(joined, cause="person", by=asked.by, not_before=None)
        if joined != waiting:
            row = joined.row()
            values = {name: row[name] for name in ("options", "priority", "cause", "by", "not_before")}
            connection.execute(update(firings).where(*self._mine(waiting, "queued")).values(**values))
            self._announce(connection, joined)
        return joined

    # -- doing -------------------------------------------------------------------------------------------------------

    def take(
        self, owner: str, firing_id: str | None = None, *, lowest: int = 0,
        knows: Callable[[str], bool] = lambda _flow: True,
    ) -> Firing | None:  # fmt: skip
        """The most urgent firing that may start now (or that very one), now `owner`'s; None where there is none.

        A flow at work is passed over; `lowest`: no less urgent one; `knows`: flows this process has the spec of.
        """
        now = self._desk.clock()
        running = firings.alias("r")
        busy = select(running.c.id).where(
            running.c.tenant == self._tenant, running.c.flow == _F.flow, running.c.state == "running"
        )
        paused = select(_S.flow).where(_S.tenant == self._tenant, _S.flow == _F.flow, _S.paused.is_(True))
        asked = select(firings).where(
            _F.tenant == self._tenant, _F.state == "queued", _F.priority >= lowest,
            _F.not_before.is_(None) | (_F.not_before <= stamp(now)), ~busy.exists(),
            (_F.cause == "person") | ~paused.exists(),
        )  # fmt: skip
        if firing_id is not None:
            asked = asked.where(_F.id == firing_id)
        asked = asked.order_by(_F.priority.desc(), _F.queued_at).limit(_SEEN)
        with self._database.look() as connection:
            found = [row for row in connection.execute(asked) if knows(row.flow)]
        for row in found:
            with self._database.write() as connection:
                mine = self._mine(firing_of(row), "queued")
                locked = select(firings).where(*mine, ~busy.exists()).with_for_update(skip_locked=True)
                again = connection.execute(locked).one_or_none()
                if again is None:
                    continue
                values = {"state": "running", "owner": owner, "started_at": self._now(), "not_before": None}
                connection.execute(update(firings).where(*mine).values(**values))
                return replace(firing_of(again), state="running", owner=owner, started_at=now, not_before=None)
        return None

    def begin(self, firing: Firing, run: str) -> bool:
        """Notes the run a firing became; False when it is not its owner's any more."""
        return self._change(firing, {"run": run})

    def end(self, firing: Firing, run: str, exit_code: int, reason: str = "") -> bool:
        """Done (with or without work left for people) or failed; False when it is not its owner's any more."""
        state = "done" if exit_code in {0, 3} else "failed"
        told = {"run": run, "exit_code": exit_code, "reason": self._desk.clean(reason), "ended_at": self._now()}
        return self._change(firing, {"state": state, **told})

    def put_back(self, firing: Firing, not_before: datetime | None = None, reason: str = "") -> str:
        """Its owner did not do it, or not to the end: it waits again. Returns its new state; empty when it was no longer theirs.

        Where a newer one waits already it is `superseded`: that one goes on from what the ledger knows.
        """
        with self._database.write() as connection:
            return self._requeue(connection, firing, replace(firing, not_before=not_before), reason)

    def take_back(self, firing: Firing, reason: str) -> str:
        """Its owner is dead, as whoever calls has made sure: it waits again, or has failed after that happened often. As `put_back`."""
        again = replace(firing, attempt=firing.attempt + 1, not_before=None)
        with self._database.write() as connection:
            if again.attempt < MOST_CRASHES:
                return self._requeue(connection, firing, again, reason)
            told = {"state": "failed", "reason": self._desk.clean(reason), "ended_at": self._now(), "exit_code": 70}
            changed = connection.execute(update(firings).where(*self._mine(firing, "running")).values(**told))
            return "failed" if changed.rowcount else ""

    def give_up(self, firing: Firing, reason: str) -> bool:
        """What waits is not started after all."""
        told = {"state": "skipped", "reason": self._desk.clean(reason), "ended_at": self._now()}
        with self._database.write() as connection:
            return connection.execute(update(firings).where(*self._mine(firing, "queued")).values(**told)).rowcount == 1

    def _requeue(self, connection: Connection, firing: Firing, again: Firing, reason: str) -> str:
        """`again`: as it is to wait."""
        mine, said = self._mine(firing, "running"), self._desk.clean(reason)
        if connection.execute(select(_F.id).where(*mine).with_for_update()).first() is None:
            return ""
        if queue_again(connection, mine, again, said):
            self._announce(connection, replace(again, state="queued", owner="", reason=said, started_at=None))
            return "queued"
        told = {"state": "superseded", "reason": f"{said}; a newer start waited already", "ended_at": self._now()}
        connection.execute(update(firings).where(*mine).values(**told))
        waiting = waiting_of(connection, self._tenant, firing.flow)
        if waiting is not None and firing.options:
            self._join(connection, waiting, replace(again, cause=waiting.cause))
        return "superseded"

    # -- looking -----------------------------------------------------------------------------------------------------

    def running(self) -> list[Firing]:
        """What is at work, as far as the rows say; its owner may be dead."""
        return self._listed(_F.state == "running")

    def queued(self) -> list[Firing]:
        """What waits, the most urgent first."""
        return sorted(self._listed(_F.state == "queued"), key=lambda each: (-each.priority, each.queued_at))

    def listed(self, flow: str | None = None, limit: int = 50, before: datetime | None = None) -> list[Firing]:
        """The newest ones; `before`: older than that."""
        asked = [] if flow is None else [_F.flow == flow]
        return self._listed(*asked, *([] if before is None else [_F.queued_at < stamp(before)]), limit=limit)

    def one(self, firing_id: str) -> Firing | None:
        """That one, as it is now."""
        return next(iter(self._listed(_F.id == firing_id)), None)

    def counts(self) -> dict[str, int]:
        """How many wait and how many are at work."""
        asked = select(_F.state, func.count()).where(_F.tenant == self._tenant, _F.state.in_(("queued", "running")))
        with self._database.look() as connection:
            rows = connection.execute(asked.group_by(_F.state)).all()
        return {"queued": 0, "running": 0, **{row[0]: row[1] for row in rows}}

    def prune(self, before: datetime) -> int:
        """Forgets what ended before then; returns how many."""
        gone = delete(firings).where(_F.tenant == self._tenant, _F.ended_at < stamp(before))
        with self._database.write() as connection:
            return connection.execute(gone).rowcount

    def _listed(self, *conditions: Any, limit: int = 10_000) -> list[Firing]:
        asked = select(firings).where(_F.tenant == self._tenant, *conditions).order_by(_F.queued_at.desc(), _F.id)
        with self._database.look() as connection:
            return [firing_of(row) for row in connection.execute(asked.limit(limit))]

    def _add(self, connection: Connection, made: Firing) -> bool:
        return add(connection, firings, {"tenant": self._tenant, **made.row()})

    def _change(self, firing: Firing, values: Mapping[str, Any]) -> bool:
        with self._database.write() as connection:
            changed = connection.execute(update(firings).where(*self._mine(firing, "running")).values(**values))
        return changed.rowcount == 1

    def _mine(self, firing: Firing, state: str) -> tuple[Any, ...]:
        """The fence: the very row, as whoever writes has it in hand."""
        mine = (_F.tenant == self._tenant, _F.id == firing.id, _F.attempt == firing.attempt, _F.state == state)
        return mine if state == "queued" else (*mine, _F.owner == firing.owner)

    def _now(self) -> str:
        return stamp(self._desk.clock())


_WAITS = "a start of the flow waited already"
