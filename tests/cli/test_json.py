"""`--format json` everywhere: a result is one JSON document on stdout; an error is text on stderr, stdout stays empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.sandbox.command import serve
from tests.docs_tables import every_command

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = str(ROOT / "specs" / "epicor-kinetic--stampli.yaml")

ALWAYS = {"schema"}
"""Commands whose one output is JSON already."""

CALLS = {
    "validate": ["{spec}"],
    "explain": ["E202"],
    "test": ["{shipped}", "--case", "two lines become one AP invoice"],
    "inspect": ["{folder}/sample.csv"],
    "init": ["--from-sample", "{folder}/sample.csv"],
    "run": ["{spec}", "@"],
    "check": ["{spec}", "@"],
    "held list": ["@"],
    "held show": ["2", "@"],
    "held release": ["2", "--reason", "x", "@"],
    "held reject": ["3", "--reason", "x", "@"],
    "replay": ["3", "@"],
    "audit": ["--invoice", "1", "@"],
    "state show": ["@"],
    "state set": ["items", "--cursor", "2026-11-21T06:00:00Z", "--reason", "x", "@"],
    "state reset": ["invoices", "--reason", "x", "@"],
    "state export": ["{folder}/moved", "@"],
    "state import": ["{folder}/moved", "--reason", "x", "@"],
    "sweep": ["{spec}", "@"],
    "secrets set": ["a.b", "@"],
    "secrets list": ["@"],
    "secrets remove": ["partner.token", "@"],
    "purge": ["{spec}", "--older-than", "400d", "@"],
    "db upgrade": ["@"],
    "keys rotate": ["@"],
    "doctor": ["@"],
    "map": ["{spec}", "--input", "{folder}/sample.csv"],
    "graph": ["{spec}"],
    "docs": ["{spec}"],
    "users add": ["ada", "--role", "admin", "--password-stdin", "@"],
    "users passwd": ["olga", "--password-stdin", "@"],
    "users role": ["olga", "viewer", "@"],
    "users remove": ["olga", "@"],
    "users list": ["@"],
    "alerts list": ["@"],
    "alerts test": ["{spec}", "@"],
    "alerts send": ["{spec}", "@"],
    "version": [],
    "demo": [],
}
"""A call of each command; `@` is the workspace."""
STAYING = {"sandbox", "serve", "worker"}
"""Commands that wait for Ctrl-C, and have tests of their own."""

ERRORS = {
    "explain": ["nonsense"],
    "run": ["{spec}", "--flow", "nosuch", "@"],
    "check": ["{spec}", "--system", "nosuch", "@"],
    "held show": ["99", "@"],
    "replay": ["99", "@"],
    "audit": ["--invoice", "99", "@"],
    "secrets remove": ["no.such", "@"],
    "secrets set": ["no such", "@"],
    "users add": ["no name", "--password-stdin", "@"],
    "users role": ["nobody", "viewer", "@"],
    "users passwd": ["nobody", "--password-stdin", "@"],
    "users remove": ["nobody", "@"],
    "map": ["{spec}", "--input", "{folder}/sample.csv", "--flow", "nosuch"],
    "inspect": ["{folder}/sample.csv", "--spec", "{spec}", "--flow", "nosuch"],
    "init": ["--from-sample", "{folder}/sample.csv", "--name", "No Name"],
    "held list": ["--workspace", "{folder}/typo"],
    "doctor": ["--env-file", "{folder}/sample.csv", "@"],
}
FIT = {"state set", "state reset", "state import", "sweep", "alerts test"}
"""Commands that have nothing to do in this small workspace: they may refuse, and must refuse as any other."""


@pytest.fixture
def worked(desk, request):
    desk.place("a.csv", "1,10.50", "2,13", "3,13")
    desk.at("run", desk.spec)
    desk.at("secrets", "set", "partner.token", input="hunter2-hunter2")
    if "users" in request.node.name:  # a password is slow to hash, on purpose
        desk.at("users", "add", "olga", "--role", "operator", "--password-stdin", input="hunter2-hunter2")
    (desk.folder / "sample.csv").write_text("number,total\n1,10.50\n")
    return desk


def called(desk, name, words):
    places = {"spec": desk.spec, "folder": str(desk.folder), "shipped": SHIPPED.replace(".yaml", ".test.yaml")}
    at = ["--workspace", str(desk.folder)]
    told = [part for word in words for part in (at if word == "@" else [word.format(**places)])]
    return desk(*name.split(), *told, "--format", "json", input="hunter2-hunter2")


def test_every_command_has_it():
    without = set()
    for path, command in every_command():
        formats = [option.type.choices for option in command.params if option.name == "form"]
        if not formats or "json" not in formats[0]:
            without.add(" ".join(path))

    assert without == ALWAYS


def test_every_command_is_called_here():
    assert {" ".join(path) for path, _ in every_command()} == {*CALLS, *ALWAYS, *STAYING}


@pytest.mark.parametrize("name", CALLS)
def test_a_result_is_one_json_document(worked, name):
    result = called(worked, name, CALLS[name])

    if name in FIT and result.exit_code == 2:
        assert result.stdout == ""
        assert result.stderr
        return
    assert result.exit_code in {0, 3}, result.stderr
    json.loads(result.stdout)
    assert "hunter2" not in result.output


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_text_on_stderr_and_nothing_on_stdout(worked, name):
    result = called(worked, name, ERRORS[name])

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("what", ["{spec}", "e202"])
def test_explain_tells_values_and_codes_as_data(worked, what):
    told = json.loads(called(worked, "explain", [what]).stdout)

    if isinstance(told, dict):
        assert told["code"] == "E202"
    else:
        assert {"path", "value", "file", "line"} == told[0].keys()


def test_a_broken_spec_is_told_as_text_on_stderr(worked):
    worked.break_spec()
    result = called(worked, "check", ["{spec}", "@"])

    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[E202]" in result.stderr


def test_validate_keeps_its_report_alone_on_stdout_while_it_reaches_systems(worked):
    result = called(worked, "validate", ["{spec}", "--connect", "@"])

    assert json.loads(result.stdout)["errors"] == 0
    assert "ok      partner: settings" in result.stderr


def test_the_sandbox_tells_its_addresses(tmp_path):
    told = []
    serve(Path(SHIPPED), (), None, told.append, home=tmp_path / "home", wait=lambda: None, form="json")

    (facts,) = map(json.loads, told)
    assert facts["systems"]["epicor"].startswith("http://127.0.0.1:")
    assert facts["systems"]["stampli"].startswith("sftp://")
    assert facts["env_file"].endswith("sandbox.env")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("melted:save", "lost_answer"),
        ("lost_answer:sav", "save"),
        ("lost_answer:GetNewAPInvHedInvoic", "GetNewAPInvHedInvoice"),
    ],
)
def test_a_fault_that_could_never_strike_is_wrong_usage(desk, monkeypatch, fault, says):
    monkeypatch.chdir(desk.folder)
    result = desk("sandbox", SHIPPED, "--fault", fault)

    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
