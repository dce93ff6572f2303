"""Connections: how each system stands without reaching it, and a ping that tells every step; never a secret."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.connections.host_keys import fingerprint, parse_pins
from engine.service.console.connections_facts import standings

EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>"
EPICOR, STAMPLI = "epicor-kinetic--stampli/epicor", "epicor-kinetic--stampli/stampli"


def test_each_system_stands_with_its_address_login_and_token(office, viewer):
    viewer.get("/connections")

    assert viewer.page.status_code == 200
    assert viewer.text.count("<h1") == 1
    for words in (
        f"HTTP: {office.world.epicor.url.rsplit('/', 1)[0]}".rstrip("/")[:16],
        "OAuth2, client credentials",
        "good until 2026-03",
        "SFTP: 127.0.0.1:",
        "user and password",
        "a run ended well 2026-03",
        "calls at once",
        "invoices, credit_memos",
    ):
        assert words in viewer.seen, words


def test_pinned_host_keys_are_told_by_their_fingerprint(office, viewer):
    host_key = office.world.environ["STAMPLI_HOST_KEY"]
    server = office.world.stampli.server
    (key,) = parse_pins(host_key, server.host, server.port).keys

    viewer.get("/connections")

    assert fingerprint(key) in viewer.seen
    assert host_key not in viewer.text


def test_no_secret_is_ever_shown(office, operator):
    operator.get("/connections")
    pages = [operator.text]
    for system in (EPICOR, STAMPLI):
        operator.post("/connections/ping", system=system)
        pages.append(operator.text)

    for text in pages:
        for name, secret in office.world.secrets.items():
            assert secret not in text, name
        assert [token for token in office.world.epicor.logins.tokens if token in text] == []


@pytest.mark.parametrize("system", [EPICOR, STAMPLI])
def test_an_operator_pings_and_sees_each_step(operator, system):
    operator.get("/connections")

    operator.post("/connections/ping", system=system)

    assert operator.page.status_code == 200
    assert f"{system}: answers" in operator.seen
    assert "settings : " in operator.seen
    assert " ms" in operator.seen


def test_a_ping_that_fails_says_what_to_do(office):
    visitor = office.visit("olga")
    known, office.world.stampli.server.password = office.world.stampli.server.password, "another-one"
    visitor.get("/connections")

    visitor.post("/connections/ping", system=STAMPLI)
    office.world.stampli.server.password = known

    assert visitor.page.status_code == 200
    assert "something is wrong" in visitor.seen
    assert "What to do:" in visitor.seen


def test_what_is_missing_is_told_and_the_rest_is_shown(office):
    lacking = {name: value for name, value in office.parts.seams.environ.items() if name != "EPICOR_SITE"}
    parts = replace(office.parts, seams=replace(office.parts.seams, environ=lacking))

    epicor, stampli = standings(parts)

    assert "environment variable EPICOR_SITE (setting `site` of `epicor`) is not set" in epicor.missing
    assert (epicor.host, epicor.login) == ("", "OAuth2, client credentials")
    assert (stampli.missing, stampli.host[:10]) == ("", "127.0.0.1:")


def test_who_uses_a_system_now_is_told(office):
    flow = "epicor-kinetic--stampli/invoices"
    office.parts.live.progress(flow)
    used = {each.alias: each.at_work for each in standings(office.parts)}
    office.parts.live.ended(flow)

    assert used == {"epicor": (flow,), "stampli": (flow,)}


def test_a_viewer_may_not_ping(office, viewer):
    viewer.get("/connections")
    assert "Ping now" not in viewer.seen
    viewer.get("/help")
    viewer.post("/connections/ping", system=EPICOR)
    assert viewer.page.status_code == 403


@pytest.mark.parametrize("system", ["", "no/such", "epicor-kinetic--stampli/", "/epicor", EVIL])
def test_a_system_there_is_not_is_told(operator, system):
    operator.get("/connections")
    operator.post("/connections/ping", system=system)
    assert operator.page.status_code == 400
    assert "<script>alert" not in operator.text
