"""Stand-ins of the real systems, and the demonstration that runs on them."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import JSON, SPEC, plainly, spec_files


@click.command()
@click.argument("spec", type=SPEC, shell_complete=spec_files)
@click.option("--fault", "faults", multiple=True, help="kind:step-or-operation[:nth[:value]], as lost_answer:save:2.")
@click.option("--seed", type=SPEC, help="A .test.yaml whose `sandbox:` block fills the stand-ins.")
@JSON
def sandbox(spec: Path, faults: tuple[str, ...], seed: Path | None, form: str) -> None:
    """Starts stand-ins for the systems of a spec on loopback, and prints how to reach them. Ctrl-C stops them."""
    from engine.sandbox.command import serve

    with plainly():
        serve(spec, faults, seed, click.echo, form=form)


@click.command()
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Leave the demo's workspace here.")
@JSON
def demo(keep: Path | None, form: str) -> None:
    """Shows a whole integration at work on this machine: validate, run, run again, a lost answer, an audit."""
    from engine.sandbox.demo import claims, show

    with plainly():
        if form == "json":
            text, code = claims(keep)
            click.echo(text)
        else:
            code = show(keep)
    raise SystemExit(code)


COMMANDS = (sandbox, demo)
