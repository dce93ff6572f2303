"""Every way into Acumatica, and the way out of it in every ending: seats of the licence are few."""

from __future__ import annotations

import json
import os
import signal

import pytest

from engine.desk.checking import check_systems
from engine.sandbox.acumatica_store import Rules

from .acumatica_world import CANARIES, SEED, invoice

LOGINS = ["oauth2", "password", "refresh_token", "cookie"]


def enter(world, auth):
    if auth != "oauth2":
        world.log_in_by(auth)


def tell(world, *systems):
    with world.workspace() as workspace:
        text, code = check_systems(world.spec, workspace, world.seams(), systems=systems, form="json")
    return {step["step"]: step for step in json.loads(text)["systems"][0]["steps"]}, code


@pytest.mark.parametrize("auth", LOGINS)
def test_each_login_works_and_leaves_no_seat_taken(acumatica, auth):
    enter(acumatica, auth)
    acumatica.offer("invoices_001.csv", invoice())
    result = acumatica.run("vendors", "invoices")
    assert result.exit_code == 0, result.render("text")
    acumatica.assert_whole("INV-77")
    acumatica.assert_logged_out()
    assert bool(acumatica.calls("connect/token")) is (auth != "cookie")
    assert bool(acumatica.calls("auth/login")) is (auth == "cookie")
    assert "canary" not in result.render("text") + result.render("json")
    acumatica.assert_understood()


@pytest.mark.parametrize("auth", ["oauth2", "refresh_token", "cookie"])
def test_the_next_run_logs_in_again_with_one_seat_only(make_acumatica, auth):
    world = make_acumatica(seats=1)
    world.masters_are_fresh()
    enter(world, auth)
    for number in range(4):
        world.offer(f"invoices_{number}.csv", invoice(f"INV-{number}"))
        assert world.counts(world.run("invoices")) == {"posted": 1}
        world.assert_logged_out()
        world.clock.forward(minutes=50)
    assert len(world.erp.bills()) == 4


@pytest.mark.parametrize(
    ("auth", "answer"),
    [("oauth2", "401 empty"), ("oauth2", "302"), ("refresh_token", "401"), ("cookie", "302"), ("cookie", "401")],
)
def test_a_session_that_ended_meanwhile_is_opened_anew(make_acumatica, auth, answer):
    world = make_acumatica(seats=1, rules=Rules(not_logged_in=answer))
    world.masters_are_fresh()
    enter(world, auth)
    world.offer("invoices_001.csv", invoice(), invoice("INV-78"))
    world.erp.history.clear()
    ended = []

    def forget_once(*_):
        if not ended and world.calls("Bill"):
            ended.append(world.erp.sessions.forget())

    world.run("invoices", progress=forget_once)
    world.run("invoices")
    world.assert_whole("INV-77")
    world.assert_whole("INV-78")
    world.assert_logged_out()


def test_where_a_logout_ends_the_token_the_next_run_asks_for_another(make_acumatica):
    world = make_acumatica(seats=1, rules=Rules(logout_ends_token=True))
    for _ in range(3):
        assert world.run("vendors").exit_code == 0
        world.assert_logged_out()
    assert world.calls("connect/token") == 3


def test_the_branch_of_the_settings_goes_with_every_call(acumatica):
    acumatica.change("", ("after_entry: hold", "after_entry: hold\n      branch: EAST"))
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.run("invoices")
    assert [bill["BranchID"] for bill in acumatica.bills("INV-77")] == ["EAST"]


@pytest.mark.parametrize("name", ["acumatica.client_secret", "acumatica.password", "acumatica.refresh_token"])
def test_a_wrong_credential_stops_the_flow_with_nothing_read_and_nothing_told(acumatica, name):
    auth = {"acumatica.client_secret": "oauth2", "acumatica.password": "cookie"}.get(name, "refresh_token")
    enter(acumatica, auth)
    acumatica.secrets[name] = f"canary-wrong-{name}"
    acumatica.store_secrets()
    result = acumatica.run("vendors")
    assert result.exit_code == 4
    assert "canary" not in result.render("text") + result.render("json")
    assert acumatica.stampli.inbound() == []
    acumatica.assert_logged_out()


@pytest.mark.parametrize("full", [429, 500])
def test_where_all_seats_are_taken_nothing_is_lost(make_acumatica, full):
    world = make_acumatica(seats=1, rules=Rules(seats_full=full))
    world.masters_are_fresh()
    world.log_in_by("cookie")
    world.erp.sessions.open("Company", "MAIN")
    world.offer("invoices_001.csv", invoice())
    assert world.run("invoices", seams={"sleep": lambda _seconds: None}).exit_code != 0
    world.clock.forward(minutes=30)
    world.run("invoices")
    world.assert_whole("INV-77")
    world.assert_logged_out()


def crash(*_told):
    raise RuntimeError("a mistake of ours")


@pytest.mark.parametrize("auth", ["oauth2", "cookie"])
def test_a_flow_that_crashes_leaves_no_seat_taken(acumatica, auth):
    enter(acumatica, auth)
    acumatica.offer("invoices_001.csv", invoice())
    sent = []

    def fall(*told):
        if acumatica.calls("Bill"):
            sent.append(told)
            crash()

    with pytest.raises(RuntimeError):
        acumatica.run("invoices", progress=fall)
    assert sent
    acumatica.assert_logged_out()


@pytest.mark.parametrize("auth", ["oauth2", "cookie"])
def test_sigterm_ends_the_run_and_the_session(acumatica, auth):
    enter(acumatica, auth)
    acumatica.offer("invoices_001.csv", *[invoice(f"INV-{n}") for n in range(6)])
    asked = []

    def stop(*_told):
        if acumatica.calls("Bill") and not asked:
            asked.append(True)
            os.kill(os.getpid(), signal.SIGTERM)

    result = acumatica.run("invoices", progress=stop)
    assert asked
    assert result.stopped == 143
    acumatica.assert_logged_out()


@pytest.mark.parametrize("auth", ["oauth2", "cookie"])
def test_an_error_that_ends_the_flow_ends_the_session(acumatica, auth):
    enter(acumatica, auth)
    acumatica.strike("html", "Vendor", 0)
    assert acumatica.run("vendors").exit_code == 4
    acumatica.assert_logged_out()


def test_a_refresh_token_that_was_rotated_is_kept_before_it_is_used(acumatica):
    acumatica.log_in_by("refresh_token")
    for _ in range(3):
        acumatica.run("vendors")
        acumatica.clock.forward(hours=2)
    acumatica.strike("cut_before", "Vendor")
    with pytest.raises(RuntimeError):
        acumatica.run("vendors", progress=crash)
    acumatica.clock.forward(hours=2)
    assert acumatica.run("vendors").exit_code == 0, (
        "the newest refresh token was stored before the run that crashed used it"
    )
    answers = [call.status for call in acumatica.erp.history.calls("connect/token")]
    assert set(answers) == {200}


def test_check_says_which_versions_the_server_has(acumatica):
    steps, code = tell(acumatica, "acumatica")
    assert code == 0
    assert steps["serves"]["state"] == steps["read"]["state"] == steps["login"]["state"] == "ok"
    acumatica.change("", ('version: "24.200.001"', 'version: "22.200.001"'))
    steps, code = tell(acumatica, "acumatica")
    assert code == 4
    assert steps["login"]["state"] == "ok"
    assert steps["serves"]["state"] == "failed"
    assert (
        "Default 22.200.001 is not among its endpoints; it has Default 23.200.001, Default 24.200.001"
        in steps["serves"]["detail"]
    )
    assert steps["read"]["state"] == "skipped"
    acumatica.assert_logged_out()


def test_older_servers_list_their_endpoints_bare(acumatica):
    acumatica.erp.rules.bare_versions = True
    assert tell(acumatica, "acumatica")[1] == 0
    acumatica.change("", ("endpoint: Default", "endpoint: Custom"))
    assert "it has Default 23.200.001" in tell(acumatica, "acumatica")[0]["serves"]["detail"]


@pytest.mark.parametrize("page", [False, True])
def test_a_run_against_a_version_the_server_has_not_says_which_it_has(acumatica, page):
    acumatica.erp.rules.html_404 = page
    acumatica.change("", ('version: "24.200.001"', 'version: "22.200.001"'))
    result = acumatica.run("vendors")
    assert result.exit_code == 4
    assert "it has Default 23.200.001, Default 24.200.001" in result.render("text")


def test_a_broken_endpoint_that_leads_to_the_login_page_is_told_as_such(acumatica):
    acumatica.erp.rules.broken = 302
    acumatica.offer("invoices_001.csv", invoice())
    result = acumatica.run("invoices")
    assert result.exit_code == 4
    assert "login page" in result.render("text")
    acumatica.assert_logged_out()
    acumatica.erp.rules.broken = None
    acumatica.run("invoices")
    acumatica.assert_whole("INV-77")


def test_a_server_with_several_tenants_needs_the_right_one(make_acumatica):
    world = make_acumatica(tenants=("Company", "Other"), seed=SEED)
    world.log_in_by("cookie")
    assert world.run("vendors").exit_code == 0
    world.environ["ACUMATICA_TENANT"] = "Nobody"
    assert "company id" in world.run("vendors").render("text")


def test_no_secret_stands_in_the_ledger_or_the_trail(acumatica):
    acumatica.log_in_by("cookie")
    acumatica.offer("invoices_001.csv", invoice())
    acumatica.run("invoices")
    held = b"".join(path.read_bytes() for path in acumatica.home.rglob("*") if path.is_file())
    assert not [word for word in CANARIES.values() if word.encode() in held]
