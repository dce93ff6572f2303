"""The command line: one command = parse, one call, print. What it prints is in `engine/run/show*.py`.

Results go to stdout, progress and logs to stderr. Exit codes: 0 everything done, 1 the spec has errors, 2 wrong usage,
3 some records or files need a person, 4 a system can't be reached or is set up wrongly, 5 already running, 70 a bug.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from engine.run.opening import Opened

SPEC = click.Path(exists=True, dir_okay=False, path_type=Path)
JSON = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that opens the workspace."""
    for option in reversed([
        click.option("--workspace", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Where `.mlconnector/` is."),
        click.option("--tenant", default="default", help="Whose documents and secrets these are."),
        click.option("--env-file", type=SPEC, help="NAME=value lines added to the environment."),
        click.option("--debug", is_flag=True, help="Show stack traces and debug logs."),
    ]):  # fmt: skip
        command = option(command)
    return command


def opened(**place: Any) -> AbstractContextManager[Opened]:
    """The workspace, its errors turned into one line and an exit code."""
    from engine.run.opening import open_place

    return open_place(**place)


def plainly(*, debug: bool = False) -> AbstractContextManager[None]:
    """For commands without a workspace: an error is one line and an exit code."""
    from engine.redaction import Redactor
    from engine.run.reporting import told

    return told(Redactor(), debug=debug)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="mlconnector", prog_name="mlconnector")
def main() -> None:
    """Moves invoices, payments, vendors and accounts between an ERP and a spend tool, exactly once, from a YAML spec."""


@main.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "sarif", "github"]), default="text", help="How to print."
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--data", type=SPEC, help="A sample file: its columns and crosswalk codes are checked too.")
@click.option("--connect", is_flag=True, help="Also reach every system, as `check` does.")
@common
def validate(paths: tuple[str, ...], form: str, strict: bool, data: Path | None, connect: bool, **place: Any) -> None:
    """Finds every mistake in specs, at its line and column. PATHS: files, folders, globs."""
    from engine.run.validating import integrations, validate_paths

    with plainly(debug=place["debug"]):
        text, code = validate_paths(paths, form=form, strict=strict, data=data)
    click.echo(text, err=code == 2)
    if connect and code == 0:
        for path in integrations(paths):
            code = max(code, _check(path, **place))
    raise SystemExit(code)


@main.command()
@click.argument("what")
def explain(what: str) -> None:
    """The long text of a code (E202), or every effective value of a spec with the file and line it came from."""
    from engine.run.validating import explain as explanation

    with plainly():
        text, code = explanation(what)
    click.echo(text, err=code != 0)
    raise SystemExit(code)


@main.command()
@click.argument("kind", type=click.Choice(["integration", "system", "test"]), default="integration")
def schema(kind: str) -> None:
    """The JSON Schema of a kind of spec file, in one piece, for editors."""
    from engine.spec.bundle import bundle_text

    click.echo(bundle_text(kind), nl=False)


@main.command()
@click.argument("spec", type=SPEC)
@click.option("--flow", "flows", multiple=True, help="Only this flow (repeatable).")
@click.option("--dry-run", is_flag=True, help="Do everything but write: show the documents that would be sent.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many records of each parcel, which stays open.")
@click.option("--since", help="Read changes since this instead of the cursor.")
@click.option("--full", is_flag=True, help="Read everything, whatever the cursor says.")
@click.option("--only", help="Only deliver the document of this number or key.")
@JSON
@common
def run(spec: Path, form: str, **options: Any) -> None:
    """Runs an integration: every flow once, master data first."""
    from engine.run.opening import open_spec
    from engine.run.running import Options, run_spec
    from engine.run.terminal import display

    place = _place(options)
    with open_spec(spec, **place) as (at, integration):
        chosen = Options(**options)
        with display(dry=chosen.dry_run, plain=form == "json") as progress:
            result = run_spec(integration, at.workspace, at.seams, chosen, progress)
        at.say(result.render(form))
    raise SystemExit(result.exit_code)


@main.command()
@click.argument("spec", type=SPEC)
@click.option("--show-host-key", is_flag=True, help="Print the key each SFTP server shows now, to compare and pin.")
@common
def check(spec: Path, show_host_key: bool, **place: Any) -> None:
    """Pings every system of a spec: name, host key, login, a read."""
    raise SystemExit(_check(spec, show_host_key=show_host_key, **place))


def _check(spec: Path, *, show_host_key: bool = False, **place: Any) -> int:
    from engine.run.checking import check_systems
    from engine.run.opening import open_spec

    with open_spec(spec, **place) as (at, integration):
        text, code = check_systems(integration, at.workspace, at.seams, show_host_key=show_host_key)
        at.say(text)
    return code


@main.command()
@click.argument("paths", nargs=-1, type=SPEC, required=True)
@click.option("--case", "names", multiple=True, help="Only this case (repeatable).")
@JSON
def test(paths: tuple[Path, ...], names: tuple[str, ...], form: str) -> None:
    """Runs `.test.yaml` files against stand-ins of the systems they use. No network but loopback."""
    from engine.run.trial import run_trials
    from engine.sandbox.stands import stand_in

    with plainly():
        text, code = run_trials(paths, stand_in, names=names, form=form)
        click.echo(text)
    raise SystemExit(code)


@main.group()
def held() -> None:
    """Documents that wait for a person."""


@held.command("list")
@click.option("--all", "every", is_flag=True, help="Also those the engine tries again by itself.")
@JSON
@common
def held_list(every: bool, form: str, **place: Any) -> None:
    """Each with its number, reason and key."""
    from engine.run.people import list_held

    with opened(**place) as at:
        at.say(list_held(at.workspace, every=every, form=form))


@held.command("show")
@click.argument("key")
@JSON
@common
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
@common
def held_release(key: str, reason: str, posted_as: str | None, send: bool, **place: Any) -> None:
    """Lets a held document go on at the next run."""
    from engine.run.people import release

    with opened(**place) as at:
        at.say(release(at.workspace, key, reason=reason, posted_as=posted_as, send=send))


@held.command("reject")
@click.argument("key")
@click.option("--reason", required=True, help="Why; kept in the trail.")
@common
def held_reject(key: str, reason: str, **place: Any) -> None:
    """Decides that a document is never posted."""
    from engine.run.people import reject

    with opened(**place) as at:
        at.say(reject(at.workspace, key, reason=reason))


@main.command()
@click.argument("keys", nargs=-1)
@click.option("--failed", is_flag=True, help="Everything that was rejected or quarantined.")
@click.option("--remap", type=SPEC, help="Map the stored records again with this spec as it is today.")
@common
def replay(keys: tuple[str, ...], failed: bool, remap: Path | None, **place: Any) -> None:
    """Gives failed documents another turn at the next run: with their stored payload, or mapped again."""
    from engine.run.replay import replay_documents

    with opened(**place) as at:
        at.say(replay_documents(at.workspace, at.seams, keys, failed=failed, remap=remap))


@main.command()
@click.argument("what", required=False, type=click.Choice(["verify"]))
@click.option("--invoice", help="An invoice or payment number, or a vendor id.")
@click.option("--file", "file", help="A file name.")
@click.option("--run", "run_id", help="A run id.")
@click.option("--since", help="From this time (2026-11-21 or 2026-11-21T06:00Z).")
@click.option("--head", help="With verify: a trail head some run printed; a trail cut short since is found out.")
@JSON
@common
def audit(what: str | None, form: str, **options: Any) -> None:
    """Tells one document's, file's or run's story; `audit verify` proves that no line of the trail was changed."""
    from engine.run.story import tell, verify

    with opened(**_place(options)) as at:
        text, code = verify(at.workspace, options["head"]) if what else (tell(at.workspace, form=form, **options), 0)
        at.say(text)
    raise SystemExit(code)


@main.group()
def secrets() -> None:
    """Credentials, sealed in the workspace."""


@secrets.command("set")
@click.argument("name")
@click.option("--from-file", type=SPEC, help="Read the value from a file (keys, certificates).")
@common
def secrets_set(name: str, from_file: Path | None, **place: Any) -> None:
    """Stores a secret: asked for on a terminal, else read from standard input."""
    from engine.run.people import read_secret, store_secret

    with opened(**place) as at:
        at.say(store_secret(at.workspace, name, read_secret(from_file) if from_file else _ask(name)))


@secrets.command("list")
@common
def secrets_list(**place: Any) -> None:
    """Names and when they were set; never a value."""
    from engine.run.people import list_secrets

    with opened(**place) as at:
        at.say(list_secrets(at.workspace))


@secrets.command("remove")
@click.argument("name")
@common
def secrets_remove(name: str, **place: Any) -> None:
    """Forgets a secret."""
    from engine.run.people import remove_secret

    with opened(**place) as at:
        at.say(remove_secret(at.workspace, name))


@main.group()
def db() -> None:
    """The database that holds the ledger."""


@db.command("upgrade")
@common
def db_upgrade(**place: Any) -> None:
    """Brings a shared database to this version's tables; the embedded one upgrades by itself."""
    from engine.run.opening import upgrade_database

    with plainly(debug=place["debug"]):
        click.echo(upgrade_database(place["workspace"], place["env_file"]))


@main.group()
def keys() -> None:
    """The key that seals the workspace."""


@keys.command("rotate")
@common
def keys_rotate(**place: Any) -> None:
    """Seals everything again with a new key and retires the old one."""
    from engine.run.people import rotate_keys

    with opened(**place) as at:
        at.say(rotate_keys(at.workspace, at.seams.clock))


@main.command()
@click.argument("spec", type=SPEC)
@click.option("--fault", "faults", multiple=True, help="kind:step-or-operation[:nth[:value]], as lost_answer:save:2.")
@click.option("--seed", type=SPEC, help="A .test.yaml whose `sandbox:` block fills the stand-ins.")
def sandbox(spec: Path, faults: tuple[str, ...], seed: Path | None) -> None:
    """Starts stand-ins for the systems of a spec on loopback, and prints how to reach them. Ctrl-C stops them."""
    from engine.sandbox.command import serve

    with plainly():
        serve(spec, faults, seed, click.echo)


@main.command()
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave the demo's workspace here.")
def demo(keep: Path | None) -> None:
    """Shows a whole integration at work on this machine: validate, run, run again, a lost answer, an audit."""
    from engine.sandbox.demo import show

    with plainly():
        code = show(keep)
    raise SystemExit(code)


def _place(options: dict[str, Any]) -> dict[str, Any]:
    """Takes the workspace's options out of a command's options."""
    return {name: options.pop(name) for name in ("workspace", "tenant", "env_file", "debug")}


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True))
    return sys.stdin.read().rstrip("\n")


if __name__ == "__main__":
    main()
