"""The way in and out."""

from __future__ import annotations

import time

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from engine.service.console import forms, passwords, sessions
from engine.service.console.frame import local, needs, page, parts_of, who
from engine.service.console.throttle import LOCK, MOST
from engine.state import people

WRONG = (
    "Name and password do not fit, or there were too many tries: after five wrong passwords nobody gets in under that "
    "name for a quarter of an hour."
)
_BUSY = "Many people try to log in just now: wait a minute, then try again."
_CROSS = "The request did not come from this page: log in here."
_MOST_AT_ONCE = 64


async def login(request: Request) -> Response:
    """The form, and what becomes of it. Anyone may see it; it says nothing about who there is."""
    request.state.session = await run_in_threadpool(sessions.current, request)
    to = local(request.query_params.get("next", "/"))
    if request.method in {"GET", "HEAD"}:
        return await run_in_threadpool(_asked, request, to)
    refusal = await forms.check(request, "", parts_of(request).address)
    if refusal is not None:
        return _form(request, to, _CROSS if refusal.status == 403 else refusal.reason, refusal.status)
    entrance = request.state.entrance
    if entrance.inside >= _MOST_AT_ONCE:
        return _form(request, to, _BUSY, 503)
    entrance.inside += 1
    try:
        return await _tried(request, to)
    finally:
        entrance.inside -= 1


async def _tried(request: Request, to: str) -> Response:
    """A refusal takes its time, counted from the beginning: the same for every reason."""
    began = time.monotonic()
    form = request.state.form
    name, address = form.get("name", "").strip(), sessions.came_from(request)
    pause, too_many = request.state.entrance.throttle.count(name, address)
    token = await run_in_threadpool(_compared, request, name, form.get("password", ""), too_many)
    if token is None:
        await request.state.entrance.sleep(max(0.0, pause - (time.monotonic() - began)))
        return _form(request, to, WRONG, 401)
    request.state.entrance.throttle.forget(name, address)
    response = RedirectResponse(to, status_code=303)
    sessions.give(request, response, token)
    return response


def _compared(request: Request, name: str, password: str, too_many: bool) -> str | None:
    """The token of a new session; None for a wrong password, a lock, or nobody. The hash is computed in every case."""
    desk = parts_of(request).workspace.desk
    guess = None if too_many else people.guess(desk, name, most=MOST, lock_for=LOCK)
    right = passwords.fits(guess.hash if guess else "", password[: passwords.LONGEST])
    if guess is None or guess.locked or not right:
        return None
    old = request.state.session
    if old is not None:
        people.leave(desk, old.id, old.person.name)
    people.sweep(desk, idle=sessions.IDLE, age=sessions.AGE)
    rehashed = passwords.hash_password(password) if passwords.is_old(guess.hash) else None
    return sessions.begin(request, name, guess, rehashed)


@needs("viewer")
def logout(request: Request) -> Response:
    """The session ends, here and in the browser."""
    session = request.state.session
    people.leave(parts_of(request).workspace.desk, session.id, who(request).name)
    response = RedirectResponse("/login", status_code=303)
    response.headers["Clear-Site-Data"] = '"cache"'
    sessions.take_away(request, response)
    return response


@needs("viewer")
def guide(request: Request) -> Response:
    """What the pages are for, and the keys."""
    return page(request, "help.html")


def _asked(request: Request, to: str) -> Response:
    if request.state.session is not None:
        return RedirectResponse(to, status_code=303)
    if not people.anyone(parts_of(request).workspace.desk):
        return page(request, "nobody.html", status=503)
    return _form(request, to, "", 200)


def _form(request: Request, to: str, problem: str, status: int) -> Response:
    return page(request, "login.html", status=status, to=to, problem=problem)


ROUTES = [
    Route("/login", login, methods=["GET", "POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/help", guide),
]
