"""The workspace itself: its secrets, its database, its key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from engine.commands.options import SPEC, at_workspace, opened, plainly


@click.group()
def secrets() -> None:
    """Credentials, sealed in the workspace."""


@secrets.command("set")
@click.argument("name")
@click.option("--from-file", type=SPEC, help="Read the value from a file (keys, certificates).")
@at_workspace
def secrets_set(name: str, from_file: Path | None, **place: Any) -> None:
    """Stores a secret: asked for on a terminal, else read from standard input."""
    from engine.run.people import read_secret, store_secret

    with opened(**place) as at:
        at.say(store_secret(at.workspace, name, read_secret(from_file) if from_file else _ask(name)))


@secrets.command("list")
@at_workspace
def secrets_list(**place: Any) -> None:
    """Names and when they were set; never a value."""
    from engine.run.people import list_secrets

    with opened(**place) as at:
        at.say(list_secrets(at.workspace))


@secrets.command("remove")
@click.argument("name")
@at_workspace
def secrets_remove(name: str, **place: Any) -> None:
    """Forgets a secret."""
    from engine.run.people import remove_secret

    with opened(**place) as at:
        at.say(remove_secret(at.workspace, name))


@click.group()
def db() -> None:
    """The database that holds the ledger."""


@db.command("upgrade")
@at_workspace
def db_upgrade(**place: Any) -> None:
    """Brings a shared database to this version's tables; the embedded one upgrades by itself."""
    from engine.run.opening import upgrade_database

    with plainly(debug=place["debug"]):
        click.echo(upgrade_database(place["workspace"], place["env_file"]))


@click.group()
def keys() -> None:
    """The key that seals the workspace."""


@keys.command("rotate")
@at_workspace
def keys_rotate(**place: Any) -> None:
    """Seals everything again with a new key and retires the old one."""
    from engine.run.people import rotate_keys

    with opened(**place) as at:
        at.say(rotate_keys(at.workspace, at.seams.clock))


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True))
    return sys.stdin.read().rstrip("\n")


COMMANDS = (secrets, db, keys)
