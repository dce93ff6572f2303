"""Who may call the Epicor Kinetic stand-in: API key, basic login, both kinds of token, sessions."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from engine.sandbox.epicor_errors import Refusal, unreadable, wants_xml
from engine.sandbox.epicor_json import encode
from engine.sandbox.web_messages import Request, Response

_EMPTY_SESSION = "00000000-0000-0000-0000-000000000000"
_SCOPES: Mapping[str, str] = {"client_credentials": "epicor_erp", "password": "openid email epicor_erp"}


@dataclass(kw_only=True)
class Logins:
    """The accounts the stand-in accepts and the tokens and sessions it has given out; `new_id` makes guids."""

    username: str
    password: str
    client_id: str
    client_secret: str
    api_key: str
    key_scope: Collection[str] | None
    token_life: float
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    tokens: dict[str, datetime] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)

    def forget(self) -> None:
        """Every token, refresh token and session given out so far is dead."""
        self.tokens.clear()
        self.refresh_tokens.clear()
        self.sessions.clear()

    def check_key(self, request: Request) -> None:
        """401 without the API key; a key in the header counts before one in the query."""
        given = request.headers.get("x-api-key", request.params().get("api-key", ""))
        if not _same(given, self.api_key):
            raise Refusal(401, "The API key is missing or invalid.")

    def check_scope(self, service: str) -> None:
        """403 for a service outside the access scope of the key."""
        if self.key_scope is not None and service not in self.key_scope:
            raise Refusal(403, f"The API key's access scope does not allow {service}.")

    def check_login(self, request: Request) -> None:
        """401 without a valid login or living token, 410 with a session that is gone."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            self._check_account(*_basic(credentials))
        elif scheme.lower() == "bearer":
            expires = self.tokens.get(credentials.strip())
            if expires is None or expires <= self.clock():
                raise Refusal(401, "The token is invalid or has expired.")
        else:
            raise Refusal(401, "Invalid username or password.")
        session = self.session_of(request)
        if session not in {"", _EMPTY_SESSION} and session not in self.sessions:
            raise Refusal(410, "The session is no longer valid.")

    def session_of(self, request: Request) -> str:
        """The session id of the SessionInfo or License header, empty without one; 400 when the header is no JSON."""
        for name in ("sessioninfo", "license"):
            session = read_header(request, name).get("SessionID")
            if isinstance(session, str) and session:
                return session
        return ""

    def token_resource(self, request: Request) -> Response:
        """`TokenResource.svc`: the account in headers, a form or a basic login; XML unless JSON is asked for."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        username, password = request.headers.get("username", ""), request.headers.get("password", "")
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if not username and scheme.lower() == "basic":
            username, password = _basic(credentials)
        self._check_account(username or form.get("username", ""), password or form.get("password", ""))
        token, life = self._issue(), str(int(self.token_life))
        members = {"AccessToken": token, "ExpiresIn": life, "TokenType": "Bearer"}
        if wants_xml(request, default=True):
            inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in members.items())
            return Response(body=f"<Token>{inner}</Token>".encode(), content_type="application/xml; charset=utf-8")
        return Response(body=encode({**members, "ExpiresIn": int(life)}))

    def token(self, request: Request) -> Response:
        """The identity provider's `connect/token`: errors are the ones of RFC 6749, section 5.2."""
        if "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
            return _oauth_error("invalid_request")
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        client = (
            _basic(credentials) if scheme.lower() == "basic" else (form.get("client_id"), form.get("client_secret"))
        )
        if not _same(client[0] or "", self.client_id) or not _same(client[1] or "", self.client_secret):
            return _oauth_error("invalid_client")
        grant = form.get("grant_type", "")
        if grant == "refresh_token":
            return self._refresh(form.get("refresh_token", ""))
        if grant not in _SCOPES:
            return _oauth_error("unsupported_grant_type")
        if form.get("scope", "").split() != _SCOPES[grant].split():
            return _oauth_error("invalid_scope")
        if grant == "password":
            if not self._is_account(form.get("username", ""), form.get("password", "")):
                return _oauth_error("invalid_grant")
            return self._grant(refreshable=True)
        return self._grant(refreshable=False)

    def _refresh(self, token: str) -> Response:
        if token not in self.refresh_tokens:
            return _oauth_error("invalid_grant")
        self.refresh_tokens.remove(token)
        return self._grant(refreshable=True)

    def _grant(self, *, refreshable: bool) -> Response:
        body: dict[str, Any] = {
            "access_token": self._issue(),
            "expires_in": int(self.token_life),
            "token_type": "Bearer",
        }
        if refreshable:
            body["refresh_token"] = self.new_id()
            self.refresh_tokens.add(body["refresh_token"])
        return Response(body=encode(body), headers={"Cache-Control": "no-store"})

    def _issue(self) -> str:
        token = f"tok-{self.new_id()}"
        self.tokens[token] = self.clock() + timedelta(seconds=self.token_life)
        return token

    def _is_account(self, username: str, password: str) -> bool:
        return _same(username, self.username) and _same(password, self.password)

    def _check_account(self, username: str, password: str) -> None:
        if not self._is_account(username, password):
            raise Refusal(401, "Invalid username or password.")


def read_header(request: Request, name: str) -> dict[str, Any]:
    """A header that holds a JSON object, such as `CallSettings`; empty without it, 400 when it is something else."""
    text = request.headers.get(name)
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise unreadable(f"The header {name} is no JSON object.")
    return found


def _basic(credentials: str) -> tuple[str, str]:
    try:
        username, _, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(401, "Invalid username or password.") from None
    return username, password


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _oauth_error(code: str) -> Response:
    return Response(status=400, body=encode({"error": code}), headers={"Cache-Control": "no-store"})
