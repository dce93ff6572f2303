"""What people decide about documents, and the story of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.commands.options import JSON, SPEC, at_workspace, opened, place_of


@click.group()
def held() -> None:
    """Documents that wait for a person."""


@held.command("list")
@click.option("--all", "every", is_flag=True, help="Also those the engine tries again by itself.")
@JSON
@at_workspace
def held_list(every: bool, form: str, **place: Any) -> None:
    """Each with its number, reason and key."""
    from engine.run.people import list_held

    with opened(**place) as at:
        at.say(list_held(at.workspace, every=every, form=form))


@held.command("show")
@click.argument("key")
@JSON
@at_workspace
def held_show(key: str, form: str, **place: Any) -> None:
    """One document: as read, as mapped, what happened. KEY: its key or number."""
    from engine.run.people import show_document

    with opened(**place) as at:
        at.say(show_document(at.workspace, key, form=form))


@held.command("release")
@click.argument("key")
@click.option("--reason", required=True, help="Why; kept in the trail.")
@click.option("--posted-as", help="It is in the target under this reference: count it as posted.")
@click.option("--send", is_flag=True, help="Send it; without this it is looked up first and settled by what is found.")
@at_workspace
def held_release(key: str, reason: str, posted_as: str | None, send: bool, **place: Any) -> None:
    """Lets a held document go on at the next run."""
    from engine.run.people import release

    with opened(**place) as at:
        at.say(release(at.workspace, key, reason=reason, posted_as=posted_as, send=send))


@held.command("reject")
@click.argument("key")
@click.option("--reason", required=True, help="Why; kept in the trail.")
@at_workspace
def held_reject(key: str, reason: str, **place: Any) -> None:
    """Decides that a document is never posted."""
    from engine.run.people import reject

    with opened(**place) as at:
        at.say(reject(at.workspace, key, reason=reason))


@click.command()
@click.argument("keys", nargs=-1)
@click.option("--failed", is_flag=True, help="Everything that was rejected or quarantined.")
@click.option("--remap", type=SPEC, help="Map the stored records again with this spec as it is today.")
@at_workspace
def replay(keys: tuple[str, ...], failed: bool, remap: Path | None, **place: Any) -> None:
    """Gives failed documents another turn at the next run: with their stored payload, or mapped again."""
    from engine.run.replay import replay_documents

    with opened(**place) as at:
        at.say(replay_documents(at.workspace, at.seams, keys, failed=failed, remap=remap))


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
    from engine.run.story import tell, verify

    with opened(**place_of(options)) as at:
        text, code = verify(at.workspace, options["head"]) if what else (tell(at.workspace, form=form, **options), 0)
        at.say(text)
    raise SystemExit(code)


COMMANDS = (held, replay, audit)
