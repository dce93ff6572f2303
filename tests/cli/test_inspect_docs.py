"""The page's section on files from a partner: what it shows is what the commands say."""

from __future__ import annotations

import shlex
import shutil

import pytest

from tests.docs_blocks import ROOT, blocks


@pytest.fixture
def there(desk, monkeypatch):
    """The page's sample and the shipped specs in one folder, and the commands called there."""
    shutil.copytree(ROOT / "specs", desk.folder, dirs_exist_ok=True)
    (sample,) = blocks("text", "suppliers_2.csv")
    (desk.folder / sample.name).write_text(sample.text, encoding="utf-8")
    monkeypatch.chdir(desk.folder)
    return desk


def test_the_sample_is_told_as_shown(there):
    (shown,) = blocks("text", "inspect")

    assert there("inspect", "suppliers_2.csv", "--records", "1").stdout == shown.text


def test_the_start_is_the_one_shown(there):
    (shown,) = [block for block in blocks("yaml", "system") if "mlconnector init" in block.text]

    assert there("init", "--from-sample", "suppliers_2.csv", "--name", "newbank").stdout == shown.text


@pytest.mark.parametrize(
    "line",
    [
        line
        for block in blocks("sh")
        for line in block.text.splitlines()
        if " --from-sample " in line or " inspect " in line
    ],
)
def test_every_line_shown_works(there, line, monkeypatch):
    shutil.copytree(ROOT / "specs", there.folder / "specs")
    result = there(*shlex.split(line, comments=True)[1:])

    assert result.exit_code == 0, result.stderr
