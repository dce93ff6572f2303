"""Who may log in: admins see it, and say so."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import UsageError
from engine.service.console.frame import desk_of, needs, page, parts_of, redirect, who
from engine.service.console.passwords import check_name, check_password, hash_password
from engine.state import people
from engine.state.people import ROLES, Role

_FOR_EVER = timedelta(days=36_500)


@needs("admin")
def home(request: Request) -> Response:
    """Everybody, with what can be done."""
    return page(request, "people.html", people=people.listed(desk_of(request)), roles=ROLES, me=who(request).name)


@needs("admin")
def add(request: Request) -> Response:
    """Lets somebody in; the first password is told them by the admin."""
    form = request.state.form
    name, password = check_name(form.get("name", "").strip()), form.get("password", "")
    people.add(desk_of(request), name, _role(request), hash_password(check_password(password, name)))
    return redirect(request, "/people", said=f"{name} may log in now.")


@needs("admin")
def role(request: Request) -> Response:
    """Another role; whoever has it logs in again."""
    name, to = _name(request), _role(request)
    people.set_role(desk_of(request), name, to)
    return redirect(request, "/people", said=f"{name} is {to} now, and has to log in again.")


@needs("admin")
def passwd(request: Request) -> Response:
    """Another password; every session under that name ends."""
    name = _name(request)
    password = check_password(request.state.form.get("password", ""), name)
    people.set_password(desk_of(request), name, hash_password(password))
    return redirect(request, "/people", said=f"{name} has a new password, and has to log in with it.")


@needs("admin")
def leave(request: Request) -> Response:
    """Ends every session of a person."""
    name = _name(request)
    people.end_sessions(desk_of(request), name)
    return redirect(request, "/people", said=f"{name} has to log in again.")


@needs("admin")
def lock(request: Request) -> Response:
    """Keeps a person out until an admin lets them in again."""
    name = _name(request)
    if name == who(request).name:
        raise UsageError("You would lock yourself out: ask another admin to do it")
    people.lock(desk_of(request), name, parts_of(request).seams.clock() + _FOR_EVER)
    return redirect(request, "/people", said=f"{name} can't log in until you allow it again.")


@needs("admin")
def unlock(request: Request) -> Response:
    """Lets a person in again."""
    name = _name(request)
    people.lock(desk_of(request), name, None)
    return redirect(request, "/people", said=f"{name} may log in again.")


@needs("admin")
def remove(request: Request) -> Response:
    """Nobody of that name any more; what they did stays in the trail."""
    name = _name(request)
    people.remove(desk_of(request), name)
    return redirect(request, "/people", said=f"{name} is gone.")


def _name(request: Request) -> str:
    """The person the form names. Raises UsageError for nobody."""
    return people.find(desk_of(request), request.state.form.get("name", "")).name


def _role(request: Request) -> Role:
    given = request.state.form.get("role", "")
    found = next((each for each in ROLES if each == given), None)
    if found is None:
        raise UsageError(f"`{given[:40]}` is no role: {', '.join(ROLES)} are")
    return found


ROUTES = [
    Route("/people", home),
    Route("/people/add", add, methods=["POST"]),
    Route("/people/role", role, methods=["POST"]),
    Route("/people/passwd", passwd, methods=["POST"]),
    Route("/people/end", leave, methods=["POST"]),
    Route("/people/lock", lock, methods=["POST"]),
    Route("/people/unlock", unlock, methods=["POST"]),
    Route("/people/remove", remove, methods=["POST"]),
]
