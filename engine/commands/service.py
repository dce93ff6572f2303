"""Living as a process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import click

from engine.commands.options import at_workspace, opened, place_of, plainly, spec_files

SPECS = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("specs", nargs=-1, required=True, type=SPECS, shell_complete=spec_files)
@click.option("--host", default="127.0.0.1", help="The address to listen on; this machine only, unless it is said.")
@click.option("--port", type=click.IntRange(0, 65535), default=8640, help="The port; 0 takes a free one.")
@click.option("--no-web", "web", flag_value=False, default=True, help="No web server: neither console nor webhooks.")
@click.option("--address", default="", help="Where people reach it, for links in messages: https://connect.example.com")
@click.option("--allow-host", "hosts", multiple=True, help="Another name it is reached by (repeatable).")
@click.option("--at-once", type=click.IntRange(1, 64), default=4, help="So many flows at the same time.")
@click.option(
    "--log-format", "form", type=click.Choice(["text", "json"]), help="Of the log on stderr; text on a terminal."
)
@at_workspace
def serve(specs: tuple[Path, ...], form: Literal["text", "json"] | None, **options: Any) -> None:
    """Runs flows on their schedules and webhooks, with the console, until it is stopped. SPECS: files and folders."""
    from engine.redaction import Redactor
    from engine.service.logs import logging_to, usual_form
    from engine.service.serving import Asked, shelf_of
    from engine.service.serving import serve as go_on

    place = place_of(options)
    with plainly(debug=place["debug"]), logging_to(sys.stderr, form or usual_form(), Redactor(), debug=place["debug"]):
        shelf = shelf_of(specs)
    with (
        opened(missing="make", **place) as at,
        logging_to(sys.stderr, form or usual_form(), at.workspace.redactor, debug=place["debug"]),
    ):
        go_on(at.workspace, at.seams, shelf, Asked(**options))


COMMANDS = (serve,)
