"""Cursors corrected by a person: durable together with the line that tells who did it and why."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from engine.errors import UsageError
from engine.state import tables
from engine.state.ledger_desk import Desk, no_nul, now_text

_CURSOR = tables.cursor.c


def move_cursor(desk: Desk, flow: str, source: str, value: str, *, reason: str) -> None:
    """Sets a cursor that is there. Raises UsageError when it is gone."""
    place = (_CURSOR.tenant == desk.tenant, _CURSOR.flow == flow, _CURSOR.source == source)
    with desk.trail.writing() as work:
        before = work.connection.execute(select(_CURSOR.value).where(*place)).scalar_one_or_none()
        if before is None:
            raise UsageError(f"`{flow}` has no cursor in `{source}` any more")
        change = update(tables.cursor).where(*place).values(value=value, cap="", pass_id="", updated_at=now_text(desk))
        work.connection.execute(change)
        detail = {"source": source, "was": before, "value": value, "by": "person", "reason": no_nul(reason)}
        work.tell("cursor set", flow=flow, detail=detail)


def forget_cursors(desk: Desk, flow: str, *, reason: str) -> None:
    """Removes every cursor of a flow: its next pass reads from the beginning."""
    place = (_CURSOR.tenant == desk.tenant, _CURSOR.flow == flow)
    with desk.trail.writing() as work:
        gone = work.connection.execute(
            delete(tables.cursor).where(*place).returning(_CURSOR.source, _CURSOR.value)
        ).all()
        for source, value in gone:
            detail = {"source": source, "was": value, "by": "person", "reason": no_nul(reason)}
            work.tell("cursor reset", flow=flow, detail=detail)
