"""Who may use the console."""

from __future__ import annotations

import sys
from typing import Any

import click

from engine.commands.options import JSON, at_workspace, opened, plainly

ROLE = click.Choice(["viewer", "operator", "admin"])
STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; without it a terminal asks twice."
)


@click.group()
def users() -> None:
    """People who may log in to the console."""


@users.command("add")
@click.argument("name")
@click.option("--role", type=ROLE, default="viewer", show_default=True, help="What they may do.")
@STDIN
@JSON
@at_workspace
def users_add(name: str, role: str, password_stdin: bool, form: str, **place: Any) -> None:
    """Lets somebody in."""
    from engine.service.console.accounts import add_user

    password = _ask(name, password_stdin, debug=place["debug"])
    with opened(missing="make", **place) as at:
        at.say(add_user(at.workspace, name, role, password, form=form))


@users.command("passwd")
@click.argument("name")
@STDIN
@JSON
@at_workspace
def users_passwd(name: str, password_stdin: bool, form: str, **place: Any) -> None:
    """Gives somebody another password, and ends their sessions."""
    from engine.service.console.accounts import change_password

    password = _ask(name, password_stdin, debug=place["debug"])
    with opened(**place) as at:
        at.say(change_password(at.workspace, name, password, form=form))


@users.command("role")
@click.argument("name")
@click.argument("role", type=ROLE)
@JSON
@at_workspace
def users_role(name: str, role: str, form: str, **place: Any) -> None:
    """Gives somebody another role, and ends their sessions."""
    from engine.service.console.accounts import change_role

    with opened(**place) as at:
        at.say(change_role(at.workspace, name, role, form=form))


@users.command("remove")
@click.argument("name")
@JSON
@at_workspace
def users_remove(name: str, form: str, **place: Any) -> None:
    """Lets somebody in no more; what they did stays in the trail."""
    from engine.service.console.accounts import remove_user

    with opened(**place) as at:
        at.say(remove_user(at.workspace, name, form=form))


@users.command("list")
@JSON
@at_workspace
def users_list(form: str, **place: Any) -> None:
    """Everybody with their role; never a password."""
    from engine.service.console.accounts import list_users

    with opened(**place) as at:
        at.say(list_users(at.workspace, form=form))


def _ask(name: str, from_stdin: bool, *, debug: bool) -> str:
    """A password good enough, before anything is opened. Ends the command otherwise."""
    from engine.errors import UsageError
    from engine.service.console.passwords import check_name, check_password

    with plainly(debug=debug):
        check_name(name)
        if from_stdin:
            given = sys.stdin.readline().rstrip("\r\n")
        elif sys.stdin.isatty():
            given = click.prompt(f"Password of {name}", hide_input=True, confirmation_prompt=True, err=True)
        else:
            raise UsageError("There is no terminal to ask on: give the password by `--password-stdin`")
        return check_password(given, name)


COMMANDS = (users,)
