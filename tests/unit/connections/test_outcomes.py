"""The table of outcomes, beyond what the tests over sockets show: rules, messages, Retry-After."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connections.exchange import ErrorRule
from engine.connections.outcomes import LONGEST_MESSAGE, Ending, Outcome, classify, retry_after
from engine.errors import RecordError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SAY: Any = lambda body: body.get("say")  # noqa: E731


def judge(status: int, body: bytes, *rules: ErrorRule, changes: bool = True, path: str = "/api/Save") -> Outcome:
    return classify(Ending(path=path, changes=changes, status=status, body=body), rules, lambda: NOW)


def kinds(status: int, body: bytes, *rules: ErrorRule) -> tuple[str, str]:
    """For a write, and for a read."""
    return judge(status, body, *rules).kind, judge(status, body, *rules, changes=False).kind


def test_the_first_rule_that_matches_wins() -> None:
    rules = (
        ErrorRule(status=400, says="(?i)duplicate", means="duplicate", message=SAY),
        ErrorRule(status=400, path="/Save", means="setup", say="Check the version"),
        ErrorRule(status="4xx", means="refused", message=SAY),
    )
    assert judge(400, b'{"say": "Duplicate number"}', *rules).kind == "duplicate"
    assert judge(400, b'{"say": "other"}', *rules).kind == "setup"
    assert judge(400, b'{"say": "other"}', *rules, path="/api/Other").kind == "refused"
    assert judge(422, b'{"say": "other"}', *rules).kind == "refused"


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "reauthenticate"), (403, "setup"), (408, "uncertain"), (425, "uncertain"), (429, "rate")]
)
def test_a_rule_for_a_family_does_not_cover_what_is_no_word_on_the_document(status: int, kind: str) -> None:
    rule = ErrorRule(status="4xx", means="refused")
    assert judge(status, b'{"a": 1}', rule).kind == kind
    assert judge(status, b'{"a": 1}', ErrorRule(status=status, means="refused")).kind == "refused"


@pytest.mark.parametrize("body", [b"<html>duplicate</html>", b"", b"duplicate", b'"duplicate"'])
def test_a_rule_does_not_judge_what_the_api_did_not_say(body: bytes) -> None:
    assert kinds(400, body, ErrorRule(status=400, says="duplicate", means="duplicate")) == ("uncertain", "setup")
    assert kinds(404, body, ErrorRule(status=404, means="absent")) == ("uncertain", "setup")
    assert kinds(400, body, ErrorRule(status=400, means="refused")) == ("uncertain", "setup")


def test_advice_of_a_rule_helps_even_where_a_web_page_answers() -> None:
    rule = ErrorRule(status=404, means="setup", say="Check the version")
    assert judge(404, b"<html>", rule, changes=False).message.startswith("Check the version (")
    assert judge(404, b"<html>", rule).kind == "uncertain"


@pytest.mark.parametrize("means", ["transient", "reauthenticate"])
def test_a_server_that_failed_half_way_may_have_written_whatever_a_rule_says(means: Any) -> None:
    rule = ErrorRule(status=500, means=means)
    assert judge(500, b'{"a": 1}', rule).kind == "uncertain"
    assert judge(500, b'{"a": 1}', rule, changes=False).kind == ("not_sent" if means == "transient" else means)


def test_an_error_inside_a_success_is_found_by_its_body() -> None:
    rule = ErrorRule(status=200, body=lambda body: body["error"], means="refused", message=lambda body: body["error"])
    assert judge(200, b'{"error": "no such vendor"}', rule).message == "no such vendor"
    assert judge(200, b'{"error": null}', rule).kind == "done"


def test_a_rule_that_does_not_fit_the_body_does_not_match() -> None:
    def broken(body: Any) -> Any:
        raise RecordError("a type mistake")

    rules = (ErrorRule(status=400, body=broken, means="setup"), ErrorRule(status=400, means="refused", message=broken))
    outcome = judge(400, b'{"a": 1}', *rules)
    assert (outcome.kind, outcome.message) == ("refused", '{"a": 1}')


def test_a_doubt_that_a_rule_names() -> None:
    assert kinds(400, b"{}", ErrorRule(status=400, means="doubt")) == ("uncertain", "uncertain")


def test_messages_are_one_short_line() -> None:
    rule = ErrorRule(status=400, means="refused", message=SAY, reference=lambda body: 17)
    outcome = judge(400, b'{"say": ["Line 1\\n\\u001b[31mred", "' + b"x" * 9000 + b'"]}', rule)
    assert outcome.message.startswith("Line 1 [31mred; xxx")
    assert len(outcome.message) == LONGEST_MESSAGE
    assert outcome.reference == "17"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999999999999999", 3600),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 21 Nov 2999 11:00:00 GMT", 3600),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_read_both_ways_and_capped(header: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": header}, lambda: NOW) == seconds


@given(header=st.text(max_size=40))
def test_no_retry_after_header_breaks_anything(header: str) -> None:
    found = retry_after({"retry-after": header}, lambda: NOW)
    assert found is None or 0 <= found <= 3600


@given(status=st.integers(100, 599), body=st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"<a>", b"null"]))
def test_a_write_is_done_only_with_a_parsed_success(status: int, body: bytes) -> None:
    outcome = judge(status, body)
    if outcome.kind == "done":
        assert 200 <= status < 300
        assert body.strip() or status in {202, 204, 205}
