"""Logging in by a call of the system's own: what its answer holds is kept, and sent with every call."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import httpx

from engine.connections.auth import Surroundings, check_header, with_query
from engine.connections.exchange import Fixed, Tree
from engine.connections.login_kinds import SessionLogin
from engine.connections.wire import encode_query, text_of
from engine.errors import AlreadyRunning, MlconnectorError, RecordError, SetupError, TransientError
from engine.redaction import exposed


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Held:
    """A session in use."""

    kept: dict[str, Any]
    headers: dict[str, str]
    query: str
    ends_at: datetime
    ticket: str


class Session:
    """One session for all threads."""

    renewable = True

    def __init__(self, kind: SessionLogin, around: Surroundings) -> None:
        self._kind = kind
        self._around = around
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._logins = 0
        self._turn = ExitStack()
        self._has_turn = False
        self._written = False
        self._key = f"{around.name}/session"

    def apply(self, request: httpx.Request) -> str:
        held = self._fresh(refused="")
        for name, value in held.headers.items():
            request.headers[name] = value
        with_query(request, held.query)
        return held.ticket

    def renew(self, ticket: str) -> None:
        self._fresh(refused=ticket)

    def close(self) -> None:
        with self._lock:
            held, self._held = self._held, None
            try:
                self._log_out(held)
            finally:
                self._turn.close()
                self._has_turn = False

    def before_write(self) -> None:
        """A write begins: where the kind says so, not in a session that made another one."""
        if self._kind.renew == "write":
            with self._lock:
                held, used, self._written = self._held, self._written, True
                if used:
                    self._held = None
                    self._log_out(held)

    def doubt(self) -> None:
        """A write's answer was lost: where the kind says so the session ends, and what may still run under it with it."""
        if self._kind.after_doubt == "logout":
            with self._lock:
                held, self._held = self._held, None
                self._log_out(held)

    def _log_out(self, held: Held | None) -> None:
        if held is None or self._kind.logout is None:
            return
        carried: dict[str, Tree] = {name: Fixed(value) for name, value in held.headers.items()}
        logout = replace(self._kind.logout, headers={**carried, **self._kind.logout.headers})
        with suppress(MlconnectorError):  # the session ends by itself later; nothing depends on it
            self._around.ask(logout, {**self._around.scope, **held.kept}, "logout")

    def _fresh(self, *, refused: str) -> Held:
        with self._lock:
            held = old = self._held
            if held is None or not self._usable(held, refused):
                held = self._load()
            if held is None or not self._usable(held, refused):
                held, self._held = None, None
                self._log_out(old)  # it may be open still, and seats are few
                held = self._log_in()
            self._held = held
            return held

    def _usable(self, held: Held, refused: str) -> bool:
        return held.ticket != refused and self._around.clock() < held.ends_at

    def _take_turn(self) -> None:
        """Waits until nobody else has the session of that name, and keeps it until the connection closes."""
        tree = self._kind.one_at_a_time
        if tree is None or self._has_turn:
            return
        around = self._around
        try:
            self._turn.enter_context(around.hold(around.text(tree, "one_at_a_time")))
        except AlreadyRunning as error:
            raise TransientError(f"`{around.name}`: somebody else has the session: {error}") from None
        self._has_turn = True

    def _log_in(self) -> Held:
        self._take_turn()
        outcome = self._around.ask(self._kind.login, self._around.scope, "login")
        name = self._around.name
        if outcome.kind in {"not_sent", "rate", "uncertain"}:
            raise TransientError(f"`{name}`: no login: {outcome.message}", after=outcome.after)
        if outcome.kind != "done":
            raise SetupError(f"`{name}`: the system refused the login ({outcome.message}); check the settings")
        kept: dict[str, Any] = {}
        for key, expression in self._kind.keep.items():
            try:
                kept[key] = expression(outcome.body)
            except RecordError:
                kept[key] = None
            if kept[key] is None or kept[key] == "":
                raise SetupError(f"`{name}`: the login's answer holds nothing for `{key}`")
        self._logins += 1
        held = self._hold(kept, self._around.clock() + self._kind.lives)
        self._store(held)
        return held

    def _hold(self, kept: dict[str, Any], ends_at: datetime) -> Held:
        for value in kept.values():
            self._around.redactor.add(str(value))
            self._around.redactor.add(str(value).strip())
        scope = {**self._around.scope, **kept}
        headers: dict[str, str] = {}
        for name, tree in self._kind.send.items():
            value = tree(scope)
            if value is not None:
                headers[name] = check_header(name, text_of(value, self._around.wire))
                self._around.redactor.add(headers[name])
        query = encode_query({name: tree(scope) for name, tree in self._kind.query.items()}, self._around.wire)
        ticket = hashlib.sha256(repr((sorted(headers.items()), query, self._logins)).encode()).hexdigest()
        return Held(kept=kept, headers=headers, query=query, ends_at=ends_at, ticket=ticket)

    def _store(self, held: Held) -> None:
        if self._kind.logout is None and held.kept:
            value = {"of": self._identity(), "kept": held.kept, "ends_at": held.ends_at.isoformat()}
            self._around.tokens.put(self._key, json.dumps(value, default=str).encode(), held.ends_at)

    def _load(self) -> Held | None:
        if self._kind.logout is not None or not self._kind.keep:
            return None
        raw = self._around.tokens.get(self._key)
        if raw is None:
            return None
        try:
            value = json.loads(raw)
            if value["of"] != self._identity():
                return None
            return self._hold(value["kept"], datetime.fromisoformat(value["ends_at"]))
        except (ValueError, KeyError, TypeError):
            return None

    def _identity(self) -> str:
        """Whose session it is: address and everything sent to log in, hashed."""
        login, scope = self._kind.login, self._around.scope
        parts = [
            str(login.path(scope)),
            *(text_of(tree(scope) or "", self._around.wire) for tree in login.headers.values()),
        ]
        body = None if login.send is None else login.send(scope)
        return hashlib.sha256("\x00".join([*parts, repr(_opened(body))]).encode()).hexdigest()


def _opened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _opened(member) for key, member in value.items()}
    return exposed(value)
