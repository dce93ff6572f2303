"""Directed schedules with the real connection: deadlines, logins, and passes over a list that changes meanwhile."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx

from engine.connections.exchange import Exchange, Fixed, Retry
from engine.connections.http import HttpKind
from engine.connections.login_kinds import OAuth2
from engine.errors import MlconnectorError
from engine.mapping.types import parse_type
from engine.sources.listing import ChangedSince, ListRead
from engine.targets.steps import Create, Look, Step, Ways
from engine.targets.steps_run import Chain

from ..unit.targets.erp import Asked, Reply, Time, Tokens, built, serving  # noqa: TID252 - the tests are no package
from .scenes import at_rest, dies, states

LIST = """
get: Vendors
records: value
page: {offset: {limit: top, skip: skip, size: 3}}
order: {by: [Id], query: {order: {const: Id}}}
changed: {field: Rev, type: integer, query: {since: {text: "{{ since }}"}}, newest: {query: {order: {const: newest}}}}
"""
UNDONE = """
guarantee: {class: lookup, settle: 200ms}
steps: [{name: save, post: Save, send: document, commits: true}]
undo: {steps: [{name: remove, delete: {text: "bills/{{ found.id }}"}}]}
"""
HALF = "{get: Bills, records: items, ours: found.id, whole: found.whole}"
FIELDS = {name: parse_type("string") for name in ("vendor", "number", "kind")} | {"total": parse_type("decimal")}


def connected(cast: Any, base: str, *, deadline: float = 60.0, auth: Any = None, transport: Any = None) -> Any:
    """The real connection; closing it is the caller's."""
    kind = HttpKind(base=Fixed(base), auth=auth, deadline=timedelta(seconds=deadline), retry=Retry(tries=2))
    around = {"watch": lambda call: None, "tokens": NoTokens(), "clock": Time().clock, "sleep": lambda _: None}
    return cast.http(kind, {}, name="erp", random=lambda: 0.5, allow_loopback=True, transport=transport, **around)


class NoTokens(Tokens):
    """Whatever is kept is forgotten."""

    def put(self, name, value, expires):
        return


def a_worker_stopped_behind_its_intent(theatre, cast):
    """The real chain over a real socket: what is left of the deadline counts from before the intent."""
    asked = []

    def serve(each: Asked) -> Reply:
        asked.append(each.path)
        return Reply(body={})

    with serving(serve) as base, connected(cast, base, deadline=0.05) as http:
        chain = Chain(http, {}, lambda step: time.sleep(0.08), clock=Time().clock, sleep=time.sleep)
        with suppress(MlconnectorError):
            chain.run([Step(name="save", post="Save", commits=True)])
    return [f"I1 {path} was sent after its deadline" for path in asked]


def a_worker_stopped_before_its_undo(theatre, cast):
    """Half of it is there and ours. What is left of half a settle counts from before the intent to remove it."""
    removed = []

    def serve(each: Asked) -> Reply:
        if each.method == "DELETE":
            removed.append(each.path)
        return Reply(body={"items": [{"id": "7"}]})

    def slow(*given, **named):
        kept = cast.ledger(*given, **named)
        intend = kept.intend
        kept.intend = lambda *what, **how: (intend(*what, **how), time.sleep(0.15))[0]
        return kept

    with serving(serve) as base, connected(cast, base) as http:
        around = {"clock": Time().clock, "sleep": time.sleep}
        target = cast.steps(Ways(create=built(Create, UNDONE), look=built(Look, HALF)), http, {}, **around)
        play = at_rest(theatre, replace(cast, ledger=slow, target=lambda _shop, _process: target), "B")
        play.life()
    assert states(play) == ["held"], play._kept()
    return [f"I2 {path} was removed after its deadline" for path in removed]


def a_login_that_is_never_good_enough(theatre, cast):
    asked = []

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"access_token": "long-token", "token_type": "Bearer", "expires_in": 3600})
        asked.append(request.url.path)
        return httpx.Response(401, json={"message": "no"})

    base, transport = "https://erp.example/", httpx.MockTransport(serve)
    auth = OAuth2(grant="client_credentials", token_url=Fixed(f"{base}token"), client_id=Fixed("app"))
    with (
        connected(cast, base, deadline=0.2, auth=auth, transport=transport) as http,
        suppress(MlconnectorError),
    ):
        http.write(Exchange(post="Save", send=Fixed({})), {}, step="save")
    assert asked, "nobody asked anything"
    return [f"P the write went out {len(asked)} times"] if len(asked) > 2 else []


class Vendors:
    """A list whose rows change while it is read: `before` the page of that number something happens."""

    def __init__(self, *rows):
        self.rows, self.before, self.pages = list(rows), {}, 0

    def __call__(self, asked):
        if asked.query.get("order") == "newest":
            return Reply(body={"value": sorted(self.rows, key=lambda row: row["Rev"])[-1:]})
        self.before.pop(self.pages, lambda: None)()
        self.pages += 1
        rows = sorted((r for r in self.rows if r["Rev"] >= int(asked.query.get("since", 0))), key=lambda r: r["Id"])
        skip, top = int(asked.query.get("skip", 0)), int(asked.query.get("top", 100))
        return Reply(body={"value": rows[skip : skip + top]})


class Cursor:
    value = None

    def get(self):
        return self.value

    def set(self, value):
        self.value = value


def row(n, rev):
    return {"Id": n, "Rev": rev, "vendor": "ACME", "number": f"L-{n}", "total": f"{n}.50", "kind": "INV"}


class Passing:
    """The list as one process reads it."""

    def __init__(self, source, process):
        self._source, self._process, self.settle = source, process, source.settle

    def parcels(self):
        for parcel in self._source.parcels():
            yield replace(parcel, read=lambda parcel=parcel: self._read(parcel))

    def _read(self, parcel):
        yield from parcel.read()
        self._process.seam("the pass is read")


def passes(theatre, cast, vendors, *lives):
    """So many runs over the list, each with what happens before it or its plan; then what never came into the ledger."""
    cursor = Cursor()
    with serving(vendors) as base, connected(cast, base) as http:
        play = at_rest(theatre, cast, "C", documents=0)

        def source(_inbox, process, _seen):
            kind, since = built(ListRead, LIST), ChangedSince(lookback=3)
            clock = play.stage.clock
            return Passing(cast.listing(kind, http, FIELDS, cursor, since, name="erp.vendors", clock=clock), process)

        play.cast = replace(cast, source=source)
        for life in lives:
            play.life(plan=life() if callable(life) else life)
        kept = {(each.number, each.amount) for each in play._kept()}
        wanted = {(each["number"], each["total"]) for each in vendors.rows}
        return [f"I3 lost: {number} of {amount}" for number, amount in sorted(wanted - kept)]


def killed_before_the_pass_is_durable(theatre, cast):
    return passes(theatre, cast, Vendors(*(row(n, n) for n in range(1, 9))), {"the pass is read": dies}, {})


def a_row_that_moves_while_paging(theatre, cast):
    vendors = Vendors(*(row(n, n) for n in range(1, 9)))
    vendors.before[1] = lambda: vendors.rows.pop(0)
    return passes(theatre, cast, vendors, {})


def a_row_committed_late(theatre, cast):
    """Stamped 7, seen only after a pass that saw 8."""
    vendors = Vendors(*(row(n, n) for n in range(1, 9) if n != 7))

    def commits():
        vendors.rows.append(row(7, 7))
        return {}

    return passes(theatre, cast, vendors, {}, commits)


def a_change_behind_the_reading_position(theatre, cast):
    """While page three is due, row 2 changes, which was read already, and then row 8, which was not."""
    vendors = Vendors(*(row(n, n) for n in range(1, 9)))

    def changes():
        vendors.rows[1] |= {"Rev": 30, "total": "2.99"}
        vendors.rows[7] |= {"Rev": 60}

    vendors.before[2] = changes
    return passes(theatre, cast, vendors, {}, {})
