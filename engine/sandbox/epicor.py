"""A stand-in for Epicor Kinetic over real HTTP: REST v1 and v2, AP invoices, payments, vendors, and their rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from types import TracebackType
from typing import Any, Self

from engine.sandbox.epicor_errors import Refusal, respond
from engine.sandbox.epicor_invoice_save import lines_of
from engine.sandbox.epicor_json import encode
from engine.sandbox.epicor_login import Logins, read_header
from engine.sandbox.epicor_posting import post_group, post_payments, void_payment
from engine.sandbox.epicor_routes import SESSION_SERVICE, Target, carry_out, parse_target, unknown_url
from engine.sandbox.epicor_seed import BASELINE, plant, typed_value
from engine.sandbox.epicor_store import Row, Rules, Store
from engine.sandbox.faults import Fault, Faults
from engine.sandbox.history import History
from engine.sandbox.web import Web
from engine.sandbox.web_messages import Request, Response

PASSWORD = "kinetic-pass"
CLIENT_SECRET = "mlc-client-secret"
_NO_SUCH_PAGE = b"<!DOCTYPE html><html><head><title>404 - File or directory not found.</title></head></html>"


class Epicor:
    """Runs between `with` and its end; `url` is the site up to the instance, `token_url` its identity provider.

    `rules` holds what may be switched while it runs; `ignored` names every parameter, table and column a client sent
    that no method knows, which a real server passes over in silence; `crashes` holds mistakes of the stand-in itself.
    """

    def __init__(
        self,
        *,
        company: str = "EPIC06",
        companies: Collection[str] = (),
        instance: str = "live",
        apis: Collection[int] = (1, 2),
        api_key: str = "k-123",
        key_scope: Collection[str] | None = None,
        username: str = "mlc",
        password: str = PASSWORD,
        client_id: str = "mlc-client",
        client_secret: str = CLIENT_SECRET,
        token_life: float = 3600,
        strict_booleans: bool = True,
        duplicate_status: int = 409,
        next_link: bool = False,
        pay_posted_only: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random | None = None,
        faults: Iterable[Fault] = (),
        later: Callable[[float, Callable[[], None]], None] | None = None,
        sleep: Callable[[float], object] | None = None,
        port: int = 0,
        seed: Mapping[str, Any] | None = None,
    ) -> None:
        self.company, self.instance, self.apis, self.clock = company, instance, frozenset(apis), clock
        self.rules = Rules(
            strict_booleans=strict_booleans,
            duplicate_status=duplicate_status,
            next_link=next_link,
            pay_posted_only=pay_posted_only,
        )
        self.history = History("epicor", clock=self._now)
        self.faults = Faults(faults)
        self.store = Store(
            company=company,
            companies=frozenset({company, *companies}),
            history=self.history,
            clock=self._now,
            random=random or Random(),
            rules=self.rules,
            user=username,
        )
        self.logins = Logins(
            username=username,
            password=password,
            client_id=client_id,
            client_secret=client_secret,
            api_key=api_key,
            key_scope=key_scope,
            token_life=token_life,
            clock=self._now,
            new_id=self.store.guid,
        )
        self._web = Web(
            self._answer,
            history=self.history,
            faults=self.faults,
            refuse=lambda request, status, message: respond(request, Refusal(status, message), self.store.guid()),
            forget_logins=self._forget_logins,
            later=later,
            sleep=sleep,
            clock=self._now,
            port=port,
        )
        plant(self.store, BASELINE)
        plant(self.store, seed or {})

    def _now(self) -> datetime:
        return self.clock()

    def start(self) -> Self:
        self._web.start()
        return self

    def stop(self) -> None:
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
        return f"{self._web.url}/connect/token"

    @property
    def ignored(self) -> set[str]:
        return self.store.ignored

    @property
    def crashes(self) -> list[str]:
        return self._web.crashes

    def seed(self, **seeds: Iterable[Mapping[str, Any]]) -> None:
        """Store rows before or between runs: `vendors=`, `gl_accounts=`, `groups=`, … with the vendor's column names.

        An invoice takes its `lines`, a payment what it `pays`; columns left out get sensible values; a new column must
        end in `_c`. ValueError for anything unknown.
        """
        plant(self.store, seeds)

    def invoices(self) -> list[Row]:
        """The stored AP invoices by vendor and number, each with its `APInvDtls`, each of those with its `APInvExps`."""
        with self.store.lock:
            return [self._whole(header) for header in self._sorted("APInvHed")]

    def payments(self) -> list[Row]:
        """The stored payments by number, each with its `APTrans`."""
        with self.store.lock:
            return [
                {
                    **head,
                    "APTrans": [dict(tran) for tran in self.store.below("APTran", head["Company"], head["HeadNum"])],
                }
                for head in self._sorted("CheckHed")
            ]

    def vendors(self) -> list[Row]:
        """The stored vendors by number."""
        return self.rows("Vendor")

    def rows(self, table: str) -> list[Row]:
        """The stored rows of any table, such as `APInvGrp`, in key order."""
        with self.store.lock:
            return [dict(row) for row in self._sorted(table)]

    def touch_vendor(self, vendor_id: str, **changes: Any) -> Row:
        """Change a vendor as a person would on screen; without changes only its SysRevID rises."""
        return self.update("Vendor", {"VendorID": vendor_id}, **changes)[0]

    def update(self, table: str, where: Mapping[str, Any], **changes: Any) -> list[Row]:
        """Change every row that has these values as a person would; LookupError when there is none."""
        columns = self.store.tables[table].columns
        typed = {name: typed_value(columns[name], value, f"{table}.{name}") for name, value in changes.items()}
        with self.store.transaction():
            found = self.store.select(table, **where)
            if not found:
                raise LookupError(f"no {table} has {dict(where)}")
            saved = [self.store.put(table, {**row, **typed}) for row in found]
            self.store.note("person.changed", f"{table} {dict(where)}", **changes)
        return [dict(row) for row in saved]

    def lock_group(self, group_id: str, by: str = "maria") -> None:
        """Open an AP invoice group on another user's screen."""
        self.update("APInvGrp", {"GroupID": group_id}, ActiveUserID=by)

    def post_group(self, group_id: str) -> int:
        """Post a group as AP staff would; the number of invoices. ValueError for a variance or an uncoded line."""
        return post_group(self.store, group_id)

    def post_payments(self, group_id: str) -> int:
        """Post a payment group as AP staff would: the balances of the paid invoices fall. The number of payments."""
        return post_payments(self.store, group_id)

    def void_payment(self, number: int) -> None:
        """Void a posted payment as AP staff would: the balances rise again. LookupError when there is none to void."""
        void_payment(self.store, number)

    def close_periods(self, through: date | None) -> None:
        """Refuse apply dates and check dates up to and including this day from now on."""
        self.rules.closed_through = through

    def _sorted(self, table: str) -> list[Row]:
        return sorted(self.store.all(table), key=lambda row: self.store.key_of(table, row))

    def _whole(self, header: Row) -> Row:
        lines, expenses, _ = lines_of(self.store, header)
        below = [
            {**line, "APInvExps": [dict(row) for row in expenses if row["InvoiceLine"] == line["InvoiceLine"]]}
            for line in lines
        ]
        return {**header, "APInvDtls": below}

    def _forget_logins(self) -> None:
        with self.store.lock:
            self.logins.forget()

    def _answer(self, request: Request) -> Response:
        try:
            with self.store.transaction() if request.method != "GET" else nullcontext(), self.store.lock:
                return self._route(request)
        except Refusal as refusal:
            return respond(request, refusal, self.store.guid())

    def _route(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        if path == "/connect/token" and request.method == "POST":
            return self.logins.token(request)
        if not path.startswith(f"/{self.instance}/"):
            return Response(status=404, body=_NO_SUCH_PAGE, content_type="text/html")
        inner = path.removeprefix(f"/{self.instance}/")
        if inner == "TokenResource.svc" and request.method == "POST":
            return self.logins.token_resource(request)
        target = parse_target(inner)
        if target.api not in self.apis:
            raise unknown_url(path)
        target = self._admit(target, request)
        if target.service == SESSION_SERVICE:
            return self._session(target, request)
        middle = f"api/v2/odata/{target.company}" if target.api == 2 else "api/v1"
        return carry_out(self.store, target, request, f"{self.url}/{middle}/{target.service}")

    def _admit(self, target: Target, request: Request) -> Target:
        """The target with its company, when key, login, scope and company are right."""
        if target.api == 2:
            self.logins.check_key(request)
        self.logins.check_login(request)
        if target.api == 2:
            self.logins.check_scope(target.service)
        settings = read_header(request, "callsettings") if target.api == 1 else {}
        company = target.company or settings.get("Company") or self.company
        if company not in self.store.companies:
            raise Refusal(404, f"Company {company} not found.")
        return replace(target, company=company)

    def _session(self, target: Target, request: Request) -> Response:
        if request.method != "POST" or target.operation not in {"Login", "Logout"}:
            raise Refusal(404, f"Service {target.service} has no method {target.operation}.")
        if target.operation == "Login":
            session = self.store.guid()
            self.logins.sessions.add(session)
            return Response(body=encode({"returnObj": session}))
        self.logins.sessions.discard(self.logins.session_of(request))
        return Response(body=encode({"parameters": {}}))
