"""`validate` and `explain`: every problem of every file, once, and what to print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path

from engine.desk.promises import promises
from engine.desk.sampling import sample_problems
from engine.errors import Problem
from engine.run.load import examine
from engine.spec.codes import CODES
from engine.spec.document import Problems
from engine.spec.explain import effective, explain_code
from engine.spec.report import REPORTERS
from engine.spec.tree import load_tree


def validate_paths(paths: Sequence[str], *, form: str, strict: bool, data: Path | None) -> tuple[str, int]:
    """What to print and the exit code: 1 when there is an error (with `strict`, a warning too), 2 when there is no spec."""
    files = list(dict.fromkeys(spec for path in paths for spec in spec_files(path)))
    if not files:
        return f"No spec files in {', '.join(paths)}", 2
    unique, told = validated(files, data)
    failed = any(strict or problem.severity == "error" for problem in unique)
    text = REPORTERS[form](unique)
    if form == "text":
        *blocks, closing = text.splitlines()
        text = "\n".join([*blocks, *told, f"{len(files)} file{'' if len(files) == 1 else 's'}: {closing}"])
    return text, 1 if failed else 0


def validated(files: Sequence[Path], data: Path | None) -> tuple[list[Problem], list[str]]:
    """Every problem of the files, each once, and what the writes of those without errors promise."""
    found: list[Problem] = []
    told: list[str] = []
    for file in files:
        integration, problems = examine(file)
        found += problems.found
        if integration is not None and not any(problem.severity == "error" for problem in problems.found):
            told += [f"{file}: {line}" for line in promises(integration)]
            if data is not None:
                found += sample_problems(integration, data)
    return list(dict.fromkeys(found)), told


def integrations(paths: Sequence[str]) -> list[Path]:
    """Those of the files that can be run."""
    files = dict.fromkeys(spec for path in paths for spec in spec_files(path))
    return [file for file in files if examine(file)[0] is not None]


def spec_files(path: str) -> Iterator[Path]:
    """The files a path means: itself, the YAML files of a folder, the matches of a pattern."""
    place = Path(path)
    if place.is_dir():
        yield from sorted(p for p in place.rglob("*.yaml") if not any(part.startswith(".") for part in p.parts[1:]))
    elif any(mark in path for mark in "*?["):
        yield from (Path(found) for found in sorted(glob(path, recursive=True)) if Path(found).is_file())  # noqa: PTH207  # may be absolute
    else:
        yield place


def explain(what: str) -> tuple[str, int]:
    """A code's long text, or every effective value of a spec with its file and line; and the exit code."""
    if Path(what).is_file():
        problems = Problems()
        tree = load_tree(Path(what), problems)
        if tree is None:
            return REPORTERS["text"](problems.found), 1
        return "\n".join(f"{file}:{line}  {path} = {value}" for path, value, file, line in effective(tree)), 0
    if what.upper() in CODES:
        return explain_code(what.upper()), 0
    return f"`{what}` is neither a file nor a code; the codes are {', '.join(sorted(CODES))}", 2
