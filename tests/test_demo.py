"""The README's first command: everything it claims holds, and it leaves nothing behind unless asked to."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.sandbox.demo import show
from engine.sandbox.demo_screen import Screen


def workspaces() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("mlconnector-demo-*"))


def test_every_claim_holds_and_nothing_stays():
    before = workspaces()
    out, pauses = io.StringIO(), []

    code = show(None, stream=out, pause=lambda: pauses.append(1))

    text = out.getvalue()
    assert code == 0, text
    assert "✗" not in text
    assert "All 18 claims" in text
    assert len(pauses) == 6
    assert "\x1b" not in text, "no colours outside a terminal"
    assert workspaces() <= before


def test_its_records_are_kept_when_asked(tmp_path):
    kept = tmp_path / "kept"

    assert show(kept, stream=io.StringIO()) == 0
    assert (kept / ".mlconnector" / "state.db").exists()
    with pytest.raises(UsageError, match="is not empty"):
        show(kept, stream=io.StringIO())


def test_a_claim_that_does_not_hold_is_told():
    out = io.StringIO()
    screen = Screen(out)

    screen.claim("water is dry", holds=False)

    assert screen.broken == ["water is dry"]
    assert "✗ not so: water is dry" in out.getvalue()


def test_long_output_loses_its_middle():
    out = io.StringIO()

    Screen(out).output("\n".join(str(number) for number in range(100)), most=20)

    lines = out.getvalue().split()
    assert lines[0] == "0"
    assert lines[-1] == "99"
    assert "… 80 more lines …" in out.getvalue()


def test_the_shipped_data_is_where_the_demo_looks():
    from engine.sandbox.demo_data import EVENING, SPEC, SPECS, STARTERS

    assert SPEC.is_file()
    for files in (EVENING, STARTERS["stampli"]):
        assert all(Path(SPECS, given["file"]).is_file() for given in files.values())
