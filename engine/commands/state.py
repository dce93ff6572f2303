"""What the workspace remembers, corrected and moved; and whether the targets agree with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, flow_names, opened, place_of, spec_files

FILE = click.Path(dir_okay=False, path_type=Path)
REASON = click.option("--reason", required=True, help="Why; kept in the trail.")
INTEGRATION = click.option("--integration", help="Which one, where the workspace holds several.")


@click.group()
def state() -> None:
    """Cursors and documents, as the workspace remembers them."""


@state.command("show")
@click.option("--flow", help="Only this flow.")
@JSON
@at_workspace
def state_show(flow: str | None, form: str, **place: Any) -> None:
    """Each flow: where it reads on, what stands where, its last run, what is open."""
    from engine.desk.keeping import show_state

    with opened(**place) as at:
        at.say(show_state(at.workspace, flow=flow, form=form))


@state.command("set")
@click.argument("flow")
@click.option("--cursor", required=True, help="The new value, written as `state show` shows it.")
@click.option("--source", help="Which cursor, where a flow has several.")
@REASON
@JSON
@at_workspace
def state_set(flow: str, cursor: str, source: str | None, reason: str, form: str, **place: Any) -> None:
    """Moves a flow's cursor, while no run of it is at work."""
    from engine.desk.keeping import set_cursor

    with opened(**place) as at:
        at.say(set_cursor(at.workspace, flow, cursor, reason=reason, source=source, form=form))


@state.command("reset")
@click.argument("flow")
@REASON
@JSON
@at_workspace
def state_reset(flow: str, reason: str, form: str, **place: Any) -> None:
    """Forgets a flow's cursor: the next run reads everything. Documents stay, so nothing is sent twice."""
    from engine.desk.keeping import reset_cursor

    with opened(**place) as at:
        at.say(reset_cursor(at.workspace, flow, reason=reason, form=form))


@state.command("export")
@click.argument("file", type=FILE)
@INTEGRATION
@JSON
@at_workspace
def state_export(file: Path, integration: str | None, form: str, **place: Any) -> None:
    """Writes what an integration did to a file, payloads sealed, to move it to another workspace."""
    from engine.desk.moving import export_to

    with opened(**place) as at:
        at.say(export_to(at.workspace, file, integration=integration, form=form))


@state.command("import")
@click.argument("file", type=SPEC)
@INTEGRATION
@REASON
@JSON
@at_workspace
def state_import(file: Path, integration: str | None, reason: str, form: str, **place: Any) -> None:
    """Takes such a file into a workspace that never ran this integration. It needs the key of the old one."""
    from engine.desk.moving import import_from

    with opened(missing="make", **place) as at:
        at.say(import_from(at.workspace, file, integration=integration, reason=reason, form=form))


@click.command()
@click.argument("spec", type=SPEC, shell_complete=spec_files)
@click.option("--flow", "flows", multiple=True, shell_complete=flow_names, help="Only this flow (repeatable).")
@click.option("--days", type=click.IntRange(min=1), default=7, help="Documents delivered in the last so many days.")
@JSON
@at_workspace
def sweep(spec: Path, flows: tuple[str, ...], days: int, form: str, **options: Any) -> None:
    """Looks every delivered document up again: missing there, there twice, or there with other content. Changes nothing."""
    from engine.desk.opening import open_spec
    from engine.desk.sweep import sweep as look
    from engine.run.seams import quiet

    with open_spec(spec, **place_of(options), missing="refuse") as (at, integration):
        found = look(integration, at.workspace, at.seams, quiet, flows=flows, days=days)
        at.say(found.render(form))
    raise SystemExit(found.exit_code)


COMMANDS = (state, sweep)
