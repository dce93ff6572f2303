"""Logging in by a call of the system's own: kept, shared by threads, renewed when refused, ended where it can be."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from engine.connections.exchange import ErrorRule, Exchange, Fixed, Retry
from engine.connections.http import Http, HttpKind
from engine.connections.login_kinds import SessionLogin
from engine.contracts import Call
from engine.errors import SetupError, TransientError
from engine.redaction import Redactor, Secret

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
GET = Exchange(get="Vendors")
POST = Exchange(post="Save", send=Fixed({}))


class Store(dict[str, bytes]):
    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        self[name] = value


def session(**changes: Any) -> SessionLogin:
    given: dict[str, Any] = {
        "login": Exchange(post="https://erp.example/Token", headers={"password": lambda s: s["need"]["secret"]}),
        "keep": {"token": lambda body: body.get("AccessToken")},
        "lives": timedelta(minutes=55),
        "send": {"Authorization": lambda scope: f"Bearer {scope['token']}"},
    }
    return SessionLogin(**(given | changes))


class Site:
    """A system with a login call of its own, on the same origin."""

    def __init__(self) -> None:
        self.now = START
        self.store = Store()
        self.calls: list[Call] = []
        self.api: list[httpx.Request] = []
        self.accepted = ""
        self.lock = threading.Lock()
        self.logins = 0
        self.logouts: list[httpx.Request] = []
        self.login_answer = httpx.Response(200)
        self.status = 401

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/Token":
            assert request.headers["password"] == "client-secret"
            assert "authorization" not in request.headers
            with self.lock:
                self.logins += 1
                if self.login_answer.status_code != 200:
                    return self.login_answer
                self.accepted = f"session-{self.logins:04}"
            cookie = {"Set-Cookie": f"SessionId={self.accepted}; Path=/"}
            return httpx.Response(200, json={"AccessToken": self.accepted}, headers=cookie)
        if request.url.path == "/Logout":
            self.logouts.append(request)
            return httpx.Response(204)
        with self.lock:
            self.api.append(request)
        good = request.headers.get("authorization") == f"Bearer {self.accepted}"
        return httpx.Response(200, json={"ok": 1}) if good else httpx.Response(self.status, json={"m": "expired"})

    def connect(self, auth: SessionLogin, **changes: Any) -> Http:
        kind = HttpKind(
            base=Fixed("https://erp.example/api/"),
            auth=auth,
            headers={"x-api-key": Fixed(Secret("key-123456"))},
            retry=Retry(tries=2),
            **changes,
        )
        return Http(
            kind, {"secret": Secret("client-secret")}, name="erp", watch=self.calls.append, tokens=self.store,
            clock=lambda: self.now, sleep=lambda seconds: None, random=lambda: 0.5,
            transport=httpx.MockTransport(self), redactor=Redactor(),
        )  # fmt: skip


def test_a_session_is_used_until_its_time_is_up_and_by_the_next_run() -> None:
    site = Site()
    for minutes in (0, 54, 2):
        site.now += timedelta(minutes=minutes)
        with site.connect(session()) as http:
            http.read(GET, {}, step="list")
    assert site.logins == 2
    assert site.calls[0].step == "login"
    assert all("x-api-key" in request.headers for request in site.api)


def test_an_ended_session_is_renewed_once_by_whatever_status_the_rules_name() -> None:
    site = Site()
    site.status = 410
    rules = (ErrorRule(status=410, means="reauthenticate"),)
    with site.connect(session(), errors=rules) as http:
        http.read(GET, {}, step="list")
        site.accepted = "another"
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda n: http.write(POST, {}, step="save"), range(4)))
    assert site.logins == 2


def test_a_session_with_a_logout_ends_with_the_connection_and_is_not_stored() -> None:
    site = Site()
    with site.connect(session(logout=Exchange(post="https://erp.example/Logout"))) as http:
        http.read(GET, {}, step="list")
    assert not site.store
    assert site.logouts[0].headers["authorization"] == "Bearer session-0001"
    assert site.logouts[0].headers["cookie"] == "SessionId=session-0001"
    assert site.logouts[0].headers["content-length"] == "0"


def test_a_connection_never_used_neither_logs_in_nor_out() -> None:
    site = Site()
    site.connect(session(logout=Exchange(post="https://erp.example/Logout"))).close()
    assert (site.logins, site.logouts) == (0, [])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, json={"m": "client-secret is wrong"}), SetupError),
        (httpx.Response(400, json={"m": "no such user"}), SetupError),
        (httpx.Response(500), TransientError),
        (httpx.Response(429), TransientError),
    ],
)
def test_a_failed_login_says_whether_to_come_back(answer: httpx.Response, error: type[Exception]) -> None:
    site = Site()
    site.login_answer = answer
    with site.connect(session()) as http, pytest.raises(error) as caught:
        http.write(POST, {}, step="save")
    assert "client-secret" not in str(caught.value)
    assert not site.api


def test_a_login_without_the_value_to_keep_is_a_matter_of_settings() -> None:
    site = Site()
    with (
        site.connect(session(keep={"token": lambda body: body.get("Token")})) as http,
        pytest.raises(SetupError, match="`token`"),
    ):
        http.read(GET, {}, step="list")
