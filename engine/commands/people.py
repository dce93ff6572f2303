"""What people decide about documents, and the story of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, open_documents, opened, place_of, spec_files

GROUP = click.option("--group", help="Every document of this cause (`held list --by-cause` shows them).")
FLOW = click.option("--flow", help="Only of this flow.")
REASON = click.option("--reason", required=True, help="Why; kept in the trail.")


@click.group()
def held() -> None:
    """Documents that wait for a person."""


@held.command("list")
@click.option("--all", "every", is_flag=True, help="Also those the engine tries again by itself.")
@click.option("--by-cause", is_flag=True, help="One line a cause: how many, since when, an example, where to look.")
@FLOW
@JSON
@at_workspace
def held_list(every: bool, by_cause: bool, flow: str | None, form: str, **place: Any) -> None:
    """Each with its number, reason and key; or their causes."""
    from engine.desk.people import list_held

    with opened(**place) as at:
        at.say(list_held(at.workspace, every=every, form=form, flow=flow, by_cause=by_cause))


@held.command("show")
@click.argument("key", shell_complete=open_documents)
@JSON
@at_workspace
def held_show(key: str, form: str, **place: Any) -> None:
    """One document: as read, as mapped, what happened. KEY: its key or number."""
    from engine.desk.people import show_document

    with opened(**place) as at:
        at.say(show_document(at.workspace, key, form=form))


@held.command("release")
@click.argument("key", required=False, shell_complete=open_documents)
@GROUP
@REASON
@click.option("--posted-as", help="It is in the target under this reference: count it as posted.")
@click.option("--send", is_flag=True, help="Send it; without this it is looked up first and settled by what is found.")
@JSON
@at_workspace
def held_release(
    key: str | None, group: str | None, form: str, reason: str, posted_as: str | None, send: bool, **place: Any
) -> None:
    """Lets a held document, or all of one cause, go on at the next run."""
    from engine.desk.people import release

    if group is not None and posted_as is not None:
        raise click.UsageError("--posted-as is one document's reference: it goes with KEY, not with --group")
    _decide(
        lambda workspace, name: release(workspace, name, reason=reason, posted_as=posted_as, send=send),
        key, group, form, place,
    )  # fmt: skip


@held.command("reject")
@click.argument("key", required=False, shell_complete=open_documents)
@GROUP
@REASON
@JSON
@at_workspace
def held_reject(key: str | None, group: str | None, form: str, reason: str, **place: Any) -> None:
    """Decides that a document, or every one of a cause, is never posted."""
    from engine.desk.people import reject

    _decide(lambda workspace, name: reject(workspace, name, reason=reason), key, group, form, place)


def _decide(
    act: Callable[[Any, str], str], key: str | None, group: str | None, form: str, place: dict[str, Any]
) -> None:
    from engine.desk.people import decide

    with opened(**place) as at:
        at.say(decide(at.workspace, act, key=key, group=group, form=form))


@click.command()
@click.argument("keys", nargs=-1, shell_complete=open_documents)
@click.option("--failed", is_flag=True, help="Everything that was rejected or quarantined.")
@GROUP
@FLOW
@click.option(
    "--remap", type=SPEC, shell_complete=spec_files, help="Map the stored records again with this spec as it is today."
)
@JSON
@at_workspace
def replay(keys: tuple[str, ...], remap: Path | None, form: str, **options: Any) -> None:
    """Gives failed documents another turn at the next run: with their stored payload, or mapped again."""
    from engine.desk.replay import replay_documents

    with opened(**place_of(options)) as at:
        at.say(replay_documents(at.workspace, at.seams, keys, remap=remap, form=form, **options))


@click.command()
@click.argument("what", required=False, type=click.Choice(["verify"]))
@click.option("--invoice", help="An invoice or payment number, or a vendor id.")
@click.option("--file", "file", help="A file name.")
@click.option("--run", "run_id", help="A run id.")
@click.option("--since", help="From this time (2026-11-21 or 2026-11-21T06:00Z).")
@click.option("--head", help="With verify: a trail head some run printed; a trail cut short since is found out.")
@JSON
@at_workspace
def audit(what: str | None, form: str, **options: Any) -> None:
    """Tells one document's, file's or run's story; `audit verify` proves that no line of the trail was changed."""
    from engine.run.story import refuse_questions, tell, verify

    with opened(**place_of(options)) as at:
        if what is None:
            text, code = tell(at.workspace, form=form, **options), 0
        else:
            refuse_questions(options)
            text, code = verify(at.workspace, options["head"], form=form)
        at.say(text)
    raise SystemExit(code)


COMMANDS = (held, replay, audit)
