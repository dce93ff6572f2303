"""What alerts ask of the ledger: what moved lately, what came in, files that went wrong. Each answer is a few rows of an index."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, func, select

from engine.contracts import State
from engine.state import tables
from engine.state.codec import decode_plain, moment, stamp
from engine.state.firings_rows import Firing, firing_of
from engine.state.ledger_desk import Desk
from engine.state.tables_service import firing as firings

_P, _BOX, _ROW, _RUN, _LINE, _F = (
    tables.parcel.c, tables.outbox.c, tables.document.c, tables.run.c, tables.trail.c, firings.c,
)  # fmt: skip
_STATES = tuple(state.value for state in State)
_MOST = 5000


class BadFile(NamedTuple):
    """A file that could not be used."""

    name: str
    reason: str
    seen_at: datetime


class OurFile(NamedTuple):
    """A file of ours and what its partner made of it."""

    place: str
    done_at: datetime


def moved(desk: Desk, after: int) -> tuple[int, set[str]]:
    """The trail's last line, and the flows of the lines behind that one: nothing changes without a line."""
    with desk.database.look() as connection:
        here = (_LINE.tenant == desk.tenant, _LINE.n > after)
        last = connection.execute(select(func.max(_LINE.n)).where(*here)).scalar_one_or_none()
        if last is None:
            return after, set()
        flows = connection.execute(select(_LINE.flow).where(*here, _LINE.flow != "").distinct()).scalars()
        return int(last), set(flows)


def bad_files(desk: Desk, flows: Collection[str], since: datetime) -> list[BadFile]:
    """Files of these flows that could not be used, unless one of the same name could be later."""
    later = tables.parcel.alias()
    mended = exists().where(
        later.c.tenant == _P.tenant, later.c.flow == _P.flow, later.c.seen_at > _P.seen_at, later.c.name == _P.name,
        later.c.state != "bad",
    )  # fmt: skip
    asked = select(_P.name, _P.reason, _P.seen_at).where(
        _P.tenant == desk.tenant, _P.flow.in_(flows), _P.seen_at >= stamp(since), _P.state == "bad", ~mended
    )
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_P.seen_at).limit(_MOST)).all()
    return [BadFile(row.name, row.reason, moment(row.seen_at)) for row in rows]


def arrivals(desk: Desk, flow: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """When something new came in, the latest first: a file, or a pass over a list that found documents."""
    asked = select(_P.kind, _P.counts, _P.seen_at).where(
        _P.tenant == desk.tenant, _P.flow == flow, _P.seen_at > stamp(after), _P.seen_at <= stamp(until)
    )
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_P.seen_at.desc()).limit(_MOST)).all()
    for row in rows:
        if row.kind == "file" or any(decode_plain(row.counts).get(state) for state in _STATES):
            yield moment(row.seen_at)


def first_run(desk: Desk, flow: str) -> datetime | None:
    """When the flow was run for the first time: nothing can have been missed before."""
    asked = select(_RUN.started_at).where(_RUN.tenant == desk.tenant, _RUN.flow == flow)
    with desk.database.look() as connection:
        return moment(connection.execute(asked.order_by(_RUN.started_at).limit(1)).scalar_one_or_none())


def unanswered(desk: Desk, flow: str) -> list[OurFile]:
    """Files whose acknowledgement is overdue, the oldest first."""
    return _ours(desk, flow, "overdue")


def refused(desk: Desk, flow: str) -> list[OurFile]:
    """Files the partner rejected, as long as a document of them waits for a person."""
    return _ours(desk, flow, "rejected")


def _ours(desk: Desk, flow: str, answer: str) -> list[OurFile]:
    asked = select(_BOX.folder, _BOX.name, _BOX.done_at, _BOX.built_at).where(
        _BOX.tenant == desk.tenant, _BOX.flow == flow, _BOX.answer == answer
    )
    if answer == "rejected":
        asked = asked.where(
            exists().where(
                _ROW.tenant == _BOX.tenant, _ROW.flow == _BOX.flow, _ROW.batch == _BOX.number,
                _ROW.state == State.HELD.value,
            )
        )  # fmt: skip
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_BOX.number).limit(_MOST)).all()
    return [OurFile(f"{row.folder.rstrip('/')}/{row.name}", moment(row.done_at or row.built_at)) for row in rows]


def failed_starts(desk: Desk, integration: str) -> list[Firing]:
    """The latest start of each flow, where it failed before it was a run."""
    newer = firings.alias()
    after = exists().where(
        newer.c.tenant == _F.tenant, newer.c.flow == _F.flow, newer.c.queued_at > _F.queued_at,
        newer.c.state.in_(("done", "failed")),
    )  # fmt: skip
    asked = select(firings).where(
        _F.tenant == desk.tenant, _F.state == "failed", _F.run == "",
        _F.flow.startswith(f"{integration}/", autoescape=True), ~after,
    )  # fmt: skip
    with desk.database.look() as connection:
        return [firing_of(row) for row in connection.execute(asked.order_by(_F.queued_at).limit(_MOST))]
