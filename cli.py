"""The command line: one command = parse, one call, print."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Moves documents between an ERP and a spend tool, exactly once."""
