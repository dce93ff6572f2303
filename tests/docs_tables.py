"""The tables of specs/README.md that are made from the code. `python tests/docs_tables.py` writes them anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "specs" / "README.md"
GENERAL = {"workspace", "tenant", "env_file", "debug"}
"""Options of every command that opens the workspace: told once."""


def literal(value: Any) -> str:
    """A value as it is written in an expression."""
    if isinstance(value, str):
        return value if value.startswith("&") else "'" + value.replace("'", "\\'") + "'"
    if isinstance(value, datetime):
        return f"datetime('{value:%Y-%m-%dT%H:%M:%SZ}')"
    if isinstance(value, date):
        return f"date('{value.isoformat()}')"
    return "`" + _json(value) + "`"


def shown(value: Any) -> str:
    """A result as people read it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return value if isinstance(value, str) else _json(value)


def function_rows() -> Iterator[tuple[str, str, str, str]]:
    """Usage, meaning, the first example as an expression, its result."""
    from engine.mapping.functions import FUNCTIONS

    for entry in FUNCTIONS.values():
        example = entry.examples[0]
        call = f"{entry.name}({', '.join(map(literal, example.arguments))})"
        yield entry.usage, entry.about, call, shown(example.result)


def functions() -> str:
    head = ["| function | gives | example | result |", "|---|---|---|---|"]
    rows = [
        f"| `{usage}` | {about} | {_code(call)} | {_code(result)} |" for usage, about, call, result in function_rows()
    ]
    return "\n".join([*head, *rows])


def codes() -> str:
    """A line a group, each code with its title."""
    from engine.spec.codes import CODES

    groups: dict[str, list[str]] = {}
    for code in CODES.values():
        groups.setdefault(code.code[:2], []).append(f"`{code.code}` {code.title}")
    return "\n".join(f"- {' · '.join(group)}" for group in groups.values())


def commands() -> str:
    head = ["| command | what it does | options |", "|---|---|---|"]
    rows = [
        f"| `mlconnector {' '.join(path)}{_arguments(command)}` | {_first(command)} | {_options(command)} |"
        for path, command in every_command()
    ]
    tail = "\nEvery command that opens the workspace also takes `--workspace`, `--tenant`, `--env-file` and `--debug`."
    return "\n".join([*head, *rows, tail])


TABLES: dict[str, Callable[[], str]] = {"functions": functions, "codes": codes, "commands": commands}


def every_command() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its words; a group that does something by itself too."""
    from cli import main

    yield from _commands((), main)


def _commands(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        if path and command.invoke_without_command:
            yield path, command
        for name, inner in command.commands.items():
            yield from _commands((*path, name), inner)
    else:
        yield path, command


def _arguments(command: click.Command) -> str:
    found = [p for p in command.params if isinstance(p, click.Argument)]
    return "".join(f" {p.human_readable_name}{'…' if p.nargs == -1 else ''}" for p in found)


def _options(command: click.Command) -> str:
    found = [p for p in command.params if isinstance(p, click.Option) and p.name not in GENERAL]
    return ", ".join(f"`{p.opts[0]}`" for p in found)


def _first(command: click.Command) -> str:
    return (command.help or "").strip().splitlines()[0]


def _code(text: str) -> str:
    """A code span, whatever is in it, safe in a table."""
    text = text.replace("|", "\\|")
    return f"`` {text} ``" if "`" in text or not text.strip() else f"`{text}`"


def _json(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_json, value)) + "]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def with_tables(text: str) -> str:
    """The page with every table as the code has it now."""
    for name, make in TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, _, rest = text.partition(start)
        after = rest.partition(end)[2] if end in rest else rest
        text = f"{before}{start}{make()}\n{end}{after}"
    return text


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
