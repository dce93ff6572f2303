"""For whoever must know what an integration does without reading its spec: a picture, and a page."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import JSON, SPEC, plainly, spec_files

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("spec", type=SPEC, shell_complete=spec_files)
@click.option(
    "--format", "form", type=click.Choice(["mermaid", "svg", "json"]), default="mermaid", help="How to draw it."
)
def graph(spec: Path, form: str) -> None:
    """Draws an integration: its systems, the objects it reads and writes, an arrow for each flow."""
    from engine.desk.graphing import render
    from engine.redaction import harmless
    from engine.run.load import load

    with plainly():
        click.echo(harmless(render(load(spec), form)))


@click.command()
@click.argument("specs", nargs=-1, type=SPEC, required=True, shell_complete=spec_files)
@click.option("--output", type=FOLDER, help="Writes a file for each integration there, made where it is missing.")
@JSON
def docs(specs: tuple[Path, ...], output: Path | None, form: str) -> None:
    """Documents integrations from their specs: systems, flows, checks, mappings, promises, as Markdown."""
    from engine.desk.documenting import write_docs
    from engine.redaction import harmless

    with plainly():
        click.echo(harmless(write_docs(specs, output, form)))


COMMANDS = (graph, docs)
