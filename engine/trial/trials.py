"""`test FILE.test.yaml`: every case in a workspace of its own, against stand-ins of the systems, on a clock that never waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError
from engine.run.load import load
from engine.run.show import as_json
from engine.trial.stand import StandIn


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """How a case went; `differences` is empty when everything came out as expected."""

    file: str
    name: str
    differences: tuple[str, ...]


def run_trials(paths: Sequence[Path], stand_in: StandIn, *, names: Collection[str], form: str) -> tuple[str, int]:
    """Runs the cases (all, or the named ones) and returns what to print and the exit code: 0 all passed, 1 not all.

    Raises SpecError for a test file or integration that does not hold together, UsageError for an unknown case.
    """
    from engine.trial.case import run_case
    from engine.trial.file import read_trial_file

    files = [read_trial_file(path) for path in paths]
    known = {case.name for file in files for case in file.cases}
    if missing := sorted(set(names) - known):
        raise UsageError(f"No case is called `{missing[0]}`; there are: {'; '.join(sorted(known))}")
    verdicts = []
    for file in files:
        integration = load(file.spec)
        for case in file.cases:
            if not names or case.name in names:
                differences = run_case(case, integration, stand_in, base=file.path.parent)
                verdicts.append(Verdict(file=str(file.path), name=case.name, differences=tuple(differences)))
    failed = sum(bool(verdict.differences) for verdict in verdicts)
    return _render(verdicts, failed, form), 1 if failed else 0


def _render(verdicts: Sequence[Verdict], failed: int, form: str) -> str:
    if form == "json":
        cases = [
            {"file": v.file, "name": v.name, "ok": not v.differences, "differences": list(v.differences)}
            for v in verdicts
        ]
        return as_json({"passed": len(verdicts) - failed, "failed": failed, "cases": cases})
    lines: list[str] = []
    for verdict in verdicts:
        lines.append(f"{'FAILED' if verdict.differences else 'ok    '}  {verdict.name}")
        lines += [f"          {line}" for difference in verdict.differences for line in difference.splitlines()]
    lines.append(f"{len(verdicts) - failed} of {len(verdicts)} cases passed")
    return "\n".join(lines)
