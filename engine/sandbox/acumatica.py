"""A stand-in for Acumatica over real HTTP: the contract-based REST API below `entity/`, its logins, limits and rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from engine.sandbox.acumatica_actions import Actions
from engine.sandbox.acumatica_errors import Refusal, failed, no_resource, refuse_as_asked, respond
from engine.sandbox.acumatica_gate import Gate
from engine.sandbox.acumatica_login import GRANTS, Logins, again, check_length
from engine.sandbox.acumatica_routes import Routes, json_response
from engine.sandbox.acumatica_schema import describe_endpoint, list_endpoints
from engine.sandbox.acumatica_seed import BASELINE, KNOWN, change, plant
from engine.sandbox.acumatica_sessions import Session, Sessions
from engine.sandbox.acumatica_shapes import SHAPES
from engine.sandbox.acumatica_store import Rules, Store
from engine.sandbox.faults import Fault, Faults
from engine.sandbox.history import Call, History
from engine.sandbox.web import Web
from engine.sandbox.web_messages import Request, Response, operation_path

BUILD = "24.208.0025"
PASSWORD = "acumatica-pass"
CLIENT = "4B4BB6F5-7A59-4F21-9A0B-6B1E5E0C2A77"
CLIENT_SECRET = "acumatica-client-secret"
CUSTOM_FIELDS: Mapping[str, Mapping[str, str]] = {"Bill": {"Document.AttributeSOURCE": "CustomStringField"}}


class Acumatica:
    """Runs between `with` and its end; `url` is the site up to the instance, `token_url` its token endpoint.

    `rules` holds what may be switched while it runs; `ignored` names every field, option and parameter a client sent
    that had no effect, which a real server passes over in silence; `crashes` holds mistakes of the stand-in itself.
    """

    def __init__(
        self,
        *,
        instance: str = "AcumaticaERP",
        versions: Collection[str] = ("23.200.001", "24.200.001"),
        tenants: Collection[str] = ("Company",),
        username: str = "mlc",
        password: str = PASSWORD,
        token_life: float = 3600,
        seats: int = 2,
        rules: Rules | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random | None = None,
        faults: Iterable[Fault] = (),
        later: Callable[[float, Callable[[], None]], None] | None = None,
        sleep: Callable[[float], object] | None = None,
        port: int = 0,
        seed: Mapping[str, Any] | None = None,
    ) -> None:
        self.instance, self.endpoint, self.versions, self.build = instance, "Default", tuple(versions), BUILD
        self.tenants, self.clock, self.rules = tuple(tenants), clock, rules or Rules()
        self.history = History("acumatica", clock=self._now)
        self.faults = Faults(faults)
        self.store = Store(
            history=self.history,
            clock=self._now,
            random=random or Random(),
            rules=self.rules,
            lists={name: dict(known) for name, known in KNOWN.items()},
            customs=CUSTOM_FIELDS,
        )
        self.gate = Gate(self.rules, self._now)
        self.sessions = Sessions(seats=seats, gate=self.gate, rules=self.rules, clock=self._now, new_id=self._new_id)
        self.logins = Logins(
            username=username,
            password=password,
            client=CLIENT,
            client_secret=CLIENT_SECRET,
            tenants=self.tenants,
            branches=self.store.lists["branch"],
            grants=GRANTS,
            token_life=token_life,
            sessions=self.sessions,
            clock=self._now,
            new_id=self._new_id,
        )
        self.actions = Actions(store=self.store, jobs={}, today=self.store.today)
        self._web = Web(
            self._answer,
            history=self.history,
            faults=self.faults,
            refuse=refuse_as_asked,
            forget_logins=self.sessions.forget,
            later=later,
            sleep=sleep,
            clock=self._now,
            port=port,
            also=with_method,
        )
        for records in (BASELINE, seed or {}):
            plant(self.store, records)

    def _now(self) -> datetime:
        return self.clock()

    def _new_id(self) -> str:
        with self.store.lock:
            return self.store.guid()

    def start(self) -> Self:
        self.gate.open()
        self._web.start()
        return self

    def stop(self) -> None:
        self.gate.close()
        self._web.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"{self._web.url}/{self.instance}"

    @property
    def token_url(self) -> str:
        return f"{self.url}/identity/connect/token"

    @property
    def client_id(self) -> str:
        """As a connected application has it: its id, `@`, its tenant."""
        return f"{self.logins.client}@{self.tenants[0]}"

    @property
    def ignored(self) -> set[str]:
        return self.store.ignored

    @property
    def crashes(self) -> list[str]:
        return self._web.crashes

    def seed(self, **seeds: Iterable[Mapping[str, Any]]) -> None:
        """Store records before or between runs, by entity: `Vendor=`, `Bill=`, … with plain values by field.

        A bill or order takes its `Details`; a record whose key is there is changed. ValueError for anything unknown.
        """
        plant(self.store, seeds)

    def rows(self, entity: str) -> list[dict[str, Any]]:
        """The stored records of an entity in key order, plain values, with their lines and linked entities."""
        with self.store.lock:
            return [record.plain() for record in self.store.all(entity)]

    def bills(self) -> list[dict[str, Any]]:
        return self.rows("Bill")

    def checks(self) -> list[dict[str, Any]]:
        return self.rows("Check")

    def update(self, entity: str, where: Mapping[str, Any], **changes: Any) -> list[dict[str, Any]]:
        """Change every record that has these values as a person would; LookupError when there is none."""
        return [record.plain() for record in change(self.store, entity, where, changes)]

    def act(self, entity: str, action: str, **key: str) -> None:
        """Do what a person does with a button, such as ReleaseBill; ValueError when it is refused or fails."""
        with self.store.transaction():
            try:
                self.actions.do(SHAPES[entity], action, key)
            except Refusal as refusal:
                raise ValueError(str(refusal)) from refusal

    def close_periods(self, through: date | None) -> None:
        """Refuse post periods up to and including the one of this day from now on."""
        self.rules.closed_through = None if through is None else through.year * 100 + through.month

    def _answer(self, request: Request) -> Response:
        try:
            return self._route(request)
        except Refusal as refusal:
            return self._refused(refusal)

    def _refused(self, refusal: Refusal) -> Response:
        if refusal.status != 401 or self.rules.not_logged_in == "401":
            return respond(refusal)
        if self.rules.not_logged_in == "302":
            return Response(status=302, headers={"Location": f"/{self.instance}/Frames/Login.aspx?ReturnUrl=%2f"})
        return Response(status=401)

    def _route(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        inner = path.removeprefix(f"/{self.instance}/")
        if inner == path:
            raise no_resource(path, page=True)
        if request.method == "POST":
            check_length(request)
        if inner == "identity/connect/token" and request.method == "POST":
            return self.logins.token(request)
        if inner == "entity/auth/login" and request.method == "POST":
            return self.logins.login(request)
        if inner == "entity/auth/logout" and request.method == "POST":
            return self.logins.logout(request)
        if inner != "entity" and not inner.startswith("entity/"):
            raise no_resource(path, page=True)
        with self.gate.admit(), self.sessions.claim(request) as session:
            if self.rules.work_seconds:
                self._web.sleep(self.rules.work_seconds)
            answer = self._entity(request, session, inner.removeprefix("entity").strip("/"))
        return replace(answer, cookies=again(session))

    def _entity(self, request: Request, session: Session, inner: str) -> Response:
        """The list of endpoints, or what an endpoint of the right name and version answers."""
        if not inner and request.method == "GET":
            rules = self.rules
            return json_response(
                list_endpoints(self.instance, self.endpoint, self.versions, self.build, bare=rules.bare_versions)
            )
        name, version, rest = [*inner.split("/", 2), "", ""][:3]
        if unquote(name) != self.endpoint or unquote(version) not in self.versions or not rest:
            detail = f"There are {self.endpoint} {', '.join(self.versions)}." if self.rules.named_404 else ""
            raise no_resource(request.path, detail or "No endpoint was found.", page=self.rules.html_404)
        if self.rules.broken == 302:
            return Response(status=302, headers={"Location": f"/{self.instance}/Frames/Login.aspx"})
        if self.rules.broken == 500:
            raise failed("Object reference not set to an instance of an object.", kind="System.NullReferenceException")
        if rest == "swagger.json" and request.method == "GET":
            return json_response(describe_endpoint(self.instance, self.endpoint, version))
        base = f"/{self.instance}/entity/{self.endpoint}/{version}"
        routes = Routes(store=self.store, actions=self.actions, base=base)
        with self.store.transaction() if request.method != "GET" else nullcontext(), self.store.lock:
            return routes.status(request, rest) or routes.answer(request, session, rest)


def with_method(request: Request | Call) -> str:
    """One address is read, put and deleted: faults may be for one of these, as `PUT Bill`."""
    head, slash, last = operation_path(request.path).rpartition("/")
    return f"{head}{slash}{request.method} {last}"
