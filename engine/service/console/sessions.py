"""The cookie that says who asks: 256 bits of chance with the browser, its SHA-256 with us."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from engine.errors import TransientError
from engine.service.console.exposure import is_loopback
from engine.state import people
from engine.state.people import Guess, Session

IDLE = timedelta(minutes=30)
AGE = timedelta(hours=12)
_TOUCH = timedelta(minutes=1)
"""How stale a session's last use may be written: reading a page costs no write of its own."""


def is_secure(request: Request) -> bool:
    """Whether browsers come by https: then the cookie never travels without it."""
    return bool(request.state.parts.address.startswith("https://"))


def came_from(request: Request) -> str:
    """The address of whoever asks. Behind the TLS proxy of this machine it is what that proxy has seen, its own entry being the last."""
    peer = request.client.host if request.client else ""
    seen = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return seen[:64] if seen and is_secure(request) and is_loopback(peer) else peer


def cookie_name(request: Request) -> str:
    """With https the name itself forbids that another host of the domain sets it."""
    return "__Host-mlc" if is_secure(request) else "mlc"


def current(request: Request, *, poll: bool = False) -> Session | None:
    """The session of the cookie; None without one that holds."""
    token = request.cookies.get(cookie_name(request), "")
    if not token:
        return None
    desk = request.state.parts.workspace.desk
    found = people.session(desk, hashed(token), idle=IDLE, age=AGE)
    if found is not None and not poll and desk.clock() - found.seen_at >= _TOUCH:
        try:
            people.touch(desk, found.id)
        except TransientError:
            return found  # the database is busy with a file: reading goes on
    return found


def begin(request: Request, name: str, guess: Guess, rehashed: str | None) -> str | None:
    """A new session for a person whose password was right; returns its token, None where they were kept out meanwhile."""
    token, form_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    began = people.enter(
        request.state.parts.workspace.desk, name, session=hashed(token), form_token=form_token, rehashed=rehashed,
        where=came_from(request), guess=guess,
    )  # fmt: skip
    return token if began else None


def give(request: Request, response: Response, token: str) -> None:
    """Hands the token to the browser, until it is closed or the session's age is over."""
    response.set_cookie(
        cookie_name(request), token, max_age=int(AGE.total_seconds()), httponly=True, samesite="strict",
        secure=is_secure(request), path="/",
    )  # fmt: skip


def take_away(request: Request, response: Response) -> None:
    """The browser forgets it."""
    response.delete_cookie(cookie_name(request), path="/", httponly=True, samesite="strict", secure=is_secure(request))


def hashed(token: str) -> str:
    """A token as it is stored."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
