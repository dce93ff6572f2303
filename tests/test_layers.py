"""The house keeps its order: imports go downward, each library has one room, vendors stay in the sandbox, files stay small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ROOMS: dict[str, set[str]] = {
    "alembic": {"state"},
    "apprise": {"service"},
    "argon2": {"service"},
    "click": {"cli.py", "commands"},
    "cronsim": {"spec", "service"},
    "cryptography": {"state", "connections", "sandbox"},
    "httpx": {"connections", "run", "sources", "targets", "trial"},
    "jinja2": {"mapping", "service"},
    "jmespath": {"mapping"},
    "jsonschema": {"spec"},
    "opentelemetry": {"service"},
    "paramiko": {"connections", "sandbox"},
    "procrastinate": {"service"},
    "prometheus_client": {"service"},
    "rich": {"desk", "sandbox"},
    "ruamel": {"spec"},
    "sqlalchemy": {"state"},
    "starlette": {"service"},
    "uvicorn": {"service"},
}
"""Which rooms may know a library; every other may not."""

VENDORS = re.compile(r"epicor|stampli|acumatica|syspro|\bramp\b", re.IGNORECASE)
LONGEST = 350
VAGUE = re.compile(r"(^|_)(utils?|helpers?|common|manager|base|misc)(_|$)")


def modules() -> list[Path]:
    return [*sorted((ROOT / "engine").rglob("*.py")), ROOT / "cli.py"]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix().removeprefix("engine/")


@cache
def imported(path: Path) -> frozenset[str]:
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_imports_go_downward_only():
    linter = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("library", sorted(ROOMS))
def test_a_library_stays_in_its_room(library):
    strangers = [
        shown(path)
        for path in modules()
        if library in imported(path) and not shown(path).startswith(tuple(ROOMS[library]))
    ]

    assert strangers == []


def test_a_vendor_is_named_in_the_sandbox_only():
    named = [
        f"{shown(path)}:{number}"
        for path in modules()
        if not shown(path).startswith("sandbox/")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if VENDORS.search(line)
    ]

    assert named == []


def test_no_file_is_too_long_to_be_read():
    long = {
        shown(path): count
        for path in modules()
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }

    assert long == {}


def test_every_file_is_named_by_what_is_in_it():
    assert [shown(path) for path in modules() if VAGUE.search(path.stem)] == []


def test_every_module_says_what_it_is_for():
    silent = [shown(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]

    assert silent == []
