"""For whoever sits before it: is the machine in order, what would a sample become, which version is this."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, flow_names, plainly, spec_files


@click.command()
@click.option("--full", is_flag=True, help="Check every line of the trail, not its head alone.")
@click.option(
    "--spec",
    "specs",
    type=SPEC,
    multiple=True,
    shell_complete=spec_files,
    help="Is all there that it needs (repeatable).",
)
@JSON
@at_workspace
def doctor(full: bool, specs: tuple[Path, ...], form: str, **place: Any) -> None:
    """Examines the machine and the workspace: versions, files, key, database, clock, locks, trail, service. Changes nothing."""
    from engine.desk.doctor import examine

    debug = place.pop("debug")
    with plainly(debug=debug):
        text, code = examine(full=full, form=form, specs=specs, **place)
        click.echo(text)
    raise SystemExit(code)


@click.command(name="map")
@click.argument("spec", type=SPEC, shell_complete=spec_files)
@click.option("--flow", shell_complete=flow_names, help="Whose mapping; may be left out where there is one flow.")
@click.option(
    "--input", "sample", type=SPEC, required=True, help="A sample: a file of the source, or JSON records of its list."
)
@click.option("--answers", type=SPEC, help="A .test.yaml whose `sandbox:` rows answer lookups.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, help="At most so many records.")
@click.option("--env-file", type=SPEC, help="NAME=value lines added to the environment.")
@JSON
def map_(
    spec: Path, flow: str | None, sample: Path, answers: Path | None, limit: int, env_file: Path | None, form: str
) -> None:
    """Maps a sample and shows the documents it makes: no network, no workspace. What only a system knows is marked."""
    from engine.desk.map_sample import map_sample
    from engine.redaction import harmless
    from engine.run.environment import read_environment
    from engine.run.load import load

    with plainly():
        environ = read_environment(env_file)
        told = map_sample(load(spec), flow, sample, answers=answers, environ=environ, limit=limit)
        click.echo(harmless(told.render(form)))
    raise SystemExit(told.exit_code)


@click.command()
@JSON
def version(form: str) -> None:
    """Which mlconnector this is, and on what it runs."""
    from importlib.metadata import version as installed

    from engine.run.show import in_form

    facts = {"mlconnector": installed("mlconnector"), "python": platform.python_version(), "system": platform.system()}
    click.echo(in_form(form, f"mlconnector {facts['mlconnector']} on Python {facts['python']}", facts))


COMMANDS = (doctor, map_, version)
