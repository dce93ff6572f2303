"""What the end of a call means: one table for every way it can end, and the spec's rules for parsed answers.

| the call ended with | means |
|---|---|
| no connection, no name, connect or pool time-out | not_sent |
| a certificate that can't be verified | setup |
| 2xx with a parsed body, 202, 204, 205 | done |
| 429 | rate |
| 401 | reauthenticate |
| 403 | setup |
| 400, 404, 405, 409, 422 with a parsed API error | refused |
| everything else: time-out, reset, 408, 5xx, 3xx, HTML, empty, cut off, damaged | uncertain |

A read changes nothing, so its 404 without an API error and its 3xx are setup, and other unparsed 4xx but 408 and 425 too.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Literal

import httpx
import re2

from engine.connections.answers import JSON, Answers, read_answer
from engine.connections.backoff import LONGEST_ASKED
from engine.connections.exchange import Answer, ErrorRule, Expression, Means
from engine.connections.http_body import TooLarge
from engine.connections.wire import Broken, Wire
from engine.connections.wire_shape import undressed
from engine.contracts import Clock
from engine.errors import RecordError

OutcomeKind = Literal[
    "done", "absent", "refused", "duplicate", "not_sent", "rate", "reauthenticate", "setup", "uncertain"
]

LONGEST_MESSAGE = 500

_BEFORE_THE_WIRE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_API_REFUSALS = frozenset({400, 404, 405, 409, 422})
_OWN_MEANING = frozenset({401, 403, 408, 425, 429})
"""Statuses a rule for `4xx` does not cover: they are not the API's word on this document, but on the login, the rights, the pace."""
_MOST_GATHERED = 20
_EMPTY_IS_DONE = frozenset({202, 204, 205})


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How one attempt ended: an answer (status, headers, body) or an error. `path` is the request's, `answers` how to read it."""

    path: str
    changes: bool
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: Exception | None = None
    answers: Answers = JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What an ending means. `after`: seconds the other side asked us to wait; `body`: parsed, where it could be."""

    kind: OutcomeKind
    message: str = ""
    reference: str = ""
    after: float | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


def classify(
    ending: Ending, rules: Sequence[ErrorRule], now: Clock, mask: Callable[[str], str] = str, *, pace: float = 0.0
) -> Outcome:
    """The outcome of one attempt. `ending.changes` tells a call that may change documents from one that can't; `mask` hides secrets.

    `pace`: seconds to wait where the system says "too fast" and not for how long.
    """
    if ending.status is None:
        return _without_answer(ending, mask)
    body, fault = _parsed(ending)
    rule = _first_match(rules, ending, body) if _may_match(ending, body) else None
    if rule is not None:
        kind, message = _by_rule(rule.means, ending), _message(rule, body) or _excerpt(ending, fault)
        message = f"{rule.say} ({message})" if rule.say and message else rule.say or message
        reference = _text(_asked(rule.reference, body))
    else:
        kind, reference = _by_status(ending, body, fault), ""
        message = _excerpt(ending, fault) if kind != "done" else ""
    asked = retry_after(ending.headers, now)
    return Outcome(
        kind=kind,
        message=_tidy(mask(message)),
        reference=_tidy(mask(reference)),
        after=pace if asked is None and pace and kind == "rate" else asked,
        status=ending.status,
        headers=ending.headers,
        body=body,
    )


def answer_of(outcome: Outcome, wire: Wire) -> Answer:
    """The answer of a call that went well, as steps and readers see it."""
    body, trim = outcome.body, wire.blanks == "trim"
    if wire.wrap is not None or trim:
        body = undressed(body, wire.wrap, trim=trim)
    return Answer(status=outcome.status or 0, body=body, headers=outcome.headers, absent=outcome.kind == "absent")


def retry_after(headers: Mapping[str, str], now: Clock) -> float | None:
    """Seconds of a Retry-After header (a number or an HTTP date, RFC 9110 10.2.3), between 0 and an hour; None without one."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), LONGEST_ASKED)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - now()).total_seconds()), LONGEST_ASKED)


def _without_answer(ending: Ending, mask: Callable[[str], str]) -> Outcome:
    error = ending.error
    if isinstance(error, TooLarge):
        return Outcome(kind="uncertain" if ending.changes else "setup", message=f"the answer can't be used: {error}")
    if isinstance(error, Broken):
        return Outcome(kind="uncertain", message=f"the answer can't be used: {error}")
    if isinstance(error, _BEFORE_THE_WIRE):
        if _untrusted(error):
            return Outcome(
                kind="setup",
                message="the server's certificate can't be verified: check the address, or give the authority's file in `SSL_CERT_FILE`",
            )
        return Outcome(kind="not_sent", message=_tidy(mask(f"no connection ({type(error).__name__}): {error}")))
    if isinstance(error, httpx.TimeoutException):
        return Outcome(kind="uncertain", message=f"no answer in the time it has, `deadline` ({type(error).__name__})")
    return Outcome(kind="uncertain", message=f"the connection ended without an answer ({type(error).__name__})")


def _untrusted(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _parsed(ending: Ending) -> tuple[Any, str]:
    """The body, and why it can't be used (empty when it can)."""
    if not ending.body.strip():
        return None, "" if ending.status in _EMPTY_IS_DONE else "the answer is empty"
    try:
        body = read_answer(ending.answers, ending.body, ending.headers.get("content-type", ""))
    except Broken as broken:
        return None, f"the answer can't be used: {broken}"
    if ending.answers.as_ == "xml" and set(body) == {"text"} and not 200 <= (ending.status or 0) < 300:
        return None, f"the answer is no XML: {body['text']}"  # a server in front speaks so too
    return body, ""


def _may_match(ending: Ending, body: Any) -> bool:
    """Only the API's own words may be judged by rules; a 401, a 403 and a redirect were there before processing, whoever said so."""
    return isinstance(body, dict | list) or ending.status in {401, 403} or not ending.changes or _redirects(ending)


def _first_match(rules: Sequence[ErrorRule], ending: Ending, body: Any) -> ErrorRule | None:
    return next((rule for rule in rules if _matches(rule, ending, body)), None)


def _matches(rule: ErrorRule, ending: Ending, body: Any) -> bool:
    unparsed = not isinstance(body, dict | list)
    if unparsed and (rule.body is not None or rule.means in {"absent", "refused", "duplicate"}):
        return False
    if ending.changes and _redirects(ending) and not rule.headers:
        return False  # where a redirect leads is what tells a login page from the next page of a form that was taken in
    return (
        _status_matches(rule.status, ending.status)
        and all(_pattern(says).search(ending.headers.get(name, "")) for name, says in rule.headers.items())
        and (rule.path is None or rule.path in ending.path)
        and (rule.says is None or bool(_pattern(rule.says).search(_message(rule, body) or _head(ending))))
        and (rule.body is None or bool(_asked(rule.body, body)))
    )


def _status_matches(wanted: int | str, status: int | None) -> bool:
    if str(wanted) == str(status):
        return True
    family = str(wanted).lower()
    return family.endswith("xx") and family[0] == str(status)[0] and status not in _OWN_MEANING


def _by_rule(means: Means, ending: Ending) -> OutcomeKind:
    if means == "doubt":
        return "uncertain"
    if means in {"transient", "reauthenticate"} and ending.changes and (ending.status or 0) >= 500:
        return "uncertain"  # a server that failed half-way has not said that nothing happened
    return "not_sent" if means == "transient" else means


def _by_status(ending: Ending, body: Any, fault: str) -> OutcomeKind:
    status = ending.status or 0
    known: dict[int, OutcomeKind] = {429: "rate", 401: "reauthenticate", 403: "setup"}
    if status in known:
        return known[status]
    if 200 <= status < 300:
        return "uncertain" if fault else "done"
    api_error = isinstance(body, dict | list)
    if not ending.changes:
        if 300 <= status < 400 or status == 404:
            return "setup"
        if 400 <= status < 500 and status not in _OWN_MEANING:
            return "refused" if api_error else "setup"
        return "uncertain"
    return "refused" if api_error and status in _API_REFUSALS else "uncertain"


def _redirects(ending: Ending) -> bool:
    return ending.status is not None and 300 <= ending.status < 400


def _message(rule: ErrorRule, body: Any) -> str:
    said = _text(_asked(rule.message, body))
    found = gathered(body, rule.gather)[:_MOST_GATHERED] if rule.gather is not None else []
    return "; ".join(filter(None, [said, *found]))


def gathered(value: Any, name: str, at: str = "") -> list[str]:
    """Every text that stands under that name anywhere in an answer, with its place before it: `Details[1].Account: …`."""
    if isinstance(value, list):
        return [found for index, item in enumerate(value, start=1) for found in gathered(item, name, f"{at}[{index}]")]
    if not isinstance(value, dict):
        return []
    said = value.get(name)
    own = [f"{at}: {said}" if at else said] if isinstance(said, str) and said.strip() else []
    for member, inner in value.items():
        own += gathered(inner, name, f"{at}.{member}" if at else str(member))
    return own


def _asked(expression: Expression | None, body: Any) -> Any:
    if expression is None or not isinstance(body, dict | list):
        return None
    try:
        return expression(body)
    except RecordError:
        return None


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, map(_text, value)))
    return "" if value is None else str(value)


def _excerpt(ending: Ending, fault: str) -> str:
    if ending.status is not None and 300 <= ending.status < 400:
        return (
            "the system sent us to another address; redirects are not followed: put the final address into the settings"
        )
    return fault or _head(ending)


def _head(ending: Ending) -> str:
    return ending.body[: 4 * LONGEST_MESSAGE].decode("utf-8", "replace")


def _tidy(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


@cache
def _pattern(text: str) -> Any:
    return re2.compile(text)
