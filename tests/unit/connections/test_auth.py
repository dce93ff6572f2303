"""Logging in: tokens are stored before use, renewed once for all threads, and never leave their origin or show in errors."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from engine.connections.exchange import Exchange, Fixed, Retry
from engine.connections.http import Http, HttpKind
from engine.connections.login_kinds import OAuth2
from engine.contracts import Call
from engine.errors import SetupError, TransientError
from engine.redaction import Redactor, Secret

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
TOKEN_URL = "https://login.example/connect/token"
GET = Exchange(get="Vendors")
POST = Exchange(post="Save", send=Fixed({}))


class Store(dict[str, bytes]):
    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        self[name] = value


class World:
    """An API that takes one token at a time, and the place that hands tokens out."""

    def __init__(self) -> None:
        self.now = START
        self.store = Store()
        self.calls: list[Call] = []
        self.forms: list[dict[str, str]] = []
        self.api: list[httpx.Request] = []
        self.logins: list[httpx.Request] = []
        self.accepted = ""
        self.refresh = ""
        self.expires_in: Any = 3600
        self.lock = threading.Lock()
        self.token_answer: Callable[[httpx.Request], httpx.Response] = self.issue

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "login.example":
            assert "x-api-key" not in request.headers, "our own headers must not reach another origin"
            with self.lock:
                self.logins.append(request)
                self.forms.append({k: v[0] for k, v in parse_qs(request.content.decode()).items()})
                return self.token_answer(request)
        with self.lock:
            self.api.append(request)
        good = request.headers.get("authorization") == f"Bearer {self.accepted}"
        return httpx.Response(200, json={"ok": 1}) if good else httpx.Response(401, json={"m": "who are you"})

    def issue(self, request: httpx.Request) -> httpx.Response:
        time.sleep(0.02)
        self.accepted = f"token-{len(self.forms):06}"
        body = {"access_token": self.accepted, "token_type": "Bearer", "expires_in": self.expires_in}
        return httpx.Response(200, json=body | ({"refresh_token": self.refresh} if self.refresh else {}))

    def connect(self, auth: Any, transport: httpx.BaseTransport | None = None, **changes: Any) -> Http:
        kind = HttpKind(
            base=Fixed("https://erp.example/api/"), also=(Fixed(TOKEN_URL), Fixed(None)), auth=auth,
            headers={"x-api-key": Fixed(Secret("key-123456"))}, retry=Retry(tries=2), **changes,
        )  # fmt: skip
        return Http(
            kind, {"secret": Secret("client-secret")}, name="erp", watch=self.calls.append, tokens=self.store,
            clock=lambda: self.now, sleep=lambda seconds: None, random=lambda: 0.5,
            transport=transport or httpx.MockTransport(self), redactor=Redactor(),
        )  # fmt: skip


def oauth(**changes: Any) -> OAuth2:
    given = {
        "grant": "client_credentials",
        "token_url": Fixed(TOKEN_URL),
        "client_id": Fixed("app"),
        "client_secret": lambda scope: scope["need"]["secret"],
        "scope": Fixed("erp api"),
    }
    return OAuth2(**(given | changes))


def test_a_token_is_asked_for_once_and_survives_in_the_store() -> None:
    world = World()
    for _ in range(2):
        with world.connect(oauth()) as http:
            http.read(GET, {}, step="list")
            http.write(POST, {}, step="save")
    assert world.forms == [
        {"grant_type": "client_credentials", "scope": "erp api", "client_id": "app", "client_secret": "client-secret"}
    ]
    assert [(c.step, c.outcome) for c in world.calls[:2]] == [("token", "done"), ("list", "done")]


def test_a_stored_token_of_other_settings_is_not_used() -> None:
    world = World()
    for scope in ("one", "two"):
        with world.connect(oauth(scope=Fixed(scope))) as http:
            http.read(GET, {}, step="list")
    assert [form["scope"] for form in world.forms] == ["one", "two"]


def test_the_client_may_log_in_with_basic() -> None:
    world = World()
    with world.connect(oauth(send="basic")) as http:
        http.read(GET, {}, step="list")
    assert "client_secret" not in world.forms[0]
    pair = world.logins[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(pair) == b"app:client-secret"


def test_a_token_is_renewed_before_it_ends() -> None:
    world = World()
    with world.connect(oauth()) as http:
        http.read(GET, {}, step="list")
        world.now += timedelta(minutes=54)
        http.read(GET, {}, step="list")
        assert len(world.forms) == 1
        world.now += timedelta(minutes=2)
        http.read(GET, {}, step="list")
    assert len(world.forms) == 2


@pytest.mark.parametrize("call", ["read", "write", "try_once"])
def test_a_refused_token_is_renewed_once_and_the_call_sent_again(call: str) -> None:
    world = World()
    with world.connect(oauth()) as http:
        http.read(GET, {}, step="list")
        world.accepted = "another"
        assert getattr(http, call)(POST, {}, step="x").body == {"ok": 1}
    assert (len(world.forms), len(world.api)) == (2, 3)


def test_a_token_refused_twice_is_a_matter_of_settings() -> None:
    world = World()
    with world.connect(oauth()) as http:
        http.read(GET, {}, step="list")
        world.token_answer = lambda r: httpx.Response(200, json={"access_token": "useless-token", "expires_in": 60})
        world.accepted = "another"
        with pytest.raises(SetupError, match="login was refused"):
            http.write(POST, {}, step="save")
    assert len(world.api) == 3


def test_threads_refused_together_renew_once() -> None:
    world = World()
    with world.connect(oauth(), at_once=8) as http:
        http.read(GET, {}, step="list")
        world.accepted = "another"
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: http.write(POST, {}, step="save"), range(8)))
    assert len(world.forms) == 2


def test_another_process_fresh_token_is_taken_from_the_store() -> None:
    world = World()
    with world.connect(oauth()) as one, world.connect(oauth()) as two:
        one.read(GET, {}, step="list")
        two.read(GET, {}, step="list")
        world.accepted = "another"
        one.read(GET, {}, step="list")
        two.read(GET, {}, step="list")
    assert len(world.forms) == 2


def test_a_rotated_refresh_token_is_stored_before_anything_uses_it() -> None:
    world = World()
    world.refresh = "refresh-000002"
    auth = oauth(grant="refresh_token", refresh_token=Fixed(Secret("refresh-000001")))

    def break_down(request: httpx.Request) -> httpx.Response:
        if request.url.host == "login.example":
            return world(request)
        raise httpx.ReadTimeout("the process dies here")

    with world.connect(auth, transport=httpx.MockTransport(break_down)) as http, pytest.raises(TransientError):
        http.read(GET, {}, step="list")
    assert b"refresh-000002" in world.store["erp/oauth2"]
    world.now += timedelta(hours=2)
    with world.connect(auth) as http:
        http.read(GET, {}, step="list")
    assert [form["refresh_token"] for form in world.forms] == ["refresh-000001", "refresh-000002"]


def test_a_refresh_token_that_died_falls_back_to_the_one_in_the_settings() -> None:
    world = World()
    world.refresh = "refresh-stored"
    with world.connect(oauth(grant="refresh_token", refresh_token=Fixed("refresh-old-one"))) as http:
        http.read(GET, {}, step="list")
    world.now += timedelta(hours=2)

    def only_new(request: httpx.Request) -> httpx.Response:
        if world.forms[-1]["refresh_token"] == "refresh-given":
            return world.issue(request)
        return httpx.Response(400, json={"error": "invalid_grant"})

    world.token_answer = only_new
    with world.connect(oauth(grant="refresh_token", refresh_token=Fixed("refresh-given"))) as http:
        http.read(GET, {}, step="list")
    assert [form["refresh_token"] for form in world.forms[1:]] == ["refresh-stored", "refresh-given"]


def test_a_password_grant_refreshes_and_falls_back_to_the_password() -> None:
    world = World()
    world.refresh = "refresh-000001"
    with world.connect(oauth(grant="password", username=Fixed("ann"), password=Fixed(Secret("pass-word")))) as http:
        http.read(GET, {}, step="list")
        world.now += timedelta(hours=1)
        http.read(GET, {}, step="list")
        world.now += timedelta(hours=1)
        world.token_answer = lambda r: (
            world.issue(r)
            if world.forms[-1]["grant_type"] == "password"
            else httpx.Response(400, json={"error": "invalid_grant"})
        )
        http.read(GET, {}, step="list")
    assert [form["grant_type"] for form in world.forms] == ["password", "refresh_token", "refresh_token", "password"]


def test_a_refusing_token_address_is_a_matter_of_settings_and_shows_no_secret() -> None:
    world = World()
    said = {"error": "invalid_client", "error_description": "client-secret does not match"}
    world.token_answer = lambda r: httpx.Response(401, json=said)
    with world.connect(oauth()) as http, pytest.raises(SetupError, match="invalid_client") as caught:
        http.write(POST, {}, step="save")
    assert "client-secret" not in str(caught.value)
    assert not world.api


@pytest.mark.parametrize(
    "answer", [httpx.Response(503), httpx.Response(200, content=b"<html>"), httpx.Response(200, json={"token": "x"})]
)
def test_a_token_address_that_is_unwell_means_later(answer: httpx.Response) -> None:
    world = World()
    world.token_answer = lambda r: answer
    with world.connect(oauth()) as http:
        with pytest.raises(TransientError):
            http.write(POST, {}, step="save")
        with pytest.raises(TransientError):
            http.read(GET, {}, step="list")
    assert not world.api


def test_a_token_address_outside_the_declared_ones_is_refused() -> None:
    world = World()
    with world.connect(oauth(token_url=Fixed("https://evil.example/token"))) as http, pytest.raises(SetupError):
        http.read(GET, {}, step="list")
    assert not world.forms


def test_a_read_refused_twice_asks_for_one_new_token_only() -> None:
    world = World()
    with world.connect(oauth()) as http:
        http.read(GET, {}, step="list")
        world.token_answer = lambda r: httpx.Response(200, json={"access_token": "useless-token", "expires_in": 60})
        world.accepted = "another"
        with pytest.raises(SetupError, match="login was refused"):
            http.read(GET, {}, step="list")
    assert (len(world.forms), len(world.api)) == (2, 3)
