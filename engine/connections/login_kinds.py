"""How a spec says a system is logged in to over HTTP: the keys of each way. `auth`, `oauth2` and `session` do it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from engine.connections.exchange import Exchange, Expression, Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Basic:
    """HTTP Basic (RFC 7617), in UTF-8."""

    username: Tree
    password: Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """The Basic login of a server in front of the system; without a user name there is none."""

    username: Tree
    password: Tree


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """A key in a header, or in a query parameter where the system wants it there: one of the two."""

    value: Tree
    header: str = ""
    query: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OAuth2:
    """Where tokens come from. `send`: client id and secret in the form's body or as Basic. `refresh_before` its end a token is renewed.

    `logout` ends what the system keeps open behind a token that was used: when another takes its place, and when the connection closes.
    """

    grant: Literal["client_credentials", "password", "refresh_token"]
    token_url: Tree
    client_id: Tree
    client_secret: Tree | None = None
    scope: Tree | None = None
    audience: Tree | None = None
    username: Tree | None = None
    password: Tree | None = None
    refresh_token: Tree | None = None
    refresh_before: timedelta = timedelta(minutes=5)
    send: Literal["body", "basic"] = "body"
    logout: Exchange | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionLogin:
    """`keep` names values of the login's answer; `send` and `query` compute headers and parameters of every call with them in scope.

    Cookies go along by themselves. With a `logout` the session ends when the connection closes; without one it is stored and
    used by the next run. Where `one_at_a_time` has the same value there is one session at a time, whoever asks for it.
    `after_doubt: logout` ends the session when a write's answer is lost; with `renew: write` each write begins with a session in which
    no other was made.
    """

    login: Exchange
    lives: timedelta
    keep: dict[str, Expression] = field(default_factory=dict)
    send: dict[str, Tree] = field(default_factory=dict)
    query: dict[str, Tree] = field(default_factory=dict)
    logout: Exchange | None = None
    one_at_a_time: Tree | None = None
    after_doubt: Literal["keep", "logout"] = "keep"
    renew: Literal["expiry", "write"] = "expiry"


Auth = Basic | ApiKey | OAuth2 | SessionLogin
