"""Giving a password to an SSH server: at once, as a second step after a key, or as the answer to a question."""

from __future__ import annotations

import threading

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.message import Message
from paramiko.ssh_exception import BadAuthenticationType


def give_password(
    transport: paramiko.Transport, username: str, password: str, *, first: bool, unanswered: list[str]
) -> None:
    """Raises what the library raises for a key; `unanswered` is told what was asked beside the password.

    `first` where nothing was tried before on this connection.
    """
    try:
        if first:
            transport.auth_password(username, password, fallback=False)
        else:
            handler, ended = _next_step(transport)
            handler.auth_password(username, password, ended)
            handler.wait_for_response(ended)
    except BadAuthenticationType as error:
        if "keyboard-interactive" not in error.allowed_types:
            raise
        handler, ended = _next_step(transport)
        handler.auth_interactive(username, _Answers(password, unanswered), ended)
        handler.wait_for_response(ended)


class _NextStep(AuthHandler):
    """A step after the first. The library would ask for the login service once more, and strict servers then hang up."""

    def _request_auth(self) -> None:
        granted = Message()
        granted.add_string("ssh-userauth")
        granted.rewind()
        self._parse_service_accept(granted)  # type: ignore[attr-defined]  # the library's own, in 4.0 as in 5.1


class _Answers:
    """The password for the first question (RFC 4256), nothing for every other one."""

    def __init__(self, password: str, unanswered: list[str]) -> None:
        self._left, self._unanswered = [password], unanswered

    def __call__(self, title: str, instructions: str, questions: list[tuple[str, bool]]) -> list[str]:
        answers = []
        for question, _ in questions:
            if not self._left:
                self._unanswered.append("".join(c if c.isprintable() else " " for c in question[:80]).strip())
            answers.append(self._left.pop() if self._left else "")
        return answers


def _next_step(transport: paramiko.Transport) -> tuple[AuthHandler, threading.Event]:
    handler = _NextStep(transport)
    transport.auth_handler = handler
    return handler, threading.Event()
