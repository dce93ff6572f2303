"""A server that takes no password unasked, but asks for it in words (RFC 4256): many do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from engine.connections.sftp import Sftp, SftpSettings
from engine.errors import SetupError, TransientError

from .conftest import foreign_server


class Asking(asyncssh.SSHServer):
    """Asks one question and takes one password."""

    def connection_made(self, conn) -> None:
        self.connection = conn

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str):
        return "", "", "", [("The password of the guest, please:", False)]

    def validate_kbdint_response(self, username: str, responses) -> bool:
        return (username, responses) == ("guest", ["a long password"])


class AskingMore(Asking):
    """A second question, for something nobody has at hand in the night."""

    def validate_kbdint_response(self, username: str, responses):
        if responses == ["a long password"]:
            return "", "", "", [("The code on your\ntelephone:", True)]
        return False


class Leaving(Asking):
    """Hangs up instead of saying whether the password was right."""

    def validate_kbdint_response(self, username: str, responses) -> bool:
        self.connection.abort()
        return False


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[SftpSettings]:
    with foreign_server(tmp_path, Asking) as settings:
        yield settings


def enter(settings: SftpSettings) -> None:
    with Sftp(settings, sleep=lambda _seconds: None) as files:
        assert files.scan("/").entries == ()


def test_the_password_is_given_when_it_is_asked_for(asking: SftpSettings) -> None:
    enter(asking)


def test_a_wrong_one_is_a_setup_error_that_says_so(asking: SftpSettings) -> None:
    with pytest.raises(SetupError, match="check the user name and the password") as told:
        enter(replace(asking, password="not the password"))
    assert "not the password" not in str(told.value)


def test_a_further_question_is_shown_to_whoever_can_change_that(tmp_path: Path) -> None:
    with (
        foreign_server(tmp_path, AskingMore) as settings,
        pytest.raises(SetupError, match="it also asks `The code on your telephone:`"),
    ):
        enter(settings)


def test_an_answer_that_does_not_come_is_no_refusal(tmp_path: Path) -> None:
    with foreign_server(tmp_path, Leaving) as settings, pytest.raises(TransientError):
        enter(settings)


def test_a_server_that_lets_nobody_in_by_any_way_says_so(tmp_path: Path) -> None:
    with (
        foreign_server(tmp_path, asyncssh.SSHServer) as settings,
        pytest.raises(SetupError, match="lets nobody log in under that name"),
    ):
        enter(settings)
