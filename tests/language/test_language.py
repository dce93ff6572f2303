"""Every file in `invalid` has exactly the problems its head says, every file in `valid` has none.

`# expect: CODE LINE:COLUMN suggestion` — one line per problem. To add a case, add a file.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from engine.errors import Problem
from engine.run.load import check

HERE = Path(__file__).parent
EXPECT = re.compile(r"^# expect: ([EW]\d{3}) (\d+):(\d+) ?(.*)$")


def examined(case: Path, workspace: Path) -> tuple[Problem, ...]:
    """The problems of a case, put beside the system files and crosswalks all cases share."""
    for shared in ("systems", "crosswalks"):
        shutil.copytree(HERE / shared, workspace / shared)
    shutil.copy(case, workspace / case.name)
    return check(workspace / case.name)


def expected(case: Path) -> list[tuple[str, int, int, str]]:
    found = [EXPECT.match(line) for line in case.read_bytes().decode("utf-8", "replace").splitlines()]
    return sorted((m[1], int(m[2]), int(m[3]), m[4]) for m in found if m)


@pytest.mark.parametrize("case", sorted((HERE / "invalid").glob("*.yaml")), ids=lambda case: case.stem)
def test_exactly_the_expected_problems(case: Path, tmp_path: Path) -> None:
    problems = examined(case, tmp_path)
    assert sorted((p.code, p.line, p.column, p.suggestion or "") for p in problems) == expected(case)


@pytest.mark.parametrize("case", sorted((HERE / "valid").glob("*.yaml")), ids=lambda case: case.stem)
def test_no_problems(case: Path, tmp_path: Path) -> None:
    assert [str(p) for p in examined(case, tmp_path)] == []


def test_every_case_says_what_it_expects() -> None:
    assert [case.name for case in (HERE / "invalid").glob("*.yaml") if not expected(case)] == []
