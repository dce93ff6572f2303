"""What the commands share: their common options, the open workspace, errors as one line and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from engine.run.opening import Opened

SPEC = click.Path(exists=True, dir_okay=False, path_type=Path)
JSON = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")


def at_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that opens the workspace."""
    for option in reversed([
        click.option("--workspace", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where `.mlconnector/` is."),
        click.option("--tenant", default="default", help="Whose documents and secrets these are."),
        click.option("--env-file", type=SPEC, help="NAME=value lines added to the environment."),
        click.option("--debug", is_flag=True, help="Show stack traces and debug logs."),
    ]):  # fmt: skip
        command = option(command)
    return command


def opened(**place: Any) -> AbstractContextManager[Opened]:
    """The workspace, its errors turned into one line and an exit code."""
    from engine.run.opening import open_place

    return open_place(**place)


def plainly(*, debug: bool = False) -> AbstractContextManager[None]:
    """For commands without a workspace: an error is one line and an exit code."""
    from engine.redaction import Redactor
    from engine.run.reporting import told

    return told(Redactor(), debug=debug)


def place_of(options: dict[str, Any]) -> dict[str, Any]:
    """Takes the workspace's options out of a command's options."""
    return {name: options.pop(name) for name in ("workspace", "tenant", "env_file", "debug")}
