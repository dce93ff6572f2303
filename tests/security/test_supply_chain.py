"""Control 30: what is installed is exactly what was checked."""

from __future__ import annotations

import re
import tomllib

import pytest

from .stage import ROOT

FLOORS = {"jinja2": (3, 1, 6), "paramiko": (3, 4), "httpx": (0, 28)}
"""Versions with a known hole closed: CVE-2025-27516, Terrapin (CVE-2023-48795)."""
LOCKS = ("requirements.lock", "requirements-test.lock")


@pytest.mark.parametrize("lock", LOCKS)
def test_30_every_package_is_pinned_with_hashes(lock):
    text = (ROOT / lock).read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith(("#", "--")) and entry.strip()]
    assert len(entries) > 10
    loose = [
        entry.splitlines()[0]
        for entry in entries
        if not re.match(r"[A-Za-z0-9_.\[\]-]+==\S+.*--hash=sha256:[0-9a-f]{64}", entry, re.DOTALL)
    ]
    assert loose == []
    assert "--index-url" not in text
    assert "git+" not in text


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("name", FLOORS)
def test_30_no_version_with_a_known_hole_is_locked(lock, name):
    found = re.search(rf"(?mi)^{name}==([\d.]+)", (ROOT / lock).read_text())
    assert found, f"{name} is not locked"
    assert tuple(map(int, found[1].split("."))) >= FLOORS[name]


def test_30_the_locks_are_installed_by_their_hashes_and_nothing_runs_at_install():
    assert "--require-hashes" in (ROOT / "go.py").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["build-backend"] == "setuptools.build_meta"
    assert not (ROOT / "setup.py").exists()
    declared = {
        re.split(r"[<>=!\[; ]", line)[0].lower().replace(".", "-") for line in project["project"]["dependencies"]
    }
    locked = {
        name.lower().replace(".", "-")
        for name in re.findall(r"(?m)^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text())
    }
    assert declared <= locked
