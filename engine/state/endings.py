"""How a flow's documents ended: what is told to the system they came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_

from engine.contracts import Document, State
from engine.state import tables
from engine.state.codec import stamp
from engine.state.ledger_desk import Desk

_ROW = tables.document.c
_SOME = 500
_DELIVERED = (State.POSTED.value, State.ADOPTED.value)
_OPEN = (State.REJECTED, State.HELD, State.CONFLICT, State.QUARANTINED, State.CANCELLED)
_ENDED = (*_DELIVERED, *(state.value for state in _OPEN))


def endings(desk: Desk, flow: str, since: datetime | None) -> Iterator[Document]:
    """The documents that ended, or ended otherwise, since then, oldest change first; what is still on its way is left out.

    Each key once: its version in the target, where there is one, else its latest. Purged ones are left out, for nothing of them is
    left to tell.
    """
    its = (_ROW.tenant == desk.tenant, _ROW.flow == flow)
    changed = select(_ROW.key).where(*its, _ROW.state.in_(_ENDED)).group_by(_ROW.key)
    if since is not None:
        changed = changed.where(_ROW.updated_at >= stamp(since))
    with desk.database.look() as connection:
        keys = connection.execute(changed.order_by(func.max(_ROW.updated_at), _ROW.key)).scalars().all()
    for start in range(0, len(keys), _SOME):
        some = keys[start : start + _SOME]
        versions = select(_ROW.key, _ROW.version, _ROW.state).where(*its, _ROW.key.in_(some)).order_by(_ROW.version)
        with desk.database.look() as connection:
            last = _last_word(connection.execute(versions).all())
            chosen = tuple_(_ROW.key, _ROW.version).in_(list(last.items()))
            rows = connection.execute(select(tables.document).where(*its, _ROW.state.in_(_ENDED), chosen)).all()
        documents = {row.key: desk.read(row) for row in rows}
        yield from (found for key in some if (found := documents.get(key)) and found.purged_at is None)


def _last_word(versions: Sequence[Any]) -> dict[str, int]:
    """The version that counts of each key: the latest in the target, where there is one; else the latest."""
    found: dict[str, int] = {}
    there: set[str] = set()
    for key, version, state in versions:
        if state in _DELIVERED or key not in there:
            found[key] = version
        if state in _DELIVERED:
            there.add(key)
    return found
