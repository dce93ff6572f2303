"""OAuth 2.0 tokens (RFC 6749): taken from the store, refreshed before they end and once when refused, stored before use."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import httpx

from engine.connections.auth import Surroundings
from engine.connections.exchange import Exchange, Fixed, Tree
from engine.connections.login_kinds import OAuth2
from engine.connections.outcomes import Outcome
from engine.errors import MlconnectorError, SetupError, TransientError
from engine.redaction import exposed

_UNSAID = timedelta(minutes=5)
"""Life of a token whose answer does not say."""

_LONGEST = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Token:
    """A bearer token, when to renew it, and what to renew it with."""

    access: str
    renew_at: datetime
    ends_at: datetime
    refresh: str = ""


class OAuth2Login:
    """One token for all threads and, through the store, for all processes."""

    renewable = True

    def __init__(self, kind: OAuth2, around: Surroundings) -> None:
        self._kind = kind
        self._around = around
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._used: Token | None = None
        self._key = f"{around.name}/oauth2"

    def apply(self, request: httpx.Request) -> str:
        token = self._used = self._fresh(refused="")
        request.headers["Authorization"] = f"Bearer {token.access}"
        return token.access

    def renew(self, ticket: str) -> None:
        self._fresh(refused=ticket)

    def close(self) -> None:
        """Tokens outlive the connection; what the system keeps open behind the one in use does not."""
        with self._lock:
            self._log_out()

    def _log_out(self) -> None:
        """Frees the seat behind the token used last; where it was refused there may be one all the same."""
        used, self._used = self._used, None
        logout = self._kind.logout
        if used is None or logout is None or used.ends_at <= self._around.clock():
            return
        bearer: dict[str, Tree] = {"Authorization": Fixed(f"Bearer {used.access}")}
        with suppress(MlconnectorError):  # the session ends by itself later; nothing depends on it
            self._around.ask(replace(logout, headers={**bearer, **logout.headers}), self._around.scope, "logout")

    def _fresh(self, *, refused: str) -> Token:
        with self._lock:
            if self._usable(self._token, refused):
                assert self._token is not None
                return self._token
            stored = self._load()
            if not self._usable(stored, refused):
                stored = self._ask(stored or self._token)
            assert stored is not None
            if self._used is not None and self._used.access != stored.access:
                self._log_out()
            self._token = stored
            return stored

    def _usable(self, token: Token | None, refused: str) -> bool:
        return token is not None and token.access != refused and self._around.clock() < token.renew_at

    def _ask(self, old: Token | None) -> Token:
        """A new token; a refresh token first where there is one. Raises SetupError, TransientError."""
        given = self._setting(self._kind.refresh_token, "refresh_token") if self._kind.refresh_token else ""
        last: Outcome | None = None
        for refresh in dict.fromkeys(filter(None, (old.refresh if old else "", given))):
            last = self._call({"grant_type": "refresh_token", "refresh_token": refresh})
            if last.status == 200:
                return self._keep(last, refresh)
            self._raise_unless_refused(last)
            newer = self._load()  # another process may have used the same refresh token a moment ago
            if newer is not None and newer.refresh != refresh and self._usable(newer, old.access if old else ""):
                return newer
        if self._kind.grant == "refresh_token":
            raise self._refused(last)
        last = self._call(self._grant())
        if last.status == 200:
            return self._keep(last, "")
        self._raise_unless_refused(last)
        raise self._refused(last)

    def _grant(self) -> dict[str, str]:
        form: dict[str, str] = {"grant_type": self._kind.grant}
        if self._kind.grant == "password":
            form["username"] = self._setting(self._kind.username, "username")
            form["password"] = self._setting(self._kind.password, "password")
        return form

    def _call(self, form: dict[str, str]) -> Outcome:
        kind = self._kind
        for name, tree in (("scope", kind.scope), ("audience", kind.audience)):
            value = None if tree is None else tree(self._around.scope)
            if value is not None and value != "":
                form[name] = str(value)
        client = self._setting(kind.client_id, "client_id")
        secret = self._setting(kind.client_secret, "client_secret") if kind.client_secret else ""
        headers: dict[str, Tree] = {"Accept": Fixed("application/json")}
        if kind.send == "basic":
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"  # RFC 6749, 2.3.1
            encoded = base64.b64encode(pair.encode()).decode()
            self._around.redactor.add(encoded)
            headers["Authorization"] = Fixed(f"Basic {encoded}")
        else:
            form |= {"client_id": client} | ({"client_secret": secret} if secret else {})
        exchange = Exchange(post=self._url(), headers=headers, send=Fixed(form), encoding="form")
        return self._around.ask(exchange, self._around.scope, "token")

    def _keep(self, outcome: Outcome, refresh: str) -> Token:
        """The answer as a token, in the store before anybody uses it: a rotated refresh token exists nowhere else."""
        body = outcome.body if isinstance(outcome.body, Mapping) else {}
        access, kind = body.get("access_token"), str(body.get("token_type") or "bearer")
        if not isinstance(access, str) or not access or kind.lower() != "bearer":
            raise TransientError(f"`{self._around.name}`: the token address answered without a bearer token")
        self._around.redactor.add(access)
        refresh = str(body.get("refresh_token") or refresh)
        if refresh:
            self._around.redactor.add(refresh)
        now, lives = self._around.clock(), _life(body.get("expires_in"))
        early = min(self._kind.refresh_before, lives / 2)
        token = Token(access=access, refresh=refresh, renew_at=now + lives - early, ends_at=now + lives)
        self._around.tokens.put(self._key, self._sealed(token), None if refresh else token.ends_at)
        return token

    def _load(self) -> Token | None:
        raw = self._around.tokens.get(self._key)
        if raw is None:
            return None
        try:
            held = json.loads(raw)
            if held["of"] != self._identity():
                return None
            token = Token(
                access=held["access"],
                refresh=held["refresh"],
                renew_at=datetime.fromisoformat(held["renew_at"]),
                ends_at=datetime.fromisoformat(held["ends_at"]),
            )
        except (ValueError, KeyError, TypeError):
            return None
        for secret in filter(None, (token.access, token.refresh)):
            self._around.redactor.add(secret)
        return token

    def _sealed(self, token: Token) -> bytes:
        held = {
            "of": self._identity(),
            "access": token.access,
            "refresh": token.refresh,
            "renew_at": token.renew_at.isoformat(),
            "ends_at": token.ends_at.isoformat(),
        }
        return json.dumps(held).encode()

    def _identity(self) -> str:
        """Whose token it is: after a change of settings a stored one is not used."""
        kind, scope = self._kind, self._around.scope
        trees = (kind.token_url, kind.client_id, kind.scope, kind.audience, kind.username)
        secrets = (kind.client_secret, kind.password)
        parts = [kind.grant, *("" if tree is None else str(exposed(tree(scope))) for tree in (*trees, *secrets))]
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()

    def _url(self) -> str:
        return self._setting(self._kind.token_url, "token_url")

    def _setting(self, tree: Tree | None, what: str) -> str:
        return self._around.text(tree, what)

    def _raise_unless_refused(self, outcome: Outcome) -> None:
        if outcome.status in {400, 401, 403}:
            return
        if outcome.kind == "setup":
            raise SetupError(f"`{self._around.name}`: no token: {outcome.message}")
        raise TransientError(f"`{self._around.name}`: no token: {outcome.message}", after=outcome.after)

    def _refused(self, outcome: Outcome | None) -> SetupError:
        body = outcome.body if outcome is not None and isinstance(outcome.body, Mapping) else {}
        said = ": ".join(str(body[name]) for name in ("error", "error_description") if body.get(name))
        said = self._around.redactor.text(said[:300]) or (outcome.message if outcome else "there is no refresh token")
        return SetupError(f"`{self._around.name}`: the token address refused the login ({said}); check the settings")


def _life(said: Any) -> timedelta:
    try:
        seconds = int(said)
    except (TypeError, ValueError):
        return _UNSAID
    return min(max(timedelta(seconds=seconds), timedelta()), _LONGEST) if 0 < seconds < 10**9 else _UNSAID
