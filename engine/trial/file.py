"""A test file as data: its cases, each with the stages it goes through and what must come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine.errors import SpecError, UsageError
from engine.run.load import check
from engine.spec.document import Problems, read_document
from engine.spec.scalars import parse_duration

BETWEEN = timedelta(hours=1)
"""How far the clock moves between two runs, unless a case says otherwise: the default the schema tells."""

SUFFIX = ".test.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Upset:
    """A fault a case asks for: at the `nth` hit of a step or operation (0: each), `times` hits in a row."""

    at: str
    kind: str
    nth: int = 1
    times: int = 1
    value: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """What changes on the other side, then which flows run, each item a run of its own."""

    run: tuple[str, ...]
    sandbox: Mapping[str, Mapping[str, Any]]
    faults: tuple[Upset, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case: its stages in order, and the expectation of their end."""

    name: str
    stages: tuple[Stage, ...]
    expect: Mapping[str, Any]
    between: timedelta = BETWEEN


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialFile:
    """A test file and the integration it is about."""

    path: Path
    spec: Path
    cases: tuple[Case, ...]


def read_trial_file(path: Path) -> TrialFile:
    """Raises SpecError with every problem, UsageError for a file that is no test file."""
    if not path.name.endswith(SUFFIX):
        raise UsageError(f"`{path}` is no test file: its name must end in `{SUFFIX}`")
    problems = [problem for problem in check(path) if problem.severity == "error"]
    if problems:
        raise SpecError(problems)
    plain = read_plain(path)
    shared = plain.get("sandbox") or {}
    spec = path.parent / f"{plain['tests']}.yaml"
    if not spec.exists():
        raise UsageError(f"`{path}` tests `{plain['tests']}`, and `{spec}` is not there")
    return TrialFile(path=path, spec=spec, cases=tuple(_case(given, shared) for given in plain["cases"]))


def read_plain(path: Path) -> Mapping[str, Any]:
    """The file as plain data. Raises SpecError when it can't be read."""
    problems = Problems()
    node = read_document(path, problems)
    problems.raise_errors()
    found = node.plain() if node is not None else {}
    return found if isinstance(found, dict) else {}


def _case(given: Mapping[str, Any], shared: Mapping[str, Any]) -> Case:
    first = _stage(given, merged(shared, given.get("sandbox") or {}))
    later = (_stage(stage, stage.get("sandbox") or {}) for stage in given.get("then") or ())
    between = parse_duration(str(given["between"])) if "between" in given else None
    return Case(
        name=str(given["name"]),
        stages=(first, *later),
        expect=given.get("expect") or {},
        between=BETWEEN if between is None else between,
    )


def merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By alias; an object or file of the case's own replaces the shared one of that name, `null` removes it."""
    both = {alias: {**(shared.get(alias) or {}), **(own.get(alias) or {})} for alias in {**shared, **own}}
    return {alias: {name: data for name, data in held.items() if data is not None} for alias, held in both.items()}


def _stage(given: Mapping[str, Any], sandbox: Mapping[str, Any]) -> Stage:
    faults = given.get("fault") or []
    run = given.get("run") or []
    return Stage(
        run=tuple(run) if isinstance(run, list) else (str(run),),
        sandbox=sandbox,
        faults=tuple(_upset(fault) for fault in (faults if isinstance(faults, list) else [faults])),
    )


def _upset(given: Mapping[str, Any]) -> Upset:
    value = given.get("value")
    return Upset(
        at=str(given["at"]),
        kind=str(given["kind"]),
        nth=int(given.get("nth", 1)),
        times=int(given.get("times", 1)),
        value=None if value is None else str(value),
    )
