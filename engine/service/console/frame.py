"""What every page stands in: who may see it, whose name its changes bear, and how it is shown.

An endpoint is a plain function `view(request) -> Response` under `@needs(role)`; it runs in the thread pool. A GET changes
nothing. For a POST the form has been checked (same origin, the session's token): `request.state.form` has each field's last
value, `request.state.fields` every value.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from engine.errors import MlconnectorError, SetupError, TransientError, UsageError
from engine.run.workspace import Workspace
from engine.service.console import forms, said, sessions
from engine.service.console.render import render
from engine.state import people
from engine.state.ledger import Ledger
from engine.state.people import Person, Role
from engine.state.trail import Trail

if TYPE_CHECKING:
    from engine.service.parts import Parts
    from engine.state.ledger_desk import Desk

View = Callable[[Request], Response]
Endpoint = Callable[[Request], Awaitable[Response]]

NAV: tuple[tuple[str, str, Role], ...] = (
    ("Overview", "/", "viewer"),
    ("Work queue", "/queue", "viewer"),
    ("Files", "/files", "viewer"),
    ("Runs", "/runs", "viewer"),
    ("Connections", "/connections", "viewer"),
    ("Crosswalks", "/crosswalks", "viewer"),
    ("Alerts", "/alerts", "viewer"),
    ("Search", "/search", "viewer"),
    ("People", "/people", "admin"),
)
_STATUS: dict[type[MlconnectorError], int] = {UsageError: 400, SetupError: 502, TransientError: 503}


def needs(role: Role, *, poll: bool = False) -> Callable[[View], Endpoint]:
    """Only for people of at least this role who are logged in. With `poll` the page asks by itself: that keeps no session alive."""

    def wrap(view: View) -> Endpoint:
        @functools.wraps(view)
        async def endpoint(request: Request) -> Response:
            return await _guarded(request, view, role, poll=poll)

        return endpoint

    return wrap


def parts_of(request: Request) -> Parts:
    """What the service shares."""
    found: Parts = request.state.parts
    return found


def who(request: Request) -> Person:
    """The person who asks."""
    found: Person = request.state.session.person
    return found


def workspace_of(request: Request) -> Workspace:
    """The workspace, acting in the name of the person who asks; it lives as long as the request."""
    if getattr(request.state, "workspace", None) is None:
        request.state.workspace = _in_the_name_of(who(request).name, parts_of(request))
    found: Workspace = request.state.workspace
    return found


def desk_of(request: Request) -> Desk:
    """The desk of `workspace_of`."""
    return workspace_of(request).desk


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    """The page of a template; secrets are masked, whatever they came in with."""
    session = getattr(request.state, "session", None)
    person: Person | None = session.person if session else None
    news = said.read(request, session)
    context = {
        "person": person,
        "nav": [(text, to) for text, to, role in NAV if person and person.may(role)],
        "path": request.url.path,
        "query": request.url.query,
        "csrf_token": session.form_token if session else "",
        "said": news,
        "now": parts_of(request).seams.clock(),
        "polled": request.headers.get("HX-Request") == "true",
        **values,
    }
    text = parts_of(request).workspace.redactor.values(render(name, context))
    response = HTMLResponse(text, status_code=status)
    if news:
        said.forget(request, response)
    return response


def redirect(request: Request, to: str, said: str = "") -> Response:
    """Back to a page of the console after a change; `said` stands at its top once."""
    response = RedirectResponse(local(to), status_code=303)
    if said:
        _say(request, response, said)
    return response


def local(to: str) -> str:
    """The address if it is one of ours, else the overview: nobody is sent elsewhere by what stands in an address."""
    plain = all(" " < c <= "~" for c in to)
    return to if plain and to.startswith("/") and not to.startswith(("//", "/\\")) and "\\" not in to else "/"


async def _guarded(request: Request, view: View, role: Role, *, poll: bool) -> Response:
    try:
        session = request.state.session = await run_in_threadpool(sessions.current, request, poll=poll)
        if session is None:
            return await run_in_threadpool(_to_login, request)
    except TransientError as error:  # the database is away: nobody can be told from anybody
        return PlainTextResponse(parts_of(request).workspace.redactor.values(str(error)), status_code=503)
    if not session.person.may(role):
        return _no(
            request, 403, "This is not for you", f"It needs the role `{role}`, and yours is `{session.person.role}`."
        )
    if request.method not in {"GET", "HEAD"}:
        refusal = await forms.check(request, session.form_token, parts_of(request).address)
        if refusal is not None:
            return _no(request, refusal.status, "Nothing was changed", refusal.reason)
    return await run_in_threadpool(_answered, request, view)


def _answered(request: Request, view: View) -> Response:
    """The view's answer; an error of ours is told in its own words. The person's workspace ends with it."""
    try:
        return view(request)
    except MlconnectorError as error:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 409)
        return _no(request, status, "That did not work", str(error))
    finally:
        if (workspace := getattr(request.state, "workspace", None)) is not None:
            workspace.ledger.close()


def _no(request: Request, status: int, title: str, reason: str) -> Response:
    return page(request, "refused.html", status=status, title=title, reason=reason)


def _to_login(request: Request) -> Response:
    """To the login and back here; a part of a page makes the whole page go there."""
    if not people.anyone(parts_of(request).workspace.desk):
        return page(request, "nobody.html", status=503)
    back = request.url.path if request.method in {"GET", "HEAD"} else "/"
    if back == request.url.path and request.url.query:
        back += f"?{request.url.query}"
    to = "/login" + (f"?next={quote(back, safe='/')}" if back != "/" else "")
    if request.headers.get("HX-Request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse(to, status_code=303)


def _in_the_name_of(name: str, parts: Parts) -> Workspace:
    """The same memory, with a trail and a ledger whose lines bear that name."""
    own = parts.workspace
    desk = own.desk
    trail = Trail(own.database, own.tenant, vault=own.vault, redactor=own.redactor, clock=desk.clock, actor=name)
    ledger = Ledger(
        own.database, own.tenant, clock=desk.clock, vault=own.vault, trail=trail, actor=name, boot=desk.boot
    )
    return replace(own, trail=trail, ledger=ledger, desk=replace(desk, trail=trail, actor=name), actor=name)


def _say(request: Request, response: Response, text: str) -> None:
    said.write(request, response, parts_of(request).workspace.redactor.values(text))
