"""Every line of the log is one line, says what it is about, and keeps no secret."""

from __future__ import annotations

import io
import json
import logging
import threading

import pytest

from engine.redaction import Redactor
from engine.service.logs import about, logging_to

log = logging.getLogger("engine.service.test")
SECRET = "hunter2-hunter2"


@pytest.mark.parametrize("form", ["json", "text"])
def test_hostile_text_stays_one_line_and_a_secret_is_masked(form):
    out = io.StringIO()
    with logging_to(out, form, Redactor([SECRET])):
        log.warning("from a file: %s", f"a\r\n{{\x1b[31m}} {SECRET} \u202e end")
    (line,) = out.getvalue().splitlines()
    assert not any(mark in line for mark in (SECRET, "\x1b", "\r", "\u202e"))
    assert "end" in line


def test_a_line_of_json_says_what_its_thread_is_about():
    out = io.StringIO()

    def other():
        log.info("elsewhere")

    with logging_to(out, "json", Redactor()):
        with about(tenant="acme", flow="bills/invoices"), about(run="run-1", flow=""):
            log.info("%d posted", 3)
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        log.info("after")

    first, second, third = (json.loads(line) for line in out.getvalue().splitlines())
    assert first | {"at": ""} == {
        "at": "", "level": "info", "said": "3 posted", "from": "engine.service.test", "tenant": "acme",
        "flow": "bills/invoices", "run": "run-1",
    }  # fmt: skip
    assert "flow" not in second
    assert "flow" not in third


def test_an_error_brings_its_trace_without_the_secret_in_it():
    out = io.StringIO()
    with logging_to(out, "json", Redactor([SECRET])):
        try:
            int(f"bad {SECRET}")
        except ValueError:
            log.exception("it failed")
    line = json.loads(out.getvalue())
    assert "'bad ***'" in line["trace"]
    assert SECRET not in out.getvalue()


def test_for_people_time_level_and_flow():
    out = io.StringIO()
    with logging_to(out, "text", Redactor()), about(flow="bills/invoices"):
        log.info("ended (0): nothing new")
        logging.getLogger("httpx").info("noise")
    assert out.getvalue()[20:] == "INFO    bills/invoices: ended (0): nothing new\n"


def test_afterwards_the_log_is_as_it_was():
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("httpx").level)
    with logging_to(io.StringIO(), "json", Redactor(), debug=True):
        assert root.level == logging.DEBUG
    assert (root.handlers[:], root.level, logging.getLogger("httpx").level) == before
