"""How the demo looks: chapters, commands as a person would type them, tables, and claims with a tick or a cross."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDTH = 110


class Screen:
    """Prints to a terminal in colour and to anything else as plain text; counts the claims that did not hold."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=False)
        if not self._console.is_terminal:
            self._console = Console(file=stream, highlight=False, width=WIDTH, no_color=True)
        self.broken: list[str] = []
        self.claimed: list[str] = []

    @property
    def claims(self) -> int:
        """How many claims were made."""
        return len(self.claimed)

    def title(self, text: str) -> None:
        """The demo's name."""
        self._console.rule(f"[bold]{escape(text)}[/]", align="left")

    def chapter(self, text: str) -> None:
        """What happens next."""
        self._console.print()
        self._console.rule(f"[bold cyan]{escape(text)}[/]", align="left", style="cyan")

    def say(self, text: str) -> None:
        """A sentence or two."""
        self._console.print(escape(text))

    def command(self, text: str) -> None:
        """The command that is run now."""
        self._console.print(f"[bold green]$[/] [bold]{escape(text)}[/]", soft_wrap=True)

    def output(self, text: str, *, most: int = 40, cut: bool = True) -> None:
        """What a command printed, indented; its middle is left out when it is long, the ends of long lines on a terminal."""
        lines = text.splitlines()
        if len(lines) > most:
            left_out = len(lines) - most
            lines = [*lines[: most - 8], f"… {left_out} more lines …", *lines[-8:]]
        for line in lines:
            if self._console.is_terminal and not cut:
                self._console.print(Padding(escape(line), (0, 0, 0, 2), expand=False, style="dim"))
            elif self._console.is_terminal:
                self._console.print(Text(f"  {line}"), style="dim", no_wrap=True, overflow="ellipsis")
            else:
                self._console.print(Text(f"  {line}"), soft_wrap=True)

    def table(self, title: str, head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
        """A table; the columns named in `right` hold figures."""
        table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="bold", expand=False)
        for name in head:
            table.add_column(escape(name), justify="right" if name in right else "left")
        for row in rows:
            table.add_row(*map(escape, row))
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))

    def claim(self, text: str, holds: object) -> None:
        """Something that must be true by the stand-ins' own records."""
        self.claimed.append(text)
        if not holds:
            self.broken.append(text)
        mark = "[bold green]✓[/]" if holds else "[bold red]✗ not so:[/]"
        self._console.print(f"  {mark} {escape(text)}")
