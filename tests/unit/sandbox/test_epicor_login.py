"""Logins of the Epicor stand-in: both kinds of token, their lives, sessions, companies."""

from __future__ import annotations

import httpx
import pytest

from engine.sandbox.epicor import Epicor

VENDORS = "Erp.BO.VendorSvc"
FORM = {
    "grant_type": "client_credentials",
    "client_id": "mlc-client",
    "client_secret": "mlc-client-secret",
    "scope": "epicor_erp",
}


def token_of(kinetic, epicor: Epicor, **other: str) -> httpx.Response:
    return kinetic.http.post(epicor.token_url, data={**FORM, **other})


def status(kinetic, token: str, **headers: str) -> int:
    bearer = {"Authorization": f"Bearer {token}", **headers}
    return kinetic.send("GET", f"{VENDORS}/Vendors", auth=None, headers=bearer).status_code


def test_a_token_lives_its_life_and_a_new_one_passes(kinetic, epicor: Epicor, clock) -> None:
    answer = token_of(kinetic, epicor).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    clock.forward(seconds=3599)
    assert status(kinetic, answer["access_token"]) == 200
    clock.forward(seconds=1)
    assert status(kinetic, answer["access_token"]) == 401
    assert status(kinetic, token_of(kinetic, epicor).json()["access_token"]) == 200


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_refuses_in_its_own_words(kinetic, epicor: Epicor, other: dict, error: str) -> None:
    answer = token_of(kinetic, epicor, **other)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_the_token_endpoint_wants_a_form(kinetic, epicor: Epicor) -> None:
    assert kinetic.http.post(epicor.token_url, json=FORM).json() == {"error": "invalid_request"}


def test_a_password_grant_can_be_refreshed_once(kinetic, epicor: Epicor) -> None:
    account = {"grant_type": "password", "scope": "openid email epicor_erp", "username": "mlc"}
    assert token_of(kinetic, epicor, **account, password="no").json() == {"error": "invalid_grant"}
    first = token_of(kinetic, epicor, **account, password="kinetic-pass").json()
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert status(kinetic, token_of(kinetic, epicor, **again).json()["access_token"]) == 200
    assert token_of(kinetic, epicor, **again).json() == {"error": "invalid_grant"}


def test_the_token_resource_answers_xml_unless_json_is_wanted(kinetic, epicor: Epicor) -> None:
    url, account = f"{epicor.url}/TokenResource.svc/", {"username": "mlc", "password": "kinetic-pass"}
    text = kinetic.http.post(url, headers={**account, "Accept": "*/*"}).text
    assert text.startswith("<Token><AccessToken>tok-")
    members = kinetic.http.post(url, headers={**account, "Accept": "application/json"}).json()
    assert status(kinetic, members["AccessToken"]) == 200
    assert kinetic.http.post(url.rstrip("/"), data=account).status_code == 200
    assert kinetic.http.post(url, auth=tuple(account.values())).status_code == 200


def test_the_token_resource_refuses_a_wrong_password(kinetic, epicor: Epicor) -> None:
    url, account = f"{epicor.url}/TokenResource.svc/", {"username": "mlc", "password": "wrong"}
    plain = kinetic.http.post(url, headers={**account, "Accept": "application/xml"})
    assert plain.status_code == 401
    assert "<ErrorMessage>Invalid username or password.</ErrorMessage>" in plain.text
    wanted = kinetic.http.post(url, headers={**account, "Accept": "application/json"})
    assert (wanted.status_code, wanted.json()["HttpStatus"]) == (401, 401)
    assert kinetic.http.post(url, headers={**account, "Accept": "*/*"}).text.startswith("<ApiExceptionResponse>")


def test_an_expired_token_fault_kills_every_token_once(kinetic, epicor: Epicor) -> None:
    token = token_of(kinetic, epicor).json()["access_token"]
    epicor.faults.add("expired_token:Vendors")
    assert [status(kinetic, token), status(kinetic, token)] == [401, 401]
    assert status(kinetic, token_of(kinetic, epicor).json()["access_token"]) == 200


def test_a_session_lives_until_its_logout(kinetic) -> None:
    session = kinetic.post("Ice.Lib.SessionModSvc", "Login")["returnObj"]
    for name in ("SessionInfo", "License"):
        kinetic.headers[name] = f'{{"SessionID": "{session}"}}'
        assert kinetic.refused(f"{VENDORS}/Vendors").status_code == 200
    kinetic.post("Ice.Lib.SessionModSvc", "Logout")
    answer = kinetic.refused(f"{VENDORS}/Vendors")
    assert (answer.status_code, answer.json()["ErrorType"]) == (410, "Ice.Common.InvalidSessionException")
    assert kinetic.fails("Ice.Lib.SessionModSvc", "Reset").status_code == 410
    del kinetic.headers["SessionInfo"], kinetic.headers["License"]
    assert kinetic.fails("Ice.Lib.SessionModSvc", "Reset").status_code == 404


def test_a_license_without_session_is_accepted_and_must_be_json(kinetic) -> None:
    kinetic.headers["License"] = '{"ClaimedLicense": "00000003-9439-4B30-A6F4-6D2FD4B9FD0F"}'
    assert kinetic.refused(f"{VENDORS}/Vendors").status_code == 200
    kinetic.headers["License"] = "WebService"
    assert kinetic.refused(f"{VENDORS}/Vendors").status_code == 400


def test_v1_takes_its_company_from_the_call_settings() -> None:
    seed = {
        "vendors": [
            {"VendorNum": 1, "VendorID": "HERE"},
            {"VendorNum": 1, "VendorID": "THERE", "Company": "EPIC07"},
        ]
    }
    with Epicor(companies={"EPIC07"}, seed=seed) as epicor, httpx.Client(trust_env=False) as http:
        url, auth = f"{epicor.url}/api/v1/{VENDORS}/Vendors", ("mlc", "kinetic-pass")
        settings = {"CallSettings": '{"Company": "EPIC07", "Plant": "MfgSys"}'}
        assert [row["VendorID"] for row in http.get(url, auth=auth).json()["value"]] == ["HERE"]
        other = http.get(url, auth=auth, headers=settings)
        assert [row["VendorID"] for row in other.json()["value"]] == ["THERE"]
        assert http.get(url, auth=auth, headers={"CallSettings": '{"Company": "X"}'}).status_code == 404
