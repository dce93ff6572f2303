"""Login tokens that are kept between runs, told without opening them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from engine.state import tables
from engine.state.codec import moment
from engine.state.ledger_desk import Desk

_SECRET = tables.secret.c


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenKept:
    """A token: under which name, since when, until when (None: as long as it can be renewed)."""

    name: str
    updated_at: datetime
    expires_at: datetime | None


def tokens_kept(desk: Desk) -> list[TokenKept]:
    """Every token of the tenant; names are `integration/system/kind of login`."""
    asked = select(_SECRET.name, _SECRET.updated_at, _SECRET.expires_at).where(
        _SECRET.tenant == desk.tenant, _SECRET.kind == "token"
    )
    with desk.database.look() as connection:
        return [
            TokenKept(name=row.name, updated_at=moment(row.updated_at), expires_at=moment(row.expires_at))
            for row in connection.execute(asked.order_by(_SECRET.name))
        ]
