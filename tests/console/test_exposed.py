"""`serve` listens where only this machine reaches it, unless TLS stands in front."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli

SPEC = Path(__file__).parents[2] / "specs" / "epicor-kinetic--stampli.yaml"


@pytest.mark.parametrize("words", [["--host", "0.0.0.0"], ["--host", "10.1.2.3", "--address", "http://10.1.2.3"]])
def test_the_console_is_not_opened_to_a_network_in_the_clear(tmp_path, words):
    done = CliRunner().invoke(cli.main, ["serve", str(SPEC), *words, "--port", "0", "--workspace", str(tmp_path)])
    assert done.exit_code == 2
    assert "https://" in done.stderr
    assert " flows at http" not in done.stderr, "it never began"
