"""What the workspace no longer needs to remember."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, place_of, spec_files


@click.command()
@click.argument("spec", type=SPEC, shell_complete=spec_files)
@click.option("--older-than", help="Documents that ended so long ago (400d); else the spec's `retention`.")
@click.option("--dry-run", is_flag=True, help="Only count them.")
@JSON
@at_workspace
def purge(spec: Path, older_than: str | None, *, dry_run: bool, form: str, **options: Any) -> None:
    """Takes payloads, requests and answers of long finished documents out of the ledger; that they were posted stays known."""
    from engine.desk.opening import open_spec
    from engine.desk.purging import purge_payloads

    with open_spec(spec, **place_of(options), missing="refuse") as (at, integration):
        text, code = purge_payloads(integration, at.workspace, older_than=older_than, dry_run=dry_run, form=form)
        at.say(text)
    raise SystemExit(code)


COMMANDS = (purge,)
