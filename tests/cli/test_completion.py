"""A shell asks what may come next: quickly answered, never an error, never a trace."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from cli import main

SLOWEST = 0.3
"""Seconds of work: what a person at the keyboard waits for on a machine that is not busy."""


def offered(*words):
    *before, typed = words
    return [
        item.value
        for item in ShellComplete(main, {}, "mlconnector", "_MLCONNECTOR_COMPLETE").get_completions(before, typed)
    ]


@pytest.fixture
def here(desk, monkeypatch):
    monkeypatch.chdir(desk.folder)
    (desk.folder / "specs").mkdir()
    (desk.folder / "specs" / "boat--dock.yaml").write_text(
        "flows:\n  # a word\n  load:\n    title: x\n  unload:\nsystems:\n  dock: {}\n"
    )
    return desk


def test_commands_and_options(here):
    assert {"run", "check", "doctor", "map"} <= set(offered(""))
    assert "--dry-run" in offered("run", "--d")


def test_spec_files_here_and_in_specs(here):
    assert offered("run", "bo") == ["books.yaml", "box/", "specs/boat--dock.yaml"]
    assert offered("validate", "systems/") == ["systems/partner.yaml"]
    assert offered("check", "specs/b") == ["specs/boat--dock.yaml"]


def test_flows_and_systems_of_the_spec_before(here):
    assert offered("run", "books.yaml", "--flow", "") == ["invoices"]
    assert offered("run", "specs/boat--dock.yaml", "--flow", "un") == ["unload"]
    assert offered("check", "books.yaml", "--system", "p") == ["partner"]
    assert offered("map", "books.yaml", "--flow", "i") == ["invoices"]


def test_names_of_secrets(here):
    assert offered("secrets", "remove", "") == []
    here.at("secrets", "set", "partner.token", input="hunter2-hunter2")
    here.at("secrets", "set", "other", input="hunter2-hunter2")

    assert offered("secrets", "remove", "p") == ["partner.token"]
    assert offered("secrets", "remove", "--workspace", "/nowhere", "p") == []


def test_numbers_of_open_documents(here):
    here.place("a.csv", "A_1,13", "AB1,13", "A-2,10")
    here.at("run", here.spec)

    assert offered("held", "show", "A_") == ["A_1"]
    assert offered("held", "release", "A") == ["AB1", "A_1"]
    assert offered("replay", "A-") == []


@pytest.mark.parametrize("words", [("run", "nowhere/x"), ("run", "missing.yaml", "--flow", ""), ("held", "show", "x")])
def test_nothing_to_offer_is_no_error_and_makes_nothing(here, words):
    assert offered(*words) == []
    assert not (here.folder / ".mlconnector").exists()


@pytest.mark.parametrize("text", ["\x00", "flows: [", "flows:\n  é: 1\n"])
def test_a_spec_in_pieces_offers_what_can_be_read(here, text):
    (here.folder / "broken.yaml").write_text(text)

    assert offered("run", "broken.yaml", "--flow", "") == []


def test_a_state_that_is_none_offers_nothing(here):
    (here.folder / ".mlconnector").mkdir()
    (here.folder / ".mlconnector" / "state.db").write_text("no database")

    assert offered("secrets", "remove", "p") == []


def test_a_shell_gets_its_script_and_its_answers_fast(here):
    here.at("secrets", "set", "partner.token", input="hunter2-hunter2")
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    def asked(**environ):
        before = os.times()
        words = [sys.executable, "-c", "from cli import main; main(prog_name='mlconnector')"]
        done = subprocess.run(words, env=known | environ, capture_output=True, text=True, check=False, timeout=30)
        after = os.times()
        worked = after.children_user + after.children_system - before.children_user - before.children_system
        return worked, done

    _, script = asked(_MLCONNECTOR_COMPLETE="bash_source")
    assert "complete -o nosort -F" in script.stdout

    def ask(*words):
        return asked(
            _MLCONNECTOR_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(("mlconnector", *words)),
            COMP_CWORD=str(len(words)),
        )

    times = []
    for _ in range(3):
        took, done = ask("secrets", "remove", "p")
        times.append(took)
        assert (done.stdout, done.stderr) == ("plain,partner.token\n", "")
    assert min(times) < SLOWEST
