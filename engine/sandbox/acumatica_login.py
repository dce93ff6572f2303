"""Logging in to the Acumatica stand-in: the OAuth token endpoint with refresh tokens that rotate, and cookies."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from engine.sandbox.acumatica_errors import Refusal, failed
from engine.sandbox.acumatica_input import read_object
from engine.sandbox.acumatica_json import encode
from engine.sandbox.acumatica_sessions import Session, Sessions, Token
from engine.sandbox.web_messages import Request, Response

SCOPES = frozenset({"api", "offline_access", "api:concurrent_access"})
GRANTS = frozenset({"authorization_code", "password", "refresh_token", "client_credentials"})
_SLIDING = timedelta(days=30)


@dataclass(kw_only=True, slots=True)
class _Refresh:
    tenant: str
    scopes: frozenset[str]
    ends: datetime


@dataclass(kw_only=True)
class Logins:
    """The accounts the stand-in accepts. `client` is the id without its tenant; codes of a person's consent are once."""

    username: str
    password: str
    client: str
    client_secret: str
    tenants: Collection[str]
    branches: Collection[str]
    grants: frozenset[str]
    token_life: float
    sessions: Sessions
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    codes: set[str] = field(default_factory=set)
    _refresh_tokens: dict[str, _Refresh] = field(default_factory=dict)

    def consent(self, tenant: str, scopes: Collection[str]) -> str:
        """A refresh token as it is there after a person has agreed in a browser."""
        return self._new_refresh(tenant, frozenset(scopes))

    def login(self, request: Request) -> Response:
        """`auth/login`: 204 and cookies; a bad login is a 500."""
        given = read_object(request.body)
        name, password = _text(given, "name"), _text(given, "password")
        tenant = self._tenant(_text(given, "tenant") or _text(given, "company"))
        if not _same(name, self.username) or not _same(password, self.password):
            raise failed("Error: Invalid credentials. Please try again.")
        branch = _text(given, "branch") or self.sessions.branch
        if branch not in self.branches:
            raise failed(f"Error: You don't have access to the branch {branch}.")
        session = self.sessions.open(tenant, branch, locale=_text(given, "locale") or "en-US")
        fixed = (
            f".ASPXAUTH={session.ticket}; path=/; HttpOnly",
            f"ASP.NET_SessionId={session.id}; path=/; HttpOnly; SameSite=Lax",
            f"CompanyID={tenant}; path=/",
            f"requestid={self.new_id().upper()}; path=/",
            "requeststat=+st:20+sc:~/entity/auth/login+start:0+tg:; path=/",
        )
        return Response(status=204, cookies=(*fixed, *again(session)))

    def logout(self, request: Request) -> Response:
        self.sessions.close(request)
        return Response(status=204)

    def token(self, request: Request) -> Response:
        """`connect/token`: errors are those of RFC 6749, section 5.2."""
        if "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
            return _oauth_error("invalid_request")
        with self.sessions.gate.changed:
            return self._granted(dict(parse_qsl(request.body.decode("utf-8", "replace"))))

    def _granted(self, form: dict[str, str]) -> Response:
        client, _, tenant = form.get("client_id", "").partition("@")
        known = _same(client, self.client) and tenant in self.tenants
        if not known or not _same(form.get("client_secret", ""), self.client_secret):
            return _oauth_error("invalid_client")
        grant = form.get("grant_type", "")
        if grant not in self.grants:
            return _oauth_error("unsupported_grant_type")
        if grant == "refresh_token":
            return self._refreshed(form.get("refresh_token", ""), tenant)
        scopes = frozenset(form.get("scope", "").split())
        if "api" not in scopes or not scopes <= SCOPES:
            return _oauth_error("invalid_scope")
        if grant == "password" and not (
            _same(form.get("username", ""), self.username) and _same(form.get("password", ""), self.password)
        ):
            return _oauth_error("invalid_grant")
        if grant == "authorization_code" and not self._spend(form.get("code", "")):
            return _oauth_error("invalid_grant")
        return self._grant(tenant, scopes, refreshable=grant != "client_credentials" and "offline_access" in scopes)

    def _refreshed(self, token: str, tenant: str) -> Response:
        held = self._refresh_tokens.get(token)
        if held is None or held.tenant != tenant or held.ends <= self.clock():
            return _oauth_error("invalid_grant")
        del self._refresh_tokens[token]
        return self._grant(tenant, held.scopes, refreshable=True)

    def _grant(self, tenant: str, scopes: frozenset[str], *, refreshable: bool) -> Response:
        access = f"{self.new_id()}{self.new_id()}".replace("-", "")
        ends = self.clock() + timedelta(seconds=self.token_life)
        self.sessions.tokens[access] = Token(tenant=tenant, scopes=scopes, ends=ends)
        body: dict[str, Any] = {
            "access_token": access,
            "expires_in": int(self.token_life),
            "token_type": "Bearer",
            "scope": " ".join(sorted(scopes)),
        }
        if refreshable:
            body["refresh_token"] = self._new_refresh(tenant, scopes)
        return Response(body=encode(body), headers={"Cache-Control": "no-store"})

    def _new_refresh(self, tenant: str, scopes: frozenset[str]) -> str:
        token = f"rt{self.new_id()}".replace("-", "")
        self._refresh_tokens[token] = _Refresh(tenant=tenant, scopes=scopes, ends=self.clock() + _SLIDING)
        return token

    def _spend(self, code: str) -> bool:
        known = code in self.codes
        self.codes.discard(code)
        return known

    def _tenant(self, name: str) -> str:
        """The tenant to log in to: a server with one takes any name, one with several needs a right one."""
        if len(self.tenants) == 1:
            return next(iter(self.tenants))
        if name not in self.tenants:
            kind = "PX.Data.PXUndefinedCompanyException"
            raise failed("Error: Unable to determine proper company id for the request.", kind=kind)
        return name


def again(session: Session) -> tuple[str, ...]:
    """The cookies every answer sets anew."""
    return f"Locale=Culture={session.locale}&TimeZone=GMTM0000; path=/", f"UserBranch={session.branch}; path=/"


def check_length(request: Request) -> None:
    """411 for a POST without Content-Length, which the web server in front refuses."""
    if "content-length" not in request.headers:
        raise Refusal(
            411, b"<HTML><HEAD><TITLE>Length Required</TITLE></HEAD></HTML>", headers={"Content-Type": "text/html"}
        )


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _oauth_error(code: str) -> Response:
    return Response(status=400, body=encode({"error": code}), headers={"Cache-Control": "no-store"})
