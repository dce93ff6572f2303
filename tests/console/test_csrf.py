"""No other site changes anything in somebody's name."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from .office import PASSWORD

FLOW = "epicor-kinetic--stampli/invoices"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def sent(office, operator):
    """Sends the form that starts a flow, as a browser would from somewhere; tells whether a start is waiting then."""

    def send(*, token=True, body=None, **headers):
        operator.get("/")
        found = re.search(r'name="csrf_token" value="([^"]+)"', operator.text)[1]
        form = {"flow": FLOW} | ({"csrf_token": found if token is True else token} if token else {})
        before = len(office.parts.firings.listed())
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = operator.client.post(
            "/flows/run", content=body if body is not None else urlencode(form), headers=FORM | named
        )
        return answer.status_code, len(office.parts.firings.listed()) > before

    return send


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "HOST", "Sec_Fetch_Site": "cross-site"},
    ],
)
def test_a_form_from_elsewhere_changes_nothing_even_with_the_right_token(office, sent, headers):
    given = {name: office.base if value == "HOST" else value for name, value in headers.items()}
    assert sent(**given) == (403, False)


@pytest.mark.parametrize("token", ["", "x", "A" * 43])
def test_without_the_sessions_token_nothing_changes_even_from_here(office, sent, token):
    assert sent(token=token, Origin=office.base, Sec_Fetch_Site="same-origin") == (403, False)


def test_the_token_of_somebody_elses_session_does_not_do(office, sent):
    other = office.visit("ada")
    other.get("/people")
    foreign = re.search(r'name="csrf_token" value="([^"]+)"', other.text)[1]
    assert sent(token=foreign, Origin=office.base) == (403, False)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"Content_Type": "application/json"}, 415),
        (b"--x", {"Content_Type": "multipart/form-data; boundary=x"}, 415),
        (b"flow=%ff%fe\xff", {}, 400),
        (b"&".join(b"a=1" for _ in range(6000)), {}, 400),
        (b"a=" + b"x" * (1 << 20), {}, 413),
    ],
)
def test_what_is_no_form_of_ours_is_refused(office, sent, body, headers, status):
    assert sent(body=body, Origin=office.base, **headers) == (status, False)


def test_a_browser_that_tells_only_its_origin_is_served(office, sent):
    assert sent(Origin=office.base) == (200, True)


def test_nobody_is_logged_in_by_another_sites_form(office):
    visitor = office.visit()
    visitor.get("/login")
    answer = visitor.post("/login", same_origin=False, name="vic", password=PASSWORD)
    assert (answer.status_code, "mlc" in visitor.client.cookies) == (403, False)


def test_nobody_is_logged_out_by_another_sites_form(office):
    visitor = office.visit("vic")
    assert visitor.post("/logout", same_origin=False).status_code == 403
    assert visitor.get("/help").url.path == "/help"


def test_behind_tls_the_public_address_is_the_origin(make_office):
    office = make_office(filled=False, address="https://books.example")
    visitor = office.visit()
    visitor.client.follow_redirects = False
    visitor.get("/login")
    assert visitor.post("/login", name="vic", password=PASSWORD).status_code == 403, "the inner address is not it"
    visitor.base = "https://books.example"
    assert visitor.post("/login", name="vic", password=PASSWORD).status_code == 303


def test_words_at_the_top_of_a_page_can_not_be_put_there_by_a_cookie(office):
    visitor = office.visit("vic")
    visitor.client.cookies.set("mlc_said", "UGF5IG1lIDEwMA==.0000")
    assert "Pay me" not in visitor.get("/help").text
