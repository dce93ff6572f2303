"""Sessions of the Acumatica stand-in: each takes a seat of the licence until logout or twenty idle minutes.

One session does one request at a time. A token has a session behind it, opened at its first request; with the scope
`api:concurrent_access` it opens more of them while others are busy, each with a seat of its own. The stricter reading
where nothing is proven: a refreshed token gets a new session, and the old one keeps its seat until it is idle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.sandbox.acumatica_errors import Refusal, failed, not_logged_in, too_many
from engine.sandbox.acumatica_gate import Gate
from engine.sandbox.acumatica_store import Rules
from engine.sandbox.web_messages import Request

IDLE = timedelta(minutes=20)


@dataclass(kw_only=True, slots=True)
class Session:
    """One seat. `token` is the access token it is behind, empty for a cookie login."""

    id: str
    ticket: str
    tenant: str
    branch: str
    used: datetime
    token: str = ""
    locale: str = "en-US"
    busy: bool = False


@dataclass(kw_only=True, slots=True)
class Token:
    """An access token with what it may do."""

    tenant: str
    scopes: frozenset[str]
    ends: datetime


@dataclass(kw_only=True)
class Sessions:
    """The open sessions and the living tokens; `gate.changed` guards both."""

    seats: int
    gate: Gate
    rules: Rules
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    branch: str = "MAIN"
    tokens: dict[str, Token] = field(default_factory=dict)
    _open: dict[str, Session] = field(default_factory=dict)

    def count(self) -> int:
        """How many seats are taken now."""
        with self.gate.changed:
            self._drop_idle()
            return len(self._open)

    def forget(self) -> None:
        """Every session and access token is dead; refresh tokens are not touched."""
        with self.gate.changed:
            self._open.clear()
            self.tokens.clear()

    def open(self, tenant: str, branch: str, *, token: str = "", locale: str = "en-US") -> Session:
        """A new session; refused when all seats are taken."""
        with self.gate.changed:
            self._drop_idle()
            if len(self._open) >= self.seats:
                raise self._full()
            session = Session(
                id=self.new_id(),
                ticket=self.new_id().replace("-", "").upper(),
                tenant=tenant,
                branch=branch,
                used=self.clock(),
                token=token,
                locale=locale,
            )
            self._open[session.id] = session
            return session

    @contextmanager
    def claim(self, request: Request) -> Iterator[Session]:
        """The session of a request, for this request alone; 401 without a living one."""
        with self.gate.changed:
            session = self._claimed(request)
            session.busy, session.used = True, self.clock()
        try:
            yield session
        finally:
            with self.gate.changed:
                session.busy = False
                self.gate.changed.notify_all()

    def close(self, request: Request) -> None:
        """Logout: the session of the cookies, or those behind the token. 401 when there is none to end."""
        with self.gate.changed:
            self._drop_idle()
            token = bearer(request)
            if token is not None:
                self._living(token)
                for session in self._behind(token):
                    self._open.pop(session.id)
                if self.rules.logout_ends_token:
                    self.tokens.pop(token)
            else:
                self._open.pop(self._by_cookie(request).id)
            self.gate.changed.notify_all()

    def _claimed(self, request: Request) -> Session:
        self._drop_idle()
        token = bearer(request)
        if token is None:
            session = self._by_cookie(request)
            self.gate.wait_for(lambda: not session.busy)
            return self._by_cookie(request)
        living = self._living(token)
        free = next((session for session in self._behind(token) if not session.busy), None)
        if free is not None:
            return free
        if not self._behind(token) or "api:concurrent_access" in living.scopes:
            return self.open(living.tenant, self.branch, token=token)
        self.gate.wait_for(lambda: any(not session.busy for session in self._behind(token)) or not self._behind(token))
        return self._claimed(request)

    def _living(self, token: str) -> Token:
        found = self.tokens.get(token)
        if found is None or found.ends <= self.clock():
            raise not_logged_in()
        return found

    def _behind(self, token: str) -> list[Session]:
        return [session for session in self._open.values() if session.token == token]

    def _by_cookie(self, request: Request) -> Session:
        cookies = read_cookies(request)
        session = self._open.get(cookies.get("ASP.NET_SessionId", ""))
        if session is None or session.token or cookies.get(".ASPXAUTH") != session.ticket:
            raise not_logged_in()
        return session

    def _drop_idle(self) -> None:
        latest = self.clock() - IDLE
        for session in [session for session in self._open.values() if session.used <= latest and not session.busy]:
            self._open.pop(session.id)

    def _full(self) -> Refusal:
        if self.rules.seats_full == 429:
            return too_many(self.rules.retry_after)
        return failed(
            "Error: API Login Limit (ApiLoginLimitReached): the number of API users is limited by the license."
        )


def bearer(request: Request) -> str | None:
    """The access token of a request, None without the header; 401 for another scheme."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise not_logged_in()
    return token.strip()


def read_cookies(request: Request) -> Mapping[str, str]:
    pairs = (part.strip().partition("=") for part in request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs if name}
