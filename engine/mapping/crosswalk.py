"""Crosswalks: a customer's codes to another system's, from CSV. Text to text, exactly; nothing is near enough."""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.spec.problems import did_you_mean

if TYPE_CHECKING:
    from engine.spec.document import Node, Problems

LARGEST = 16 * 1024 * 1024
"""Bytes a crosswalk file may have."""
_SAYS, _THEN = " is not in crosswalk `", "`; add a line for it"
_GAP = re.compile(
    r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|['"][^…]*…|\S+)"""
    f"{re.escape(_SAYS)}([^`]+){re.escape(_THEN)}"
    r"(?: \(and ([0-9]+) more\))?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Crosswalk:
    """Pairs of codes, both trimmed. `default` stands for every code that is not in it."""

    name: str
    pairs: Mapping[str, str]
    default: str | None = None

    def find(self, value: str) -> str | None:
        """The other system's code; None where there is none and no default."""
        return self.pairs.get(value.strip(), self.default)

    def gaps(self, values: Iterable[str]) -> tuple[str, ...]:
        """Those of the values that have no pair, sorted, each once; empty text aside."""
        return tuple(sorted({value.strip() for value in values if value.strip()} - self.pairs.keys()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A code a crosswalk lacks, as a document's reason tells it. `cut`: it was too long to be told whole; `more`: fields besides."""

    crosswalk: str
    code: str
    cut: bool = False
    more: int = 0


def gap_said(value: str, crosswalk: str) -> str:
    """The reason of a document whose code has no pair; `value` as it is shown."""
    return f"{value}{_SAYS}{crosswalk}{_THEN}"


def gap_in(reason: str) -> Gap | None:
    """The gap a reason tells of; None for one of another kind."""
    found = _GAP.search(reason)
    if found is None:
        return None
    shown, name, more = found.groups()
    cut = shown.endswith("…")
    code = shown.strip("'\"…") if cut else shown
    if not cut and shown[0] in "'\"":
        try:
            code = str(ast.literal_eval(shown))
        except (SyntaxError, ValueError):
            code = shown[1:-1]
    return Gap(crosswalk=name, code=code.strip(), cut=cut, more=int(more or 0))


GAP_WORDS = _SAYS
"""What every such reason holds."""


def load_crosswalk(name: str, path: Path, node: Node, problems: Problems) -> Crosswalk | None:
    """Reads `{file, key, value, default}`; `path` is the file. Problems are E307, at the setting that is wrong."""
    key, value, default = (node.get(part) for part in ("key", "value", "default"))
    at = node.get("file") or node
    if key is None or value is None:
        problems.add("E307", node, f"crosswalk `{name}` needs the names of its `key` and `value` columns")
        return None
    if not _stays(path, str(node.get("file").value) if "file" in node else path.name):  # type: ignore[union-attr]  # tested
        problems.add(
            "E307", at, f"`{path.name}` is a link that leads out of the integration's folder: copy the file there"
        )
        return None
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        problems.add("E307", at, f"there is no file `{path.name}` for crosswalk `{name}`")
        return None
    except (OSError, UnicodeDecodeError) as error:
        problems.add("E307", at, f"`{path.name}` can't be read as UTF-8 text: {error}")
        return None
    if len(data) > LARGEST or "\0" in text:
        problems.add("E307", at, f"`{path.name}` is no crosswalk: it is too large or holds NUL characters")
        return None
    pairs = _read_pairs(text, (str(key.value), str(value.value)), path.name, (at, key, value), problems)
    if pairs is None:
        return None
    return Crosswalk(name=name, pairs=pairs, default=None if default is None else str(default.value))


def _stays(path: Path, file: str) -> bool:
    """Whether the file, links followed, lies where the integration does: `path` is that folder and `file`."""
    folder = (
        path.parents[len(Path(file).parts) - 1]
        if path.parts[-len(Path(file).parts) :] == Path(file).parts
        else path.parent
    )
    return path.resolve().is_relative_to(folder.resolve())


def _read_pairs(
    text: str, columns: tuple[str, str], file: str, at: tuple[Node, Node, Node], problems: Problems
) -> dict[str, str] | None:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        if not _columns_there(header, columns, file, at, problems):
            return None
        left, right = header.index(columns[0]), header.index(columns[1])
        pairs: dict[str, str] = {}
        lines: dict[str, int] = {}
        sound = True
        for row in rows:
            if any(cell.strip() for cell in row):
                wrong = _add(row, len(header), (left, right), pairs, lines, rows.line_num)
                if wrong:
                    problems.add("E307", at[0], f"`{file}` line {rows.line_num}: {wrong}")
                    sound = False
    except csv.Error as error:
        problems.add("E307", at[0], f"`{file}` line {rows.line_num}: {error}")
        return None
    return pairs if sound else None


def _columns_there(
    header: list[str], columns: tuple[str, str], file: str, at: tuple[Node, Node, Node], problems: Problems
) -> bool:
    sound = True
    for column, node in zip(columns, at[1:], strict=True):
        if header.count(column) != 1:
            what = "more than one column" if column in header else "no column"
            problems.add("E307", node, f"`{file}` has {what} `{column}`", suggestion=did_you_mean(column, header))
            sound = False
    return sound


def _add(
    row: list[str], width: int, places: tuple[int, int], pairs: dict[str, str], lines: dict[str, int], line: int
) -> str | None:
    if len(row) != width:
        return f"{len(row)} cells, and the header has {width}"
    key, value = row[places[0]].strip(), row[places[1]].strip()
    if not key:
        return "the key is empty"
    if key in pairs:
        return f"`{key}` is there already, on line {lines[key]}"
    pairs[key], lines[key] = value, line
    return None
