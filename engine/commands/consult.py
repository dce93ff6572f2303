"""For whoever writes specs: find mistakes, explain them, try the mapping on cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import click

from engine.commands.options import JSON, SPEC, at_workspace, plainly, spec_files
from engine.commands.work import check_spec


@click.command()
@click.argument("paths", nargs=-1, required=True, shell_complete=spec_files)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "sarif", "github"]), default="text", help="How to print."
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--data", type=SPEC, help="A sample file: its columns and crosswalk codes are checked too.")
@click.option(
    "--connect", is_flag=True, help="Also reach every system, as `check` does; told on stderr unless as text."
)
@click.option("--watch", is_flag=True, help="Go on: validate again whenever a file changes, until Ctrl-C.")
@at_workspace
def validate(
    paths: tuple[str, ...], form: str, strict: bool, data: Path | None, connect: bool, watch: bool, **place: Any
) -> None:
    """Finds every mistake in specs, at its line and column. PATHS: files, folders, globs."""
    from engine.desk.validating import integrations, validate_paths

    if watch:
        if connect:
            raise click.UsageError("Choose one of --watch and --connect: systems are not reached at every keystroke")
        _watch(paths, form=form, strict=strict, data=data, debug=place["debug"])
    with plainly(debug=place["debug"]):
        text, code = validate_paths(paths, form=form, strict=strict, data=data)
    click.echo(text, err=code == 2)
    if connect and code == 0:
        for path in integrations(paths):
            code = max(code, check_spec(path, aside=form != "text", **place))
    raise SystemExit(code)


def _watch(paths: tuple[str, ...], *, form: str, strict: bool, data: Path | None, debug: bool) -> NoReturn:
    from engine.desk.reporting import INTERRUPTED
    from engine.desk.revalidating import watch_paths
    from engine.run.stopping import stopper

    with plainly(debug=debug), stopper() as stop:
        watch_paths(paths, say=click.echo, form=form, strict=strict, data=data, stopping=stop)
    raise SystemExit(INTERRUPTED)  # nothing but a person ends it


@click.command()
@click.argument("what", shell_complete=spec_files)
@JSON
def explain(what: str, form: str) -> None:
    """The long text of a code (E202), or every effective value of a spec with the file and line it came from."""
    from engine.desk.explaining import explain_as_json
    from engine.desk.validating import explain as explanation

    with plainly():
        text, code = (explain_as_json(what) if form == "json" else None) or explanation(what)
    click.echo(text, err=code != 0)
    raise SystemExit(code)


@click.command()
@click.argument("kind", type=click.Choice(["integration", "system", "test"]), default="integration")
def schema(kind: str) -> None:
    """The JSON Schema of a kind of spec file, in one piece, for editors."""
    from engine.spec.bundle import bundle_text

    click.echo(bundle_text(kind), nl=False)


@click.command()
@click.argument("paths", nargs=-1, type=SPEC, required=True, shell_complete=spec_files)
@click.option("--case", "names", multiple=True, help="Only this case (repeatable).")
@JSON
def test(paths: tuple[Path, ...], names: tuple[str, ...], form: str) -> None:
    """Runs `.test.yaml` files against stand-ins of the systems they use. No network but loopback."""
    from engine.sandbox.stands import stand_in
    from engine.trial.trials import run_trials

    with plainly():
        text, code = run_trials(paths, stand_in, names=names, form=form)
        click.echo(text)
    raise SystemExit(code)


COMMANDS = (validate, explain, schema, test)
