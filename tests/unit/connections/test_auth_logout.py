"""Seats are few: what a login keeps open at the system ends with it, when another takes its place and when all is done."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from engine.connections.exchange import ErrorRule, Exchange, Fixed, Retry
from engine.connections.http import Http, HttpKind
from engine.connections.login_kinds import OAuth2, SessionLogin
from engine.connections.serves import Serves
from engine.errors import SetupError
from engine.redaction import Redactor

SITE = "https://erp.example"
GET = Exchange(get="Vendors")
LOGOUT = Exchange(post=f"{SITE}/logout")


class Store(dict[str, bytes]):
    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        self[name] = value


class Site:
    """Gives out tokens or cookies, each with a seat at its first use; a logout frees the seat of whoever asks."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.names = (f"login-{n:04}" for n in itertools.count(1))
        self.good: set[str] = set()
        self.seats: set[str] = set()
        self.most = 0
        self.logouts: list[str] = []
        self.refused = ""
        self.logout_status = 204
        self.versions: Any = {"versions": ["1.0", "2.0"]}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in {"/token", "/login"}:
            name = next(self.names)
            self.good.add(name)
            body = {"access_token": name, "expires_in": 3600, "token_type": "bearer"}
            cookie = {"set-cookie": f"session={name}; path=/"}
            return httpx.Response(200, json=body, headers=cookie if request.url.path == "/login" else {})
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        who = bearer or request.headers.get("cookie", "").removeprefix("session=")
        if request.url.path == "/logout":
            self.logouts.append(who)
            self.seats.discard(who)
            return httpx.Response(self.logout_status)
        if who not in self.good or who == self.refused:
            return httpx.Response(401, json={})
        self.seats.add(who)
        self.most = max(self.most, len(self.seats))
        if request.url.path == "/versions":
            return httpx.Response(200, json=self.versions)
        return httpx.Response(404 if "nowhere" in request.url.path else 200, json={"message": "no such thing"})

    def connect(self, auth: Any, **changes: Any) -> Http:
        kind = HttpKind(base=Fixed(f"{SITE}/api/"), auth=auth, retry=Retry(tries=2), **changes)
        return Http(
            kind, {"version": "3.0"}, name="erp", watch=lambda _call: None, tokens=self.store, clock=lambda: self.now,
            sleep=lambda _seconds: None, random=lambda: 0.5, transport=httpx.MockTransport(self), redactor=Redactor(),
        )  # fmt: skip

    @property
    def store(self) -> Store:
        self.__dict__.setdefault("kept", Store())
        kept: Store = self.__dict__["kept"]
        return kept


def token() -> OAuth2:
    return OAuth2(grant="client_credentials", token_url=Fixed(f"{SITE}/token"), client_id=Fixed("app"), logout=LOGOUT)


def cookie() -> SessionLogin:
    return SessionLogin(login=Exchange(post=f"{SITE}/login"), lives=timedelta(minutes=57), logout=LOGOUT)


@pytest.mark.parametrize("login", [token, cookie])
def test_the_seat_is_free_when_the_connection_closes(login: Any) -> None:
    site = Site()
    with site.connect(login()) as http:
        http.read(GET, {}, step="list")
        assert site.seats
    assert (site.seats, len(site.logouts)) == (set(), 1)


@pytest.mark.parametrize("login", [token, cookie])
def test_a_login_that_ends_gives_its_seat_back_before_the_next_takes_one(login: Any) -> None:
    site = Site()
    with site.connect(login()) as http:
        for _ in range(3):
            http.read(GET, {}, step="list")
            site.now += timedelta(minutes=58)
    assert (site.seats, site.most, len(site.logouts)) == (set(), 1, 3)


@pytest.mark.parametrize("login", [token, cookie])
def test_a_login_that_was_refused_gives_its_seat_back_too(login: Any) -> None:
    site = Site()
    with site.connect(login()) as http:
        http.read(GET, {}, step="list")
        site.refused = next(iter(site.seats))
        http.read(GET, {}, step="list")
    assert (site.seats, site.most) == (set(), 1)


@pytest.mark.parametrize("login", [token, cookie])
def test_a_logout_that_fails_disturbs_nobody(login: Any) -> None:
    site = Site()
    site.logout_status = 500
    with site.connect(login()) as http:
        http.read(GET, {}, step="list")
    assert len(site.logouts) == 1


def test_a_token_nobody_used_is_not_logged_out_and_one_kept_is_used_again() -> None:
    site = Site()
    with site.connect(token()):
        pass
    assert site.logouts == []
    for _ in range(2):
        with site.connect(token()) as http:
            http.read(GET, {}, step="list")
    assert site.logouts == ["login-0001", "login-0001"]


SERVES = Serves(
    get=f"{SITE}/versions",
    that=lambda scope: scope["need"]["version"] in scope["versions"],
    say=lambda scope: f"{scope['need']['version']} is not there; it has {', '.join(scope['versions'])}",
)
ABSENT = (ErrorRule(status=404, means="setup", message=lambda body: body.get("message")),)


def test_an_address_that_is_not_there_leads_to_what_is() -> None:
    site = Site()
    with site.connect(token(), serves=SERVES, errors=ABSENT) as http:
        assert http.unserved() == "3.0 is not there; it has 1.0, 2.0"
        with pytest.raises(SetupError, match=r"no such thing \(HTTP 404\): 3.0 is not there; it has 1.0, 2.0"):
            http.read(Exchange(get="nowhere"), {}, step="list")
        site.versions = {"versions": ["3.0"]}
        assert http.unserved() == ""
        with pytest.raises(SetupError, match=r"no such thing \(HTTP 404\)$"):
            http.read(Exchange(get="nowhere"), {}, step="list")


def test_a_list_of_versions_that_is_not_there_itself_adds_nothing() -> None:
    site = Site()
    lost = Serves(get="nowhere", that=lambda _scope: True, say=lambda _scope: "never")
    told = pytest.raises(SetupError, match=r"no such thing \(HTTP 404\)$")
    with site.connect(token(), serves=lost, errors=ABSENT) as http, told:
        http.read(Exchange(get="nowhere"), {}, step="list")
    with site.connect(token()) as http:
        assert http.unserved() == ""


def test_what_people_read_can_be_missing_and_is_still_a_sentence() -> None:
    site = Site()
    mute = Serves(get=f"{SITE}/versions", that=lambda _scope: None, say=lambda _scope: None)
    with site.connect(token(), serves=mute) as http:
        assert http.unserved() == "it has not what the settings name"
