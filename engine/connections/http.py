"""An HTTP connection to one system: reads are retried, a write goes out once, every call ends at its deadline."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Self

import httpx

from engine.connections.auth import TICKET, FixedLogin, Guard, Hold, Login, Surroundings, check_header, front_header
from engine.connections.backoff import delay
from engine.connections.deadline import Deadline
from engine.connections.exchange import Answer, Exchange, ReadOnly, TokenStore
from engine.connections.http_body import read_body
from engine.connections.http_kind import HttpKind
from engine.connections.http_network import Network
from engine.connections.http_request import Prepared, build, check_length, check_origin, prepare
from engine.connections.http_transport import Transport
from engine.connections.login_kinds import ApiKey, Basic, OAuth2
from engine.connections.oauth2 import OAuth2Login
from engine.connections.origin import origin_of, parse_base, parse_url
from engine.connections.outcomes import Ending, Outcome, answer_of, classify
from engine.connections.serves import shortfall
from engine.connections.session import Session
from engine.connections.wire import Broken, text_of
from engine.contracts import Call, Clock, Random, Sleep, Watch
from engine.errors import InDoubt, MlconnectorError, RecordError, Refused, SetupError, TransientError
from engine.redaction import MASK, Redactor, Secret

__all__ = ["Http", "HttpKind"]

_SERVES = "serves"
_SHOWN = 8 * 1024
"""Bytes of a body handed to the watch: twice what the trail keeps, so that no secret is cut in half before it is masked."""


class Http:
    """Calls to one system. Safe to use from several threads; `close` logs out.

    `transport` stands in for the network. `read_only` (a dry run) refuses everything that may change a document before any byte
    is sent. `allow_loopback` is for the sandbox. Every server text in an error has passed the redactor.
    """

    def __init__(
        self,
        kind: HttpKind,
        settings: Mapping[str, Any],
        *,
        name: str,
        watch: Watch,
        tokens: TokenStore,
        clock: Clock,
        sleep: Sleep,
        random: Random,
        transport: httpx.BaseTransport | None = None,
        read_only: bool = False,
        allow_loopback: bool = False,
        redactor: Redactor | None = None,
        hold: Hold = nullcontext,
    ) -> None:
        self._kind, self._settings, self._name = kind, settings, name
        self._watch, self._clock, self._sleep, self._random = watch, clock, sleep, random
        self._read_only = read_only
        self._redactor = redactor or Redactor()
        for value in settings.values():
            if isinstance(value, Secret):
                self._redactor.add(value.expose())
        self._base = parse_base(str(kind.base(self._scope({}))))
        self._origin = origin_of(self._base)
        further = (tree(self._scope({})) for tree in kind.also)
        self._origins = {self._origin, *(origin_of(parse_url(str(address))) for address in further if address)}
        around = Surroundings(
            name=name,
            scope=self._scope({}),
            ask=self._ask,
            tokens=tokens,
            redactor=self._redactor,
            clock=clock,
            wire=kind.wire,
            hold=hold,
        )
        headers = self._headers() | front_header(kind.front, around)
        self._longest = self._longest_url()
        self._accept = "application/json" if kind.answers.as_ == "json" else "*/*"
        self._login = _login(kind, around)
        self._guard = Guard(self._origin, headers, self._login)
        self._bare = Guard(self._origin, headers, None)
        _cap_loggers()
        self._transport = transport or Transport(at_once=kind.at_once, network=Network(allow_loopback=allow_loopback))
        self._cookies = httpx.Cookies()

    def read(self, exchange: Exchange, scope: Mapping[str, Any], *, step: str) -> Answer:
        """A call that changes nothing, tried several times. Raises TransientError, SetupError, Refused, RecordError."""
        return self._read(self._prepare(exchange, scope), step)

    def follow(self, url: str, *, step: str) -> Answer:
        """Reads an address the system gave us, whole or relative to the base; on its own origin only. Errors as `read`."""
        try:
            whole = url.startswith(("https://", "http://"))  # as most are: joining parses three times as much
            address = httpx.URL(url) if whole else self._base.join(url)
        except (httpx.InvalidURL, ValueError):
            raise SetupError(f"`{self._name}` step `{step}`: the link to the next page can't be read") from None
        return self._read(
            Prepared(method="GET", url=address, headers={"Accept": "application/json"}, content=None), step
        )

    def write(self, exchange: Exchange, scope: Mapping[str, Any], *, step: str) -> Answer:
        """A call that may change a document, sent once; again only after a 401 or 429, which refuse before processing.

        Raises Refused, TransientError, SetupError, RecordError: certainly nothing happened; InDoubt: something may have.
        An answer with `absent` set is a spec's rule saying that the record is not there: nothing happened either.
        """
        self._refuse_if_read_only(step)
        prepared = self._prepare(exchange, scope)
        if isinstance(self._login, Session):
            self._login.before_write()
        outcome = self._once(prepared, step, changes=True)
        if outcome.kind in {"done", "absent"}:
            return answer_of(outcome, self._kind.wire)
        if outcome.kind == "uncertain" and isinstance(self._login, Session):
            self._login.doubt()
        if outcome.kind in {"uncertain", "duplicate"}:
            raise InDoubt(self._said(outcome, step), duplicate=outcome.kind == "duplicate", status=outcome.status)
        raise self._error(outcome, step)

    def try_once(self, exchange: Exchange, scope: Mapping[str, Any], *, step: str) -> Answer:
        """A call without effect on documents inside a chain of writes: sent as `write` does, every doubt is a TransientError."""
        if exchange.method != "GET":
            self._refuse_if_read_only(step)
        outcome = self._once(self._prepare(exchange, scope), step, changes=False)
        if outcome.kind in {"done", "absent"}:
            return answer_of(outcome, self._kind.wire)
        raise self._error(outcome, step)

    def unserved(self) -> str:
        """What the settings name and the server says it has not; empty where it has it, or nothing asks. Raises as `read`."""
        kind = self._kind.serves
        if kind is None:
            return ""
        return self._redactor.text(shortfall(kind, self.read(kind, {}, step=_SERVES), self._settings))

    def deadline(self) -> Deadline:
        """One call's time, from now: a write made inside it is not sent when a stopped process goes on after its end."""
        return Deadline(self._kind.deadline.total_seconds())

    def close(self) -> None:
        """Logs out where there is a session, and closes the connections."""
        if self._login is not None:
            self._login.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """Scheme, host and port, as `https://host`."""
        return str(self._origin)

    def _read(self, prepared: Prepared, step: str) -> Answer:
        check_origin(prepared.url, {self._origin})
        tried, renewed, retry = 0, False, self._kind.retry
        while True:
            outcome = self._try_reading(prepared, step, may_renew=self._renewable and not renewed)
            if outcome.kind in {"done", "absent"}:
                return answer_of(outcome, self._kind.wire)
            if outcome.kind == "reauthenticate" and self._renewable and not renewed:
                renewed = True
                continue
            tried += 1
            if outcome.kind not in {"not_sent", "rate", "uncertain"} or tried >= retry.tries:
                raise self._error(outcome, step)
            cap = retry.cap.total_seconds()
            self._sleep(delay(tried, cap=cap, random=self._random, asked=outcome.after))

    def _try_reading(self, prepared: Prepared, step: str, *, may_renew: bool) -> Outcome:
        """One try of a read within its own deadline; a login that can't be had now counts as a try."""
        with self.deadline() as deadline:
            try:
                outcome, ticket = self._attempt(prepared, step, self._guard, deadline, changes=False)
                if outcome.kind == "reauthenticate" and may_renew:
                    self._renew(ticket)
            except TransientError as error:
                return Outcome(kind="not_sent", message=str(error), after=error.after)
            return outcome

    def _once(self, prepared: Prepared, step: str, *, changes: bool) -> Outcome:
        """One call under one deadline, second tries after 401 and 429 included: a request landing later could outlive `settle`."""
        check_origin(prepared.url, {self._origin})
        renewed = waited = False
        with self.deadline() as deadline:
            while True:
                outcome, ticket = self._attempt(prepared, step, self._guard, deadline, changes=changes)
                if outcome.kind == "reauthenticate" and self._renewable and not renewed:
                    renewed = True
                    self._renew(ticket)
                    continue
                if outcome.kind != "rate" or waited:
                    return outcome
                wait = delay(1, cap=self._kind.retry.cap.total_seconds(), random=self._random, asked=outcome.after)
                if wait > deadline.left / 2:
                    return outcome
                waited = True
                self._sleep(wait)

    def _attempt(
        self, prepared: Prepared, step: str, guard: Guard, deadline: Deadline, *, changes: bool
    ) -> tuple[Outcome, str]:
        """One request on the wire, watched; and the ticket of the login it carried."""
        request = build(prepared, deadline.left)
        started = time.monotonic()
        ending = self._send(request, guard, changes=changes)
        pace = self._kind.retry.rate.total_seconds()
        outcome = classify(ending, self._kind.errors, self._clock, self._redactor.text, pace=pace)
        self._watch(
            Call(
                system=self._name,
                step=step,
                method=request.method,
                address=self._shown(request.url),
                status=ending.status,
                outcome=outcome.kind,
                seconds=time.monotonic() - started,
                request=(prepared.content or (prepared.url.query if self._kind.secret_query else b""))[:_SHOWN],
                response=ending.body[:_SHOWN],
            )
        )
        return outcome, str(request.extensions.get(TICKET, ""))

    def _send(self, request: httpx.Request, guard: Guard, *, changes: bool) -> Ending:
        path = request.url.path
        try:
            guard.apply(request)
            check_length(request.url, self._longest)
            if self._cookies:
                self._cookies.set_cookie_header(request)
            response = self._transport.handle_request(request)
            try:
                body = read_body(response)
                if "set-cookie" in response.headers:
                    response.request = request
                    self._cookies.extract_cookies(response)
            finally:
                response.close()
        except (httpx.TransportError, Broken) as error:
            return Ending(path=path, changes=changes, error=error)
        return Ending(
            path=path,
            changes=changes,
            status=response.status_code,
            headers=response.headers,
            body=body,
            answers=self._kind.answers,
        )

    def _ask(self, exchange: Exchange, scope: Mapping[str, Any], step: str) -> Outcome:
        """A login's own call: no credentials of ours, allowed to `also`, within the deadline of the call that needs it."""
        try:
            prepared = prepare(exchange, scope, self._base, replace(self._kind.wire, wrap=None), self._accept)
        except RecordError as error:
            raise SetupError(f"`{self._name}` step `{step}`: {error}") from None
        check_origin(prepared.url, self._origins)
        with self.deadline() as deadline:
            outcome, _ = self._attempt(prepared, step, self._bare, deadline, changes=False)
        return outcome

    @property
    def _renewable(self) -> bool:
        return self._login is not None and self._login.renewable

    def _renew(self, ticket: str) -> None:
        assert self._login is not None
        self._login.renew(ticket)

    def _prepare(self, exchange: Exchange, scope: Mapping[str, Any]) -> Prepared:
        prepared = prepare(exchange, self._scope(scope), self._base, self._kind.wire, self._accept)
        check_length(prepared.url, self._longest)  # before a login, so that nothing at all is sent
        return prepared

    def _longest_url(self) -> int | None:
        value = self._kind.longest_url(self._scope({})) if self._kind.longest_url is not None else None
        if value is not None and not str(value).isdigit():
            raise SetupError(f"`longest_url` of `{self._name}` is `{value}`, and it takes a number of bytes")
        return None if value is None else int(str(value))

    def _shown(self, url: httpx.URL) -> str:
        """The address for the trail: without its query where that holds secrets and whole documents."""
        return f"{url.copy_with(query=None)}?{MASK}" if self._kind.secret_query and url.query else str(url)

    def _scope(self, scope: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**scope, "need": self._settings}

    def _headers(self) -> dict[str, str]:
        values = {name: tree(self._scope({})) for name, tree in self._kind.headers.items()}
        return {n: check_header(n, text_of(v, self._kind.wire)) for n, v in values.items() if v is not None}

    def _refuse_if_read_only(self, step: str) -> None:
        if self._read_only:
            raise ReadOnly(f"`{self._name}` step `{step}`: this connection may only read; nothing was sent")

    def _said(self, outcome: Outcome, step: str) -> str:
        status = f" (HTTP {outcome.status})" if outcome.status else ""
        return f"`{self._name}` step `{step}`: {outcome.message}{status}"

    def _explained(self) -> str:
        """For an address that is not there: what is."""
        try:
            missing = self.unserved()
        except MlconnectorError:
            return ""
        return f": {missing}" if missing else ""

    def _error(self, outcome: Outcome, step: str) -> Refused | SetupError | TransientError:
        text = self._said(outcome, step)
        if outcome.kind in {"refused", "duplicate"}:
            return Refused(text, reference=outcome.reference, status=outcome.status)
        if outcome.kind == "reauthenticate":
            return SetupError(f"{text}: the login was refused; check the credentials in the settings")
        if outcome.kind == "setup":
            return SetupError(text + (self._explained() if outcome.status == 404 and step != _SERVES else ""))
        return TransientError(text, after=outcome.after)


def _login(kind: HttpKind, around: Surroundings) -> Login | None:
    if kind.auth is None:
        return None
    if isinstance(kind.auth, Basic | ApiKey):
        return FixedLogin(kind.auth, around)
    return OAuth2Login(kind.auth, around) if isinstance(kind.auth, OAuth2) else Session(kind.auth, around)


def _cap_loggers() -> None:
    # At INFO and DEBUG they print addresses and headers, secrets included.
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.WARNING, logger.level))
