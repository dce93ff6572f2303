"""A file from a partner: how it is understood, and a spec to start from."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import JSON, SPEC, flow_names, plainly, spec_files

SAMPLE = click.Path(exists=True, dir_okay=False, path_type=Path)
FORMATS = click.Choice(["csv", "xml", "json", "fixed", "x12"])


@click.command()
@click.argument("file", type=SAMPLE)
@click.option("--spec", type=SPEC, shell_complete=spec_files, help="Read it as a flow of this integration does.")
@click.option("--flow", shell_complete=flow_names, help="Which flow; may be left out where there is one.")
@click.option("--as", "said", type=FORMATS, help="What it is, where its looks mislead.")
@click.option(
    "--records", type=click.IntRange(min=0, max=1000), default=3, help="How many of the first records are shown."
)
@JSON
def inspect(file: Path, spec: Path | None, flow: str | None, said: str | None, records: int, form: str) -> None:
    """Shows how a file is understood, by its looks or as a flow reads it: counts, first records, problems. Writes nothing."""
    from engine.redaction import harmless

    if flow is not None and spec is None:
        raise click.UsageError("--flow needs --spec: which integration's flow?")
    if said is not None and spec is not None:
        raise click.UsageError("Choose one of --as and --spec: a spec says what its files are")
    with plainly():
        if spec is not None:
            from engine.desk.inspecting_flow import inspect_as
            from engine.run.load import load

            told = inspect_as(load(spec), flow, file, records=records)
        else:
            from engine.desk.inspecting import inspect_file

            told = inspect_file(file, records=records, said=said)  # type: ignore[arg-type]  # one of FORMATS
        click.echo(harmless(told.render(form)))
    raise SystemExit(told.exit_code)


@click.command()
@click.option("--from-sample", "sample", type=SAMPLE, required=True, help="A file such as the partner sends.")
@click.option("--name", help="The system's name; that of the sample where it is left out.")
@click.option("--as", "said", type=FORMATS, help="What the sample is, where its looks mislead.")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it, a new file; else standard output.",
)
@JSON
def init(sample: Path, name: str | None, said: str | None, output: Path | None, form: str) -> None:
    """Writes a system file to start from: pickup, format and `document:` as a sample shows them. What is guessed says CHECK."""
    from engine.desk.starting import save, start_system
    from engine.redaction import harmless, one_line
    from engine.run.show import in_form

    if output is not None and name is None:
        name = output.name.removesuffix(".yaml")
    with plainly():
        started = start_system(sample, name=name, said=said)  # type: ignore[arg-type]  # one of FORMATS
        if output is not None:
            save(started, output)
        if form == "json" or output is None:
            click.echo(harmless(in_form(form, started.text, started.facts)), nl=form == "json")
        if form != "json":
            click.echo("\n".join(map(one_line, started.remarks())), err=True)
    raise SystemExit(started.exit_code)


COMMANDS = (inspect, init)
