"""Working with other machines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import click

from engine.commands.options import at_workspace, opened, place_of, plainly, spec_files

SPECS = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("specs", nargs=-1, required=True, type=SPECS, shell_complete=spec_files)
@click.option("--at-once", type=click.IntRange(1, 64), default=4, help="So many flows at the same time.")
@click.option(
    "--log-format", "form", type=click.Choice(["text", "json"]), help="Of the log on stderr; text on a terminal."
)
@at_workspace
def worker(specs: tuple[Path, ...], at_once: int, form: Literal["text", "json"] | None, **options: Any) -> None:
    """Runs flows together with other machines on one PostgreSQL database, until it is stopped. SPECS: files and folders."""
    from engine.desk.opening import check_shared
    from engine.redaction import Redactor
    from engine.service.logs import logging_to, usual_form
    from engine.service.serving import Asked, serve, shelf_of

    place = place_of(options)
    written = form or usual_form()
    with plainly(debug=place["debug"]), logging_to(sys.stderr, written, Redactor(), debug=place["debug"]):
        check_shared(place["env_file"])
        shelf = shelf_of(specs)
    with (
        opened(missing="make", **place) as at,
        logging_to(sys.stderr, written, at.workspace.redactor, debug=place["debug"]),
    ):
        serve(at.workspace, at.seams, shelf, Asked(at_once=at_once, web=False, kind="worker"))


COMMANDS = (worker,)
