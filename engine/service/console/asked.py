"""What an address asks for, as it may be compared with what is stored."""

from __future__ import annotations

from starlette.requests import Request

LONGEST = 400


def given(request: Request, name: str) -> str:
    """A value of the query; no longer than a name can be, and without NUL, which PostgreSQL does not take."""
    return request.query_params.get(name, "").replace("\x00", "")[:LONGEST]
