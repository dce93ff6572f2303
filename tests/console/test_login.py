"""Coming in and going out: only with the right password, not for ever, and nobody learns who there is."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from engine.errors import UsageError
from engine.service.console.exposure import check_exposure
from engine.service.console.login import WRONG
from engine.service.console.passwords import fits
from engine.service.console.throttle import Throttle
from engine.state import people, tables_service
from engine.state.people import find

from .office import PASSWORD


def cookie(visitor, name="mlc"):
    """The Set-Cookie header of the login, wherever a redirect has led since."""
    answers = [*visitor.page.history, visitor.page]
    return next(c for a in answers for c in a.headers.get_list("set-cookie") if c.startswith(f"{name}="))


def test_nothing_is_shown_before_the_login_and_the_way_back_is_kept(office):
    stranger = office.visit()
    stranger.get("/people?x=1")
    assert (stranger.page.url.path, stranger.page.status_code) == ("/login", 200)
    assert "ada" not in stranger.seen

    stranger.post(str(stranger.page.url.raw_path, "ascii"), name="ada", password=PASSWORD)
    assert (stranger.page.url.path, stranger.page.url.query) == ("/people", b"x=1")


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/%0d%0aX: 1", "javascript:1"]
)
def test_the_login_leads_to_no_other_site(office, to):
    visitor = office.visit()
    visitor.client.follow_redirects = False
    visitor.post(f"/login?next={to}", name="vic", password=PASSWORD)
    assert visitor.page.status_code == 303
    assert visitor.page.headers["location"] in {"/", "/%0d%0aX:%201"}


def test_the_session_is_a_cookie_no_script_and_no_other_site_gets_and_stored_as_a_hash_only(office):
    visitor = office.visit()
    visitor.login("vic")
    given = cookie(visitor)
    token = re.match(r"mlc=([^;]+)", given)[1]
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in given.split(";")}
    assert len(token) >= 43, "256 bits"
    with office.workspace.database.look() as connection:
        rows = connection.execute(select(tables_service.login)).all()
    assert rows
    assert not any(token in str(value) for row in rows for value in row)


def test_with_https_the_cookie_is_secure_and_bound_to_its_host(make_office):
    office = make_office(filled=False, address="https://books.example")
    visitor = office.visit()
    visitor.client.follow_redirects = False
    visitor.base = "https://books.example"
    visitor.get("/login")
    visitor.post("/login", name="ada", password=PASSWORD)
    given = cookie(visitor, "__Host-mlc").lower()
    assert "secure" in given
    assert "domain" not in given
    assert "max-age=31536000" in visitor.page.headers["strict-transport-security"]


def test_every_login_has_a_new_token_and_the_one_before_ends(office):
    visitor = office.visit("vic")
    first = visitor.client.cookies["mlc"]
    visitor.post("/login", name="vic", password=PASSWORD)
    second = visitor.client.cookies["mlc"]
    assert first != second
    visitor.client.cookies.clear()
    visitor.client.cookies.set("mlc", first, domain="127.0.0.1")
    visitor.get("/help")
    assert visitor.page.url.path == "/login"


def test_a_token_somebody_planted_before_the_login_is_worth_nothing(office):
    visitor = office.visit()
    visitor.client.cookies.set("mlc", "planted")
    visitor.login("vic")
    given = re.match(r"mlc=([^;]+)", cookie(visitor))[1]
    assert given != "planted"


def test_logging_out_ends_it_on_the_server_too(office):
    visitor = office.visit("olga")
    token = visitor.client.cookies["mlc"]
    visitor.post("/logout")
    assert visitor.page.url.path == "/login"
    visitor.client.cookies.set("mlc", token, domain="127.0.0.1")
    assert visitor.get("/help").url.path == "/login"


def test_it_ends_after_half_an_hour_of_nothing_but_not_while_it_is_used(make_office):
    office = make_office(filled=False)
    visitor = office.visit("vic")
    for _ in range(3):
        office.world.clock.forward(minutes=29)
        assert visitor.get("/help").url.path == "/help"
    office.world.clock.forward(minutes=31)
    assert visitor.get("/help").url.path == "/login"


def test_a_page_that_asks_by_itself_keeps_nobody_in(make_office):
    office = make_office(filled=False)
    visitor = office.visit("vic")
    for _ in range(4):
        office.world.clock.forward(minutes=8)
        visitor.get("/overview/live")
    assert visitor.get("/help").url.path == "/login"


def test_after_twelve_hours_it_ends_however_much_it_was_used(make_office):
    office = make_office(filled=False)
    visitor = office.visit("vic")
    for _ in range(28):
        office.world.clock.forward(minutes=25)
        visitor.get("/help")
    assert visitor.page.url.path == "/help", "11 hours 40"
    office.world.clock.forward(minutes=25)
    assert visitor.get("/help").url.path == "/login"


def test_five_wrong_passwords_lock_the_name_even_for_the_right_one_and_a_quarter_of_an_hour_later_it_opens(make_office):
    office = make_office(filled=False)
    visitor = office.visit()
    visitor.get("/login")
    for _ in range(5):
        visitor.post("/login", name="vic", password="wrong wrong wrong")
        assert (visitor.page.status_code, WRONG in visitor.seen) == (401, True)
    visitor.post("/login", name="vic", password=PASSWORD)
    assert visitor.page.status_code == 401
    assert office.slept[4] > office.slept[0] + 2, "each answer takes longer than the one before"

    office.world.clock.forward(minutes=16)
    visitor.login("vic")
    assert "Log out" in visitor.seen
    assert any(e.event == "user locked" and e.actor == "vic" for e in office.workspace.trail.entries())


def test_somebody_who_is_not_there_gets_the_same_answers_after_the_same_time(make_office):
    """The same words; a hash is computed in every case; and the pause, counted from the beginning, knows no names."""
    office = make_office(filled=False)
    answers, pauses = [], []
    for name in ("vic", "nobody"):
        visitor = office.visit()
        visitor.get("/login")
        answers.append([visitor.post("/login", name=name, password="wrong wrong wrong").text for _ in range(6)])
        office.world.clock.forward(hours=1)  # what this address did is forgotten
        throttle = Throttle(office.world.clock)
        pauses.append([throttle.count(name, "10.0.0.9")[0] for _ in range(6)])
    assert answers[0] == answers[1]
    assert pauses[0] == pauses[1] == [0.5, 1, 2, 4, 8, 8]
    assert len(office.slept) == 12
    assert not fits("", "wrong wrong wrong")


def test_an_address_that_tries_name_after_name_is_stopped_too(make_office):
    office = make_office(filled=False)
    throttle = office.entrance.throttle
    seen = [throttle.count(f"name-{n}", "10.0.0.9") for n in range(60)]
    assert seen[0] == (0.5, False)
    assert seen[20][0] == 8.0, "slow for the address, whatever the name"
    assert [too_many for _, too_many in seen].index(True) == 50
    office.world.clock.forward(minutes=16)
    assert throttle.count("name-1", "10.0.0.9") == (0.5, False)


def test_behind_the_proxy_every_visitor_has_an_address_of_their_own_and_can_not_choose_it(make_office):
    office = make_office(filled=False, address="https://books.example")
    visitor = office.visit()
    visitor.base = "https://books.example"
    visitor.client.headers["X-Forwarded-For"] = "1.2.3.4, 203.0.113.9"
    visitor.login("vic")
    line = next(e for e in office.workspace.trail.entries() if e.event == "user logged in")
    assert line.detail["from"] == "203.0.113.9", "what the proxy itself has seen, not what the browser says"


def test_without_a_proxy_nobody_chooses_their_address(make_office):
    office = make_office(filled=False)
    visitor = office.visit()
    visitor.client.headers["X-Forwarded-For"] = "203.0.113.9"
    visitor.login("vic")
    line = next(e for e in office.workspace.trail.entries() if e.event == "user logged in")
    assert line.detail["from"] == "127.0.0.1"


@pytest.mark.parametrize("change", ["password", "role", "lock", "end", "remove"])
def test_whatever_a_login_stood_on_ends_it_when_it_changes(make_office, change):
    office = make_office(filled=False)
    desk = office.workspace.desk
    visitor = office.visit("olga")
    {
        "password": lambda: people.set_password(desk, "olga", find_hash(desk)),
        "role": lambda: people.set_role(desk, "olga", "viewer"),
        "lock": lambda: people.lock(desk, "olga", desk.clock() + timedelta(days=1)),
        "end": lambda: people.end_sessions(desk, "olga"),
        "remove": lambda: people.remove(desk, "olga"),
    }[change]()
    assert visitor.get("/help").url.path == "/login"


def find_hash(desk):
    with desk.database.look() as connection:
        return connection.execute(select(tables_service.person.c.password)).scalars().first()


def test_a_hash_of_weaker_parameters_is_made_anew_at_the_next_login(make_office):
    from argon2 import PasswordHasher

    office = make_office(filled=False)
    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    people.set_password(office.workspace.desk, "vic", weak)
    office.visit().login("vic")
    with office.workspace.database.look() as connection:
        asked = select(tables_service.person.c.password).where(tables_service.person.c.name == "vic")
        stored = connection.execute(asked).scalar_one()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    visitor = office.visit()
    visitor.login("vic")
    assert "Log out" in visitor.seen


def test_without_anybody_every_page_says_how_to_make_somebody_and_nothing_else(make_office):
    office = make_office(filled=False, with_people=False)
    visitor = office.visit()
    for path in ("/", "/login", "/people", "/help"):
        visitor.get(path)
        assert visitor.page.status_code == 503
        assert "mlconnector users add NAME --role admin" in visitor.seen
        assert "<form" not in visitor.text


def test_a_login_is_told_in_the_trail_with_the_name_and_never_the_password(office):
    office.visit().login("vic")
    line = next(e for e in reversed(office.workspace.trail.entries()) if e.event == "user logged in")
    assert (line.actor, line.detail["from"]) == ("vic", "127.0.0.1")
    assert PASSWORD not in str(office.workspace.trail.entries())
    assert find(office.workspace.desk, "vic").failures == 0


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", ""), ("::1", ""), ("localhost", "http://localhost:8080"), ("0.0.0.0", "https://books.example"),
     ("10.1.2.3", "https://books.example:8443/")],
)  # fmt: skip
def test_where_the_console_may_be_reached(host, address):
    check_exposure(host, address)


@pytest.mark.parametrize(
    ("host", "address", "said"),
    [("0.0.0.0", "", "in the clear"), ("::", "", "in the clear"), ("books.lan", "", "in the clear"),
     ("10.1.2.3", "http://10.1.2.3", "not encrypted"), ("127.0.0.1", "http://books.example", "not encrypted"),
     ("127.0.0.1", "books.example", "no address"), ("127.0.0.1", "https://", "no address"),
     ("127.0.0.1", "https://books.example/console", "no address")],
)  # fmt: skip
def test_passwords_never_cross_a_network_in_the_clear(host, address, said):
    with pytest.raises(UsageError, match=said):
        check_exposure(host, address)
