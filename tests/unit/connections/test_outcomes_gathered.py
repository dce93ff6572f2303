"""Rules by headers, messages gathered from the whole answer, actions that say no more than "accepted", the pace after too many calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.connections.exchange import ErrorRule
from engine.connections.outcomes import Ending, Outcome, answer_of, classify, gathered
from engine.connections.wire import Wire
from engine.connections.wire_shape import Wrap

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOGIN = {"location": "/site/Frames/Login.aspx?ReturnUrl=%2f"}


def judge(
    status: int, body: bytes = b"", *rules: ErrorRule, headers: Any = None, changes: bool = True, pace: float = 0.0
) -> Outcome:
    ending = Ending(path="/api/Save", changes=changes, status=status, body=body, headers=headers or {})
    return classify(ending, rules, lambda: NOW, pace=pace)


@pytest.mark.parametrize("changes", [True, False])
def test_a_redirect_to_the_login_page_is_what_its_rule_says(changes: bool) -> None:
    rule = ErrorRule(status=302, headers={"location": "(?i)login"}, means="reauthenticate", say="Its login page")
    told = judge(302, b"", rule, headers=LOGIN, changes=changes)
    assert told.kind == "reauthenticate"
    assert told.message.startswith("Its login page")


def test_a_write_led_elsewhere_stays_in_doubt_whatever_a_rule_without_headers_says() -> None:
    rule = ErrorRule(status=302, means="reauthenticate")
    assert judge(302, b"", rule, headers=LOGIN).kind == "uncertain"
    assert judge(302, b'{"a": 1}', rule, headers=LOGIN).kind == "uncertain"
    other = ErrorRule(status=302, headers={"location": "(?i)login"}, means="reauthenticate")
    assert judge(302, b"", other, headers={"location": "/done"}).kind == "uncertain"
    assert judge(302, b"", other).kind == "uncertain"


def test_every_error_of_an_answer_is_told_with_its_place() -> None:
    body = {
        "error": "Inserting raised at least one error.",
        "Details": [{"Account": {"value": "1"}}, {"Project": {"value": "X99", "error": "cannot be found"}}],
        "Type": {"value": "Bill", "error": " "},
        "Vendor": {"error": {"deep": {"error": "deeper"}}},
    }
    found = ["Inserting raised at least one error.", "Details[2].Project: cannot be found", "Vendor.error.deep: deeper"]
    assert gathered(body, "error") == found
    rule = ErrorRule(status=422, gather="error", means="refused")
    told = judge(422, json.dumps(body).encode(), rule)
    assert (told.kind, told.message) == ("refused", "; ".join(found))


def test_what_is_gathered_can_be_looked_for_and_stands_behind_the_message() -> None:
    body = json.dumps({"m": "No", "Ref": {"error": "already exists"}}).encode()
    rules = (
        ErrorRule(status=422, says="already exists", gather="error", message=lambda b: b["m"], means="duplicate"),
        ErrorRule(status=422, means="refused"),
    )
    told = judge(422, body, *rules)
    assert (told.kind, told.message) == ("duplicate", "No; Ref: already exists")
    assert judge(422, b'{"m": "No"}', *rules).kind == "refused"


@pytest.mark.parametrize("status", [202, 204, 205])
def test_an_empty_answer_that_says_accepted_or_done_is_done(status: int) -> None:
    assert judge(status).kind == "done"
    assert judge(200).kind == "uncertain"
    assert judge(201).kind == "uncertain"


def test_after_too_many_calls_the_pace_is_kept_unless_the_server_names_one() -> None:
    assert judge(429, b"too many", pace=15).after == 15
    assert judge(429, b"too many", pace=15, headers={"retry-after": "3"}).after == 3
    assert judge(429, b"too many", pace=15, headers={"retry-after": "0"}).after == 0
    assert judge(429, b"too many").after is None
    assert judge(503, b"", pace=15).after is None


def test_rules_see_an_answer_as_it_came_and_steps_see_it_unwrapped() -> None:
    wire = Wire(wrap=Wrap(in_="value"), blanks="trim")
    outcome = judge(200, b'{"a": {"value": "x "}, "b": {}}', changes=False)
    assert outcome.body == {"a": {"value": "x "}, "b": {}}
    assert answer_of(outcome, wire).body == {"a": "x", "b": None}
    assert answer_of(outcome, Wire()).body == outcome.body
