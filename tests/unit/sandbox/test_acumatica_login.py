"""Who gets into the Acumatica stand-in: cookies, tokens, seats, limits."""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from engine.sandbox.acumatica_store import Rules

from .acumatica_client import BILL, EXACT, Erp, build, wrapped

NAMES = {".ASPXAUTH", "ASP.NET_SessionId", "CompanyID", "Locale", "UserBranch", "requestid", "requeststat"}


def test_a_login_gives_cookies_and_they_are_set_again_on_each_answer(erp, acumatica):
    answer = erp.sign_in()
    later = erp.http.get(f"{erp.base}/Vendor")

    assert (answer.status_code, answer.content, set(answer.cookies)) == (204, b"", NAMES)
    assert (later.status_code, set(later.cookies)) == (200, {"Locale", "UserBranch"})
    assert acumatica.sessions.count() == 1


def test_a_logout_gives_the_seat_back_and_ends_the_session(erp, acumatica):
    erp.sign_in()

    assert erp.sign_out().status_code == 204
    assert acumatica.sessions.count() == 0
    answer = erp.http.get(f"{erp.base}/Vendor")
    assert (answer.status_code, answer.json()) == (401, {"message": "You are not logged in."})
    assert erp.sign_out().status_code == 401


def test_a_logout_without_content_length_is_411(erp, acumatica):
    erp.sign_in()
    site = urlsplit(acumatica.url)
    cookies = "; ".join(f"{name}={value}" for name, value in erp.http.cookies.items())
    head = f"POST {site.path}/entity/auth/logout HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((site.hostname, site.port), 5) as raw:
        raw.sendall(head.encode())
        answer = raw.recv(200)

    assert answer.startswith(b"HTTP/1.1 411 Length Required")
    assert acumatica.sessions.count() == 1


@pytest.mark.parametrize(
    "changed", [{"password": "wrong"}, {"name": "nobody"}, {"password": None}, {"branch": "NOWHERE"}]
)
def test_a_bad_login_is_500(erp, acumatica, changed):
    answer = erp.sign_in(**changed)

    assert answer.status_code == 500
    assert answer.json()["message"] == "An error has occurred."
    assert answer.json()["exceptionType"] == "PX.Data.PXException"
    assert answer.json()["exceptionMessage"].startswith("Error: ")
    assert acumatica.sessions.count() == 0


def test_a_server_of_one_tenant_takes_any_name_and_one_of_several_does_not(erp, clock):
    assert erp.sign_in(tenant="Whatever").status_code == 204
    with build(clock, tenants=("Company", "Other")) as several, httpx.Client(trust_env=False) as http:
        other = Erp(several, http)
        assert other.sign_in(tenant="Other").status_code == 204
        assert other.sign_in(tenant=None, company="Company").status_code == 204
        assert several.sessions.count() == 2
        refused = other.sign_in(tenant="")
        assert (refused.status_code, refused.json()["exceptionType"]) == (500, "PX.Data.PXUndefinedCompanyException")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic bWxjOng="}])
def test_nothing_goes_without_a_login(erp, acumatica, headers):
    for url in (f"{acumatica.url}/entity", f"{erp.base}/Vendor", f"{erp.base}/swagger.json"):
        assert erp.http.get(url, headers=headers).status_code == 401
    assert erp.http.put(f"{erp.base}/Bill", content=EXACT.encode(wrapped(BILL)), headers=headers).status_code == 401
    assert acumatica.history.effects() == []


@pytest.mark.parametrize(
    ("rule", "status", "body"),
    [("302", 302, b""), ("401 empty", 401, b""), ("401", 401, b'{"message":"You are not logged in."}')],
)
def test_not_being_logged_in_has_several_faces(erp, acumatica, rule, status, body):
    acumatica.rules.not_logged_in = rule
    answer = erp.http.get(f"{erp.base}/Vendor")

    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers.get("Location", "").startswith("/AcumaticaERP/Frames/Login.aspx") == (status == 302)


def test_a_session_dies_after_twenty_idle_minutes(erp, clock):
    erp.sign_in()
    clock.forward(minutes=19)
    assert erp.http.get(f"{erp.base}/Vendor").status_code == 200
    clock.forward(minutes=20)
    assert erp.http.get(f"{erp.base}/Vendor").status_code == 401


def test_full_seats_refuse_a_login_and_a_token_without_a_session(erp, acumatica, clock):
    assert [erp.sign_in().status_code for _ in range(3)] == [204, 204, 429]
    assert erp.log_in().status_code == 200, "a token takes no seat"
    assert erp.send("GET", "Vendor").status_code == 429
    acumatica.rules.seats_full = 500
    answer = erp.sign_in()
    assert (answer.status_code, "API Login Limit" in answer.json()["exceptionMessage"]) == (500, True)
    clock.forward(minutes=20)
    assert erp.send("GET", "Vendor").status_code == 200


def test_the_session_behind_a_token_is_logged_out_and_the_token_lives_on(erp, acumatica):
    assert erp.get("Vendor", top=1)
    assert acumatica.sessions.count() == 1
    bearer = {"Authorization": f"Bearer {erp.token}"}

    assert erp.sign_out(headers=bearer).status_code == 204
    assert acumatica.sessions.count() == 0
    assert erp.send("GET", "Vendor").status_code == 200
    acumatica.rules.logout_ends_token = True
    erp.sign_out(headers=bearer)
    assert erp.send("GET", "Vendor").status_code == 401


def test_a_token_lives_an_hour(erp, clock):
    given = erp.log_in().json()
    erp.token = given["access_token"]

    assert (given["expires_in"], given["token_type"], "refresh_token" in given) == (3600, "Bearer", False)
    clock.forward(seconds=3599)
    assert erp.send("GET", "Vendor").status_code == 200
    clock.forward(seconds=1)
    assert erp.send("GET", "Vendor").status_code == 401


def test_a_refresh_token_rotates_and_the_old_one_is_refused(erp, acumatica, clock):
    account = {"username": "mlc", "password": acumatica.logins.password}
    first = erp.log_in("password", "api offline_access", **account).json()
    second = erp.log_in("refresh_token", refresh_token=first["refresh_token"]).json()
    again = erp.log_in("refresh_token", refresh_token=first["refresh_token"])

    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
    assert second["refresh_token"] != first["refresh_token"]
    erp.token = second["access_token"]
    assert erp.send("GET", "Vendor").status_code == 200
    clock.forward(days=29)
    third = erp.log_in("refresh_token", refresh_token=second["refresh_token"])
    assert third.status_code == 200, "thirty days from the last time"
    clock.forward(days=30)
    assert erp.log_in("refresh_token", refresh_token=third.json()["refresh_token"]).status_code == 400


def test_without_offline_access_there_is_no_refresh_token(erp, acumatica):
    account = {"username": "mlc", "password": acumatica.logins.password}

    assert "refresh_token" not in erp.log_in("password", "api", **account).json()
    assert "refresh_token" not in erp.log_in("client_credentials", "api offline_access").json()


def test_a_code_is_good_once(erp, acumatica):
    acumatica.logins.codes.add("c-1")

    assert "refresh_token" in erp.log_in("authorization_code", "api offline_access", code="c-1").json()
    assert erp.log_in("authorization_code", code="c-1").json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "4B4BB6F5-7A59-4F21-9A0B-6B1E5E0C2A77"}, "invalid_client"),
        ({"client_id": "4B4BB6F5-7A59-4F21-9A0B-6B1E5E0C2A77@Nowhere"}, "invalid_client"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "api everything"}, "invalid_scope"),
        ({"grant": "password", "username": "mlc", "password": "wrong"}, "invalid_grant"),
        ({"grant": "magic"}, "unsupported_grant_type"),
        ({"grant": "refresh_token", "refresh_token": "made-up"}, "invalid_grant"),
    ],
)
def test_what_the_token_endpoint_refuses(erp, form, error):
    answer = erp.log_in(**form)

    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_grant_can_be_switched_off_and_json_is_no_form(erp, acumatica):
    acumatica.logins.grants = frozenset({"password"})

    assert erp.log_in().json() == {"error": "unsupported_grant_type"}
    assert erp.http.post(acumatica.token_url, json={}).json() == {"error": "invalid_request"}


def test_more_than_so_many_a_minute_are_429_in_plain_text(erp, acumatica, clock):
    acumatica.rules.per_minute = 3
    statuses = [erp.send("GET", "CostCode").status_code for _ in range(4)]
    refused = erp.send("GET", "CostCode")

    assert statuses == [200, 200, 200, 429]
    assert refused.text == "The custom error module does not recognize this error."
    assert refused.headers["Content-Type"].startswith("text/plain")
    assert "Retry-After" not in refused.headers
    acumatica.rules.retry_after = 30
    assert erp.send("GET", "CostCode").headers["Retry-After"] == "30"
    clock.forward(seconds=60)
    assert erp.send("GET", "CostCode").status_code == 200


class Bench:
    """Holds requests at their work until so many others were answered; `most` is how many were at work together."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.free = threading.Event()
        self.now = self.most = 0
        self.statuses: list[int] = []

    def hold(self, _seconds: float) -> None:
        with self.guard:
            self.now += 1
            self.most = max(self.most, self.now)
        self.free.wait(10)
        with self.guard:
            self.now -= 1

    def run(self, erp: Erp, count: int, answered: int) -> list[int]:
        """The statuses of so many requests sent together, those at work held until so many others are `answered`."""
        self.statuses.clear()
        threads = [threading.Thread(target=self._one, args=(erp,)) for _ in range(count)]
        if answered:
            self.free.clear()
        for thread in threads:
            thread.start()
        while len(self.statuses) < answered:
            time.sleep(0.005)
        self.free.set()
        for thread in threads:
            thread.join()
        return sorted(self.statuses)

    def _one(self, erp: Erp) -> None:
        with httpx.Client(trust_env=False, timeout=10) as http:
            found = http.get(f"{erp.base}/CostCode", headers={"Authorization": f"Bearer {erp.token}"}).status_code
            self.statuses.append(found)


def test_requests_over_the_limit_wait_and_then_get_429(clock):
    bench, rules = Bench(), Rules(at_once=1, queue=1, work_seconds=1)
    with build(clock, rules=rules, seats=9, sleep=bench.hold) as acumatica, httpx.Client(trust_env=False) as http:
        erp = Erp(acumatica, http)
        erp.token = erp.log_in(scope="api api:concurrent_access").json()["access_token"]

        assert bench.run(erp, 4, 2) == [200, 200, 429, 429], "one at work, one waiting, two too many"
        rules.queue, rules.queue_seconds = 20, 0.02
        assert bench.run(erp, 3, 2) == [200, 429, 429], "the wait is over before there is room"
        assert bench.most == 1


def test_one_session_does_one_request_at_a_time_and_concurrent_access_opens_more(clock):
    bench, rules = Bench(), Rules(work_seconds=1)
    with build(clock, rules=rules, sleep=bench.hold) as acumatica, httpx.Client(trust_env=False) as http:
        erp = Erp(acumatica, http)
        erp.token = erp.log_in().json()["access_token"]
        assert bench.run(erp, 4, 0) == [200] * 4
        assert (bench.most, acumatica.sessions.count()) == (1, 1)

        acumatica.sessions.forget()
        erp.token = erp.log_in(scope="api api:concurrent_access").json()["access_token"]
        assert bench.run(erp, 3, 1) == [200, 200, 429], "each takes a seat, and there are two"
        assert (bench.most, acumatica.sessions.count()) == (2, 2)


def test_nobody_waits_for_a_stand_in_that_stops(clock):
    bench, rules = Bench(), Rules(at_once=1, work_seconds=1)
    with build(clock, rules=rules, sleep=bench.hold) as acumatica, httpx.Client(trust_env=False) as http:
        erp = Erp(acumatica, http)
        erp.token = erp.log_in(scope="api api:concurrent_access").json()["access_token"]
        with acumatica.gate.admit():
            waiting = threading.Thread(target=bench._one, args=(erp,))
            waiting.start()
            while not acumatica.gate.waiting:
                time.sleep(0.005)
            acumatica.gate.close()
            waiting.join(5)

    assert bench.statuses == [429]
