"""Problems as a person reads them, and as machines do: text, JSON, SARIF 2.1.0, GitHub annotations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import Problem
from engine.redaction import MASK
from engine.spec.codes import CODES
from engine.spec.literals import hider_of

_WIDEST = 140
HIDDEN = frozenset({"E305"})
"""Problems whose source line holds a secret, which no log may repeat."""
_COLORS = {"error": "\x1b[31m", "warning": "\x1b[33m"}
_RESET = "\x1b[0m"


def as_text(problems: Sequence[Problem], *, color: bool = False) -> str:
    """One block per problem: place and message, the source line, a caret with the suggestion, the path; then a summary line."""
    sources: dict[str, list[str]] = {}
    blocks = [_block(problem, sources, color=color) for problem in problems]
    return "\n".join([*blocks, summary(problems)])


def summary(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning`, or `no problems`."""
    if not problems:
        return "no problems"
    counts = [(sum(p.severity == name for p in problems), name) for name in ("error", "warning")]
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts if count)


def as_json(problems: Sequence[Problem]) -> str:
    """`{"problems": […], "errors": n, "warnings": n}`; a problem without a suggestion says null."""
    found = [_fields(problem) for problem in problems]
    errors = sum(problem.severity == "error" for problem in problems)
    return json.dumps(
        {"problems": found, "errors": errors, "warnings": len(found) - errors}, indent=2, ensure_ascii=False
    )


def as_github(problems: Sequence[Problem]) -> str:
    """One workflow command per problem, shown at the line in a pull request."""
    return "\n".join(_annotation(problem) for problem in problems)


def as_sarif(problems: Sequence[Problem], *, version: str = "0") -> str:
    """A SARIF 2.1.0 log with the rules that were broken."""
    codes = sorted({problem.code for problem in problems})
    driver = {"name": "mlconnector", "version": version, "rules": [_sarif_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(problem, codes) for problem in problems],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False)


REPORTERS = {"text": as_text, "json": as_json, "sarif": as_sarif, "github": as_github}
"""By the name `--format` gives."""


def _block(problem: Problem, sources: dict[str, list[str]], *, color: bool) -> str:
    paint, reset = (_COLORS[problem.severity], _RESET) if color else ("", "")
    head = f"{problem.file}:{problem.line}:{problem.column}: {paint}{problem.severity}[{problem.code}]{reset} {problem.message}"
    lines = [head]
    source = _source_line(problem, sources)
    number = f"{problem.line:>6}"
    if source is not None:
        if problem.code in HIDDEN:
            source = source[: problem.column - 1] + MASK
        shown, column = _cut(source, problem.column)
        lines.append(f"{number} | {shown}".rstrip())
        caret = f"{paint}^{reset}" + (f" {problem.suggestion}" if problem.suggestion else "")
        lines.append(f"{' ' * len(number)} | {' ' * (column - 1)}{caret}")
    elif problem.suggestion:
        lines.append(f"{' ' * len(number)} = {problem.suggestion}")
    if problem.path:
        lines.append(f"{' ' * len(number)}   at {problem.path}")
    return "\n".join(lines)


def _source_line(problem: Problem, sources: dict[str, list[str]]) -> str | None:
    if problem.file not in sources:
        try:
            text = Path(problem.file).read_bytes().decode("utf-8-sig", "replace")
        except OSError:
            text = ""
        sources[problem.file] = hider_of(text)(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    lines = sources[problem.file]
    line = lines[problem.line - 1] if problem.line <= len(lines) else ""
    return "".join(c if c.isprintable() else " " for c in line) if line else None


def _cut(line: str, column: int) -> tuple[str, int]:
    """A long line around the column, and the column in what is left of it."""
    if len(line) <= _WIDEST:
        return line, column
    start = max(0, column - _WIDEST // 2)
    before, after = "…" if start else "", "…" if start + _WIDEST < len(line) else ""
    return f"{before}{line[start : start + _WIDEST]}{after}", column - start + len(before)


def _fields(problem: Problem) -> dict[str, Any]:
    names = ("code", "severity", "message", "file", "line", "column", "length", "path", "suggestion")
    return {name: getattr(problem, name) for name in names}


def _annotation(problem: Problem) -> str:
    text = problem.message + (f" ({problem.suggestion})" if problem.suggestion else "")
    place = (
        f"file={_escaped(problem.file, in_property=True)},line={problem.line},col={problem.column}"
        f",endColumn={problem.column + problem.length},title={problem.code}"
    )
    return f"::{problem.severity} {place}::{_escaped(text)}"


def _escaped(text: str, *, in_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text


def _sarif_rule(code: str) -> dict[str, Any]:
    known = CODES.get(code)
    if known is None:
        return {"id": code}
    return {"id": code, "shortDescription": {"text": known.title}, "help": {"text": known.text, "markdown": known.text}}


def _sarif_result(problem: Problem, codes: Sequence[str]) -> dict[str, Any]:
    text = problem.message + (f": {problem.suggestion}" if problem.suggestion else "")
    region = {
        "startLine": problem.line,
        "startColumn": problem.column,
        "endColumn": problem.column + problem.length,
    }
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": problem.file.replace("\\", "/")}, "region": region}
    }
    if problem.path:
        location["logicalLocations"] = [{"fullyQualifiedName": problem.path}]
    return {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": problem.severity,
        "message": {"text": text},
        "locations": [location],
    }
