"""How errors end: one line, an exit code, no traceback, and no secret in either."""

from __future__ import annotations

import logging

import pytest

from engine.desk.reporting import told
from engine.errors import AlreadyRunning, Problem, RecordError, SetupError, SpecError, TransientError, UsageError
from engine.redaction import Redactor

PROBLEM = Problem(code="E202", message="`x` is no field", file="a.yaml", line=3, column=7, suggestion="did you mean y")


def ended(error, *, debug=False, redactor=None):
    with pytest.raises(SystemExit) as end, told(redactor or Redactor(), debug=debug):
        raise error
    return end.value.code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such thing"), 2),
        (RecordError("differs"), 3),
        (SetupError("no such thing"), 4),
        (TransientError("no such thing"), 4),
        (AlreadyRunning("no such thing"), 5),
    ],
)
def test_every_error_ends_in_one_line_and_its_code(capsys, error, code):
    assert ended(error) == code
    shown = capsys.readouterr()
    assert shown.err == f"error: {error}\n"
    assert shown.out == ""


def test_mistakes_in_a_spec_are_told_with_their_places(capsys):
    assert ended(SpecError([PROBLEM])) == 1
    assert "a.yaml:3:7: error[E202] `x` is no field" in capsys.readouterr().err


def test_a_bug_is_one_line_and_no_traceback(capsys):
    assert ended(KeyError("two\nlines")) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bug: KeyError: ")
    assert "--debug" in line


def test_debug_shows_where(capsys):
    ended(ZeroDivisionError("x"), debug=True)
    assert "Traceback" in capsys.readouterr().err


def test_being_interrupted_is_no_mistake_in_the_spec(capsys):
    assert ended(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("kind", [ValueError, SetupError])
def test_a_secret_is_masked_even_in_an_errors_text_and_traceback(capsys, debug, kind):
    ended(kind("refused: hunter2-hunter2"), debug=debug, redactor=Redactor(["hunter2-hunter2"]))

    shown = capsys.readouterr().err
    assert "hunter2" not in shown
    assert "refused: ***" in shown


def test_a_secret_is_masked_in_the_log(capsys):
    with told(Redactor(["hunter2-hunter2"]), debug=False):
        logging.getLogger("engine.x").warning("sent %s", "hunter2-hunter2")

    assert capsys.readouterr().err == "WARNING sent ***\n"


def test_the_log_is_let_go_afterwards():
    before = list(logging.getLogger().handlers)
    with told(Redactor(), debug=False):
        pass
    assert logging.getLogger().handlers == before
