"""A process that dies between a fresh token and its use: the next one gets in, whichever of the two was kept."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx
import pytest

from engine.connections.exchange import Exchange, Fixed, Retry
from engine.connections.http import Http, HttpKind
from engine.connections.login_kinds import OAuth2
from engine.redaction import Redactor, Secret
from engine.state.vault import open_vault

from .stage import START, Killed
from .test_crash_points import either  # noqa: F401 - a fixture by its name

GET = Exchange(get="Vendors")
FIRST = "refresh-000001"


class Partner:
    """An API and its login; `rotates`: a refresh token works once, and each answer brings the next."""

    def __init__(self, *, rotates):
        self.rotates, self.refresh, self.access = rotates, FIRST, "none"
        self.asked, self.dies = [], lambda: None

    def __call__(self, request):
        if request.url.host != "login.example":
            self.dies()
            good = request.headers["authorization"] == f"Bearer {self.access}"
            return httpx.Response(200 if good else 401, json={"ok": 1})
        given = parse_qs(request.content.decode())["refresh_token"][0]
        self.asked.append(given)
        if given != self.refresh:
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.access = f"access-{len(self.asked):06}"
        more = {}
        if self.rotates:
            self.refresh = f"refresh-{len(self.asked) + 1:06}"
            more = {"refresh_token": self.refresh}
        return httpx.Response(200, json={"access_token": self.access, "expires_in": 3600, **more})


class Forgetful:
    """A process that dies with the answer in hand, before it has kept anything of it."""

    def get(self, name):
        return None

    def put(self, name, value, expires):
        raise Killed


def process(partner, tokens):
    """What one process has: its own connection, and the tokens all share."""
    auth = OAuth2(
        grant="refresh_token",
        token_url=Fixed("https://login.example/token"),
        client_id=Fixed("app"),
        refresh_token=Fixed(Secret(FIRST)),
    )
    kind = HttpKind(
        base=Fixed("https://erp.example/api/"),
        also=(Fixed("https://login.example/token"),),
        auth=auth,
        retry=Retry(tries=1),
    )
    return Http(
        kind, {}, name="erp", watch=lambda _call: None, tokens=tokens, clock=lambda: START, sleep=lambda _seconds: None,
        random=lambda: 0.5, transport=httpx.MockTransport(partner), redactor=Redactor(),
    )  # fmt: skip


@pytest.fixture
def tokens(either):  # noqa: F811
    """Where tokens are kept, sealed, in either database."""
    house = either.house
    house.clear()
    return open_vault(
        house.database, "default", house.place, environment={}, redactor=Redactor(), clock=lambda: START
    ).tokens


def test_row_27_a_token_refreshed_and_not_stored_is_refreshed_again(tokens):
    partner = Partner(rotates=False)
    with pytest.raises(Killed), process(partner, Forgetful()) as http:
        http.read(GET, {}, step="list")
    assert tokens.get("erp/oauth2") is None
    with process(partner, tokens) as http:
        assert http.read(GET, {}, step="list").body == {"ok": 1}
    assert partner.asked == [FIRST, FIRST]


def test_row_27_a_refresh_token_that_rotates_is_stored_before_it_is_used(tokens):
    """The old one is dead: had the new one not been kept before the first call, nobody could log in again."""
    partner = Partner(rotates=True)

    def dies():
        raise Killed

    partner.dies = dies
    with pytest.raises(Killed), process(partner, tokens) as http:
        http.read(GET, {}, step="list")
    assert partner.refresh.encode() in tokens.get("erp/oauth2")
    partner.dies = lambda: None
    partner.access = "ended meanwhile"
    with process(partner, tokens) as http:
        assert http.read(GET, {}, step="list").body == {"ok": 1}
    assert partner.asked == [FIRST, "refresh-000002"]
