"""What a connection does with what it is asked: tries, refusals, origins, secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from engine.connections.exchange import ErrorRule, Exchange, Fixed, ReadOnly, Retry
from engine.connections.http import Http, HttpKind
from engine.connections.login_kinds import ApiKey, Basic
from engine.contracts import Call
from engine.errors import InDoubt, RecordError, Refused, SetupError, TransientError
from engine.redaction import Secret

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POST = Exchange(post="Save", send=lambda scope: scope.get("document"))
GET = Exchange(get="Vendors")


class Store(dict[str, bytes]):
    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        self[name] = value


class Server:
    """Answers with what it was given, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def json(status: int, body: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def connect(
    server: Callable[[httpx.Request], httpx.Response], *, waits: list[float] | None = None, **changes: Any
) -> Http:
    own = {name: changes.pop(name) for name in ("read_only", "redactor") if name in changes}
    settings = changes.pop("settings", {})
    calls = changes.pop("calls", [])
    changes.setdefault("base", Fixed("https://erp.example/api/v2"))
    return Http(
        HttpKind(**changes),
        settings,
        name="erp",
        watch=calls.append,
        tokens=Store(),
        clock=lambda: NOW,
        sleep=(waits if waits is not None else []).append,
        random=lambda: 0.5,
        transport=httpx.MockTransport(server),
        **own,
    )


def test_a_read_is_tried_with_growing_waits_until_it_works() -> None:
    waits: list[float] = []
    server = Server(json(500), httpx.ReadTimeout("x"), httpx.ConnectError("x"), json(200, {"a": 1}))
    with connect(server, waits=waits) as http:
        assert http.read(GET, {}, step="list").body == {"a": 1}
    assert waits == [0.5, 1.0, 2.0]


def test_a_read_gives_up_after_its_tries_and_waits_no_longer_than_its_cap() -> None:
    waits: list[float] = []
    server = Server(json(429, {}, retry_after="99999999"))
    with (
        connect(server, waits=waits, retry=Retry(tries=3, cap=timedelta(seconds=5))) as http,
        pytest.raises(TransientError) as caught,
    ):
        http.read(GET, {}, step="list")
    assert (len(server.seen), waits, caught.value.after) == (3, [5, 5], 3600)


def test_a_refused_read_is_not_tried_again() -> None:
    server = Server(json(400, {"m": "Unknown column"}))
    with connect(server) as http, pytest.raises(Refused, match="Unknown column"):
        http.read(GET, {}, step="list")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout("x"), httpx.WriteError("x"), httpx.WriteTimeout("x"), httpx.RemoteProtocolError("x")]
)
def test_a_write_that_may_have_left_is_in_doubt_and_not_repeated(error: Exception) -> None:
    server = Server(error)
    with connect(server) as http, pytest.raises(InDoubt):
        http.write(POST, {}, step="save")
    assert len(server.seen) == 1


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")])
def test_a_write_that_never_left_is_transient_and_not_repeated(error: Exception) -> None:
    server = Server(error)
    with connect(server) as http, pytest.raises(TransientError):
        http.write(POST, {}, step="save")
    assert len(server.seen) == 1


def test_a_write_told_to_slow_down_is_sent_once_more() -> None:
    waits: list[float] = []
    server = Server(json(429, {}, retry_after="3"), json(200, {"ok": True}))
    with connect(server, waits=waits) as http:
        assert http.write(POST, {}, step="save").body == {"ok": True}
    assert waits == [3]


def test_a_write_does_not_wait_so_long_that_it_could_land_after_its_deadline() -> None:
    waits: list[float] = []
    server = Server(json(429, {}, retry_after="31"), json(200, {"ok": True}))
    with connect(server, waits=waits, deadline=timedelta(seconds=60)) as http, pytest.raises(TransientError) as caught:
        http.write(POST, {}, step="save")
    assert (waits, caught.value.after, len(server.seen)) == ([], 31, 1)


def test_a_step_without_effect_is_never_in_doubt() -> None:
    for ending in (httpx.ReadTimeout("x"), json(500), httpx.Response(200, content=b"<html>"), httpx.Response(200)):
        with connect(Server(ending)) as http, pytest.raises(TransientError):
            http.try_once(POST, {}, step="skeleton")
    with connect(Server(json(400, {"m": "no"}))) as http, pytest.raises(Refused):
        http.try_once(POST, {}, step="skeleton")


def test_a_dry_run_reads_but_sends_nothing_that_writes() -> None:
    server = Server(json(200, {}))
    with connect(server, read_only=True) as http:
        for call in (http.write, http.try_once):
            with pytest.raises(ReadOnly):
                call(POST, {}, step="save")
        assert not server.seen
        http.try_once(GET, {}, step="look")
        http.read(POST, {}, step="find")
    assert [r.method for r in server.seen] == ["GET", "POST"]


def test_absent_is_an_answer_where_a_rule_says_so() -> None:
    rule = ErrorRule(status=404, body=lambda body: "NotFound" in body["t"], means="absent")
    with connect(Server(json(404, {"t": "RecordNotFound"})), errors=(rule,)) as http:
        assert http.read(GET, {}, step="find").absent
        assert http.write(POST, {}, step="delete").absent
    with (
        connect(Server(httpx.Response(404, content=b"RecordNotFound")), errors=(rule,)) as http,
        pytest.raises(SetupError),
    ):
        http.read(GET, {}, step="find")


def test_settings_are_in_the_scope_and_values_encoded() -> None:
    server = Server(json(200, {}))
    with connect(server, settings={"group": "G1"}) as http:
        http.write(
            Exchange(post="Save", send=lambda scope: {"g": scope["need"]["group"], "d": scope["d"]}), {"d": 1}, step="s"
        )
        http.write(Exchange(post="Save", send=Fixed({"a": "1 2"}), encoding="form"), {}, step="s")
    assert [r.content for r in server.seen] == [b'{"g":"G1","d":1}', b"a=1+2"]
    assert server.seen[1].headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "path",
    [
        *("../admin", "a/../../b", "a/./b", "%2e%2e/x", "..%2fx", "%252e%252e/x"),
        *("a//b", "/a", "//evil.example/x", "a\\b", "a?b=1", "a#b", "a b", "a\nb", ""),
    ],
)  # fmt: skip
def test_a_path_that_leaves_its_place_is_refused(path: str) -> None:
    server = Server(json(200, {}))
    with connect(server) as http, pytest.raises(RecordError):
        http.write(Exchange(post=path), {}, step="save")
    assert not server.seen


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "http://erp.example/x",
        "https://erp.example:8443/x",
        "https://erp.example@evil.example/",
    ],
)
def test_nothing_goes_to_another_origin(address: str) -> None:
    server = Server(json(200, {}))
    with connect(server, also=(Fixed("https://evil.example/token"),)) as http:
        for call in (http.read, http.write, http.try_once):
            with pytest.raises(SetupError):
                call(Exchange(post=address), {}, step="x")
        with pytest.raises(SetupError):
            http.follow(address, step="x")
    assert not server.seen


def test_a_next_link_is_followed_on_the_same_origin_with_the_login() -> None:
    server = Server(json(200, {}))
    with connect(server, auth=ApiKey(header="x-api-key", value=Fixed(Secret("key-123456")))) as http:
        http.follow("https://erp.example:443/api/v2/Vendors?$skip=100", step="list")
        http.follow("Vendors?$skip=200", step="list")
    assert [str(r.url.raw_path.decode()) for r in server.seen] == [
        "/api/v2/Vendors?$skip=100",
        "/api/v2/Vendors?$skip=200",
    ]
    assert all(r.headers["x-api-key"] == "key-123456" for r in server.seen)


def test_a_refused_login_is_a_matter_of_settings_and_shows_no_secret() -> None:
    auth = Basic(username=Fixed("ann"), password=Fixed(Secret("s3cret-pass")))
    server = Server(json(401, {"m": "user ann with s3cret-pass unknown"}))
    with connect(server, auth=auth) as http, pytest.raises(SetupError) as caught:
        http.write(POST, {}, step="save")
    assert "s3cret-pass" not in str(caught.value)
    assert "***" in str(caught.value)
    assert len(server.seen) == 1
    assert server.seen[0].headers["authorization"] == "Basic YW5uOnMzY3JldC1wYXNz"


def test_a_secret_at_the_edge_of_a_long_message_is_masked_before_it_is_cut() -> None:
    server = Server(json(400, {"m": "x" * 480 + "s3cret-pass-that-is-long"}))
    settings = {"p": Secret("s3cret-pass-that-is-long")}
    with connect(server, settings=settings) as http, pytest.raises(Refused) as caught:
        http.write(POST, {}, step="save")
    assert "s3cret" not in str(caught.value)


def test_a_key_in_the_query_stays_out_of_messages() -> None:
    auth = ApiKey(query="api-key", value=Fixed(Secret("key-123456")))
    server = Server(httpx.ConnectError("no route to https://erp.example/api/v2/Vendors?api-key=key-123456"))
    with connect(server, auth=auth, retry=Retry(tries=1)) as http, pytest.raises(TransientError) as caught:
        http.read(GET, {}, step="list")
    assert server.seen[0].url.query == b"api-key=key-123456"
    assert "key-123456" not in str(caught.value)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\x00", " padded "])
def test_a_header_that_would_become_two_is_refused_without_being_quoted(value: str) -> None:
    with pytest.raises(SetupError, match="`x-key`") as caught:
        connect(Server(json(200)), headers={"x-key": Fixed(Secret(value))})
    assert value.strip() not in str(caught.value)


@pytest.mark.parametrize(
    "base",
    [
        *("erp.example/api", "ftp://erp.example/", "https://u:p@erp.example/", "https:///x", ""),
        *("https://erp.example/a?x=1", "https://erp.example/../x"),
    ],
)
def test_a_base_that_is_no_plain_address_is_refused(base: str) -> None:
    with pytest.raises(SetupError):
        connect(Server(json(200)), base=Fixed(base))


def test_the_libraries_do_not_log_addresses() -> None:
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    connect(Server(json(200))).close()
    assert logging.getLogger("httpx").level == logging.WARNING
    assert logging.getLogger("httpcore").level == logging.WARNING


def test_a_watch_is_told_what_was_sent_and_answered() -> None:
    calls: list[Call] = []
    with connect(Server(json(200, {"id": 7})), calls=calls) as http:
        http.write(POST, {"document": {"a": 1}}, step="save")
    assert (calls[0].request, calls[0].response, calls[0].outcome) == (b'{"a":1}', b'{"id":7}', "done")


def test_an_encoded_value_stays_one_part_of_the_path() -> None:
    server = Server(json(200, {}))
    with connect(server) as http:
        http.read(Exchange(get="Bills('a%2Fb.c%25')/Lines"), {}, step="list")
    assert server.seen[0].url.raw_path == b"/api/v2/Bills('a%2Fb.c%25')/Lines"
