"""Who is told what goes wrong: what there is to tell, a test message, and sending without a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, opened, spec_files

ONE_SPEC = click.argument("spec", type=SPEC, shell_complete=spec_files)


@click.group()
def alerts() -> None:
    """What is wrong now, and who is told."""


@alerts.command("list")
@click.option("--all", "every", is_flag=True, help="Also what is right again.")
@JSON
@at_workspace
def alerts_list(every: bool, form: str, **place: Any) -> None:
    """What is wrong: since when, why, who was told; and messages that could not be sent."""
    from engine.service.alerts.asked import list_alerts

    with opened(**place) as at:
        at.say(list_alerts(at.workspace, every=every, form=form))


@alerts.command("test")
@ONE_SPEC
@click.argument("name", required=False)
@JSON
@at_workspace
def alerts_test(spec: Path, name: str | None, form: str, **place: Any) -> None:
    """Sends a real test message to one of the spec's alerts, or to all, and says what became of it."""
    from engine.desk.opening import open_spec
    from engine.service.alerts.asked import try_alerts

    with open_spec(spec, **place, missing="refuse") as (at, integration):
        at.workspace.vault.mask_stored()
        text, code = try_alerts(at.workspace, at.seams, integration, name, form=form)
        at.say(text)
    raise SystemExit(code)


@alerts.command("send")
@ONE_SPEC
@click.option("--now", "at_once", is_flag=True, help="Do not gather first; quiet hours hold all the same.")
@JSON
@at_workspace
def alerts_send(spec: Path, at_once: bool, form: str, **place: Any) -> None:
    """Looks once and sends what is due, for flows that are run without `mlconnector serve`."""
    from engine.desk.opening import open_spec
    from engine.service.alerts.asked import send_alerts

    with open_spec(spec, **place, missing="refuse") as (at, integration):
        at.workspace.vault.mask_stored()
        text, code = send_alerts(at.workspace, at.seams, integration, at_once=at_once, form=form)
        at.say(text)
    raise SystemExit(code)


COMMANDS = (alerts,)
