"""Who may call the Ramp stand-in: client credentials with scopes, tokens of ten days, revocation.

The grants of people (`authorization_code`, `refresh_token`) exist there but not for this client: `unauthorized_client`.
A request for no scope at all is refused; nothing public says what a real server grants then.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from engine.sandbox.ramp_errors import UNKNOWN_TOKEN, LoginRefusal, Refusal
from engine.sandbox.ramp_json import encode
from engine.sandbox.web_messages import Request, Response

TEN_DAYS = 864000
SCOPES = (
    "accounting:read", "accounting:write", "bills:read", "vendors:read", "vendors:write", "purchase_orders:read",
    "transactions:read", "reimbursements:read", "entities:read",
)  # fmt: skip
"""What the client may ask for unless told otherwise; writing bills (`bills:write`) is not among it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    expires: datetime
    scopes: frozenset[str]


@dataclass(kw_only=True)
class Logins:
    """The client the stand-in knows, the scopes it was granted, and the tokens given out."""

    client_id: str
    client_secret: str
    scopes: Collection[str]
    token_life: float
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    tokens: dict[str, Token] = field(default_factory=dict)

    def forget(self) -> None:
        """Every token given out so far has expired."""
        now = self.clock()
        self.tokens = {name: Token(expires=now, scopes=token.scopes) for name, token in self.tokens.items()}

    def check(self, request: Request, scope: str) -> None:
        """401 without a living token, 403 when it lacks the scope; an empty scope needs a token only."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        token = self.tokens.get(text.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise Refusal(401, "The access token is missing or unknown", code=UNKNOWN_TOKEN)
        if token.expires <= self.clock():
            raise Refusal(401, "The access token has expired")
        if scope and scope not in token.scopes:
            raise Refusal(403, f"The access token lacks the scope {scope}")

    def grant(self, request: Request) -> Response:
        """`POST /token`: a form, the client in a basic login."""
        form = self._form(request)
        grant = form.get("grant_type", "")
        if grant in {"authorization_code", "refresh_token"}:
            raise LoginRefusal(400, "unauthorized_client", "The client may not use this grant")
        if grant != "client_credentials":
            raise LoginRefusal(400, "unsupported_grant_type", f"The grant type `{grant}` is not supported")
        scopes = form.get("scope", "").split()
        if not scopes or not set(scopes) <= set(self.scopes):
            raise LoginRefusal(400, "invalid_scope", "The scope is missing, unknown or not granted to the client")
        text = f"ramp_tok_{self.new_id().replace('-', '')}"
        self.tokens[text] = Token(expires=self.clock() + timedelta(seconds=self.token_life), scopes=frozenset(scopes))
        body = {
            "access_token": text,
            "token_type": "Bearer",
            "expires_in": int(self.token_life),
            "scope": " ".join(scopes),
        }
        return Response(body=encode(body), headers={"Cache-Control": "no-store"})

    def revoke(self, request: Request) -> Response:
        """`POST /token/revoke`: the token is dead at once; an unknown one is no error (RFC 7009, section 2.2)."""
        form = self._form(request)
        if not form.get("token"):
            raise LoginRefusal(400, "invalid_request", "The form has no `token`")
        self.tokens.pop(form["token"], None)
        return Response(body=encode({}))

    def _form(self, request: Request) -> dict[str, str]:
        if "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
            raise LoginRefusal(400, "invalid_request", "Send a form: application/x-www-form-urlencoded")
        client, secret = _basic(request.headers.get("authorization", ""))
        if not _same(client, self.client_id) or not _same(secret, self.client_secret):
            raise LoginRefusal(401, "invalid_client", "The client is unknown or its secret wrong")
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _basic(header: str) -> tuple[str, str]:
    """Client and secret; empty ones for every other login."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client, _, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return client, secret


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
