"""Running an integration, and reaching its systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, flow_names, place_of, spec_files, system_names


@click.command()
@click.argument("spec", type=SPEC, shell_complete=spec_files)
@click.option("--flow", "flows", multiple=True, shell_complete=flow_names, help="Only this flow (repeatable).")
@click.option("--dry-run", is_flag=True, help="Do everything but write: show the documents that would be sent.")
@click.option(
    "--max-calls", type=click.IntRange(min=1), help="With --dry-run: look at the target at most so many times a flow."
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many records of each parcel, which stays open.")
@click.option("--since", help="Read changes since this instead of the cursor.")
@click.option("--full", is_flag=True, help="Read everything, whatever the cursor says.")
@click.option("--only", help="Only deliver the document of this number or key.")
@click.option("--quiet", is_flag=True, help="No progress: what needs a person is in the result.")
@JSON
@at_workspace
def run(spec: Path, form: str, quiet: bool, **options: Any) -> None:
    """Runs an integration: every flow once, master data first."""
    from engine.desk.opening import open_spec
    from engine.desk.terminal import display
    from engine.run.running import Options, run_spec

    place = place_of(options)
    chosen = Options(**options)
    with open_spec(spec, **place, missing="borrow" if chosen.dry_run else "make") as (at, integration):
        with display(dry=chosen.dry_run, plain=form == "json", quiet=quiet) as progress:
            result = run_spec(integration, at.workspace, at.seams, chosen, progress)
        at.say(result.render(form))
    raise SystemExit(result.exit_code)


@click.command()
@click.argument("spec", type=SPEC, shell_complete=spec_files)
@click.option("--system", "systems", multiple=True, shell_complete=system_names, help="Only this system (repeatable).")
@click.option("--show-host-key", is_flag=True, help="Print the key each SFTP server shows now, to compare and pin.")
@JSON
@at_workspace
def check(spec: Path, systems: tuple[str, ...], show_host_key: bool, form: str, **place: Any) -> None:
    """Reaches every system of a spec step by step: name, port, TLS or host key, login, a read, folders. Writes nothing."""
    raise SystemExit(check_spec(spec, systems=systems, show_host_key=show_host_key, form=form, **place))


def check_spec(
    spec: Path,
    *,
    systems: tuple[str, ...] = (),
    show_host_key: bool = False,
    form: str = "text",
    aside: bool = False,
    **place: Any,
) -> int:
    """Prints how every step went, to stderr with `aside`; the exit code."""
    from engine.desk.checking import check_systems
    from engine.desk.opening import open_spec

    with open_spec(spec, **place, missing="borrow") as (at, integration):
        text, code = check_systems(
            integration, at.workspace, at.seams, show_host_key=show_host_key, systems=systems, form=form
        )
        at.say(text, aside=aside)
    return code


COMMANDS = (run, check)
