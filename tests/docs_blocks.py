"""The fenced blocks of the documentation: what each is by its info string, and where it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "engine/README.md", "engine/service/README.md", "specs/README.md")

SPOKEN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
"""Code in a sentence."""

_BLOCK = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One fenced block: its language, what the info string says beside it, its text, the line it starts at."""

    page: str
    line: int
    language: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def page_text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def every_block() -> list[Block]:
    return [block for page in PAGES for block in _of_page(page)]


def blocks(language: str, *names: str) -> list[Block]:
    """All blocks of that language; with names only those whose info string starts with one of them."""
    found = [block for block in every_block() if block.language == language]
    return [block for block in found if not names or block.name.startswith(names)]


def prose(page: str) -> str:
    """A page without its blocks."""
    return _BLOCK.sub("", page_text(page))


def commands() -> list[tuple[Block, list[str]]]:
    """Every command line of the `sh` blocks, as words, comments taken off."""
    lines = [(block, line) for block in blocks("sh") for line in block.text.splitlines() if line.strip()]
    return [(block, words) for block, line in lines if (words := shlex.split(line, comments=True))]


def walk(words: Sequence[str]) -> tuple[click.Command, list[str]]:
    """The command those words name (without `mlconnector`), and what is left for it."""
    from cli import main

    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no command {words}"
        command = command.commands[rest.pop(0)]
    return command, rest


def _of_page(page: str) -> Iterator[Block]:
    text = page_text(page)
    for match in _BLOCK.finditer(text):
        language, _, name = match["info"].partition(" ")
        line = text.count("\n", 0, match.start()) + 1
        yield Block(page=page, line=line, language=language, name=name.strip(), text=match["text"])
