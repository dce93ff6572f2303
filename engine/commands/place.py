"""The workspace itself: its secrets, its database, its key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, opened, plainly, stored_secrets


@click.group()
def secrets() -> None:
    """Credentials, sealed in the workspace."""


@secrets.command("set")
@click.argument("name", shell_complete=stored_secrets)
@click.option("--from-file", type=SPEC, help="Read the value from a file (keys, certificates).")
@JSON
@at_workspace
def secrets_set(name: str, from_file: Path | None, form: str, **place: Any) -> None:
    """Stores a secret: asked for on a terminal, else read from standard input."""
    from engine.desk.credentials import check_name, read_secret, store_secret

    with plainly(debug=place["debug"]):
        value = read_secret(from_file) if from_file else _ask(check_name(name))
    with opened(missing="make", **place) as at:
        at.say(store_secret(at.workspace, name, value, form=form))


@secrets.command("list")
@JSON
@at_workspace
def secrets_list(form: str, **place: Any) -> None:
    """Names and when they were set; never a value."""
    from engine.desk.credentials import list_secrets

    with opened(**place) as at:
        at.say(list_secrets(at.workspace, form=form))


@secrets.command("remove")
@click.argument("name", shell_complete=stored_secrets)
@JSON
@at_workspace
def secrets_remove(name: str, form: str, **place: Any) -> None:
    """Forgets a secret."""
    from engine.desk.credentials import remove_secret

    with opened(**place) as at:
        at.say(remove_secret(at.workspace, name, form=form))


@click.group()
def db() -> None:
    """The database that holds the ledger."""


@db.command("upgrade")
@JSON
@at_workspace
def db_upgrade(form: str, **place: Any) -> None:
    """Brings a shared database to this version's tables; the embedded one upgrades by itself."""
    from engine.desk.opening import upgrade_database
    from engine.run.show import in_form

    with plainly(debug=place["debug"]):
        version = upgrade_database(place["workspace"], place["env_file"])
        click.echo(in_form(form, f"The database has the tables of version {version}.", {"version": version}))


@click.group()
def keys() -> None:
    """The key that seals the workspace."""


@keys.command("rotate")
@JSON
@at_workspace
def keys_rotate(form: str, **place: Any) -> None:
    """Seals everything again with a new key and retires the old one."""
    from engine.desk.credentials import rotate_keys

    with opened(**place) as at:
        at.say(rotate_keys(at.workspace, at.seams.clock, form=form))


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.read().rstrip("\n")


COMMANDS = (secrets, db, keys)
