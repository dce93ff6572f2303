"""Running an integration, and reaching its systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, place_of


@click.command()
@click.argument("spec", type=SPEC)
@click.option("--flow", "flows", multiple=True, help="Only this flow (repeatable).")
@click.option("--dry-run", is_flag=True, help="Do everything but write: show the documents that would be sent.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many records of each parcel, which stays open.")
@click.option("--since", help="Read changes since this instead of the cursor.")
@click.option("--full", is_flag=True, help="Read everything, whatever the cursor says.")
@click.option("--only", help="Only deliver the document of this number or key.")
@JSON
@at_workspace
def run(spec: Path, form: str, **options: Any) -> None:
    """Runs an integration: every flow once, master data first."""
    from engine.run.opening import open_spec
    from engine.run.running import Options, run_spec
    from engine.run.terminal import display

    place = place_of(options)
    with open_spec(spec, **place) as (at, integration):
        chosen = Options(**options)
        with display(dry=chosen.dry_run, plain=form == "json") as progress:
            result = run_spec(integration, at.workspace, at.seams, chosen, progress)
        at.say(result.render(form))
    raise SystemExit(result.exit_code)


@click.command()
@click.argument("spec", type=SPEC)
@click.option("--show-host-key", is_flag=True, help="Print the key each SFTP server shows now, to compare and pin.")
@at_workspace
def check(spec: Path, show_host_key: bool, **place: Any) -> None:
    """Pings every system of a spec: name, host key, login, a read."""
    raise SystemExit(check_spec(spec, show_host_key=show_host_key, **place))


def check_spec(spec: Path, *, show_host_key: bool = False, **place: Any) -> int:
    from engine.run.checking import check_systems
    from engine.run.opening import open_spec

    with open_spec(spec, **place) as (at, integration):
        text, code = check_systems(integration, at.workspace, at.seams, show_host_key=show_host_key)
        at.say(text)
    return code


COMMANDS = (run, check)
