"""Logging in: what every way has in common, and the two that only add a header or a parameter."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from engine.connections.exchange import Exchange, TokenStore, Tree
from engine.connections.login_kinds import ApiKey, Basic, Front
from engine.connections.origin import Origin, origin_of, parse_url
from engine.connections.outcomes import Outcome
from engine.connections.wire import Wire, text_of
from engine.contracts import Clock
from engine.errors import SetupError
from engine.redaction import Redactor

TICKET = "mlconnector.ticket"
"""Request extension: which login a request carries, so that two threads refused with the same one renew it once."""

Hold = Callable[[str], AbstractContextManager[object]]
"""A turn at what only one may have at a time, by name, over all processes. Entering it raises AlreadyRunning."""

Ask = Callable[[Exchange, Mapping[str, Any], str], Outcome]
"""Runs a login exchange (scope and step name beside it) without credentials and says how it ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What a login needs besides its kind. `name` is the connection's, for messages and the token store."""

    name: str
    scope: Mapping[str, Any]
    ask: Ask
    tokens: TokenStore
    redactor: Redactor
    clock: Clock
    wire: Wire
    hold: Hold = nullcontext

    def text(self, tree: Tree | None, what: str) -> str:
        """A setting as text. Raises SetupError when it is missing or unfit for a header or form."""
        value = None if tree is None else tree(self.scope)
        text = "" if value is None else text_of(value, self.wire)
        if not text:
            raise SetupError(f"`{self.name}` has no `{what}` to log in with; check the system's settings")
        return check_header(what, text)


class Login(Protocol):
    """Puts credentials on requests. `renewable`: whether asking for new ones makes sense."""

    @property
    def renewable(self) -> bool: ...

    def apply(self, request: httpx.Request) -> str:
        """Adds the credentials and returns their ticket. Raises SetupError, TransientError when there are none to be had."""

    def renew(self, ticket: str) -> None:
        """The credentials of that ticket were refused: gets others, once for all threads. Raises SetupError, TransientError."""

    def close(self) -> None:
        """Ends what the login keeps open at the system."""


class Guard:
    """Adds a connection's own headers and credentials, to requests to its own origin only."""

    def __init__(self, origin: Origin, headers: Mapping[str, str], login: Login | None) -> None:
        self._origin = origin
        self._headers = dict(headers)
        self._login = login

    def apply(self, request: httpx.Request) -> None:
        """Raises SetupError, TransientError when there are no credentials to be had."""
        if origin_of(request.url) == self._origin:
            for name, value in self._headers.items():
                request.headers.setdefault(name, value)
            if self._login is not None:
                request.extensions[TICKET] = self._login.apply(request)


def with_query(request: httpx.Request, parameters: str) -> None:
    """Adds parameters, encoded already, to the request's address."""
    if parameters:
        request.url = parse_url(f"{request.url}{'&' if request.url.query else '?'}{parameters}")


class FixedLogin:
    """Credentials that stay the same: Basic, an API key."""

    renewable = False

    def __init__(self, kind: Basic | ApiKey, around: Surroundings) -> None:
        self._header, self._parameter = ("", ""), ""
        if isinstance(kind, Basic):
            username, password = around.text(kind.username, "username"), around.text(kind.password, "password")
            if ":" in username:
                raise SetupError(f"the user name of `{around.name}` holds a colon, which Basic login can't carry")
            around.redactor.add_login(username, password)
            self._header = ("Authorization", "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode())
            return
        value = around.text(kind.value, "value")
        around.redactor.add(value)
        if bool(kind.header) == bool(kind.query):
            raise SetupError("`api_key` needs exactly one of `header` and `query`")
        if kind.header:
            self._header = (kind.header, value)
        else:
            self._parameter = f"{quote(kind.query, safe='$')}={quote(value, safe='')}"

    @property
    def headers(self) -> dict[str, str]:
        """The header that logs in; none where a parameter does."""
        return {} if self._parameter else {self._header[0]: self._header[1]}

    def apply(self, request: httpx.Request) -> str:
        with_query(request, self._parameter)
        if not self._parameter:
            request.headers[self._header[0]] = self._header[1]
        return ""

    def renew(self, ticket: str) -> None:
        raise SetupError("the system refused the login; check the credentials in the settings")

    def close(self) -> None:
        """Nothing is kept open."""


def front_header(kind: Front | None, around: Surroundings) -> dict[str, str]:
    """The header of a Basic login that a server in front asks for with every call; none without a user name."""
    if kind is None or not kind.username(around.scope):
        return {}
    return FixedLogin(Basic(username=kind.username, password=kind.password), around).headers


def check_header(name: str, text: str) -> str:
    """The text of a header. Raises SetupError for line breaks and other control characters, and blanks around it; never quotes it."""
    if any(ord(c) < 32 or ord(c) == 127 for c in text) or text != text.strip():
        raise SetupError(
            f"the value of `{name}` holds a line break, a control character or blanks around it; correct the setting"
        )
    return text
