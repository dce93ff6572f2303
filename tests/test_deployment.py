"""The unit and the container file of the service's page are what a machine would take."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .docs_blocks import ROOT, blocks, walk

INSTRUCTIONS = re.compile(r"(FROM|RUN|COPY|USER|WORKDIR|VOLUME|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD) (.+)")


def unit() -> dict[str, list[str]]:
    (block,) = blocks("ini", "systemd")
    found: dict[str, list[str]] = {}
    for line in block.text.splitlines():
        if "=" in line:
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def container() -> list[tuple[str, str]]:
    (block,) = blocks("dockerfile", "container")
    lines = block.text.replace("\\\n", " ").splitlines()
    matches = [INSTRUCTIONS.fullmatch(line) for line in lines if line.strip()]
    assert all(matches), lines
    return [(match[1], match[2]) for match in matches if match]


def serves(words: list[str], tmp_path: Path) -> dict[str, object]:
    """The options those words would give `serve`, with paths that are here."""
    here = [str(ROOT / "specs") if word.endswith("/specs") else word for word in words]
    here = [str(tmp_path) if word.startswith("/srv/") else word for word in here]
    command, rest = walk(here)
    with command.make_context("serve", rest) as context:
        return dict(context.params)


def test_the_unit_starts_a_service_behind_tls(tmp_path):
    (line,) = unit()["ExecStart"]
    asked = serves(shlex.split(line)[1:], tmp_path)
    assert asked["address"].startswith("https://")
    assert unit()["KillSignal"] == ["SIGTERM"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_takes_the_unit(tmp_path):
    (block,) = blocks("ini", "systemd")
    program = Path(sys.executable).with_name("mlconnector")
    text = block.text.replace("/opt/mlconnector/bin/mlconnector", str(program))
    path = tmp_path / "mlconnector.service"
    path.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=60, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "mlconnector.service" in line]
    assert ours == []


def test_the_container_starts_a_service_as_nobody_special(tmp_path):
    steps = container()
    (entry,) = [json.loads(value) for name, value in steps if name == "ENTRYPOINT"]
    (words,) = [json.loads(value) for name, value in steps if name == "CMD"]
    names = [name for name, _ in steps]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert dict(steps)["USER"] != "root"
    assert entry == ["mlconnector"]
    asked = serves(words, tmp_path)
    assert asked["address"].startswith("https://"), "it listens beyond the container's loopback"
    assert dict(steps)["EXPOSE"] == str(asked["port"] or 8640)


def test_what_the_container_installs_is_there():
    (line,) = [value for name, value in container() if name == "RUN" and "--require-hashes" in value]
    (lock,) = re.findall(r"-r /opt/mlconnector/(\S+)", line)
    locked = {name.lower() for name in re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / lock).read_text(), re.MULTILINE)}
    assert {"starlette", "uvicorn", "apprise", "argon2-cffi", "prometheus-client", "setuptools"} <= locked


@pytest.mark.servers
def test_what_the_container_runs_installs_mlconnector(tmp_path):
    """The container's own lines, in an environment of their own: a Docker engine is not needed for that."""
    (line,) = [value for name, value in container() if name == "RUN" and "--require-hashes" in value]
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=60)
    subprocess.run(["git", "clone", "-q", ROOT, tmp_path / "copy"], check=True, timeout=60)
    script = line.replace("/opt/mlconnector", str(tmp_path / "copy")).replace(
        "pip install", f"{tmp_path}/venv/bin/pip install -q"
    )
    subprocess.run(["sh", "-ec", script], check=True, timeout=600)
    done = subprocess.run(
        [tmp_path / "venv/bin/mlconnector", "serve", "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "--address" in done.stdout
