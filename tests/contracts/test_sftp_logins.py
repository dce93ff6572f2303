"""Getting in to the SFTP servers of this machine: every kind of key on either side, passwords, both, and neither."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from engine.connections.host_keys import fingerprint
from engine.connections.sftp import Sftp, SftpSettings, scan_host_key
from engine.errors import SetupError

from ..sftp_servers import KINDS, PASSWORD, Daemon, key  # noqa: TID252 - the tests are no package
from .conftest import installed

pytestmark = pytest.mark.servers


@pytest.fixture(params=["sshd", "proftpd"])
def daemon(request: pytest.FixtureRequest) -> Daemon:
    found: Daemon = request.getfixturevalue(request.param)
    return found


def enter(settings: SftpSettings) -> None:
    with Sftp(settings, sleep=lambda _seconds: None) as files:
        assert files.find("/", "no such file") is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_private_key_of_any_kind_gets_in(daemon: Daemon, kind: str) -> None:
    enter(daemon.settings(private_key=key(kind).private, password=None))


@pytest.mark.parametrize("form", ["line", "known_hosts", "fingerprint"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_host_key_of_any_kind_in_any_form_is_recognised(daemon: Daemon, kind: str, form: str) -> None:
    """The server has all three; it must show the pinned one."""
    line = key(kind, 1).public
    pin = {
        "line": line,
        "known_hosts": f"[127.0.0.1]:{daemon.port} {line}",
        "fingerprint": fingerprint(base64.b64decode(line.split()[1])),
    }[form]
    enter(daemon.settings(host_key=pin))


@pytest.mark.parametrize("kind", KINDS)
def test_another_host_key_stops_everything_before_a_credential_is_sent(daemon: Daemon, kind: str) -> None:
    before = daemon.attempts()
    with pytest.raises(SetupError, match="Nothing was sent"):
        enter(daemon.settings(host_key=key(kind, 2).public))
    assert daemon.attempts() == before


def test_the_host_key_is_shown_to_a_person_without_logging_in(daemon: Daemon) -> None:
    before = daemon.attempts()
    kind, text, _ = scan_host_key("127.0.0.1", daemon.port)
    assert f"{kind} {text}" in {key(each, 1).public for each in KINDS}
    assert daemon.attempts() == before


def test_the_right_password_gets_in(daemon: Daemon) -> None:
    if not daemon.passwords:
        pytest.skip("an sshd of an ordinary user can't check passwords")
    enter(daemon.settings(private_key=None, password=PASSWORD))


def test_a_wrong_password_is_a_setup_error(daemon: Daemon) -> None:
    before = len(daemon.attempts())
    with pytest.raises(SetupError, match=rf"refused the login of `{daemon.username}`.*password") as told:
        enter(daemon.settings(private_key=None, password="not the password"))
    assert "not the password" not in str(told.value)
    assert len(daemon.attempts()) > before


def test_a_strangers_key_is_a_setup_error(daemon: Daemon) -> None:
    with pytest.raises(SetupError, match="private key"):
        enter(daemon.settings(private_key=key("ed25519", 2).private, password=None))


def test_a_name_nobody_has_is_a_setup_error(daemon: Daemon) -> None:
    with pytest.raises(SetupError, match="`nobody-of-that-name`"):
        enter(daemon.settings(username="nobody-of-that-name"))


@pytest.mark.parametrize("kind", ["sshd", "proftpd"])
def test_a_key_and_a_password_are_both_sent_where_both_are_asked_for(kind: str, tmp_path: Path) -> None:
    both = {"sshd": "AuthenticationMethods publickey,password", "proftpd": "SFTPAuthMethods publickey+password"}
    with installed(kind, tmp_path / "home", lines=[both[kind]]) as daemon:
        whole = daemon.settings(private_key=key("ed25519").private, password=PASSWORD)
        with pytest.raises(SetupError, match="asks for a password, and none is set"):
            enter(replace(whole, password=None))
        with pytest.raises(SetupError, match="check the user name and the password"):
            enter(replace(whole, password="not the password"))
        if not daemon.passwords:
            pytest.skip("an sshd of an ordinary user can't check passwords")
        enter(whole)


@pytest.mark.parametrize("kind", ["sshd", "proftpd"])
def test_an_account_that_is_shut_is_a_setup_error(kind: str, tmp_path: Path) -> None:
    """One server says that the key is wrong, the other one that no way in is left."""
    said = {"sshd": "check the user name", "proftpd": "lets nobody log in under that name"}[kind]
    shut = {"sshd": "DenyUsers *", "proftpd": "RequireValidShell on"}
    with installed(kind, tmp_path / "home", lines=[shut[kind]]) as daemon:
        for credential in ({}, {"private_key": key("ed25519").private, "password": None}):
            with pytest.raises(SetupError, match=said):
                enter(daemon.settings(**credential))


def test_a_password_is_given_where_the_server_asks_for_it_in_words(tmp_path: Path) -> None:
    """Many servers let nobody send a password unasked (RFC 4256)."""
    asking = ["UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes"]
    with installed("sshd", tmp_path / "home", lines=asking) as daemon:
        if not daemon.passwords:
            pytest.skip("an sshd of an ordinary user can't check passwords")
        enter(daemon.settings(private_key=None, password=PASSWORD))
        with pytest.raises(SetupError, match="check the user name and the password"):
            enter(daemon.settings(private_key=None, password="not the password"))
