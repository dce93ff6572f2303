"""Set up once, then do one thing: `python3 go.py demo` shows mlconnector at work, `python3 go.py test` proves it.

Standard library only. The environment goes to `.venv` beside this file, from hash-checked locks: `requirements.lock`
for mlconnector itself, `requirements-test.lock` for that and what its tests need.
Any other words are handed to mlconnector itself: `python3 go.py validate specs`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
OLDEST = (3, 11)
RUN, TEST = "requirements.lock", "requirements-test.lock"


def interpreter() -> str:
    """The Python that runs us where it is new enough, else the newest one on the PATH."""
    if sys.version_info >= OLDEST:
        return sys.executable
    for minor in range(15, OLDEST[1] - 1, -1):
        if found := shutil.which(f"python3.{minor}"):
            return found
    sys.exit(f"mlconnector needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}.")


def stamp(lock: str) -> str:
    """Changes when what is installed would: the lock, the project file, the place."""
    digest = hashlib.sha256(str(ROOT).encode())
    for name in (lock, "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def install(lock: str) -> None:
    """Makes `.venv` from a lock, hashes checked, and the project itself in place. The tests' lock covers the other one."""
    marks = {name: VENV / f"{name}.stamp" for name in (RUN, TEST)}
    if any(marks[name].is_file() and marks[name].read_text() == stamp(name) for name in {lock, TEST}):
        return
    print("Setting up .venv (once) ...", file=sys.stderr, flush=True)
    fresh = not any(mark.is_file() for mark in marks.values())
    python = str(BIN / "python")
    if uv := shutil.which("uv"):
        if fresh:
            subprocess.run([uv, "venv", "-q", "--clear", "--python", interpreter(), str(VENV)], check=True)
        tool = [uv, "pip", "install", "-q", "--python", python]
    else:
        if fresh:
            subprocess.run([interpreter(), "-m", "venv", "--clear", str(VENV)], check=True)
        tool = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
    for mark in marks.values():
        mark.unlink(missing_ok=True)
    done = subprocess.run([*tool, "--require-hashes", "-r", str(ROOT / lock)], check=False)
    if done.returncode:
        sys.exit("Set-up failed: the packages above could not be installed. Is a package index reachable?")
    subprocess.run([*tool, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], check=True)
    marks[lock].write_text(stamp(lock))


def checks() -> int:
    """What a change must pass before its tests run: style, types, layers."""
    failed = 0
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports"]):
        print("+", *command, flush=True)
        failed |= subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, check=False).returncode
    return failed


def spread() -> list[str]:
    """One process more than processors, for tests wait for servers of their own; whichever is idle takes over from the others."""
    return ["-n", str((os.cpu_count() or 1) + 1), "--dist", "worksteal"]


def main(words: list[str]) -> int:
    """`test [pytest options]`, or any mlconnector command."""
    if not words or words[0] in {"-h", "--help"}:
        print(__doc__)
        return 0
    install(TEST if words[0] == "test" else RUN)
    if words[0] != "test":
        return subprocess.run([str(BIN / "mlconnector"), *words], check=False).returncode
    failed = 0 if words[1:] else checks()
    workers = [] if words[1:] else spread()
    tests = subprocess.run([str(BIN / "python"), "-m", "pytest", "-q", *workers, *words[1:]], cwd=ROOT, check=False)
    return failed or tests.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
