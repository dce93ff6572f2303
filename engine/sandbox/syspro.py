"""A stand-in for SYSPRO over real HTTP: e.net through its REST service, and the read-only OData side beside it.

Everything is a GET with its arguments in the query, everything is answered with 200, and only the text of an answer
says whether the call worked. Where nothing public proves a behaviour, the stricter reading was taken: see `Rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from types import TracebackType
from typing import Any, Self

from engine.sandbox.faults import Fault, Faults
from engine.sandbox.history import History
from engine.sandbox.syspro_answers import DEAD_SESSION, Trouble, frame, page
from engine.sandbox.syspro_calls import ROUTES, Calls, read_query
from engine.sandbox.syspro_odata import ReadSide, has_login, refuse
from engine.sandbox.syspro_rules import Rules
from engine.sandbox.syspro_seed import BASELINE, plant, typed_row
from engine.sandbox.syspro_sessions import Sessions
from engine.sandbox.syspro_store import Row, Store
from engine.sandbox.web import Web
from engine.sandbox.web_messages import Request, Response, operation_path

PASSWORD = "syspro-pass"
COMPANY_PASSWORD = "company-pass"
ODATA_PASSWORD = "odata-pass"
_SERVICE = "/SYSPROWCFService/Rest"
_READ_SIDE = "/SYSPROOData"


class Syspro:
    """Runs between `with` and its end; `url` is the REST service, `odata_url` the read side.

    `basic` asks for this login before anything else. `rules` holds what may be switched while it runs; `ignored` names
    every argument, element and character that a real server would pass over; `crashes` holds mistakes of the stand-in.
    Faults also know a call by its business object: `APSTIN`, `Post/APSTIN`, `Query/COMFND`.
    """

    def __init__(
        self,
        *,
        operators: Mapping[str, str] | None = None,
        company: str = "T",
        company_password: str = COMPANY_PASSWORD,
        basic: tuple[str, str] | None = None,
        odata_login: tuple[str, str] = ("odata_mlc", ODATA_PASSWORD),
        rules: Rules | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Random | None = None,
        faults: Iterable[Fault] = (),
        later: Callable[[float, Callable[[], None]], None] | None = None,
        sleep: Callable[[float], object] | None = None,
        port: int = 0,
        seed: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    ) -> None:
        self.rules = rules or Rules()
        self.basic = basic
        self.history = History("syspro", clock=clock)
        self.faults = Faults(faults)
        self.store = Store(history=self.history, clock=clock, random=random or Random(), rules=self.rules)
        self.sessions = Sessions(
            operators=operators if operators is not None else {"MLC": PASSWORD},
            company=company,
            company_password=company_password,
            rules=self.rules,
            history=self.history,
            clock=clock,
            random=self.store.random,
        )
        self._calls = Calls(store=self.store, sessions=self.sessions)
        self._read_side = ReadSide(
            store=self.store, folder=_READ_SIDE, username=odata_login[0], password=odata_login[1]
        )
        self._web = Web(
            self._answer,
            history=self.history,
            faults=self.faults,
            refuse=self._refuse,
            forget_logins=self._forget_logins,
            also=lambda request: by_object(request.path, request.query),
            later=later,
            sleep=sleep,
            clock=clock,
            port=port,
        )
        plant(self.store, BASELINE)
        plant(self.store, seed or {})

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
        return self._web.url + _SERVICE

    @property
    def odata_url(self) -> str:
        return self._web.url + _READ_SIDE

    @property
    def origin(self) -> str:
        return self._web.url

    @property
    def odata_login(self) -> tuple[str, str]:
        return self._read_side.username, self._read_side.password

    @property
    def ignored(self) -> set[str]:
        return self.store.ignored

    @property
    def crashes(self) -> list[str]:
        return self._web.crashes

    def seed(self, **seeds: Iterable[Mapping[str, Any]]) -> None:
        """Store rows as if they had always been there, by table or by word: `suppliers=`, `ap_invoices=`.

        A row whose key is there is changed; an order takes its `Lines`. ValueError for anything unknown.
        """
        with self.store.lock:
            plant(self.store, seeds)

    def rows(self, table: str) -> list[Row]:
        """The stored rows of a table such as `ApSupplier`, in key order."""
        with self.store.lock:
            return self.store.rows(table)

    def invoices(self) -> list[Row]:
        """The stored AP invoices, each with its `LedgerDistribution`: that of its adjustments as well."""
        return self._with_lines("ApInvoice", "ApJnlDistrib", "LedgerDistribution", "Supplier", "Invoice")

    def journals(self) -> list[Row]:
        """The stored GL journals, each with its `JournalDetails`."""
        return self._with_lines(
            "GenJournalCtl", "GenJournalDetail", "JournalDetails", "GlYear", "GlPeriod", "GlJournal"
        )

    def _with_lines(self, table: str, below: str, word: str, *names: str) -> list[Row]:
        with self.store.lock:
            heads, lines = self.store.rows(table), self.store.rows(below)
        found: dict[tuple[Any, ...], list[Row]] = {}
        for line in lines:
            found.setdefault(tuple(line[name] for name in names), []).append(line)
        return [{**head, word: found.get(tuple(head[name] for name in names), [])} for head in heads]

    def update(self, table: str, *key: str, **changes: Any) -> Row:
        """Change a row as a person would on screen. LookupError when there is none, ValueError for an unknown column."""
        typed = typed_row(table, changes)
        with self.store.lock:
            row = self.store.get(table, *key)
            if row is None:
                raise LookupError(f"no {table} has {key}")
            saved = self.store.put(table, {**row, **typed})
            self.history.record("person.changed", f"{table} {'/'.join(key)}", **changes)
            return dict(saved)

    def pay(self, supplier: str, invoice: str, value: Decimal, *, reference: str, day: date | None = None) -> Row:
        """Pay an invoice, or a part of it, as AP staff would. LookupError when there is none."""
        with self.store.lock:
            row = self.store.get("ApInvoice", supplier, invoice)
            if row is None:
                raise LookupError(f"no invoice `{invoice}` of `{supplier}`")
            balance = row["MthInvBal1"] - value
            self.store.put("ApInvoice", {**row, "MthInvBal1": balance, "InvoiceStatus": "" if balance else "P"})
            number = self.store.next_number("payment")
            paid = {"Supplier": supplier, "Invoice": invoice, "PaymentNumber": number, "PaymentValue": value}
            paid |= {"PaymentDate": day or self.store.today(), "PaymentReference": reference}
            self.store.put("ApInvoicePay", paid)
            self.history.record("person.paid", f"{supplier}/{invoice}", value=value, reference=reference)
            return paid

    def close_periods(self, year: int, month: int) -> None:
        """No posting up to and including this period from now on."""
        self.rules.closed_through = (year, month)

    def _forget_logins(self) -> None:
        with self.store.lock:
            self.sessions.forget()

    def _refuse(self, request: Request, status: int, message: str) -> Response:
        """The errors faults ask for. A dead session is told as always, in a text at 200."""
        if self._read_side.covers(request.path):
            return refuse(status, message)
        if status == 401:
            return frame(f"ERROR: {DEAD_SESSION}", self.rules.framing)
        if status == 400:
            return frame(f"ERROR: {message}", self.rules.framing)
        return page(status, message)

    def _answer(self, request: Request) -> Response:
        if _wire_size(request) > self.rules.url_limit:
            return page(self.rules.url_limit_status, "Bad Request - Request Too Long")
        if self._read_side.covers(request.path):
            with self.store.lock:
                return self._read_side.answer(request, self.origin)
        if self.basic is not None and not has_login(request, *self.basic):
            return page(401, "Unauthorized", WWW_Authenticate='Basic realm="SYSPRO"')
        route = _route(request.path)
        if route not in ROUTES:
            return page(404, "Endpoint not found.")
        if request.method != "GET":
            return page(405, "Method not allowed.", Allow="GET")
        with self.store.lock:
            try:
                text = self._calls.answer(route, request.query)
            except Trouble as trouble:
                text = f"ERROR: {trouble}"
        return frame(text, self.rules.framing)


def _route(path: str) -> str:
    """The part below the service, in lower case: the letters of a path do not matter."""
    lower, prefix = path.rstrip("/").lower(), f"{_SERVICE}/".lower()
    return lower.removeprefix(prefix) if lower.startswith(prefix) else ""


def by_object(path: str, query: str) -> str:
    """The path with the business object behind it, so that a fault may strike one of several; empty without one."""
    try:
        name = read_query(query).get("BusinessObject", "")
    except Trouble:
        name = ""
    return f"{operation_path(path)}/{name}" if name else ""


def _wire_size(request: Request) -> int:
    """The bytes of the request line and the headers, as the web server in front counts them."""
    line = f"{request.method} {request.path}?{request.query} HTTP/1.1\r\n"
    return len(line) + sum(len(name) + len(value) + 4 for name, value in request.headers.items())
