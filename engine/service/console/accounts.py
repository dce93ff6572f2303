"""What the commands `users …` do. Each returns what to print."""

from __future__ import annotations

from typing import Any, cast

from engine.run.show import in_form, table
from engine.run.workspace import Workspace
from engine.service.console.passwords import hash_password
from engine.state import people
from engine.state.people import Person, Role


def add_user(workspace: Workspace, name: str, role: str, password: str, *, form: str) -> str:
    """Raises UsageError for a name that is taken, SetupError without the console's packages."""
    people.add(workspace.desk, name, cast("Role", role), hash_password(password))
    return _told(workspace, name, f"{name} may log in as {role}.", form)


def change_password(workspace: Workspace, name: str, password: str, *, form: str) -> str:
    """Raises UsageError for nobody."""
    people.set_password(workspace.desk, name, hash_password(password))
    return _told(workspace, name, f"{name} has a new password; every session under that name has ended.", form)


def change_role(workspace: Workspace, name: str, role: str, *, form: str) -> str:
    """Raises UsageError for nobody, and for the last admin."""
    people.set_role(workspace.desk, name, cast("Role", role))
    return _told(workspace, name, f"{name} is {role} now; every session under that name has ended.", form)


def remove_user(workspace: Workspace, name: str, *, form: str) -> str:
    """Raises UsageError for nobody, and for the last admin."""
    facts = _facts(workspace, people.find(workspace.desk, name))
    people.remove(workspace.desk, name)
    return in_form(form, f"{name} can't log in any more.", facts | {"removed": True})


def list_users(workspace: Workspace, *, form: str) -> str:
    """Everybody, by name."""
    found = people.listed(workspace.desk)
    text = "Nobody may log in yet: `mlconnector users add NAME --role admin` lets the first one in."
    if found:
        now = workspace.desk.clock()
        rows = [
            (p.name, p.role, str(p.sessions), "locked" if p.locked_until and p.locked_until > now else "")
            for p in found
        ]
        text = table([("NAME", "ROLE", "LOGGED IN", ""), *rows])
    return in_form(form, text, [_facts(workspace, each) for each in found])


def _told(workspace: Workspace, name: str, text: str, form: str) -> str:
    return in_form(form, text, _facts(workspace, people.find(workspace.desk, name)))


def _facts(workspace: Workspace, person: Person) -> dict[str, Any]:
    until = person.locked_until
    return {
        "name": person.name, "role": person.role, "since": person.created_at, "sessions": person.sessions,
        "locked_until": until if until and until > workspace.desk.clock() else None,
    }  # fmt: skip
