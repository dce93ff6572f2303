"""A stand-in for Ramp's developer API v1 over real HTTP: bills, spend, reference data, syncs, webhooks, and their rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from types import TracebackType
from typing import Any, Self

from engine.sandbox import ramp_accounting, ramp_bills, ramp_people, ramp_spend, ramp_syncs, ramp_webhooks
from engine.sandbox.faults import Fault, Faults
from engine.sandbox.history import History
from engine.sandbox.ramp_calls import Call, Operation, Operations
from engine.sandbox.ramp_errors import LoginRefusal, Refusal, respond, respond_login
from engine.sandbox.ramp_login import SCOPES, TEN_DAYS, Logins
from engine.sandbox.ramp_query import Show
from engine.sandbox.ramp_rate import Rate
from engine.sandbox.ramp_seed import plant
from engine.sandbox.ramp_sender import Sender, Sending, receivers
from engine.sandbox.ramp_store import Event, Row, Rules, Store
from engine.sandbox.web import Web
from engine.sandbox.web_messages import Request, Response

CLIENT_SECRET = "ramp-client-secret"
VERSION = "/developer/v1"
BASELINE: Mapping[str, Any] = {
    "entities": [{"entity_name": "Main Street Works Inc."}],
    "users": [{"email": "maria@example.com", "first_name": "Maria", "last_name": "Lopez"}],
}
OPERATIONS: Operations = {
    **ramp_bills.OPERATIONS,
    **ramp_spend.OPERATIONS,
    **ramp_accounting.OPERATIONS,
    **ramp_syncs.OPERATIONS,
    **ramp_webhooks.OPERATIONS,
}
SHOWS: Mapping[str, Show] = {
    listing.table: listing.show
    for listing in (
        ramp_bills.BILLS, ramp_bills.DRAFTS, ramp_spend.TRANSACTIONS, ramp_spend.REIMBURSEMENTS, ramp_spend.VENDORS,
        ramp_spend.ORDERS, ramp_spend.ENTITIES, ramp_accounting.ACCOUNTS.listing, ramp_accounting.VENDORS.listing,
        ramp_accounting.FIELDS.listing, ramp_accounting.OPTIONS.listing, ramp_webhooks.WEBHOOKS,
    )
}  # fmt: skip


class Ramp:
    """Runs between `with` and its end; `url` is its host, below which everything lies under `/developer/v1`.

    `rules` holds what may be switched while it runs; `ignored` names every query parameter no list knows, which a real
    server passes over in silence; `crashes` holds mistakes of the stand-in itself. There is no accounting connection until
    one is made or seeded.
    """

    def __init__(
        self,
        *,
        client_id: str = "ramp_id_sandbox",
        client_secret: str = CLIENT_SECRET,
        scopes: Collection[str] = SCOPES,
        token_life: float = TEN_DAYS,
        rate: tuple[int, float] = (200, 10.0),
        rules: Rules | None = None,
        webhook_timeout: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random | None = None,
        faults: Iterable[Fault] = (),
        later: Callable[[float, Callable[[], None]], None] | None = None,
        sleep: Callable[[float], object] | None = None,
        port: int = 0,
        seed: Mapping[str, Any] | None = None,
    ) -> None:
        self.clock = clock
        self.rules = rules or Rules()
        self.history = History("ramp", clock=self._now)
        self.faults = Faults(faults)
        self.store = Store(history=self.history, clock=self._now, random=random or Random(), rules=self.rules)
        self.store.business_id = self.store.new_id()
        self.logins = Logins(
            client_id=client_id,
            client_secret=client_secret,
            scopes=scopes,
            token_life=token_life,
            clock=self._now,
            new_id=self.store.new_id,
        )
        self.rate = Rate(*rate, self._now)
        self._web = Web(
            self._answer,
            history=self.history,
            faults=self.faults,
            refuse=self._refuse,
            forget_logins=self._forget_logins,
            later=later,
            sleep=sleep,
            clock=self._now,
            port=port,
        )
        self.sender = Sender(
            store=self.store,
            history=self.history,
            sleep=self._web.sleep,
            timeout=webhook_timeout,
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
        return self._web.url

    @property
    def base(self) -> str:
        """Where the paths of the API begin."""
        return self._web.url + VERSION

    @property
    def token_url(self) -> str:
        return f"{self.base}/token"

    @property
    def ignored(self) -> set[str]:
        return self.store.ignored

    @property
    def crashes(self) -> list[str]:
        return self._web.crashes

    def seed(self, **seeds: Iterable[Mapping[str, Any]]) -> None:
        """Store rows before or between runs: `vendors=`, `accounts=`, `bills=`, … with the members of the API.

        Besides those, a bill takes its `vendor` by name, and lines take a `coding` such as `{gl: "6100", Department: "10"}`;
        amounts may be texts such as `120.50`. A row whose id is there is changed. ValueError for anything unknown.
        """
        plant(self.store, seeds)

    def rows(self, table: str) -> list[Row]:
        """What a table such as `bills` or `accounts` holds, in the form it is answered. KeyError for an unknown one."""
        with self.store.lock:
            return [SHOWS[table](self.store, row) for row in self.store.all(table)]

    def sync_error(self, table: str, row_id: str) -> str | None:
        """The failure last told for a bill, transaction or reimbursement; None after a success."""
        with self.store.lock:
            found = self.store.get(table, row_id)
            return found["sync_error"] if found else None

    def act(self, row_id: str, act: str) -> None:
        """`approve`, `reject`, `terminate`, `archive` or `export` a bill as a person would; LookupError for none."""
        ramp_people.act_on_bill(self.store, row_id, act)

    def pay(self, row_id: str, method: str = "ACH", *, on: datetime | None = None, amount: int | None = None) -> None:
        """Pay a bill; `amount` is given when it is the total of a grouped payment, in minor units."""
        ramp_people.pay_bill(self.store, row_id, method, on, amount)

    def submit(self, draft_id: str) -> str:
        """Make a draft a bill that waits for approval; the id of the bill."""
        return str(ramp_people.submit_draft(self.store, draft_id)["id"])

    def get_ready(self, table: str, row_id: str) -> None:
        """Complete a transaction or reimbursement so that it may be synced."""
        ramp_people.get_ready(self.store, table, row_id)

    def change(self, table: str, row_id: str, **changes: Any) -> None:
        """Change stored members of a row as a person would."""
        ramp_people.change(self.store, table, row_id, changes)

    def events(self) -> list[Event]:
        """What happened and has not been sent yet, in order."""
        with self.store.lock:
            return list(self.store.events)

    def test_event(self) -> None:
        """Queue the event of the button that tries a webhook."""
        with self.store.transaction():
            self.store.tell("tests.test_event", id=self.store.business_id)

    def send_events(self, mode: str = "right", *, backwards: bool = False) -> list[Sending]:
        """Send what is waiting to every webhook that asked for it, in the order it happened or the other way round."""
        with self.store.lock:
            waiting, self.store.events = self.store.events, []
        order = reversed(waiting) if backwards else iter(waiting)
        return [sending for event in order for sending in self.send(event, mode)]

    def send(self, event: Event, mode: str = "right") -> list[Sending]:
        """Send one event, once more if it was sent before; how it reached each webhook that takes it."""
        with self.store.lock:
            hooks = receivers(self.store, event)
        return [self.sender.send(event, hook, mode) for hook in hooks]

    def _forget_logins(self) -> None:
        with self.store.lock:
            self.logins.forget()

    def _answer(self, request: Request) -> Response:
        with self.store.lock:
            try:
                response = self._route(request)
            except Refusal as refusal:
                return self._respond(refusal)
            except LoginRefusal as refusal:
                return respond_login(refusal, self.store.new_id())
            return replace(response, headers={"x-trace-id": self.store.new_id(), **response.headers})

    def _refuse(self, request: Request, status: int, message: str) -> Response:
        return self._respond(Refusal(status, message))

    def _respond(self, refusal: Refusal) -> Response:
        wait = self.rate.wait() if refusal.status == 429 and self.rules.retry_after else None
        return respond(refusal, self.store.new_id(), error_id=self.rules.error_id, retry_after=wait)

    def _route(self, request: Request) -> Response:
        if not self.rate.admit():
            raise Refusal(429, "Too many requests: at most 200 in 10 seconds")
        path = request.path.removeprefix(f"{VERSION}/")
        if path == request.path:
            raise Refusal(404, "The requested URL was not found")
        if path in {"token", "token/revoke"} and request.method == "POST":
            return self.logins.grant(request) if path == "token" else self.logins.revoke(request)
        operation, key = find_operation(request.method, path)
        self.logins.check(request, operation.scope)
        return operation.run(Call(store=self.store, request=request, key=key, url=f"{self.url}{request.path}"))


def find_operation(method: str, path: str) -> tuple[Operation, str]:
    """The operation of a path below the version, and the id in it; 404 for no such path, 405 for another method."""
    parts = path.split("/")
    shapes = [(path, "")] + [
        ("/".join([*parts[:place], "*", *parts[place + 1 :]]), parts[place]) for place in range(len(parts) - 1, 0, -1)
    ]
    for shape, key in shapes:
        if (method, shape) in OPERATIONS:
            return OPERATIONS[method, shape], key
    if any(shape == known for shape, _ in shapes for _, known in OPERATIONS):
        raise Refusal(405, "The method is not allowed for the requested URL")
    raise Refusal(404, "The requested URL was not found")
