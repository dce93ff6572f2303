"""What the commands share: their common options, the open workspace, errors as one line and an exit code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from engine.desk.opening import Missing, Opened

SPEC = click.Path(exists=True, dir_okay=False, path_type=Path)
JSON = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def spec_files(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """For a shell: spec files and folders that begin so."""
    from engine.desk.completion import spec_paths

    return spec_paths(typed)


def flow_names(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """For a shell: the flows of the spec that stands before."""
    from engine.desk.completion import members

    return members(_spec(context), "flows", typed)


def system_names(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """For a shell: the systems of the spec that stands before, by their alias."""
    from engine.desk.completion import members

    return members(_spec(context), "systems", typed)


def stored_secrets(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """For a shell: names of stored secrets."""
    from engine.desk.completion import secret_names

    return secret_names(*_where(context), os.environ, typed)


def open_documents(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """For a shell: numbers of documents that are not finished."""
    from engine.desk.completion import open_numbers

    return open_numbers(*_where(context), os.environ, typed)


def _spec(context: click.Context) -> Path | str | None:
    """The spec on the line so far; a half-typed option leaves it among the words that are not sorted yet."""
    found: Path | None = context.params.get("spec")
    return found or next((word for word in context.args if word.endswith((".yaml", ".yml"))), None)


def _where(context: click.Context) -> tuple[Path, str]:
    return Path(context.params.get("workspace") or "."), str(context.params.get("tenant") or "default")


def _tenant(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not _TENANT.fullmatch(value):
        raise click.BadParameter(f"`{value}` is no name for a tenant: use letters, digits, `-`, `_` and `.`")
    return value


def at_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that opens the workspace."""
    for option in reversed([
        click.option("--workspace", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where `.mlconnector/` is."),
        click.option("--tenant", default="default", callback=_tenant, help="Whose documents and secrets these are."),
        click.option("--env-file", type=SPEC, help="NAME=value lines added to the environment."),
        click.option("--debug", is_flag=True, help="Show stack traces and debug logs."),
    ]):  # fmt: skip
        command = option(command)
    return command


def opened(*, missing: Missing = "refuse", **place: Any) -> AbstractContextManager[Opened]:
    """The workspace, its errors turned into one line and an exit code; one that is not there is wrong usage, or is made."""
    from engine.desk.opening import open_place

    return open_place(**place, missing=missing)


def plainly(*, debug: bool = False) -> AbstractContextManager[None]:
    """For commands without a workspace: an error is one line and an exit code."""
    from engine.desk.reporting import told
    from engine.redaction import Redactor

    return told(Redactor(), debug=debug)


def place_of(options: dict[str, Any]) -> dict[str, Any]:
    """Takes the workspace's options out of a command's options."""
    return {name: options.pop(name) for name in ("workspace", "tenant", "env_file", "debug")}
